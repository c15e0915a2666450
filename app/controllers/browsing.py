"""Walking through the archive: folders, filter, list or tiles."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.browser.browser import Browser
from app.browser.filter import Filter
from app.session.session import ArchiveSession
from app.session.tree import Folder
from app.widgets.actions import Actions


class Browsing(QObject):
    """Connects and enables the actions of list, tiles and filter."""

    def __init__(
        self, session: ArchiveSession, actions: Actions, browser: Browser, line: Filter
    ) -> None:
        super().__init__(browser)
        self._session, self._actions, self._browser, self._filter = session, actions, browser, line
        for action, slot in (
            (actions.select_all, browser.list.selectAll),
            (actions.open_folder, browser.open_folder),
            (actions.find, line.setFocus),
            (actions.zoom_in, browser.zoom_in),
            (actions.zoom_out, browser.zoom_out),
        ):
            action.triggered.connect(slot)
        actions.tiles.toggled.connect(browser.show_tiles)
        line.textChanged.connect(session.model.set_filter)
        for view in (browser.list, browser.tiles):  # whose keys these are
            view.addActions([actions.copy, actions.open_folder])
        line.left.connect(browser.focus_first)
        browser.nothing_found.cleared.connect(line.clear)
        browser.nothing_found.cleared.connect(browser.focus_first)
        session.opened.connect(line.clear)
        session.changed.connect(browser.select)
        session.refreshed.connect(self._enable)
        browser.selection_changed.connect(self._enable)
        self._enable()

    def reveal(self, name: str) -> None:
        """Select an image or folder in the list, in its folder."""
        self._filter.clear()
        self._browser.enter(name.rpartition("/")[0])
        self._browser.select([name])
        self._browser.view.setFocus()

    def _enable(self) -> None:
        has_entries = bool(self._session.model.entries)
        self._actions.select_all.setEnabled(has_entries)
        self._actions.find.setEnabled(has_entries)
        self._filter.setEnabled(has_entries)
        selected = self._browser.list.selected_items()
        is_folder = len(selected) == 1 and isinstance(selected[0], Folder)
        self._actions.open_folder.setEnabled(is_folder)
