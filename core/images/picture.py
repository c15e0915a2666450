"""What an image file becomes in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """An image that the flow codes, and all that its file held beside the pixels.

    ``pixels`` is (H, W, C) uint8, C-contiguous, with C = 1 (grey) or 3 (RGB). ``frame`` is
    whatever of the file is not pixels, and ``frame_kind`` names what puts the two together
    again (:func:`core.images.rebuild`).
    """

    pixels: Pixels
    frame: bytes
    frame_kind: str
    file_bytes: bytes

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[2])


@dataclass(frozen=True)
class KeptFile:
    """An image whose file is kept byte for byte, because the flow is not made for it.

    ``pixels`` is the decoded first frame, (H, W, C) uint8 in the order of its mode (palettes
    are looked up: RGB or RGBA); None where a sample takes more than 8 bits. ``reason`` says in
    a short sentence why the bytes are kept.
    """

    file_bytes: bytes
    pixels: Pixels | None
    width: int
    height: int
    channels: int
    reason: str
