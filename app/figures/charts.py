"""Bars and histograms, painted from the palette."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.figures.figures import Bar, Bins, Tone, span, words
from app.language import formats
from app.widgets import colours

_ROW = 1.75  #: height of a row, in heights of the text
_STACKED_ROW = 2.75  #: the same where the label stands above its bar
_THICKNESS = 0.8
_GAP = 10.0  #: between label, bar and value, in device-independent pixels
_LABEL_SHARE = 0.42  #: of the width: wider labels stand above their bars
_HISTOGRAM_LINES = 7.0  #: height of a histogram, in heights of the text

_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight


class Chart(QWidget):
    """Base class of charts: tabular digits, and accessible texts."""

    def __init__(self, name: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        font = QFont(self.font())
        font.setFeature(QFont.Tag("tnum"), 1)
        self.setFont(font)

    def hasHeightForWidth(self) -> bool:
        return True

    def sizeHint(self) -> QSize:
        return QSize(260, self.heightForWidth(260))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.heightForWidth(max(160, self.width())))

    def _metrics(self) -> QFontMetricsF:
        return QFontMetricsF(self.font(), self)

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
        box: QRectF,
        text: str,
        alignment: Qt.AlignmentFlag,
        *,
        faint: bool,
    ) -> None:
        """Draw a text, elided if necessary."""
        palette = self.palette()
        plain = palette.color(QPalette.ColorRole.WindowText)
        painter.setPen(colours.faint(palette) if faint else plain)
        shown = self._metrics().elidedText(text, Qt.TextElideMode.ElideRight, box.width() + 1)
        painter.drawText(box, alignment | Qt.AlignmentFlag.AlignVCenter, shown)


class BarChart(Chart):
    """Horizontal bars from zero, on one scale."""

    def __init__(self, name: str, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._unit = unit
        self._bars: tuple[Bar, ...] = ()

    @property
    def bars(self) -> Sequence[Bar]:
        """The bars, from the top."""
        return self._bars

    def set_bars(self, bars: Sequence[Bar]) -> None:
        """Show these bars."""
        if tuple(bars) == self._bars:
            return
        self._bars = tuple(bars)
        self.setAccessibleDescription(words(bars, self._unit))
        self.updateGeometry()
        self.update()

    def heightForWidth(self, width: int) -> int:
        rows = max(1, len(self._bars))
        return round(self._metrics().height() * self._row_lines(width) * rows)

    def _row_lines(self, width: float) -> float:
        return _ROW if self._label_width() <= _LABEL_SHARE * width else _STACKED_ROW

    def _label_width(self) -> float:
        metrics = self._metrics()
        return max((metrics.horizontalAdvance(b.label) for b in self._bars), default=0.0)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = int(event.pos().y() * len(self._bars) / max(1, self.height()))
            if 0 <= row < len(self._bars) and (text := self._bars[row].explanation):
                QToolTip.showText(event.globalPos(), text, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = self._metrics()
        lines = self._row_lines(self.width())
        stacked = lines == _STACKED_ROW
        row_height = metrics.height() * lines
        values = max(
            (metrics.horizontalAdvance(b.text) for b in self._bars if b.value is not None),
            default=0.0,
        )
        left = 0.0 if stacked else self._label_width() + _GAP
        room = max(8.0, self.width() - left - _GAP - values)
        scale = span(self._bars)
        for row, bar in enumerate(self._bars):
            top = row * row_height
            label = QRectF(0, top, left - _GAP, row_height)
            if stacked:
                label = QRectF(0, top, self.width(), metrics.height() * 1.2)
                top += metrics.height() * 1.1
            self._text(painter, label, bar.label, _LEFT, faint=bar.value is None)
            height = metrics.height() * _ROW if not stacked else metrics.height() * 1.3
            area = QRectF(left, top, room, height)
            if bar.value is None:
                wide = area.adjusted(0, 0, _GAP + values, 0)
                self._text(painter, wide, bar.text, _LEFT, faint=True)
                continue
            self._paint_bar(painter, bar, area, scale)
            box = QRectF(self.width() - values - 1, top, values + 1, height)
            self._text(painter, box, bar.text, _RIGHT, faint=False)

    def _paint_bar(
        self, painter: QPainter, bar: Bar, area: QRectF, scale: tuple[float, float]
    ) -> None:
        thickness = self.fontMetrics().height() * _THICKNESS
        top = area.center().y() - thickness / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.faint(self.palette(), 0.07))
        painter.drawRoundedRect(QRectF(area.left(), top, area.width(), thickness), 2, 2)
        low, high = scale
        value = bar.value or 0.0
        if not value or high <= low:
            return
        unit = area.width() / (high - low)
        zero = area.left() - low * unit
        length = max(1.0, abs(value) * unit)
        start = zero if value > 0 else zero - length
        painter.setBrush(self._colour(bar.tone))
        painter.drawRoundedRect(QRectF(start, top, length, thickness), 2, 2)


class Histogram(Chart):
    """The distribution of a value over images."""

    def __init__(self, name: str, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._unit = unit
        self._bins = Bins((), ())

    @property
    def bins(self) -> Bins:
        """The bins."""
        return self._bins

    def set_bins(self, bins: Bins) -> None:
        """Show these bins."""
        if bins == self._bins:
            return
        self._bins = bins
        told = [f"{self._range(i)}: {count}" for i, count in enumerate(bins.counts) if count]
        self.setAccessibleDescription("; ".join(told))
        self.updateGeometry()
        self.update()

    def heightForWidth(self, width: int) -> int:
        return round(self._metrics().height() * _HISTOGRAM_LINES)

    def _range(self, index: int) -> str:
        low, high = (formats.short(edge) for edge in self._bins.edges[index : index + 2])
        return f"{low} \N{EN DASH} {high} {self._unit}"

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = int(event.pos().x() * len(self._bins.counts) / max(1, self.width()))
            if 0 <= index < len(self._bins.counts):
                count = formats.files(self._bins.counts[index])
                QToolTip.showText(event.globalPos(), f"{self._range(index)}: {count}", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._bins.counts:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = self._metrics().height()
        ground = self.height() - 1.4 * line
        top, most = 1.3 * line, max(self._bins.counts)
        step = self.width() / len(self._bins.counts)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colour(Tone.OURS))
        for index, count in enumerate(self._bins.counts):
            height = (ground - top) * count / most
            if count:
                height = max(1.0, height)
                bar = QRectF(index * step + 0.5, ground - height, max(1.0, step - 1), height)
                painter.drawRect(bar)
        painter.setPen(colours.faint(self.palette(), 0.38))
        painter.drawLine(QPointF(0, ground), QPointF(self.width(), ground))
        for edge, box in self._edges(ground, step):
            self._text(painter, box, edge, Qt.AlignmentFlag.AlignHCenter, faint=True)
        peak = self._bins.counts.index(most)
        above = QRectF(0, 0, self.width(), 1.2 * line)
        told = self.tr("Most: {0} at {1}").format(formats.files(most), self._range(peak))
        self._text(painter, above, told, _LEFT, faint=True)

    def _edges(self, ground: float, step: float) -> Iterator[tuple[str, QRectF]]:
        """Labels and boxes of as many edges as fit, always the first and the last."""
        metrics, edges = self._metrics(), [formats.short(edge) for edge in self._bins.edges]
        # The first and the last stand inside the chart, half their width nearer to the next.
        widest = 1.5 * max(metrics.horizontalAdvance(edge) for edge in edges) + _GAP
        last = len(edges) - 1
        every = next(n for n in range(1, last + 1) if n * step >= widest or n == last)
        shown = {*range(0, last - every + 1, every), last}
        for index in sorted(shown):
            width = metrics.horizontalAdvance(edges[index]) + 2
            x = min(max(0.0, index * step - width / 2), self.width() - width)
            yield edges[index], QRectF(x, ground + 1, width, 1.3 * metrics.height())
