"""Looking at images in a large view."""

from __future__ import annotations

from concurrent.futures import Executor

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.backend.backend import Backend
from app.browser.browser import Browser
from app.preview.large import LargeView
from app.preview.loader import Loader
from app.session.session import ArchiveSession
from app.session.tree import File
from app.widgets.actions import Actions


class Viewing(QObject):
    """Opens the large view at the current image; the selection follows it."""

    def __init__(
        self,
        session: ArchiveSession,
        browser: Browser,
        actions: Actions,
        backend: Backend,
        executor: Executor,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._browser, self._action = session, browser, actions.view
        self._backend, self._executor, self._window = backend, executor, window
        self._large: LargeView | None = None  # made at the first use
        self._steps_through_all = False
        actions.view.triggered.connect(self.show)
        browser.file_activated.connect(self.show)
        session.left.connect(self.close)
        session.refreshed.connect(self._enable)
        browser.selection_changed.connect(self._enable)
        for view in (browser.list, browser.tiles):
            view.addAction(actions.view)
        self._enable()

    @property
    def large(self) -> LargeView | None:
        """The large view, once it has been opened."""
        return self._large

    def show(self) -> None:
        """Open the large view; several selected images are stepped through, else all shown."""
        archive, current = self._session.path, self._current()
        if archive is None or current is None:
            return
        selected = self._browser.list.selected()
        entries = selected if len(selected) > 1 else self._browser.list.shown()
        if current.entry not in entries:
            entries = [current.entry]
        if self._large is None:
            self._large = LargeView(Loader(self._backend, self._executor, self), self._window)
            self._large.moved.connect(self._on_moved)
        self._steps_through_all = entries is not selected
        self._large.show_images(archive, entries, entries.index(current.entry))

    def close(self) -> None:
        """Close the large view."""
        if self._large is not None:
            self._large.close()

    def _current(self) -> File | None:
        """The current image, or the first selected one."""
        index = self._browser.list.currentIndex()
        items = self._browser.list.selected_items()
        if index.isValid():
            current = self._session.model.items[index.row()]
            if isinstance(current, File) and (current in items or not items):
                return current
        return next((item for item in items if isinstance(item, File)), None)

    def _on_moved(self, name: str) -> None:
        if self._steps_through_all:
            self._browser.select([name])

    def _enable(self) -> None:
        self._action.setEnabled(self._current() is not None)
