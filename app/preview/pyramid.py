"""A picture at its size and halved, again and again: painting touches no more than is seen.

Pyramids are made on a worker; the window's thread only paints them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect, QRectF, QSize
from PySide6.QtGui import QImage, QPainter, qRgb

from app.preview import scale
from core.control import CancelToken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: A level of at most this many pixels on its longer side is not halved any more.
_SMALLEST = 256
#: Rows that are halved at a time.
_BAND = 512
#: From this zoom on pixels are shown as squares.
SQUARES_FROM = 2.0


class Pyramid:
    """The levels of one picture, the finest first."""

    def __init__(self, levels: list[QImage]) -> None:
        self._levels = levels
        self.size = levels[0].size()

    @classmethod
    def of_pixels(cls, pixels: NDArray[np.uint8], cancel: CancelToken) -> Pyramid:
        """Of (H, W, C) uint8: grey, RGB or RGBA. Raises Cancelled."""
        samples = pixels[..., 0] if pixels.shape[2] == 1 else pixels
        levels = [image_of(samples)]
        while max(samples.shape[:2]) > _SMALLEST:
            samples = _halved(samples, cancel)
            levels.append(image_of(samples))
        return cls(levels)

    @classmethod
    def of_map(cls, bits: NDArray[np.float32], top: float, cancel: CancelToken) -> Pyramid:
        """Of a codelength map, (H, W): its levels are means of bits. Raises Cancelled."""
        from app.preview import heat

        levels = [_coloured(heat.indices(bits, top))]
        while max(bits.shape) > _SMALLEST:
            bits = _halved(bits, cancel)
            levels.append(_coloured(heat.indices(bits, top)))
        return cls(levels)

    @property
    def finest(self) -> QImage:
        """The picture itself."""
        return self._levels[0]

    @property
    def n_levels(self) -> int:
        """How many sizes there are."""
        return len(self._levels)

    def paint(self, painter: QPainter, place: QRectF, seen: QRectF, zoom: float) -> None:
        """Paints what is seen of the picture.

        ``place`` is where all of it would stand and ``seen`` the part that is not clipped, both
        in the painter's units; ``zoom`` is device pixels per pixel.
        """
        seen = place.intersected(seen)
        if seen.isEmpty():
            return
        at, shrunk = 0, zoom
        while shrunk <= 0.5 and at < len(self._levels) - 1:
            at, shrunk = at + 1, 2 * shrunk
        level = self._levels[at]
        across, down = level.width() / place.width(), level.height() / place.height()
        # One pixel more on each side, for those that are mixed with their neighbours.
        left = max(0, int((seen.left() - place.left()) * across) - 1)
        top = max(0, int((seen.top() - place.top()) * down) - 1)
        right = min(level.width(), int((seen.right() - place.left()) * across) + 2)
        bottom = min(level.height(), int((seen.bottom() - place.top()) * down) + 2)
        part = QRect(left, top, right - left, bottom - top)
        target = QRectF(
            place.left() + left / across,
            place.top() + top / down,
            part.width() / across,
            part.height() / down,
        )
        smooth = zoom < SQUARES_FROM
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        # Scaling is several times as fast from 32 bits a pixel; keeping all levels so would take
        # twice the memory.
        clear = level.hasAlphaChannel()
        form = QImage.Format.Format_ARGB32_Premultiplied if clear else QImage.Format.Format_RGB32
        painter.drawImage(target, level.copy(part).convertToFormat(form))


def image_of(samples: NDArray[np.uint8]) -> QImage:
    """(H, W), (H, W, 3) or (H, W, 4) as an image that shares its memory."""
    import numpy as np

    samples = np.ascontiguousarray(samples)
    height, width = samples.shape[:2]
    forms = {
        2: QImage.Format.Format_Grayscale8,
        3: QImage.Format.Format_RGB888,
        4: QImage.Format.Format_RGBA8888,
    }
    form = forms[samples.shape[2] if samples.ndim == 3 else 2]
    return _KeepingImage(samples, QSize(width, height), form)


class _KeepingImage(QImage):
    """Keeps the array that it looks into, and so the memory."""

    def __init__(self, samples: NDArray[Any], size: QSize, form: QImage.Format) -> None:
        super().__init__(
            samples.data.cast("B"),
            size.width(),
            size.height(),
            samples.strides[0],
            form,
        )
        self.samples = samples


def _coloured(places: NDArray[np.uint8]) -> QImage:
    height, width = places.shape
    image = _KeepingImage(places, QSize(width, height), QImage.Format.Format_Indexed8)
    image.setColorTable([qRgb(*colour) for colour in scale.colours()])
    return image


def _halved(samples: NDArray[Any], cancel: CancelToken) -> NDArray[Any]:
    """Means of 2 x 2, of what is there of them at the borders."""
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
