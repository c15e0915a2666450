"""Where images hide in the segments of a JPEG stream: some are cut over several of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

#: A range of a file, (start, stop).
Range = tuple[int, int]
#: Ranges whose bytes belong together.
Pieces = tuple[Range, ...]

# A segment is no longer than this, so that one as long may go on in the next.
_MAX_PAYLOAD = 65_533

# What segments begin with whose payload is cut, the bytes before each piece, and which of these
# say that two segments belong together. FPXR: Exif 2.3, 4.7.3, the header of stream data. FLIR:
# "FLIR", 0, 1, number, last. JP: JPEG systems, ISO/IEC 19566-5, D.2, with the box header repeated.
_CUT = (
    (b"FPXR\0", 13, slice(0, 9)),
    (b"FLIR\0", 8, slice(0, 6)),
    (b"JP", 16, slice(0, 4)),
)


def pieces_of(data: bytes, segments: Sequence[tuple[int, int, int]]) -> list[Pieces]:
    """The payloads of segments (marker, start, stop), those together that go on in one another."""
    groups: list[list[Range]] = []
    previous = None
    for segment, follower in pairwise([*segments, (0, 0, 0)]):
        marker, start, stop = segment
        n_header, key = _cut(data, start, stop)
        is_long = stop - start >= _MAX_PAYLOAD - 16
        piece = (min(start + n_header, stop), stop)
        if previous == (marker, key) and start == groups[-1][-1][1] + 4:
            groups[-1].append(piece)
        else:
            groups.append([piece])
        goes_on = key or (is_long and not _cut(data, *follower[1:])[0])
        previous = (marker, key) if goes_on else None
    return [tuple(group) for group in groups]


def _cut(data: bytes, start: int, stop: int) -> tuple[int, bytes]:
    for prefix, n_header, key in _CUT:
        if data.startswith(prefix, start, stop):
            return n_header, data[start : start + n_header][key]
    return 0, b""


def spread(start: int, stop: int, pieces: Pieces) -> list[Range]:
    """The ranges of a file that a range of the joined bytes of ``pieces`` stands for."""
    ranges, before = [], 0
    for first, last in pieces:
        a, b = max(start - before, 0), min(stop - before, last - first)
        if a < b:
            ranges.append((first + a, first + b))
        before += last - first
    return ranges
