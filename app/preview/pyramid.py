"""Image pyramids: a picture and its halves, so that painting touches visible pixels only.

Pyramids are made on a worker; the window's thread only paints them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter, qRgb

from app.preview import scale
from app.widgets.images import ArrayImage
from core.control import CancelToken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: A level whose longer side has at most this many pixels is not halved further.
_SMALLEST = 256
#: The number of rows that are halved at a time.
_BAND = 512
#: From this zoom on, pixels are shown as squares.
SQUARES_FROM = 2.0


class Pyramid:
    """The levels of one picture, the finest first."""

    def __init__(self, levels: list[QImage]) -> None:
        self._levels = levels
        self.size = levels[0].size()

    @classmethod
    def of_pixels(cls, pixels: NDArray[np.uint8], cancel: CancelToken) -> Pyramid:
        """Of (H, W, C) uint8: grey, RGB or RGBA. Raises Cancelled."""
        samples = pixels[..., 0] if pixels.shape[2] == 1 else pixels  # Pillow's grey is (H, W)
        levels: list[QImage] = [ArrayImage(samples)]
        while max(samples.shape[:2]) > _SMALLEST:
            samples = _halved(samples, cancel)
            levels.append(ArrayImage(samples))
        return cls(levels)

    @classmethod
    def of_map(cls, bits: NDArray[np.float32], top: float, cancel: CancelToken) -> Pyramid:
        """Of a codelength map, (H, W): its levels are means of bits. Raises Cancelled."""
        from app.preview import heat

        colours = [qRgb(*colour) for colour in scale.colours()]
        levels: list[QImage] = [ArrayImage(heat.indices(bits, top), colours)]
        while max(bits.shape) > _SMALLEST:
            bits = _halved(bits, cancel)
            levels.append(ArrayImage(heat.indices(bits, top), colours))
        return cls(levels)

    @property
    def finest(self) -> QImage:
        """The picture at full size."""
        return self._levels[0]

    @property
    def is_transparent(self) -> bool:
        """Whether pixels may show what is behind them."""
        return self.finest.hasAlphaChannel()

    @property
    def n_levels(self) -> int:
        """The number of levels."""
        return len(self._levels)

    def paint(self, painter: QPainter, area: QRectF, seen: QRectF, zoom: float) -> None:
        """Paint the visible part of the picture.

        ``area`` is the rectangle of the whole picture and ``seen`` that of the visible part, both
        in the painter's units; ``zoom`` is in device pixels per pixel.
        """
        seen = area.intersected(seen)
        if seen.isEmpty():
            return
        at, shrunk = 0, zoom
        while shrunk <= 0.5 and at < len(self._levels) - 1:
            at, shrunk = at + 1, 2 * shrunk
        level = self._levels[at]
        across, down = level.width() / area.width(), level.height() / area.height()
        # One pixel more on each side, for interpolation.
        left = max(0, int((seen.left() - area.left()) * across) - 1)
        top = max(0, int((seen.top() - area.top()) * down) - 1)
        right = min(level.width(), int((seen.right() - area.left()) * across) + 2)
        bottom = min(level.height(), int((seen.bottom() - area.top()) * down) + 2)
        part = QRect(left, top, right - left, bottom - top)
        target = QRectF(
            area.left() + left / across,
            area.top() + top / down,
            part.width() / across,
            part.height() / down,
        )
        smooth = zoom < SQUARES_FROM
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        # Scaling is several times faster with 32 bits per pixel; keeping all levels so would take
        # twice the memory.
        clear = level.hasAlphaChannel()
        form = QImage.Format.Format_ARGB32_Premultiplied if clear else QImage.Format.Format_RGB32
        painter.drawImage(target, level.copy(part).convertToFormat(form))


def _halved(samples: NDArray[Any], cancel: CancelToken) -> NDArray[Any]:
    """Means of 2 x 2 pixels, of fewer at the borders."""
    import numpy as np
    from PIL import Image

    height = (samples.shape[0] + 1) // 2
    shape = (height, (samples.shape[1] + 1) // 2, *samples.shape[2:])
    result = np.empty(shape, dtype=samples.dtype)
    for row in range(0, len(samples), _BAND):
        cancel.check()
        band = np.ascontiguousarray(samples[row : row + _BAND])
        result[row // 2 : (row + _BAND) // 2] = np.asarray(Image.fromarray(band).reduce(2))
    return result
