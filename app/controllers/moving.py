"""Moving files and folders inside the archive by dragging them onto a folder or a crumb."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

from app.browser.browser import Browser
from app.exchange.drag_out import DragOut
from app.language.translation import counted
from app.session.session import ArchiveSession
from app.session.tree import Folder

_DRAGGING = (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop)


class Moving(QObject):
    """Accepts drags of this window over folders.

    Nothing is decoded for that: a drop on a folder works even while the files for other programs
    are being prepared.
    """

    hinted = Signal(str)  #: what a drop would do

    def __init__(
        self,
        session: ArchiveSession,
        browser: Browser,
        drag_out: DragOut,
    ) -> None:
        super().__init__(browser)
        self._session, self._browser, self._drag_out = session, browser, drag_out
        for widget in (browser.list.viewport(), browser.tiles.viewport(), browser.crumbs):
            widget.setAcceptDrops(True)
            widget.installEventFilter(self)
        drag_out.let_go.connect(self._on_let_go)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() not in _DRAGGING or not isinstance(event, QDropEvent):
            return False
        target = None
        if self._drag_out.dragging and isinstance(watched, QWidget):
            target = self._folder_at(watched, event.position().toPoint())
        names = self._movable(target) if target is not None else []
        if names and target is not None:
            event.acceptProposedAction()
            if event.type() == QEvent.Type.Drop:
                self._session.move(names, target)
            else:
                self._hint(names, target)
        else:  # drags from other programs are the window's
            event.ignore()
            # Nothing can be dropped here, but perhaps on the next row.
            if self._drag_out.dragging and event.type() == QEvent.Type.DragEnter:
                event.accept()
        return True

    def _on_let_go(self, point: QPoint) -> None:
        """The button was released at this point of the screen before the drag had begun."""
        for widget in (self._browser.view.viewport(), self._browser.crumbs):
            target = self._folder_at(widget, widget.mapFromGlobal(point))
            if target is not None and (names := self._movable(target)):
                self._session.move(names, target)
                return

    def _folder_at(self, widget: QWidget, point: QPoint) -> str | None:
        if not widget.rect().contains(point):
            return None
        if widget is self._browser.crumbs:
            return self._browser.crumbs.path_at(point)
        view = widget.parentWidget()
        assert isinstance(view, QAbstractItemView)
        index = view.indexAt(point)
        item = self._session.model.items[index.row()] if index.isValid() else None
        return item.path if isinstance(item, Folder) else None

    def _movable(self, target: str) -> list[str]:
        """The selected items, except the folder itself, its parents, and items already in it."""
        return [
            name
            for name in (item.path for item in self._browser.list.selected_items())
            if not f"{target}/".startswith(f"{name}/") and name.rpartition("/")[0] != target
        ]

    def _hint(self, names: list[str], target: str) -> None:
        where = target or self.tr("the top of the archive")
        if len(names) == 1:
            self.hinted.emit(self.tr("Move {0} to {1}").format(names[0], where))
        else:
            self.hinted.emit(
                counted(len(names), "Move {0} item to {1}|Move {0} items to {1}", where)
            )
