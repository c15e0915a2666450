"""A zlib stream (RFC 1950) to what must be known beside its bytes to write it again, and back.

The recipe of a stream: a byte, 1 if every block is as expected, else 0; the two bytes of the
stream's header; a byte with level + 16 memory, and one with strategy + 16 window, of the
:class:`Parameters`; and unless all is as expected, the differences as :class:`Walk` codes them.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from core.control import CancelToken
from core.images.deflate.matching import PADDING
from core.images.deflate.parameters import Parameters, Strategy
from core.images.deflate.reading import BlockReader, DeflateError
from core.images.deflate.search import find_parameters
from core.images.deflate.standard import STORED
from core.images.deflate.walk import Walk
from core.images.deflate.writing import BlockWriter

#: A stream with more blocks than one for this many bytes, and some, is refused: each takes time.
_BYTES_PER_BLOCK = 24
_MORE_BLOCKS = 1_000

_HEADER_BYTES = 5


def describe(stream: bytes, plain: bytes, cancel: CancelToken | None = None) -> bytes:
    """The recipe of a zlib stream and the bytes that it decompresses to.

    Raises DeflateError for a stream that ends elsewhere, has a dictionary, or an invalid checksum;
    and Cancelled.
    """
    cancel = cancel or CancelToken()
    header = stream[:2]
    if len(stream) < 6 or header[0] & 15 != 8 or int.from_bytes(header, "big") % 31:
        raise DeflateError("no zlib stream")
    if header[1] & 32:
        raise DeflateError("a zlib stream with a dictionary")
    values = np.frombuffer(plain + bytes(PADDING), np.uint8)
    blocks = memoryview(stream)[2:]
    parameters = find_parameters(blocks, values, header, _most_blocks(len(plain)), cancel)
    reader, walk = BlockReader(blocks), Walk(values, parameters, cancel)
    last = False
    while not last:
        last = walk.code(reader.block()).last
    end, padding = reader.end()
    walk.finish(padding)
    if walk.at != len(plain) or blocks[end:] != _checksum(plain):
        raise DeflateError("a stream with another checksum, or followed by other bytes")
    facts = bytes(
        [parameters.level | parameters.memory << 4, parameters.strategy | parameters.window << 4]
    )
    if not walk.n_mistakes:
        return b"\x01" + header + facts
    return b"\x00" + header + facts + walk.written()


def write(plain: bytes, recipe: bytes, cancel: CancelToken | None = None) -> bytes:
    """The zlib stream of bytes and a recipe. Raises DeflateError for invalid ones, Cancelled."""
    if len(recipe) < _HEADER_BYTES or recipe[0] > 1:
        raise DeflateError("no recipe of a zlib stream")
    exact = bool(recipe[0])
    values = np.frombuffer(plain + bytes(PADDING), np.uint8)
    walk = Walk(
        values, _parameters(recipe), cancel or CancelToken(), recipe[_HEADER_BYTES:], exact=exact
    )
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


def _parameters(recipe: bytes) -> Parameters:
    try:
        return Parameters(recipe[3] & 15, recipe[3] >> 4, Strategy(recipe[4] & 15), recipe[4] >> 4)
    except ValueError as error:
        raise DeflateError(f"the recipe of a zlib stream is invalid: {error}") from error


def _checksum(plain: bytes) -> bytes:
    return struct.pack(">I", zlib.adler32(plain))
