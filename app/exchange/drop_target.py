"""Drops anywhere on the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from app.exchange import incoming


class DropTarget(QObject):
    """Handles the drag events of a window."""

    hovered = Signal(bool)
    dropped = Signal(object)  #: Offer, not empty

    def __init__(self, window: QWidget, is_ours: Callable[[], bool]) -> None:
        """``is_ours`` tells whether the drag comes from this window."""
        super().__init__(window)
        self._is_ours = is_ours
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DragLeave:
            self.hovered.emit(False)
        elif isinstance(event, QDropEvent) and self._is_taken(event):
            event.setDropAction(Qt.DropAction.CopyAction)  # never move: the files stay
            event.accept()
            if isinstance(event, QDragEnterEvent):
                self.hovered.emit(True)
            elif event.type() == QEvent.Type.Drop:
                self.hovered.emit(False)
                self.dropped.emit(incoming.read(event.mimeData()))
            return True
        return False

    def _is_taken(self, event: QDropEvent) -> bool:
        return not self._is_ours() and incoming.may_be_taken(event.mimeData())
