"""The visible part of a picture and its zoom: arithmetic without widgets."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF

#: The maximum zoom, in device pixels per pixel.
GREATEST_ZOOM = 32.0
_LEAST_SIDE = 16.0


class Viewport:
    """A pane's size is in device-independent pixels, zoom in device pixels per pixel."""

    def __init__(self) -> None:
        self.picture = QSize(0, 0)
        self.fitted = True
        self._pane = QSizeF(1, 1)
        self._ratio = 1.0
        self._zoom = 1.0
        self._centre = QPointF(0, 0)  # of the pane, in pixels of the picture

    @property
    def zoom(self) -> float:
        """Device pixels per pixel."""
        return self._fitting() if self.fitted else self._zoom

    def set_picture(self, size: QSize) -> None:
        """Show another picture; one of the same size keeps the view."""
        if size != self.picture:
            self.picture = QSize(size)
            self.fit()

    def set_pane(self, size: QSizeF, ratio: float) -> None:
        """Set the pane's size, and the number of device pixels per unit of it."""
        self._pane, self._ratio = QSizeF(max(1.0, size.width()), max(1.0, size.height())), ratio
        self._settle()

    def fit(self) -> None:
        """Fit the picture into the pane; never enlarges it."""
        self.fitted = True
        self._centre = QPointF(self.picture.width() / 2, self.picture.height() / 2)

    def zoom_to(self, zoom: float, around: QPointF | None = None) -> None:
        """Set the zoom; the point ``around`` of the pane, or its centre, stays fixed."""
        middle = QPointF(self._pane.width() / 2, self._pane.height() / 2)
        point = middle if around is None else around
        fixed = self.to_picture(point)
        least = min(self._fitting(), self._smallest(), 1.0)
        self._zoom = min(max(zoom, least), GREATEST_ZOOM)
        self.fitted = False
        self._centre = fixed - (point - middle) * (self._ratio / self._zoom)
        self._settle()

    def pan(self, by: QPointF) -> None:
        """Move the picture, in units of the pane."""
        self._centre -= by * (self._ratio / self.zoom)
        self._settle()

    def area(self) -> QRectF:
        """The rectangle of the whole picture in the pane, on whole device pixels."""
        scale = self.zoom / self._ratio
        left = self._pane.width() / 2 - self._centre.x() * scale
        top = self._pane.height() / 2 - self._centre.y() * scale
        ratio = self._ratio
        return QRectF(
            round(left * ratio) / ratio,
            round(top * ratio) / ratio,
            self.picture.width() * scale,
            self.picture.height() * scale,
        )

    def to_picture(self, point: QPointF) -> QPointF:
        """The position in the picture at a point of the pane; it may be outside of the picture."""
        area = self.area()
        return (point - area.topLeft()) * (self._ratio / self.zoom)

    def pixel(self, point: QPointF) -> tuple[int, int] | None:
        """The column and row of the pixel at a point of the pane."""
        position = self.to_picture(point)
        x, y = int(position.x() // 1), int(position.y() // 1)
        inside = 0 <= x < self.picture.width() and 0 <= y < self.picture.height()
        return (x, y) if inside else None

    def _fitting(self) -> float:
        if self.picture.isEmpty():
            return 1.0
        across = self._pane.width() * self._ratio / self.picture.width()
        down = self._pane.height() * self._ratio / self.picture.height()
        return min(across, down, 1.0)

    def _smallest(self) -> float:
        """Keep the zoom in its bounds."""
        return _LEAST_SIDE / max(self.picture.width(), self.picture.height(), 1)

    def _settle(self) -> None:
        """Keep the picture in the pane: centred if it is smaller, without gaps if it is larger."""
        scale = self.zoom / self._ratio

        def settled(centre: float, length: int, pane: float) -> float:
            half = pane / (2 * scale)
            return length / 2 if length <= 2 * half else min(max(centre, half), length - half)

        self._centre = QPointF(
            settled(self._centre.x(), self.picture.width(), self._pane.width()),
            settled(self._centre.y(), self.picture.height(), self._pane.height()),
        )
