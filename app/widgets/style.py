"""Room around the text of tables, and bars that are as light as the rest."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QProgressBar, QProxyStyle, QStyle, QStyleOption, QWidget

from app.widgets import colours

_CELL_MARGIN = 7


class RoomyStyle(QProxyStyle):
    """The system's own style with wider margins in cells and headers.

    A style sheet would do it too, but would replace the style's own look of both.
    """

    def pixelMetric(
        self,
        metric: QStyle.PixelMetric,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
    ) -> int:
        if metric is QStyle.PixelMetric.PM_FocusFrameHMargin:
            return _CELL_MARGIN - 1
        if metric is QStyle.PixelMetric.PM_HeaderMargin:
            return _CELL_MARGIN
        return super().pixelMetric(metric, option, widget)


def paint_progress(
    painter: QPainter, place: QRectF, fraction: float, ground: QColor, front: QColor
) -> None:
    """A rounded bar, six pixels high, in the middle of its place."""
    height = 6.0
    bar = QRectF(place.left(), place.center().y() - height / 2, place.width(), height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawRoundedRect(bar, height / 2, height / 2)
    if fraction > 0:
        bar.setWidth(max(height, bar.width() * min(fraction, 1.0)))
        painter.setBrush(front)
        painter.drawRoundedRect(bar, height / 2, height / 2)
    painter.restore()


class ThinProgress(QProgressBar):
    """A progress bar for tools and readers of screens, drawn like those in the tables."""

    def paintEvent(self, event: QPaintEvent) -> None:
        span = max(1, self.maximum() - self.minimum())
        palette = self.palette()
        paint_progress(
            QPainter(self),
            QRectF(self.rect()),
            (self.value() - self.minimum()) / span,
            colours.line(palette),
            palette.color(QPalette.ColorRole.Highlight),
        )
