"""Drops anywhere on the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

from app.exchange import incoming


class DropTarget(QObject):
    """Handles the drag events of a window."""

    hovered = Signal(QPoint)  #: something is dragged over this point of the screen
    left = Signal()
    dropped = Signal(object, QPoint)  #: Offer, not empty, at this point of the screen

    def __init__(self, window: QWidget, is_ours: Callable[[], bool]) -> None:
        """``is_ours`` tells whether the drag comes from this window."""
        super().__init__(window)
        self._window, self._is_ours = window, is_ours
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DragLeave:
            self.left.emit()
        elif isinstance(event, QDropEvent) and self._is_taken(event):
            event.setDropAction(Qt.DropAction.CopyAction)  # never move: the files stay
            event.accept()
            point = self._window.mapToGlobal(event.position().toPoint())
            if event.type() == QEvent.Type.Drop:
                self.left.emit()
                self.dropped.emit(incoming.read(event.mimeData()), point)
            else:
                self.hovered.emit(point)
            return True
        return False

    def _is_taken(self, event: QDropEvent) -> bool:
        return not self._is_ours() and incoming.may_be_taken(event.mimeData())
