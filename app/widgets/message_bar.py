"""A message above the table, which the user can close."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from app.widgets import colours, icons
from app.widgets.desktop import open_path

_EDGE = 4


class MessageBar(QFrame):
    """Shows the latest message only; errors stay until they are closed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_error = False
        self._link = ""
        self._label = QLabel(self)
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._open = QPushButton(self.tr("Open &folder"), self)
        self._open.clicked.connect(self._follow)
        self._close = QToolButton(self)
        self._close.setAutoRaise(True)
        self._close.setToolTip(self.tr("Close this message"))
        self._close.setAccessibleName(self.tr("Close this message"))
        self._close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12 + _EDGE, 6, 6, 6)
        layout.addWidget(self._label, 1)
        layout.addWidget(self._open)
        layout.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self._draw_icon()
        self.hide()

    @property
    def text(self) -> str:
        """The text shown, or an empty one."""
        return "" if self.isHidden() else self._label.text()

    def inform(self, text: str, link: str = "") -> None:
        """Show a success; ``link`` is a folder that the user can open."""
        self._say(text, link, is_error=False)

    def news(self, text: str, link: str = "") -> None:
        """Good news that is seen elsewhere, too: it does not take the place of an error."""
        if self.isHidden() or not self._is_error:
            self.inform(text, link)

    def complain(self, text: str) -> None:
        """Show a failure."""
        self._say(text, "", is_error=True)

    def forget_news(self) -> None:
        """Hide good news, which are of the past; errors stay."""
        if not self._is_error:
            self.hide()

    def _say(self, text: str, link: str, *, is_error: bool) -> None:
        self._is_error, self._link = is_error, link
        self._label.setText(text)
        self._label.setAccessibleName(text)
        self._open.setVisible(bool(link))
        self.show()
        self.update()

    def _follow(self) -> None:
        if not open_path(Path(self._link)):
            self.complain(
                self.tr("No program on this computer opens folders: {0}").format(self._link)
            )

    def _tint(self) -> QColor:
        # The palette has no role for errors; this red is legible in light and dark mode.
        if self._is_error:
            return QColor(0xD0, 0x45, 0x3A)
        return self.palette().color(QPalette.ColorRole.Highlight)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        ground = self.palette().color(QPalette.ColorRole.Window)
        painter.fillRect(self.rect(), colours.blend(self._tint(), ground, 0.14))
        painter.fillRect(QRectF(0, 0, _EDGE, self.height()), self._tint())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icon()

    def _draw_icon(self) -> None:
        self._close.setIcon(icons.icon("close", self.palette()))
