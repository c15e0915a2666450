"""Image files become pixels and everything that is not pixels, and files again."""

from __future__ import annotations

from core.images.frames import FrameError
from core.images.picture import Original, Picture, Pixels
from core.images.png import rebuild_png
from core.images.raw import rebuild_raw
from core.images.reading import read_image

__all__ = ["FrameError", "Original", "Picture", "Pixels", "read_image", "rebuild"]

_REBUILDERS = {"png": rebuild_png, "raw": rebuild_raw}


def rebuild(pixels: Pixels, frame: bytes, frame_kind: str) -> bytes:
    """The file of a Picture: ``pixels`` (H, W, C) uint8 with C = 1 or 3, and its frame.

    Raises FrameError, a ValueError, where the frame is damaged or of an unknown kind.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or not pixels.size:
        raise FrameError(f"no file has pixels of shape {pixels.shape}")
    if frame_kind not in _REBUILDERS:
        raise FrameError(f"unknown kind of frame: {frame_kind!r}")
    return _REBUILDERS[frame_kind](pixels, frame)
