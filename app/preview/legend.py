"""The legend of the codelength map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPalette, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.language import formats
from app.preview import scale
from app.widgets import colours

if TYPE_CHECKING:
    from app.preview.heat import Range

_BAR = 10.0
_MARK = 5.0
_INTERVALS = 4


class Legend(QWidget):
    """A bar of the colours, with the mean marked on it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._range: Range | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Colours of the map, in bits a pixel"))
        font = QFont(self.font())
        font.setFeature(QFont.Tag("tnum"), 1)
        self.setFont(font)

    def show_range(self, shown: Range) -> None:
        """Show the range of another map."""
        self._range = shown
        self.setAccessibleDescription(self.summary())
        self.setToolTip(self.summary())
        self.update()

    def summary(self) -> str:
        """Minimum, mean and maximum, as text."""
        if self._range is None:
            return ""
        return self.tr("min {0}, mean {1}, max {2} bits a pixel").format(
            formats.number(self._range.least, 2),
            formats.number(self._range.mean, 2),
            formats.number(self._range.most, 2),
        )

    def sizeHint(self) -> QSize:
        # the mark, the bar, a line of numbers and the summary
        return QSize(240, round(_MARK + 2 + _BAR + 3 + 2 * self.fontMetrics().height() + 2))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self._range
        if shown is None:
            return
        painter = QPainter(self)
        metrics = QFontMetricsF(self.font(), self)
        bar = QRectF(0, _MARK + 2, self.width(), _BAR)
        table = scale.colours()
        ratio = self.devicePixelRatioF()
        n_lines = round(bar.width() * ratio)
        for line in range(n_lines):  # device pixels, so that there are no seams
            colour = QColor(*table[line * len(table) // n_lines])
            painter.fillRect(QRectF(line / ratio, bar.top(), 1 / ratio, _BAR), colour)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.WindowText))
        mean = min(shown.mean / shown.top, 1.0) * bar.width()
        mean = min(max(mean, _MARK), bar.width() - _MARK)
        tip = QPointF(mean, bar.top() - 1)
        painter.drawPolygon(
            QPolygonF([tip, tip + QPointF(-_MARK, -_MARK), tip + QPointF(_MARK, -_MARK)])
        )
        painter.setPen(colours.faint(self.palette()))
        baseline = bar.bottom() + 3 + metrics.ascent()
        for tick in range(_INTERVALS + 1):
            value = shown.top * tick / _INTERVALS
            text = formats.number(value, 0 if shown.top >= 10 and value == round(value) else 1)
            if tick == _INTERVALS and shown.most > shown.top:
                text = f"\N{GREATER-THAN OR EQUAL TO} {text}"
            width = metrics.horizontalAdvance(text)
            x = min(max(0.0, bar.width() * tick / _INTERVALS - width / 2), bar.width() - width)
            painter.drawText(QPointF(x, baseline), text)
        summary = metrics.elidedText(self.summary(), Qt.TextElideMode.ElideRight, self.width())
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(QPointF(0, baseline + metrics.height() + 2), summary)
