"""The page of a window without an archive, or of an archive without images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QFont, QPainter, QPaintEvent, QPalette, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.widgets import colours, icons
from app.widgets.labels import Caption, ElidedLabel

_MARGIN, _RADIUS, _PICTURE = 18, 12, 56
_TEXT_WIDTH = 420
_RECENT_SHOWN = 5


class EmptyPage(QWidget):
    """An area to drop photographs on, buttons to choose them, and recent archives."""

    chosen = Signal(object)  #: the path of a recent archive

    def __init__(
        self,
        to_begin: Sequence[QAction],
        to_fill: Sequence[QAction],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._hovered = False
        self._picture = QLabel(self)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title = QLabel(self.tr("Drop photographs here"), self)
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.7)
        self._title.setFont(font)
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._text = Caption(self)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch(1)
        self._to_begin = [_ActionButton(action, self) for action in to_begin]
        self._to_fill = [_ActionButton(action, self) for action in to_fill]
        for button in (*self._to_begin, *self._to_fill):
            buttons.addWidget(button)
        buttons.addStretch(1)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setSpacing(10)
        layout.addStretch(3)
        layout.addWidget(self._picture)
        layout.addWidget(self._title)
        layout.addWidget(self._text, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(10)
        layout.addLayout(buttons)
        layout.addSpacing(18)
        self._recent = QWidget(self)
        self._recent_grid = QGridLayout(self._recent)
        self._recent_grid.setContentsMargins(0, 0, 0, 0)
        self._recent_grid.setVerticalSpacing(0)
        self._recent_grid.setColumnStretch(1, 1)
        layout.addWidget(self._recent, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(4)
        around = QVBoxLayout(self)
        around.setContentsMargins(*[_MARGIN + _RADIUS // 2] * 4)
        around.addWidget(_Scrolling(body, self))
        self.set_archive(None, [])
        self._draw_picture()

    @property
    def text(self) -> str:
        """The text below the title."""
        return self._text.text()

    def set_archive(self, name: str | None, recent: Sequence[Path]) -> None:
        """Show which archive is empty, or that none is open and which ones were lately."""
        self._list_recent(recent if name is None else ())
        if name is None:
            text = self.tr(
                "They are packed into a .floe archive without losing a bit, and checked by "
                "decoding them again. Drop an archive to open it."
            )
        else:
            text = self.tr("{0} holds no images yet. Files and folders may be dropped.")
        for button in self._to_begin:
            button.setVisible(name is None)
        for button in self._to_fill:
            button.setVisible(name is not None)
        self._text.setText(text.format(name))
        self._fit()

    def _list_recent(self, paths: Sequence[Path]) -> None:
        for old in self._recent.findChildren(QWidget):
            self._recent_grid.removeWidget(old)
            old.deleteLater()
        self._recent.setVisible(bool(paths))
        if paths:
            heading = QLabel(self.tr("Recent archives"), self._recent)
            heading.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            heading.setContentsMargins(4, 0, 0, 4)
            self._recent_grid.addWidget(heading, 0, 0, 1, 2)
        for row, path in enumerate(paths[:_RECENT_SHOWN], 1):
            button = QToolButton(self._recent)
            button.setText(path.stem.replace("&", "&&"))
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setToolTip(str(path))
            button.setAccessibleName(self.tr("Open {0}").format(path))
            button.clicked.connect(partial(self.chosen.emit, path))
            folder = ElidedLabel(self._recent, QPalette.ColorRole.PlaceholderText)
            folder.set_text(str(path.parent))
            self._recent_grid.addWidget(button, row, 0, Qt.AlignmentFlag.AlignLeft)
            self._recent_grid.addWidget(folder, row, 1)

    def _fit(self) -> None:
        """Wrap the text to the window; layouts do not ask centred labels for their heights."""
        width = max(0, min(_TEXT_WIDTH, self.width() - 5 * _MARGIN))
        self._text.setMinimumSize(0, 0)  # which would bound what is asked for below
        for widget in (self._text, self._recent):
            widget.setFixedWidth(width)
        self._text.setFixedHeight(self._text.heightForWidth(width))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def set_hovered(self, hovered: bool) -> None:
        """Highlight the area while something is dragged over the window."""
        self._hovered = hovered
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Base))
        highlight = self.palette().color(QPalette.ColorRole.Highlight)
        pen = QPen(highlight if self._hovered else colours.faint(self.palette(), 0.3))
        pen.setWidthF(2.0 if self._hovered else 1.5)
        pen.setDashPattern([5, 4])
        painter.setPen(pen)
        if self._hovered:
            base = self.palette().color(QPalette.ColorRole.Base)
            painter.setBrush(colours.blend(highlight, base, 0.10))
        frame = QRectF(self.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        painter.drawRoundedRect(frame, _RADIUS, _RADIUS)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.DevicePixelRatioChange):
            self._draw_picture()

    def _draw_picture(self) -> None:
        colour = colours.faint(self.palette(), 0.45)
        self._picture.setPixmap(icons.pixmap("picture", colour, _PICTURE, self.devicePixelRatioF()))


class _Scrolling(QScrollArea):
    """Scrolls in a window that is too small; transparent, for the frame around it."""

    def __init__(self, body: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWidget(body)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        body.setAutoFillBackground(False)


class _ActionButton(QPushButton):
    """A button for an action of the menus."""

    def __init__(self, action: QAction, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(action.text())
        self.setIcon(action.icon())
        self.setIconSize(QSize(16, 16))
        self.setToolTip(action.toolTip())
        self.setMinimumWidth(130)
        self.clicked.connect(action.trigger)
        self._action = action
        action.changed.connect(self._follow)

    def _follow(self) -> None:
        self.setIcon(self._action.icon())
