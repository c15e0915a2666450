"""Bars with labels and values, painted from the palette."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import colours


class Tone(Enum):
    """Which of the palette's colours a bar takes."""

    OURS = "ours"
    OURS_FAINT = "ours, faint"
    OTHERS = "others"


@dataclass(frozen=True)
class Bar:
    """One bar; without a value, its text alone is shown ("measuring…")."""

    label: str
    value: float | None
    text: str
    tone: Tone = Tone.OURS
    explanation: str = ""


_ROW = 1.75  #: height of a row, in heights of the text
_THICKNESS = 0.8
_GAP = 10.0  #: between label, bar and value, in device-independent pixels


class BarChart(QWidget):
    """Horizontal bars from zero, on one scale, so that lengths may be compared."""

    def __init__(self, name: str, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._unit = unit
        self._bars: tuple[Bar, ...] = ()
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        font = QFont(self.font())
        font.setFeature(QFont.Tag("tnum"), 1)
        self.setFont(font)

    @property
    def bars(self) -> Sequence[Bar]:
        """What is shown, from the top."""
        return self._bars

    def set_bars(self, bars: Sequence[Bar]) -> None:
        """Shows other bars."""
        if tuple(bars) == self._bars:
            return
        resized = len(bars) != len(self._bars)
        self._bars = tuple(bars)
        words = [
            f"{bar.label}: {bar.text}" + ("" if bar.value is None else f" {self._unit}")
            for bar in bars
        ]
        self.setAccessibleDescription("; ".join(words))
        self.setToolTip("\n".join(bar.explanation for bar in bars if bar.explanation))
        if resized:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        height = self.fontMetrics().height() * _ROW * max(1, len(self._bars))
        return QSize(260, round(height))

    def minimumSizeHint(self) -> QSize:
        return QSize(180, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetricsF(self.font(), self)
        row_height = metrics.height() * _ROW
        labels = max((metrics.horizontalAdvance(b.label) for b in self._bars), default=0.0)
        labels = min(labels, self.width() * 0.45)
        values = max(
            (metrics.horizontalAdvance(b.text) for b in self._bars if b.value is not None),
            default=0.0,
        )
        left = labels + _GAP
        room = max(8.0, self.width() - left - _GAP - values)
        scale = max((b.value for b in self._bars if b.value is not None), default=0.0)
        for row, bar in enumerate(self._bars):
            top = row * row_height
            self._paint_label(painter, metrics, bar, QRectF(0, top, labels, row_height))
            area = QRectF(left, top, room, row_height)
            if bar.value is None:
                wide = area.adjusted(0, 0, _GAP + values, 0)
                self._text(painter, wide, bar.text, Qt.AlignmentFlag.AlignLeft, faint=True)
                continue
            self._paint_bar(painter, bar, area, scale)
            place = QRectF(self.width() - values, top, values, row_height)
            self._text(painter, place, bar.text, Qt.AlignmentFlag.AlignRight, faint=False)

    def _paint_label(
        self, painter: QPainter, metrics: QFontMetricsF, bar: Bar, place: QRectF
    ) -> None:
        label = metrics.elidedText(bar.label, Qt.TextElideMode.ElideRight, place.width() + 1)
        self._text(painter, place, label, Qt.AlignmentFlag.AlignLeft, faint=bar.value is None)

    def _paint_bar(self, painter: QPainter, bar: Bar, area: QRectF, scale: float) -> None:
        thickness = self.fontMetrics().height() * _THICKNESS
        top = area.center().y() - thickness / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.faint(self.palette(), 0.07))
        painter.drawRoundedRect(QRectF(area.left(), top, area.width(), thickness), 2, 2)
        share = (bar.value or 0.0) / scale if scale > 0 else 0.0
        painter.setBrush(self._colour(bar.tone))
        length = max(1.0, area.width() * share) if bar.value else 0.0
        painter.drawRoundedRect(QRectF(area.left(), top, length, thickness), 2, 2)

    def _colour(self, tone: Tone) -> QColor:
        palette = self.palette()
        ours = palette.color(QPalette.ColorRole.Highlight)
        ground = palette.color(QPalette.ColorRole.Window)
        return {
            Tone.OURS: ours,
            Tone.OURS_FAINT: colours.blend(ours, ground, 0.55),
            Tone.OTHERS: colours.faint(palette, 0.38),
        }[tone]

    def _text(
        self,
        painter: QPainter,
        place: QRectF,
        text: str,
        alignment: Qt.AlignmentFlag,
        *,
        faint: bool,
    ) -> None:
        palette = self.palette()
        plain = palette.color(QPalette.ColorRole.WindowText)
        painter.setPen(colours.faint(palette) if faint else plain)
        painter.drawText(place, alignment | Qt.AlignmentFlag.AlignVCenter, text)
