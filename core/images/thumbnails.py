"""Thumbnails: upright, 8 bits a sample, for viewing only (not exact)."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from core.arrays import Pixels
from core.images.decode import opened
from core.images.png import exif_of_png

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def thumbnail_of_file(data: bytes, path: Path, side: int) -> Pixels:
    """(h, w, 3) or, with transparency, (h, w, 4) uint8 of a file's first frame.

    Raises what :func:`core.images.decode.decode` raises; ``path`` is used in messages only.
    """
    with opened(io.BytesIO(data), path) as image:
        if image.mode in ("L", "RGB", "RGBA", "CMYK", "YCbCr"):
            image.thumbnail((side, side))  # decodes a JPEG at a reduced size
            small: Image.Image = image
        else:
            small = _eight_bit(image)
            small.thumbnail((side, side))
        # After loading, because Pillow turns a TIFF itself and then drops its orientation.
        return _samples(_upright(small, _orientation(image.getexif)))


def thumbnail_of_pixels(pixels: Pixels, side: int, frame: bytes, frame_kind: str) -> Pixels:
    """The same for decoded pixels, (H, W, 1 to 4) uint8, and their frame. Raises FrameError."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((side, side))
    if frame_kind != "png":  # of uncompressed formats only TIFF has EXIF; see above
        return _samples(image)
    exif, data = Image.Exif(), exif_of_png(frame)

    def read() -> Image.Exif:
        exif.load(data)
        return exif

    return _samples(_upright(image, _orientation(read)))


def _eight_bit(image: Image.Image) -> Image.Image:
    """Palettes resolved, deeper samples scaled to 8 bits."""
    if image.mode in ("P", "PA", "LA", "La", "RGBa"):
        return image.convert("RGBA")
    if not image.mode.startswith(("I", "F")):
        return image.convert("RGB")
    samples = np.nan_to_num(np.asarray(image, dtype=np.float32))
    if image.mode.startswith("I;16"):
        return Image.fromarray((samples / 257).astype(np.uint8))
    low, high = float(samples.min()), float(samples.max())
    return Image.fromarray(((samples - low) * (255 / max(high - low, 1e-9))).astype(np.uint8))


def _orientation(read: Callable[[], Image.Exif]) -> object:
    """The orientation in the EXIF data; None if they are damaged."""
    try:
        return read().get(_ORIENTATION)
    except Exception:  # of any type: Pillow's parser on untrusted bytes
        return None


def _upright(image: Image.Image, orientation: object) -> Image.Image:
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _samples(image: Image.Image) -> Pixels:
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGBA" if image.mode == "LA" else "RGB")
    return np.ascontiguousarray(np.asarray(image, dtype=np.uint8))
