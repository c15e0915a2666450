"""Moving files and folders inside the archive by dragging them onto a folder or a crumb."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

from app.browser.browser import Browser
from app.exchange.drag_out import DragOut
from app.language.translation import counted
from app.session.session import ArchiveSession

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
        self._mark = browser.drop_mark
        drag_out.let_go.connect(self._on_let_go)
        drag_out.ended.connect(self._mark.hide)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DragLeave:
            self._mark.hide()
        if event.type() not in _DRAGGING or not isinstance(event, QDropEvent):
            return False
        target = None
        if self._drag_out.dragging and isinstance(watched, QWidget):
            point = watched.mapToGlobal(event.position().toPoint())
            target = self._mark.folder_at(point)
        names = self._movable(target) if target is not None else []
        if names and target is not None:
            event.acceptProposedAction()
            if event.type() == QEvent.Type.Drop:
                self._mark.hide()
                self._session.move(names, target)
            else:
                self._mark.show(point)
                self._hint(names, target)
        else:  # drags from other programs are the window's
            event.ignore()
            if self._drag_out.dragging:
                self._mark.hide()
                if event.type() == QEvent.Type.DragEnter:
                    event.accept()  # nothing can be dropped here, but perhaps on the next row
        return True

    def _on_let_go(self, point: QPoint) -> None:
        """The button was released at this point of the screen before the drag had begun."""
        target = self._mark.folder_at(point)
        if target is not None and (names := self._movable(target)):
            self._session.move(names, target)

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
