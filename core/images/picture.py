"""A file as it was read: pixels and all else, or a reason why its bytes are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.arrays import Pixels


@dataclass(frozen=True)
class Picture:
    """An image whose pixels are coded, and everything else in its file.

    ``pixels`` is (H, W, C) uint8, C-contiguous: grey, grey and alpha, RGB, or RGB and alpha.
    ``frame`` is everything in the file that is not pixels; ``frame_kind`` selects how both become
    the file again (:func:`core.images.rebuild`).
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
    """An image whose file is kept byte for byte, because the flow does not support it.

    ``pixels`` is the decoded first frame, (H, W, C) uint8 in the order of its mode (palettes
    resolved to RGB or RGBA); None for more than 8 bits a sample, and for a damaged image. Its size
    is then that of its header, or 0. ``reason`` is a short sentence for the user.
    """

    file_bytes: bytes
    pixels: Pixels | None
    width: int
    height: int
    channels: int
    reason: str

    @property
    def is_jpeg(self) -> bool:
        """Whether the file begins as JPEG files do."""
        return self.file_bytes.startswith(b"\xff\xd8\xff")

    @property
    def n_pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class OtherFile:
    """A file of any length that is no image, or too large for one; it stays on the disk.

    ``reason`` is a short sentence for the user.
    """

    path: Path
    reason: str
