"""Image files to pixels and a frame (every byte that is not pixels), and back to files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from core.arrays import Pixels
from core.control import CancelToken
from core.errors import FloeError
from core.images.frames import FrameError
from core.images.picture import KeptFile, OtherFile, Picture
from core.images.png import (
    BrokenPngError,
    UnusualPngError,
    has_recipe,
    image_data_recipe,
    png_frame,
    read_parts,
    rebuild_png,
)
from core.images.raw import rebuild_raw
from core.images.reading import interpret, read_file, read_image

__all__ = [
    "FrameError",
    "KeptFile",
    "OtherFile",
    "Picture",
    "Pixels",
    "comes_back",
    "exact_picture",
    "interpret",
    "is_exact",
    "read_file",
    "read_image",
    "rebuild",
]


def rebuild(
    pixels: Pixels, frame: bytes, frame_kind: str, cancel: CancelToken | None = None
) -> bytes:
    """The file of a Picture: ``pixels`` (H, W, C) uint8 with C from 1 to 4, and its frame.

    Raises FrameError, a ValueError, where the frame is damaged or of an unknown kind, and
    Cancelled.
    """
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or not pixels.size:
        raise FrameError(f"no file has pixels of shape {pixels.shape}")
    if frame_kind not in ("png", "raw"):
        raise FrameError(f"unknown kind of frame: {frame_kind!r}")
    if frame_kind == "png":
        return rebuild_png(pixels, frame, cancel)
    return rebuild_raw(pixels, frame)


def exact_picture(picture: Picture, cancel: CancelToken) -> Picture | KeptFile:
    """A picture whose file comes back byte for byte from its frame, or its file and the reason.

    Raises Cancelled.
    """
    if picture.frame_kind != "png":
        return picture
    try:
        parts = read_parts(picture.file_bytes)
        frame = png_frame(parts, image_data_recipe(picture.file_bytes, parts, cancel))
    except ValueError as error:
        reason = f"PNG keeps its own bytes: {error}"
        return KeptFile(
            picture.file_bytes,
            picture.pixels,
            picture.width,
            picture.height,
            picture.channels,
            reason,
        )
    return replace(picture, frame=frame)


def is_exact(picture: Picture) -> bool:
    """Whether the file comes back byte for byte from pixels and frame, on any machine."""
    return picture.frame_kind != "png" or has_recipe(picture.frame)


def comes_back(picture: Picture, file_bytes: bytes) -> bool:
    """Whether a rebuilt file has the picture's pixels and all of its other data.

    A PNG without a recipe may be compressed differently; all others must be equal byte for byte.
    """
    if file_bytes == picture.file_bytes:
        return True
    if is_exact(picture):
        return False
    try:
        again = interpret(file_bytes, Path("rebuilt.png"))
        same_chunks = read_parts(file_bytes) == read_parts(picture.file_bytes)
    except (FloeError, BrokenPngError, UnusualPngError):
        return False
    return (
        same_chunks and isinstance(again, Picture) and np.array_equal(again.pixels, picture.pixels)
    )
