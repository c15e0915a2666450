"""Any file is taken apart: its JPEG streams, those inside of them, and what remains."""

from __future__ import annotations

from dataclasses import replace

from core.control import CancelToken
from core.images.frames import FrameError
from core.images.jpeg.image import JpegImage
from core.images.jpeg.markers import SOI
from core.images.jpeg.nested import pieces_of, spread
from core.images.jpeg.recipe import Hole, Part, Recipe, rebuild
from core.images.jpeg.stream import Budget, Stream, read_stream

#: How deep images in images are looked for.
MAX_DEPTH = 4
#: Places in a file at which an image may begin, before the search is given up.
MAX_IMAGES = 4096

# A range of bytes that a part makes: (start, stop, number of the part).
_Found = tuple[int, int, int]


def take_apart(data: bytes, cancel: CancelToken | None = None) -> tuple[list[JpegImage], Recipe]:
    """The images of the JPEG streams in a file, and all that makes the file of them again.

    Images come in the order of their ends, so thumbnails before the image that holds them. A
    stream that comes twice is one image. The file is rebuilt and compared; where it does not come
    back byte for byte, there are no images, and the recipe is the file. Raises Cancelled.
    """
    cancel = cancel or CancelToken()
    images, recipe = taken_apart(data, cancel)
    try:
        written = Recipe.from_bytes(recipe.to_bytes())
        outlines = [image.outline for image in written.blank_images()]
        same = outlines == [image.outline for image in images]
        if same and rebuild(images, written, cancel) == data:
            return images, written
    except FrameError:  # for one, where too many bytes are kept
        pass
    return [], Recipe((Part(data, (), ()),))


def taken_apart(data: bytes, cancel: CancelToken) -> tuple[list[JpegImage], Recipe]:
    """:func:`take_apart` before the file is rebuilt and compared."""
    search = _Search(data, cancel)
    found = search.streams(data, 0, len(data), MAX_DEPTH)
    parts = [*search.parts, _part(data, 0, len(data), found, None)]
    return search.images, Recipe(tuple(parts))


class _Search:
    def __init__(self, data: bytes, cancel: CancelToken) -> None:
        self._cancel = cancel
        self._budget = Budget(128 * len(data) + 2**20, len(data) // 16 + 2**14, MAX_IMAGES)
        self._known: dict[bytes, int] = {}
        self.parts: list[Part] = []
        self.images: list[JpegImage] = []

    def streams(self, data: bytes, start: int, stop: int, depth: int) -> list[_Found]:
        """The streams in a range."""
        found: list[_Found] = []
        at = start
        while depth and (at := data.find(SOI, at, stop)) >= 0:
            self._budget.n_images -= 1
            if self._budget.n_images < 0 or self._budget.n_markers < 0:
                break
            stream = read_stream(data, at, stop, self._budget, self._cancel)
            if stream is None:
                at += 2
                continue
            found.append((at, stream.end, self._number(data, at, stream, depth)))
            at = stream.end
        return found

    def _number(self, data: bytes, start: int, stream: Stream, depth: int) -> int:
        """The number of the part that a stream is."""
        own = data[start : stream.end]
        if own not in self._known:
            inner = self._inner(data, stream, depth - 1)
            part = _part(data, start, stream.end, inner, stream)
            self._known[own] = len(self.parts)
            self.parts.append(part)
            self.images.append(stream.image)
        return self._known[own]

    def _inner(self, data: bytes, stream: Stream, depth: int) -> list[_Found]:
        found: list[_Found] = []
        for pieces in pieces_of(data, stream.segments):
            if len(pieces) == 1:
                found += self.streams(data, *pieces[0], depth)
                continue
            joined = b"".join(data[a:b] for a, b in pieces)
            for start, stop, part in self.streams(joined, 0, len(joined), depth):
                found += [(a, b, part) for a, b in spread(start, stop, pieces)]
        return found


def _part(data: bytes, start: int, stop: int, inner: list[_Found], stream: Stream | None) -> Part:
    coded = stream.coded if stream else ()
    taken = sorted([*inner, *((a, b, -1) for a, b in coded)])
    kept, holes, at, n_before = [], [], start, 0
    for a, b, part in taken:
        kept.append(data[at:a])
        n_before += a - at
        if part >= 0:
            holes.append(Hole(n_before, part, b - a))
            n_before = 0
        at = b
    kept.append(data[at:stop])
    scans, n_coded = [], 0
    for (header, scan), (a, b) in zip(stream.scans if stream else (), coded, strict=True):
        scans.append((replace(header, position=a - start - n_coded), scan))
        n_coded += b - a
    return Part(b"".join(kept), tuple(holes), tuple(scans))
