"""The image data of a PNG file to its rows and a recipe, and back to the same bytes.

The recipe begins with how the zlib stream is cut into IDAT chunks: the number of bytes of all
chunks but the last one, or 0, the number of chunks and the length of each. Then, how rows are
filtered: 0 as libpng chooses filters, 1 as Pillow does, 2 + n if all rows have filter n; or 7, a
length, and as many bytes of coded filters. The rest is the recipe of the stream, as in
:mod:`core.images.deflate.stream`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from core.arrays import Pixels
from core.control import CancelToken
from core.images.deflate import DeflateError, describe, write
from core.images.deflate.coder import decide_bits, decoder, encoder, finished
from core.images.frames import BodyReader, FrameError, number
from core.images.png_rows import (
    LIBPNG,
    N_FILTERS,
    PAETH,
    PILLOW,
    best_filters,
    filtered_rows,
    unfiltered_rows,
)

_ORDERS = (LIBPNG, PILLOW)
_SAME, _CODED = len(_ORDERS), len(_ORDERS) + N_FILTERS

#: Contexts of a filter: the expected one, the one before, and the bits of it so far.
_N_CONTEXTS = N_FILTERS * N_FILTERS * 8


def take_apart(
    chunks: Sequence[bytes | memoryview],
    shapes: Sequence[tuple[int, int]],
    step: int,
    cancel: CancelToken,
) -> tuple[list[Pixels], bytes]:
    """The rows of each pass, (N, B) uint8, and the recipe for the data of IDAT chunks.

    ``shapes`` are those of the passes, or of the one image, and ``step`` the bytes of a pixel.
    Raises DeflateError, a ValueError, where there is no recipe; and Cancelled.
    """
    stream = b"".join(chunks)
    try:
        plain = zlib.decompress(stream)
    except zlib.error as error:
        raise DeflateError("its image data is corrupt") from error
    if not shapes or len(plain) != sum(n * (1 + row_bytes) for n, row_bytes in shapes):
        raise DeflateError("its image data has another length than its rows")
    passes, filters = [], []
    at = 0
    for n, row_bytes in shapes:
        cancel.check()
        filtered = np.frombuffer(plain, np.uint8, n * (1 + row_bytes), at).reshape(n, 1 + row_bytes)
        passes.append(unfiltered_rows(filtered, step))
        filters.append(filtered[:, 0])
        at += filtered.size
    recipe = _cuts([len(chunk) for chunk in chunks]) + _coded_filters(passes, step, filters)
    row_bytes = 1 + max(row_bytes for _, row_bytes in shapes)
    return passes, recipe + describe(stream, plain, cancel, row_bytes=row_bytes)


def rebuild(passes: Sequence[Pixels], step: int, recipe: bytes, cancel: CancelToken) -> list[bytes]:
    """The data of the IDAT chunks. Raises FrameError for an invalid recipe, and Cancelled."""
    reader = BodyReader(recipe)
    size = reader.number()
    lengths = [reader.number() for _ in range(reader.number())] if not size else []
    filters = _decoded_filters(passes, step, reader)
    plain = b"".join(
        filtered_rows(rows, step, chosen).tobytes()
        for rows, chosen in zip(passes, filters, strict=True)
    )
    cancel.check()
    try:
        stream = write(plain, reader.rest(), cancel)
    except DeflateError as error:
        raise FrameError(str(error)) from error
    if size:
        return [stream[at : at + size] for at in range(0, len(stream), size)]
    if sum(lengths) != len(stream):
        raise FrameError("the chunks of image data have other lengths than the stream")
    ends = np.cumsum(lengths).tolist()
    return [stream[end - n : end] for end, n in zip(ends, lengths, strict=True)]


def _cuts(lengths: Sequence[int]) -> bytes:
    size = lengths[0]
    if size and all(n == size for n in lengths[:-1]) and 0 < lengths[-1] <= size:
        return number(size)
    return number(0) + number(len(lengths)) + b"".join(map(number, lengths))


def _coded_filters(passes: Sequence[Pixels], step: int, filters: Sequence[Pixels]) -> bytes:
    every = np.concatenate(filters)
    if every.min() == every.max():
        return number(_SAME + int(every[0]))
    for mode, order in enumerate(_ORDERS):
        expected = np.concatenate([best_filters(rows, step, order) for rows in passes])
        if np.array_equal(expected, every):
            return number(mode)
    coder = encoder(_N_CONTEXTS, 8 * len(every) + 16)
    expected = np.concatenate([best_filters(rows, step, LIBPNG) for rows in passes])
    before = 0
    for likely, chosen in zip(expected.tolist(), every.tolist(), strict=True):
        decide_bits(coder, _context(likely, before), 3, chosen)
        before = chosen
    coded = finished(coder)
    return number(_CODED) + number(len(coded)) + coded


def _decoded_filters(passes: Sequence[Pixels], step: int, reader: BodyReader) -> list[Pixels]:
    mode = reader.number()
    if mode < len(_ORDERS):
        return [best_filters(rows, step, _ORDERS[mode]) for rows in passes]
    if mode < _CODED:
        return [np.full(len(rows), mode - _SAME, np.uint8) for rows in passes]
    if mode > _CODED:
        raise FrameError("unknown filters in the frame of a PNG file")
    coder = decoder(_N_CONTEXTS, reader.take(reader.number()))
    before = 0
    filters = []
    for rows in passes:
        chosen = np.zeros(len(rows), np.uint8)
        for y, likely in enumerate(best_filters(rows, step, LIBPNG).tolist()):
            before = min(int(decide_bits(coder, _context(likely, before), 3, 0)), PAETH)
            chosen[y] = before
        filters.append(chosen)
    return filters


def _context(likely: int, before: int) -> int:
    return 8 * (N_FILTERS * likely + before)
