"""How the bytes of a recipe are packed: by general coders that know what JPEG headers hold.

A packed recipe is one byte that names a packing, then the packed body: 0 as it is; 1 raw DEFLATE
(RFC 1951) with the preset dictionary resources/jpeg/headers.bin; 2 raw LZMA2 with a window of
8 MiB, for long bodies, such as those of files that something else follows. The smallest is taken.
The dictionary is part of the format, so never to be changed: a better one would be another
packing. (tools/jpeg_dictionary.py made it.)
"""

from __future__ import annotations

import lzma
import zlib
from functools import cache
from importlib.resources import files

from core.images.frames import MAX_BODY_BYTES, FrameError

_STORED, _DEFLATED, _LZMA = 0, 1, 2

#: Bodies shorter than this are not tried with LZMA2, which would not be smaller.
_LONG = 4096

_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 2**23}]


@cache
def dictionary() -> bytes:
    """What the headers of JPEG files are mostly made of, the commonest last."""
    return (files("resources") / "jpeg" / "headers.bin").read_bytes()


def pack(body: bytes) -> bytes:
    """A packed recipe. Raises FrameError where the body is too long to be read again."""
    if len(body) > MAX_BODY_BYTES:
        raise FrameError(f"{len(body)} bytes beside the images, more than {MAX_BODY_BYTES}")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=dictionary())
    packed = [bytes([_STORED]) + body]
    packed.append(bytes([_DEFLATED]) + deflater.compress(body) + deflater.flush())
    if len(body) >= _LONG:
        coded = lzma.compress(body, lzma.FORMAT_RAW, filters=_FILTERS)
        packed.append(bytes([_LZMA]) + coded)
    return min(packed, key=len)


def unpack(packed: bytes) -> bytes:
    """The body of a packed recipe, at most ``MAX_BODY_BYTES`` long. Raises FrameError."""
    packing, rest = packed[:1], packed[1:]
    if packing == bytes([_STORED]):
        return rest
    try:
        if packing == bytes([_DEFLATED]):
            inflater = zlib.decompressobj(-15, zdict=dictionary())
            body = inflater.decompress(rest, MAX_BODY_BYTES)
            complete, unused = inflater.eof, inflater.unused_data
        elif packing == bytes([_LZMA]):
            decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
            body = decoder.decompress(rest, MAX_BODY_BYTES)
            complete, unused = decoder.eof, decoder.unused_data
        else:
            raise FrameError(f"unknown packing {packing!r} of a recipe")
    except (zlib.error, lzma.LZMAError) as error:
        raise FrameError(f"a recipe does not unpack: {error}") from error
    if not complete or unused:
        raise FrameError("a recipe is cut short, too long, or followed by other bytes")
    return body
