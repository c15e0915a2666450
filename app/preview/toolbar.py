"""The buttons above the preview: mode, zoom, copy and save."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from app.preview.view import Mode, PictureView
from app.widgets import icons


class Toolbar(QWidget):
    """Controls a view; the owner tells whether there is a picture, and a map."""

    def __init__(self, view: PictureView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = view
        self._icons: dict[QAction, str] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        group = QActionGroup(self)
        self.modes: dict[Mode, QAction] = {}
        for mode, text in (
            (Mode.PICTURE, self.tr("Picture")),
            (Mode.MAP, self.tr("Codelength map over the picture")),
            (Mode.SLIDER, self.tr("Picture and map, divided by a slider")),
            (Mode.SIDE_BY_SIDE, self.tr("Picture and map side by side")),
        ):
            action = self._button(mode.value, text, lambda _=False, m=mode: view.set_mode(m))
            action.setCheckable(True)
            group.addAction(action)
            self.modes[mode] = action
        self.modes[view.mode].setChecked(True)
        self._row.addStretch(1)
        self.zoom_out = self._button("minus", self.tr("Smaller"), view.zoom_out, "-")
        self.zoom_in = self._button("add", self.tr("Larger"), view.zoom_in, "+")
        self.fit = self._button("fit", self.tr("Fit to window"), view.fit, "0")
        self.actual = self._button(
            "actual",
            self.tr("Actual size: one pixel of the picture is one of the screen"),
            view.actual_size,
            "1",
        )
        self.menu = QMenu(self)
        self.copy = self.menu.addAction(self.tr("&Copy Image"), view.copy_picture)
        self.copy_map = self.menu.addAction(self.tr("Copy &Map"), view.copy_map)
        _show_key(self.copy, QKeySequence(QKeySequence.StandardKey.Copy).toString())
        self.menu.addSeparator()
        self.save_map = self.menu.addAction(self.tr("&Save Map as PNG…"))
        self.more = self._tool(self.tr("Copy and save"))
        self.more.setMenu(self.menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        # The dots mean a menu already; an arrow beside them would be redundant.
        self.more.setStyleSheet("QToolButton::menu-indicator { image: none; width: 0; }")
        self._draw_icons()
        self.set_there(picture=False, heat_map=False)

    def set_there(self, *, picture: bool, heat_map: bool) -> None:
        """Enable the actions that apply."""
        for action in (self.zoom_out, self.zoom_in, self.fit, self.actual, self.copy):
            action.setEnabled(picture)
        self.modes[Mode.PICTURE].setEnabled(picture)
        for mode in (Mode.MAP, Mode.SLIDER, Mode.SIDE_BY_SIDE):
            self.modes[mode].setEnabled(heat_map)
        for action in (self.copy_map, self.save_map):
            action.setEnabled(heat_map)
        self.more.setEnabled(picture)

    def _button(self, icon: str, text: str, slot: Callable[..., None], key: str = "") -> QAction:
        action = QAction(text, self)
        action.setToolTip(f"{text} ({key})" if key else text)
        _show_key(action, key)
        action.triggered.connect(slot)
        self._icons[action] = icon
        button = self._tool(text)
        button.setDefaultAction(action)
        return action

    def _tool(self, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setAutoRaise(True)
        button.setIconSize(QSize(18, 18))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        button.setAccessibleName(name)
        button.setToolTip(name)
        self._row.addWidget(button)
        return button

    def _draw_icons(self) -> None:
        for action, name in self._icons.items():
            action.setIcon(icons.icon(name, self.palette()))
        self.more.setIcon(icons.icon("more", self.palette()))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "more"):
            self._draw_icons()


def _show_key(action: QAction, key: str) -> None:
    """Show the key of the view in menus."""
    action.setShortcut(QKeySequence(key))
    action.setShortcutVisibleInContextMenu(True)
    action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
