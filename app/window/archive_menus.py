"""Context menus of the archive's contents: on rows, around them, on crumbs, on the empty page."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QAbstractItemView, QMenu, QWidget

from app.browser.browser import Browser
from app.browser.empty_page import EmptyPage
from app.controllers.editing import Editing
from app.controllers.extraction import Extraction
from app.details.properties import Properties
from app.session.entries_model import EntriesModel
from app.session.tree import Folder
from app.widgets.actions import Actions
from app.window.context_menu import make, pop_up
from app.window.layout import Menus


class ArchiveMenus(QObject):
    """Made when they are asked for; most entries are the shared actions."""

    def __init__(
        self,
        actions: Actions,
        menus: Menus,
        model: EntriesModel,
        browser: Browser,
        empty: EmptyPage,
        extraction: Extraction,
        editing: Editing,
        properties: Properties,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._actions, self._menus, self._model = actions, menus, model
        self._browser, self._empty, self._window = browser, empty, window
        self._extraction, self._editing, self._properties = extraction, editing, properties
        for view in (browser.list, browser.tiles):
            for widget in (view, view.viewport()):  # one gets the key, the other the clicks
                widget.installEventFilter(self)
        for asked, slot in ((empty, self._on_empty), (browser.crumbs, self._on_crumbs)):
            asked.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            asked.customContextMenuRequested.connect(slot)

    def on_rows(self) -> QMenu:
        """The menu of the selection."""
        a = self._actions
        return make(
            self._window,
            [
                *(a.view, a.open_folder, None),
                *(a.extract, a.verify, a.copy, None),
                *(a.rename, a.move, a.remove, None),
                a.properties,
            ],
        )

    def around_rows(self) -> QMenu:
        """The menu of the folder that is shown."""
        a = self._actions
        return make(
            self._window,
            [
                *(a.add_files, a.add_folder, a.paste, a.new_folder, None),
                *(a.extract_all, a.select_all, None),
                *(a.up, a.tiles, self._menus.columns, None),
                a.properties,
            ],
        )

    def on_empty_page(self) -> QMenu:
        """The menu of an archive without images, or of none."""
        a = self._actions
        return make(
            self._window,
            [
                *(a.new, a.open, self._menus.recent, None),
                *(a.add_files, a.add_folder, a.paste, a.new_folder),
            ],
        )

    def on_crumb(self, path: str) -> QMenu:
        """The menu of a folder above the list, which need not be the selection."""
        menu = QMenu(self._window)
        folder = self._model.item(path)
        if not isinstance(folder, Folder):
            return menu
        go = menu.addAction(self.tr("Open Folde&r"), partial(self._browser.enter, path))
        go.setEnabled(folder is not self._model.folder)
        menu.addAction(self._actions.up)
        menu.addSeparator()
        has_images = any(True for _ in folder.below())
        for text, slot in (
            (self.tr("&Extract…"), partial(self._extraction.extract_items, [folder])),
            (self.tr("&Verify"), partial(self._extraction.verify_items, [folder])),
        ):
            menu.addAction(text, slot).setEnabled(has_images)
        menu.addSeparator()
        menu.addAction(self.tr("Ne&w Folder…"), partial(self._editing.new_folder_in, path))
        menu.addAction(self.tr("Pr&operties"), partial(self._properties.show_items, [folder]))
        return menu

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.ContextMenu or not isinstance(event, QContextMenuEvent):
            return False
        view = self._browser.view
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            on_rows = view.selectionModel().hasSelection()
            point = _middle_of_current(view)
        else:
            point = view.viewport().mapFromGlobal(event.globalPos())
            on_rows = view.indexAt(point).isValid()
            if not on_rows:  # the menu is about the folder
                view.clearSelection()
        menu = self.on_rows() if on_rows else self.around_rows()
        pop_up(menu, view.viewport(), point)
        return True

    def _on_empty(self, point: QPoint) -> None:
        pop_up(self.on_empty_page(), self._empty, point)

    def _on_crumbs(self, point: QPoint) -> None:
        crumbs = self._browser.crumbs
        path = crumbs.path_at(point)
        shown = self._model.folder.path
        pop_up(self.on_crumb(shown if path is None else path), crumbs, point)


def _middle_of_current(view: QAbstractItemView) -> QPoint:
    """The middle of the current row, if it is in sight, else of the view."""
    point = view.visualRect(view.currentIndex()).center()
    around = view.viewport().rect()
    return point if around.contains(point) else around.center()
