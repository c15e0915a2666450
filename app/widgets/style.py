"""Wider margins in tables, and thin progress bars."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QProgressBar,
    QProxyStyle,
    QStyle,
    QStyleOption,
    QStyleOptionHeader,
    QWidget,
)

from app.widgets import colours

_CELL_MARGIN = 7
#: Room for the arrow of the sorted column beside its title.
ARROW = 10


class RoomyStyle(QProxyStyle):
    """The system's style with wider margins in cells and headers.

    A style sheet would also replace the look of both.
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

    def drawControl(
        self,
        element: QStyle.ControlElement,
        option: QStyleOption,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        if (
            element is QStyle.ControlElement.CE_HeaderLabel
            and isinstance(option, QStyleOptionHeader)
            and option.sortIndicator is not QStyleOptionHeader.SortIndicator.None_
        ):
            rect = QRect(option.rect)
            # Styles draw the arrow over the end. A copy would not have all fields of the option.
            option.rect = rect.adjusted(0, 0, -ARROW, 0)
            super().drawControl(element, option, painter, widget)
            option.rect = rect
        else:
            super().drawControl(element, option, painter, widget)


def paint_progress(
    painter: QPainter, area: QRectF, fraction: float, ground: QColor, front: QColor
) -> None:
    """Paint a rounded bar, six pixels high, centred in ``area``."""
    height = 6.0
    bar = QRectF(area.left(), area.center().y() - height / 2, area.width(), height)
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
    """A progress bar, drawn like those in tables; screen readers see a QProgressBar."""

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
