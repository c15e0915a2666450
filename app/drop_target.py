"""Files dropped anywhere on a window, as paths."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QWidget


class DropTarget(QObject):
    """Watches a window's drag events, so that the window need not."""

    hovered = Signal(bool)
    dropped = Signal(object)  #: list of paths, not empty

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DragLeave:
            self.hovered.emit(False)
        elif isinstance(event, QDropEvent) and (paths := _local_paths(event)):
            event.acceptProposedAction()
            if isinstance(event, QDragEnterEvent):
                self.hovered.emit(True)
            elif event.type() == QEvent.Type.Drop:
                self.hovered.emit(False)
                self.dropped.emit(paths)
            return True
        return False


def _local_paths(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
