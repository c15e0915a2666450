"""Any bytes as an .xz stream: what is no image, and images that no codec of pixels takes.

xz stands in Python's standard library and on every system, its format is documented and will
stay readable, and of the general compressors in wide use it makes the smallest files. A stream
names its own filters, so that decoding needs no choice. Memory is bounded both ways.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Iterator
from typing import Any

from core.errors import DamagedChunkError

#: A stream may not ask for more memory than this to be decoded; ours take 9 MiB.
_MEMORY_BYTES = 64 * 2**20
_OUT_BYTES = 2**20

_PRESET = 6
#: Differences to the byte so many places before: samples of 16 bits, channels of a pixel.
_DISTANCES = (0, 1, 2, 3, 4, 6, 8)

Filters = list[dict[str, Any]]


def best_filters(sample: bytes, least_saving: float) -> Filters | None:
    """The filters that make a sample smallest, or None if they save less than this share."""
    sizes = {distance: len(_quickly(sample, distance)) for distance in _DISTANCES}
    best = min(sizes, key=lambda distance: (sizes[distance], distance))
    if sizes[best] > len(sample) * (1 - least_saving):
        return None
    return _filters(best, _PRESET)


def compressed(pieces: Iterable[bytes | memoryview], filters: Filters) -> Iterator[bytes]:
    """The stream of a file, in pieces of any length."""
    packer = lzma.LZMACompressor(lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=filters)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def decompressed(pieces: Iterable[bytes | memoryview], n_bytes: int) -> Iterator[bytes]:
    """The file of ``n_bytes`` bytes of a stream, in pieces of at most 1 MiB.

    Raises DamagedChunkError for any other stream, before it unpacks to more.
    """
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY_BYTES)
    left = n_bytes
    try:
        for piece in pieces:
            if unpacker.eof:
                raise DamagedChunkError("bytes follow the end of an xz stream")
            out = unpacker.decompress(piece, _OUT_BYTES)
            while True:
                left -= len(out)
                if left < 0:
                    raise DamagedChunkError("an xz stream is longer than its file")
                if out:
                    yield out
                if unpacker.eof or unpacker.needs_input:
                    break
                out = unpacker.decompress(b"", _OUT_BYTES)
    except lzma.LZMAError as error:
        raise DamagedChunkError(f"not an xz stream: {error}") from error
    if left or not unpacker.eof or unpacker.unused_data:
        raise DamagedChunkError("an xz stream ends too early or too late")


def _filters(distance: int, preset: int) -> Filters:
    packing: Filters = [{"id": lzma.FILTER_LZMA2, "preset": preset}]
    return [{"id": lzma.FILTER_DELTA, "dist": distance}, *packing] if distance else packing


def _quickly(sample: bytes, distance: int) -> bytes:
    return lzma.compress(sample, lzma.FORMAT_XZ, lzma.CHECK_CRC32, None, _filters(distance, 0))
