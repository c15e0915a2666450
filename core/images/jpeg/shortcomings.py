"""Why bytes of a file's scans are kept as they are, in short phrases."""

from __future__ import annotations

from collections.abc import Iterator

from core.images.jpeg.markers import SOI, Frame, Walk
from core.images.jpeg.plan import size_of
from core.images.jpeg.recipe import Part, Recipe

_KINDS = {
    3: "lossless coding",
    7: "lossless coding",
    9: "arithmetic coding",
    10: "arithmetic coding",
    11: "lossless coding",
}


def shortcomings(recipe: Recipe) -> list[str]:
    """What of a file could not be made of coefficients, each kind once; nothing for a JPEG that is
    taken apart as a whole, and for a file without any."""
    found = [phrase for part in recipe.parts for phrase in _of_part(part)]
    return list(dict.fromkeys(found))


def _of_part(part: Part) -> Iterator[str]:
    if not part.scans:
        yield from _of_other_bytes(part.kept)
        return
    coded = {header.ordinal for header, _ in part.scans}
    for header, scan in part.scans:
        if scan.notes.n_units < size_of(header)[0]:
            yield "data that end early or are damaged"
        elif scan.n_dropped:
            yield "a scan that ends otherwise"
    data = part.filled(bytes(hole.n_bytes) for hole in part.holes)
    walk = Walk(data, 0, len(data))
    while (following := walk.next_scan()) is not None:
        start = following.position
        next_marker = data.find(b"\xff", start)
        if following.ordinal not in coded and next_marker - start > 64:
            yield "a scan that is damaged, or repeats another"
    if walk.has_two_frames:
        yield "a second frame"


def _of_other_bytes(data: bytes) -> Iterator[str]:
    at = 0
    for _ in range(100):
        at = data.find(SOI, at)
        if at < 0:
            return
        walk = Walk(data, at, len(data))
        while walk.next_scan() is not None:
            pass
        if walk.frame is not None:
            yield _of_frame(walk.frame)
        at += 2


def _of_frame(frame: Frame) -> str:
    if frame.kind > 2:
        return _KINDS.get(frame.kind, "hierarchical coding")
    return "an image without a readable scan"
