"""Uncompressed files: BMP, PPM, TGA, TIFF and similar formats.

The format itself does not matter. It is enough to find the rows of pixels in the file, to check
that all of them are there, and to keep the other bytes. The rebuilt file is the same, byte for
byte.

The body of a raw frame: the offset of the first row; the bytes that pad a row; one byte for the
layout (bits 0 to 2 the bytes of a pixel, bit 3 set if the bottom row comes first); the position
of each channel inside a pixel, a byte each; then the other bytes of the file: those before the
rows, the padding of all rows but the last, the bytes of pixels that are no channel, and
everything after the last pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.arrays import Pixels
from core.images.frames import BodyReader, FrameError, number, pack, unpack

_BOTTOM_UP = 8

# Rows are compared with the pixels this many samples at a time.
_BLOCK_SAMPLES = 2**24


@dataclass(frozen=True)
class RawLayout:
    """The positions of the pixels in a file."""

    start: int  # offset of the first row
    row_padding: int  # bytes from the end of a row to the next one
    pixel_bytes: int
    places: tuple[int, ...]  # position of each channel inside a pixel
    bottom_up: bool


def raw_frame(data: bytes, pixels: Pixels, layout: RawLayout) -> bytes | None:
    """The frame of a file, or None if its pixels do not have this layout.

    ``pixels`` is (H, W, C) uint8. Raises FrameError if the other bytes are too many.
    """
    if not pixels.size or layout.start < 0 or layout.row_padding < 0:
        return None
    file_bytes = np.frombuffer(data, dtype=np.uint8)
    rows = _rows(file_bytes, pixels.shape, layout)
    if rows is None or not _same(rows, pixels, layout):
        return None
    fill = [place for place in range(layout.pixel_bytes) if place not in layout.places]
    body = bytearray(number(layout.start) + number(layout.row_padding))
    body.append(layout.pixel_bytes | _BOTTOM_UP * layout.bottom_up)
    body += bytes(layout.places)
    body += data[: layout.start]
    body += _padding(file_bytes, pixels.shape, layout).tobytes()
    body += rows[:, :, fill].tobytes()
    body += data[_end(pixels.shape, layout) :]
    return pack(bytes(body))


def rebuild_raw(pixels: Pixels, frame: bytes) -> bytes:
    """The file of (H, W, C) uint8 pixels and their frame. Raises FrameError."""
    height, width, channels = pixels.shape
    reader = BodyReader(unpack(frame))
    start, row_padding, flags = reader.number(), reader.number(), reader.take(1)[0]
    pixel_bytes = flags & 7
    places = tuple(reader.take(channels))
    if flags >> 4 or len(set(places)) != channels or max(places) >= pixel_bytes:
        raise FrameError("unknown layout in a raw frame")
    if height == 1:
        row_padding = 0  # there is nothing between rows, whatever the number
    layout = RawLayout(start, row_padding, pixel_bytes, places, bool(flags & _BOTTOM_UP))
    fill = [place for place in range(pixel_bytes) if place not in places]
    prefix = reader.take(start)
    padding = reader.take((height - 1) * row_padding)
    filling = reader.take(height * width * len(fill))
    suffix = reader.rest()

    # All parts are present, so this is no longer than the pixels and the body together.
    out = np.zeros(_end(pixels.shape, layout) + len(suffix), dtype=np.uint8)
    out[:start] = np.frombuffer(prefix, np.uint8)
    view = _padding(out, pixels.shape, layout)
    view[...] = np.frombuffer(padding, np.uint8).reshape(view.shape)
    rows = _rows(out, pixels.shape, layout)
    assert rows is not None
    rows[:, :, fill] = np.frombuffer(filling, np.uint8).reshape(height, width, len(fill))
    rows[:, :, places] = pixels[::-1] if layout.bottom_up else pixels
    out[len(out) - len(suffix) :] = np.frombuffer(suffix, np.uint8)
    return out.tobytes()


def _stride(shape: tuple[int, ...], layout: RawLayout) -> int:
    return shape[1] * layout.pixel_bytes + layout.row_padding


def _end(shape: tuple[int, ...], layout: RawLayout) -> int:
    """The offset behind the last pixel of the file."""
    return layout.start + shape[0] * _stride(shape, layout) - layout.row_padding


def _rows(
    file_bytes: NDArray[np.uint8], shape: tuple[int, ...], layout: RawLayout
) -> NDArray[np.uint8] | None:
    """A view (H, W, pixel_bytes) of the pixels in a file, or None if the file is too short."""
    if _end(shape, layout) > len(file_bytes):
        return None
    return np.ndarray(
        (shape[0], shape[1], layout.pixel_bytes),
        dtype=np.uint8,
        buffer=file_bytes.data,
        offset=layout.start,
        strides=(_stride(shape, layout), layout.pixel_bytes, 1),
    )


def _padding(
    file_bytes: NDArray[np.uint8], shape: tuple[int, ...], layout: RawLayout
) -> NDArray[np.uint8]:
    """A view (H - 1, row_padding) of the padding between the rows of a file."""
    if not layout.row_padding or shape[0] == 1:
        return np.zeros((shape[0] - 1, layout.row_padding), dtype=np.uint8)
    return np.ndarray(
        (shape[0] - 1, layout.row_padding),
        dtype=np.uint8,
        buffer=file_bytes.data,
        offset=layout.start + shape[1] * layout.pixel_bytes,
        strides=(_stride(shape, layout), 1),
    )


def _same(rows: NDArray[np.uint8], pixels: Pixels, layout: RawLayout) -> bool:
    """Whether the rows of the file equal the pixels."""
    if layout.bottom_up:
        rows = rows[::-1]
    step = max(1, _BLOCK_SAMPLES // (pixels.shape[1] * pixels.shape[2]))
    return all(
        np.array_equal(rows[top : top + step][:, :, layout.places], pixels[top : top + step])
        for top in range(0, len(pixels), step)
    )
