"""Arrays of pixels as Qt's images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FORMATS = {
    1: QImage.Format.Format_Grayscale8,
    3: QImage.Format.Format_RGB888,
    4: QImage.Format.Format_RGBA8888,
}


class ArrayImage(QImage):
    """An image that shares its memory with an array, and keeps that alive."""

    def __init__(self, samples: NDArray[np.uint8], colours: Sequence[int] | None = None) -> None:
        """``samples`` is (H, W) or (H, W, C) uint8: grey, RGB or RGBA.

        With a table of ``colours``, the samples of (H, W) are indices into it.
        """
        if not samples.flags.c_contiguous:
            samples = samples.copy()
        height, width = samples.shape[:2]
        channels = samples.shape[2] if samples.ndim == 3 else 1
        form = QImage.Format.Format_Indexed8 if colours is not None else _FORMATS[channels]
        super().__init__(samples.data.cast("B"), width, height, samples.strides[0], form)
        if colours is not None:
            self.setColorTable(colours)
        self.samples = samples
