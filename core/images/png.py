"""PNG files to their chunks except the image data, and back.

The body of a PNG frame: one byte (1 if the image was interlaced; 2 more if there is a recipe), the
number of chunks before the image data, these chunks, the number of chunks between the image data
and IEND, these chunks, the length of the recipe and the recipe, if there is one, and the bytes
after IEND. A chunk is the length of its data, four letters, the data. IHDR and IEND are not
written, because the pixels imply them; a file without further chunks and recipe has an empty
frame.

With a recipe (:mod:`core.images.png_data`) the file comes back byte for byte. Without one, its
image data is compressed by the zlib that is there.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Pixels
from core.control import CancelToken
from core.images.frames import BodyReader, FrameError, number, pack, unpack

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of as many channels
_SAMPLES_PER_PIXEL = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of each colour type

# First row, first column, row step and column step of the seven passes of an interlaced image.
_ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
_INTERLACED, _HAS_RECIPE = 1, 2  # in the first byte of a frame
_IDAT_BYTES = 2**20
_MAX_CHUNK_BYTES = 2**31 - 1


class BrokenPngError(ValueError):
    """Not a complete PNG file; the message says what is wrong."""


class UnusualPngError(ValueError):
    """A valid PNG that a frame cannot describe; the message says why."""


@dataclass(frozen=True)
class Chunk:
    """A chunk without its length and checksum, which can be computed."""

    kind: bytes
    data: bytes


@dataclass(frozen=True)
class Header:
    """The contents of IHDR."""

    width: int
    height: int
    depth: int  # bits a sample
    colour_type: int
    interlaced: bool


@dataclass(frozen=True)
class PngParts:
    """A PNG file without its image data."""

    header: Header
    before: tuple[Chunk, ...]  # between IHDR and the first IDAT
    after: tuple[Chunk, ...]  # between the last IDAT and IEND
    trailer: bytes  # after IEND

    @property
    def animated(self) -> bool:
        return any(chunk.kind in (b"acTL", b"fcTL", b"fdAT") for chunk in self.before + self.after)


def read_parts(data: bytes) -> PngParts:
    """Split a PNG file into chunks, and check every checksum.

    Raises BrokenPngError for a truncated or damaged file, UnusualPngError for an order of chunks
    that the rebuilt file would not have.
    """
    if not data.startswith(SIGNATURE):
        raise BrokenPngError("it does not begin like a PNG file")
    sections: list[list[Chunk]] = [[], []]
    header: Header | None = None
    image_data_ended = seen_image_data = False
    at = len(SIGNATURE)
    while True:
        chunk, at = _chunk_at(data, at)
        if header is None:
            header = _header(chunk)
        elif chunk.kind == b"IDAT":
            if image_data_ended:
                raise UnusualPngError("its image data is interrupted by other chunks")
            seen_image_data = True
        elif chunk.kind == b"IEND":
            if chunk.data:
                raise UnusualPngError("its last chunk holds data")
            if not seen_image_data:
                raise BrokenPngError("it has no image data")
            return PngParts(header, tuple(sections[0]), tuple(sections[1]), data[at:])
        else:
            image_data_ended = seen_image_data
            sections[seen_image_data].append(chunk)


def check_image_data(data: bytes, header: Header) -> None:
    """Decompress the image data of a file that :func:`read_parts` has split, and check its length.

    Decoders fill missing rows and drop excess data without a word. Raises BrokenPngError for
    missing data, UnusualPngError for excess data.
    """
    inflater = zlib.decompressobj()
    missing = sum(n * (1 + row_bytes) for n, row_bytes in pass_shapes(header))
    excess = False
    try:
        for packed in packed_image_data(data):
            left: memoryview | bytes = packed
            while left and not excess:
                missing -= len(inflater.decompress(left, _IDAT_BYTES))
                excess = missing < 0 or bool(inflater.unused_data)
                left = inflater.unconsumed_tail
        if not excess:  # zlib may hold back some output
            missing -= len(inflater.flush())
    except zlib.error as error:
        raise BrokenPngError("its image data is corrupt") from error
    if missing > 0:
        raise BrokenPngError("its image data ends too early")
    if missing or excess or not inflater.eof:
        raise UnusualPngError("its image data does not end where the image does")


def packed_image_data(data: bytes) -> Iterator[memoryview]:
    """The data of each IDAT chunk of a file that :func:`read_parts` has split."""
    at = len(SIGNATURE)
    while (kind := data[at + 4 : at + 8]) != b"IEND":
        (length,) = struct.unpack_from(">I", data, at)
        if kind == b"IDAT":
            yield memoryview(data)[at + 8 : at + 8 + length]
        at += 12 + length


def pixel_bytes(header: Header) -> int:
    """How many bytes apart the row filters compare: those of a pixel, at least one."""
    return max(1, header.depth * _SAMPLES_PER_PIXEL.get(header.colour_type, 1) // 8)


def pass_shapes(header: Header) -> list[tuple[int, int]]:
    """Rows, and bytes a row, of each pass that is not empty; of one if it is not interlaced."""
    pixel_bits = header.depth * _SAMPLES_PER_PIXEL.get(header.colour_type, 1)
    shapes = []
    for row, column, row_step, column_step in _ADAM7 if header.interlaced else [(0, 0, 1, 1)]:
        rows = max(0, -((row - header.height) // row_step))
        columns = max(0, -((column - header.width) // column_step))
        if rows and columns:
            shapes.append((rows, (columns * pixel_bits + 7) // 8))
    return shapes


def _chunk_at(data: bytes, at: int) -> tuple[Chunk, int]:
    """The chunk at a position, and the position of the next one."""
    if len(data) - at < 12:
        raise BrokenPngError("the file is cut short")
    (length,) = struct.unpack_from(">I", data, at)
    kind = data[at + 4 : at + 8]
    if length > len(data) - at - 12:
        raise BrokenPngError("the file is cut short")
    end = at + 8 + length
    (checksum,) = struct.unpack_from(">I", data, end)
    if zlib.crc32(memoryview(data)[at + 4 : end]) != checksum:
        name = kind.decode("ascii") if kind.isalpha() else "unnamed"
        raise BrokenPngError(f"the checksum of its {name} chunk is wrong")
    # The image data is not copied: it may be close to a gigabyte.
    return Chunk(kind, b"" if kind == b"IDAT" else data[at + 8 : end]), end + 4


def _header(chunk: Chunk) -> Header:
    if chunk.kind != b"IHDR" or len(chunk.data) != 13:
        raise BrokenPngError("its header is missing")
    width, height, depth, colour_type, method, filters, interlace = struct.unpack(
        ">IIBBBBB", chunk.data
    )
    if method or filters or interlace > 1:
        raise BrokenPngError("its header names an unknown method")
    return Header(width, height, depth, colour_type, bool(interlace))


def png_frame(parts: PngParts, recipe: bytes = b"") -> bytes:
    """The frame of a PNG file. Raises FrameError if its other chunks are too long."""
    if not (parts.before or parts.after or parts.trailer or parts.header.interlaced or recipe):
        return b""
    flags = _INTERLACED * parts.header.interlaced + _HAS_RECIPE * bool(recipe)
    body = bytearray([flags])
    for chunks in (parts.before, parts.after):
        body += number(len(chunks))
        for chunk in chunks:
            body += number(len(chunk.data)) + chunk.kind + chunk.data
    if recipe:
        body += number(len(recipe)) + recipe
    return pack(bytes(body + parts.trailer))


def image_data_recipe(data: bytes, parts: PngParts, cancel: CancelToken) -> bytes:
    """The recipe for the image data of a file that :func:`read_parts` has split.

    Raises ValueError, with the reason, where there is none; and Cancelled.
    """
    from core.images.png_data import take_apart  # not above: it brings in Numba

    header = parts.header
    chunks = list(packed_image_data(data))
    return take_apart(chunks, pass_shapes(header), pixel_bytes(header), cancel)[1]


def exif_of_png(frame: bytes) -> bytes:
    """The EXIF data in the frame of a PNG file; empty if there is none. Raises FrameError."""
    body = _parse_frame(frame)
    chunks = body.before + body.after
    return next((chunk.data for chunk in chunks if chunk.kind == b"eXIf"), b"")


def has_recipe(frame: bytes) -> bool:
    """Whether a PNG file comes back byte for byte from its frame. Raises FrameError."""
    return bool(_parse_frame(frame).recipe)


def rebuild_png(pixels: Pixels, frame: bytes, cancel: CancelToken | None = None) -> bytes:
    """A PNG file of (H, W, C) uint8 pixels, C from 1 to 4, and of a frame.

    Raises FrameError for an invalid frame, and Cancelled, because compression takes seconds.
    """
    body = _parse_frame(frame)
    cancel = cancel or CancelToken()
    passes = _passes(pixels) if body.interlaced else [pixels]
    if body.recipe:
        from core.images.png_data import rebuild  # not above: it brings in Numba

        rows = [part.reshape(len(part), -1) for part in passes]
        return _file(pixels.shape, body, rebuild(rows, pixels.shape[2], body.recipe, cancel))
    return _file(pixels.shape, body, _image_data(passes, cancel))


def png_of_frame(frame: bytes, channels: int) -> bytes:
    """A PNG file of one pixel with all other chunks of a frame. Raises FrameError."""
    body = _parse_frame(frame)
    pixels = np.zeros((1, 1, channels), np.uint8)
    return _file(pixels.shape, body, _image_data([pixels], CancelToken()))


@dataclass(frozen=True)
class _Body:
    """What is in a frame."""

    interlaced: bool
    before: list[Chunk]
    after: list[Chunk]
    recipe: bytes
    trailer: bytes


def _file(shape: tuple[int, ...], body: _Body, image_data: Sequence[bytes]) -> bytes:
    height, width, channels = shape
    header = struct.pack(
        ">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, body.interlaced
    )
    out = bytearray(SIGNATURE)
    _append(out, Chunk(b"IHDR", header))
    for chunk in body.before:
        _append(out, chunk)
    for data in image_data:
        _append(out, Chunk(b"IDAT", data))
    for chunk in body.after:
        _append(out, chunk)
    _append(out, Chunk(b"IEND", b""))
    return bytes(out) + body.trailer


def _parse_frame(frame: bytes) -> _Body:
    if not frame:
        return _Body(False, [], [], b"", b"")
    reader = BodyReader(unpack(frame))
    flags = reader.take(1)[0]
    if flags > _INTERLACED + _HAS_RECIPE:
        raise FrameError(f"unknown flags {flags} in the frame of a PNG file")
    sections: list[list[Chunk]] = [[], []]
    for section in sections:
        # Nothing is allocated in advance, so a false count runs out of bytes, not of memory.
        for _ in range(reader.number()):
            length = reader.number()
            if length > _MAX_CHUNK_BYTES:
                raise FrameError("a chunk in the frame of a PNG file is too long")
            kind = reader.take(4)
            section.append(Chunk(kind, reader.take(length)))
    recipe = reader.take(reader.number()) if flags & _HAS_RECIPE else b""
    return _Body(bool(flags & _INTERLACED), sections[0], sections[1], recipe, reader.rest())


def _append(out: bytearray, chunk: Chunk) -> None:
    checksum = zlib.crc32(chunk.data, zlib.crc32(chunk.kind))
    out += struct.pack(">I", len(chunk.data)) + chunk.kind + chunk.data
    out += struct.pack(">I", checksum)


def _image_data(passes: Sequence[Pixels], cancel: CancelToken) -> list[bytes]:
    """The zlib stream of an image, cut into the data of IDAT chunks."""
    from core.images.png_rows import LIBPNG, best_filters, filtered_rows  # brings in Numba

    deflater = zlib.compressobj(6, zlib.DEFLATED, 15, 8, zlib.Z_FILTERED)
    stream = bytearray()
    for part in passes:
        step = part.shape[2]
        rows = part.reshape(len(part), -1)
        chosen = best_filters(rows, step, LIBPNG)
        cancel.check()
        for packed in _pieces(filtered_rows(rows, step, chosen).reshape(-1)):
            cancel.check()
            stream += deflater.compress(packed.data)
    stream += deflater.flush()
    return [bytes(stream[at : at + _IDAT_BYTES]) for at in range(0, len(stream), _IDAT_BYTES)]


def _pieces(values: Pixels) -> Iterator[Pixels]:
    for at in range(0, len(values), _IDAT_BYTES):
        yield values[at : at + _IDAT_BYTES]


def _passes(pixels: Pixels) -> list[Pixels]:
    """The seven reduced images of Adam7 that are not empty."""
    parts = [pixels[r::dr, c::dc] for r, c, dr, dc in _ADAM7]
    return [np.ascontiguousarray(part) for part in parts if part.size]
