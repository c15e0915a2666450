"""A note over the list while files are prepared, with progress and a stop button."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.exchange.outgoing import Preparation
from app.widgets import icons
from app.widgets.style import ThinProgress

_MARGIN, _STEPS = 18, 1000


class PreparingOverlay(QFrame):
    """Follows one preparation at a time, at the bottom of the covered widget."""

    stopped = Signal()

    def __init__(self, covered: QWidget) -> None:
        super().__init__(covered)
        self._covered = covered
        self._preparation: Preparation | None = None
        self._purpose = "{0} of {1}"
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self._label = QLabel(self)
        self._bar = ThinProgress(self)
        self._bar.setRange(0, _STEPS)
        self._bar.setFixedHeight(8)
        self._bar.setAccessibleName(self.tr("Progress"))
        self._stop = QToolButton(self)
        self._stop.setAutoRaise(True)
        self._stop.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._stop.setToolTip(self.tr("Stop preparing"))
        self._stop.setAccessibleName(self.tr("Stop preparing"))
        self._stop.clicked.connect(self.stopped)
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addWidget(self._label)
        column.addWidget(self._bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 8, 8)
        row.setSpacing(10)
        row.addLayout(column, 1)
        row.addWidget(self._stop, 0, Qt.AlignmentFlag.AlignVCenter)
        covered.installEventFilter(self)
        self._draw_icon()
        self.hide()

    @property
    def text(self) -> str:
        """The text shown; empty while hidden."""
        return "" if self.isHidden() else self._label.text()

    def follow(self, preparation: Preparation, purpose: str) -> None:
        """``purpose`` is a format for the number of the current file and of all files."""
        self.leave()
        self._preparation, self._purpose = preparation, purpose
        preparation.progressed.connect(self._refresh)
        preparation.ended.connect(self.leave)
        self._refresh()
        self.show()
        self.raise_()

    def leave(self) -> None:
        """Hide the note."""
        if self._preparation is not None:
            self._preparation.progressed.disconnect(self._refresh)
            self._preparation.ended.disconnect(self.leave)
            self._preparation = None
        self.hide()

    def _refresh(self) -> None:
        if self._preparation is None:
            return
        n_files = self._preparation.n_files
        at_work = min(self._preparation.n_done + 1, n_files)
        self._label.setText(self._purpose.format(at_work, n_files))
        self._label.setAccessibleName(self._label.text())
        self._bar.setValue(round(_STEPS * self._preparation.fraction))
        self._place()

    def _place(self) -> None:
        size = self.sizeHint()
        width = max(size.width(), min(300, self._covered.width() - 2 * _MARGIN))
        left = (self._covered.width() - width) // 2
        top = self._covered.height() - size.height() - _MARGIN
        self.setGeometry(left, top, width, size.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_stop"):
            self._draw_icon()

    def _draw_icon(self) -> None:
        self._stop.setIcon(icons.icon("close", self.palette()))
