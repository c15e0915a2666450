"""Any file is taken apart: its JPEG streams, those inside of them, and what remains."""

from __future__ import annotations

from dataclasses import replace

from core.control import CancelToken
from core.images.frames import FrameError
from core.images.jpeg.image import JpegImage
from core.images.jpeg.markers import SOI
from core.images.jpeg.recipe import Hole, Part, Recipe, rebuild
from core.images.jpeg.stream import Budget, Stream, read_stream

#: How deep images in images are looked for.
MAX_DEPTH = 4
#: Places in a file at which an image may begin, before the search is given up.
MAX_IMAGES = 4096


def take_apart(data: bytes, cancel: CancelToken | None = None) -> tuple[list[JpegImage], Recipe]:
    """The images of the JPEG streams in a file, and all that makes the file of them again.

    Images come in the order of their ends, so thumbnails before the image that holds them. A
    stream that comes twice is one image. The file is rebuilt and compared; whatever does not come
    back byte for byte stays among the bytes that the recipe keeps. Raises Cancelled.
    """
    cancel = cancel or CancelToken()
    search = _Search(data, cancel)
    images, recipe = search.images, search.recipe
    stored = Recipe((Part(data, (), ()),))
    try:
        written = Recipe.from_bytes(recipe.to_bytes())
    except FrameError:  # too many bytes that are kept
        return [], stored
    outlines = [image.outline for image in written.blank_images()]
    if outlines != [image.outline for image in images]:
        return [], stored
    return (images, written) if rebuild(images, written, cancel) == data else ([], stored)


class _Search:
    def __init__(self, data: bytes, cancel: CancelToken) -> None:
        self._data, self._cancel = data, cancel
        self._budget = Budget(128 * len(data) + 2**20, len(data) // 16 + 2**14, MAX_IMAGES)
        self._parts: list[Part] = []
        self._known: dict[bytes, int] = {}
        self.images: list[JpegImage] = []
        found = self._streams(0, len(data), MAX_DEPTH)
        self._parts.append(self._part(0, len(data), found, None))
        self.recipe = Recipe(tuple(self._parts))

    def _streams(self, start: int, stop: int, depth: int) -> list[tuple[int, int, int]]:
        """The streams in a range of the file: (start, stop, part)."""
        found: list[tuple[int, int, int]] = []
        at = start
        while depth and (at := self._data.find(SOI, at, stop)) >= 0:
            self._budget.n_images -= 1
            if self._budget.n_images < 0 or self._budget.n_markers < 0:
                break
            stream = read_stream(self._data, at, stop, self._budget, self._cancel)
            if stream is None:
                at += 2
                continue
            found.append((at, stream.end, self._add(at, stream, depth)))
            at = stream.end
        return found

    def _add(self, start: int, stream: Stream, depth: int) -> int:
        """The number of the part that a stream is."""
        own = self._data[start : stream.end]
        if own in self._known:
            return self._known[own]
        inner = [s for _, a, b in stream.segments for s in self._streams(a, b, depth - 1)]
        part = self._part(start, stream.end, inner, stream)
        self._known[own] = len(self._parts)
        self._parts.append(part)
        self.images.append(stream.image)
        return self._known[own]

    def _part(
        self, start: int, stop: int, inner: list[tuple[int, int, int]], stream: Stream | None
    ) -> Part:
        coded = stream.coded if stream else ()
        taken = sorted([*inner, *((a, b, -1) for a, b in coded)])
        kept, holes, at, n_before = [], [], start, 0
        for a, b, part in taken:
            kept.append(self._data[at:a])
            n_before += a - at
            if part >= 0:
                holes.append(Hole(n_before, part, b - a))
                n_before = 0
            at = b
        kept.append(self._data[at:stop])
        scans, n_coded = [], 0
        for (header, scan), (a, b) in zip(stream.scans if stream else (), coded, strict=True):
            position = header.position - start - n_coded
            scans.append((replace(header, position=position), scan))
            n_coded += b - a
        return Part(b"".join(kept), tuple(holes), tuple(scans))
