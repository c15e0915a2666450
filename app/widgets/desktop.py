"""What the window asks of the desktop: other programs, and room on the screen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget


def open_path(path: Path) -> bool:
    """Open a file or folder with the desktop's program for it; False if there is none."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


def fitted(frame: QRect, available: QRect) -> QRect:
    """A rectangle moved into another one, and made smaller if it is too large for it."""
    size = frame.size().boundedTo(available.size())
    left = max(available.left(), min(frame.left(), available.right() + 1 - size.width()))
    top = max(available.top(), min(frame.top(), available.bottom() + 1 - size.height()))
    return QRect(left, top, size.width(), size.height())


def keep_on_screen(window: QWidget) -> None:
    """Move a window inside the screen, and make it smaller if it does not fit."""
    frame, inner = window.frameGeometry(), window.geometry()
    wanted = fitted(frame, window.screen().availableGeometry())
    if wanted != frame:
        window.setGeometry(
            wanted.adjusted(
                inner.left() - frame.left(),
                inner.top() - frame.top(),
                inner.right() - frame.right(),
                inner.bottom() - frame.bottom(),
            )
        )
