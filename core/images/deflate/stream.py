"""A zlib stream (RFC 1950) to what must be known beside its bytes to write it again, and back.

The recipe of a stream: a byte, 1 if every block is as expected, else 0; the two bytes of the
stream's header; a byte with level + 16 memory, and one with strategy + 8 library + 16 window, of
the :class:`Parameters`; of zlib-ng a number, how many bytes it was given at a time; and unless all
is as expected, the differences as :class:`Walk` codes them.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from core.control import CancelToken
from core.images.deflate.matching import PADDING
from core.images.deflate.parameters import Library, Parameters, Strategy
from core.images.deflate.reading import BlockReader, DeflateError
from core.images.deflate.search import find_parameters
from core.images.deflate.standard import STORED
from core.images.deflate.walk import Walk
from core.images.deflate.writing import BlockWriter
from core.images.frames import BodyReader, number

#: A stream with more blocks than one for this many bytes, and some, is refused: each takes time.
_BYTES_PER_BLOCK = 24
_MORE_BLOCKS = 1_000

_HEADER_BYTES = 5


def describe(
    stream: bytes, plain: bytes, cancel: CancelToken | None = None, *, row_bytes: int = 0
) -> bytes:
    """The recipe of a zlib stream and the bytes that it decompresses to.

    ``row_bytes``: how many of these the program may have compressed at a time. Raises
    DeflateError for a stream that ends elsewhere, has a dictionary, or an invalid checksum; and
    Cancelled.
    """
    cancel = cancel or CancelToken()
    header = stream[:2]
    if len(stream) < 6 or header[0] & 15 != 8 or int.from_bytes(header, "big") % 31:
        raise DeflateError("no zlib stream")
    if header[1] & 32:
        raise DeflateError("a zlib stream with a dictionary")
    values = np.frombuffer(plain + bytes(PADDING), np.uint8)
    blocks = memoryview(stream)[2:]
    most_blocks = _most_blocks(len(plain))
    parameters = find_parameters(blocks, values, header, row_bytes, most_blocks, cancel)
    reader, walk = BlockReader(blocks), Walk(values, parameters, cancel)
    last = False
    while not last:
        last = walk.code(reader.block()).last
    end, padding = reader.end()
    walk.finish(padding)
    if walk.at != len(plain) or blocks[end:] != _checksum(plain):
        raise DeflateError("a stream with another checksum, or followed by other bytes")
    facts = bytes(
        [
            parameters.level | parameters.memory << 4,
            parameters.strategy | parameters.library << 3 | parameters.window << 4,
        ]
    )
    if parameters.library is Library.ZLIB_NG:
        facts += number(parameters.fed_by)
    if not walk.n_mistakes:
        return b"\x01" + header + facts
    return b"\x00" + header + facts + walk.written()


def write(plain: bytes, recipe: bytes, cancel: CancelToken | None = None) -> bytes:
    """The zlib stream of bytes and a recipe. Raises DeflateError for invalid ones, Cancelled."""
    if len(recipe) < _HEADER_BYTES or recipe[0] > 1:
        raise DeflateError("no recipe of a zlib stream")
    exact = bool(recipe[0])
    parameters, differences = _parameters(recipe)
    values = np.frombuffer(plain + bytes(PADDING), np.uint8)
    walk = Walk(values, parameters, cancel or CancelToken(), differences, exact=exact)
    writer = BlockWriter()
    for _ in range(_most_blocks(len(plain))):
        start = walk.at
        block = walk.code()
        if block.kind == STORED:
            writer.stored(memoryview(plain)[start : walk.at], block.padding, block.last)
        else:
            writer.coded(block.kind, values[start:], block.tokens, block.header, block.last)
        if block.last:
            break
    if walk.at != len(plain):
        raise DeflateError("the recipe of a zlib stream ends too early")
    return recipe[1:3] + writer.finish(walk.finish()) + _checksum(plain)


def _most_blocks(n_bytes: int) -> int:
    return n_bytes // _BYTES_PER_BLOCK + _MORE_BLOCKS


def _parameters(recipe: bytes) -> tuple[Parameters, bytes]:
    """The settings in a recipe, and the bytes behind them."""
    effort, way = recipe[3:_HEADER_BYTES]
    reader = BodyReader(recipe[_HEADER_BYTES:])
    library = Library(way >> 3 & 1)
    try:
        fed_by = reader.number() if library is Library.ZLIB_NG else 0
        parameters = Parameters(
            effort & 15, effort >> 4, Strategy(way & 7), way >> 4, library, fed_by
        )
    except ValueError as error:
        raise DeflateError(f"the recipe of a zlib stream is invalid: {error}") from error
    return parameters, reader.rest()


def _checksum(plain: bytes) -> bytes:
    return struct.pack(">I", zlib.adler32(plain))
