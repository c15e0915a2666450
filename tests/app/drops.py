"""Drops as the window system delivers them: to the window, at a place in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget


def drop(window: QWidget, paths: Sequence[Path], onto: QWidget | None = None) -> bool:
    """Drags files over the middle of a widget and drops them; whether they were taken."""
    widget = onto or window
    place = widget.mapTo(window, widget.rect().center())
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return drop_data(window, data, place)


def drop_data(window: QWidget, data: QMimeData, place: QPoint) -> bool:
    handle = window.windowHandle()
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(place, copy, data, left, none)
    QApplication.sendEvent(handle, entering)
    if not entering.isAccepted():
        return False
    dropping = QDropEvent(QPointF(place), copy, data, left, none)
    QApplication.sendEvent(handle, dropping)
    return dropping.isAccepted()
