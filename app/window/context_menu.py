"""Making and showing context menus."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

#: The entries of a menu: actions, submenus, and None for a line between groups.
Parts = Sequence[QAction | QMenu | None]


def make(parent: QWidget, parts: Parts) -> QMenu:
    """A menu of these parts."""
    menu = QMenu(parent)
    for part in parts:
        if part is None:
            menu.addSeparator()
        elif isinstance(part, QMenu):
            menu.addMenu(part)
        else:
            menu.addAction(part)
    return menu


def pop_up(menu: QMenu, widget: QWidget, point: QPoint) -> None:
    """Show a menu at a point of a widget; delete it when it closes."""
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(widget.mapToGlobal(point))
