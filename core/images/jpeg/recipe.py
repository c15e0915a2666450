"""What is not coefficients in a file that holds JPEG images, as an explicit format.

A file is a tree of parts. A part is kept bytes, in which holes are filled with other parts, and,
if it is a JPEG stream, the data of scans then follow their headers. Each part comes after those
that it holds; the last one is the file.

The body of a recipe is made of LEB128 numbers. First the number of parts. Then for each part the
number of its kept bytes, of its holes, of its scans, and for each hole: the kept bytes since the
last one, the part that fills it, and with how many bytes (a part that was not used up goes on in
the next hole that names it). Then the kept bytes of all parts. Then the notes of each scan, in
order (:mod:`core.images.jpeg.notes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.control import CancelToken
from core.images.frames import BodyReader, FrameError, number
from core.images.jpeg.headers import pack, unpack
from core.images.jpeg.image import JpegImage
from core.images.jpeg.markers import ScanHeader, Walk
from core.images.jpeg.nonzero import masks_of
from core.images.jpeg.notes import read_notes, write_notes
from core.images.jpeg.plan import is_regular, layout_of
from core.images.jpeg.scan import encode_scan
from core.images.jpeg.stream import MAX_BLOCKS, ScanRecipe, blocks_of, layout_and_image

#: More bytes than a file that is read has: a bound on what a hostile recipe can make.
MAX_FILE_BYTES = 2**31


@dataclass(frozen=True)
class Hole:
    """A place for ``n_bytes`` of part number ``part``, ``gap`` kept bytes after the last one."""

    gap: int
    part: int
    n_bytes: int


@dataclass(frozen=True, eq=False)
class Part:
    """A JPEG stream, or (without scans) other bytes with such streams in them."""

    kept: bytes
    holes: tuple[Hole, ...]
    scans: tuple[tuple[ScanHeader, ScanRecipe], ...]

    @property
    def n_bytes(self) -> int:
        """Bytes before the data of scans are put in."""
        return len(self.kept) + sum(hole.n_bytes for hole in self.holes)

    def filled(self, fillings: Iterator[bytes]) -> bytes:
        """The kept bytes with these in the holes."""
        pieces, at = [], 0
        for hole, filling in zip(self.holes, fillings, strict=True):
            pieces += [self.kept[at : at + hole.gap], filling]
            at += hole.gap
        return b"".join([*pieces, self.kept[at:]])


@dataclass(frozen=True, eq=False)
class Recipe:
    """All that makes a file of its images' coefficients."""

    parts: tuple[Part, ...]

    @property
    def n_kept(self) -> int:
        """Bytes of the file that no image makes."""
        return sum(len(part.kept) for part in self.parts)

    def to_bytes(self) -> bytes:
        """Raises FrameError where the file holds too many other bytes."""
        body = bytearray(number(len(self.parts)))
        for part in self.parts:
            for value in (len(part.kept), len(part.holes), len(part.scans)):
                body += number(value)
            for hole in part.holes:
                body += number(hole.gap) + number(hole.part) + number(hole.n_bytes)
        for part in self.parts:
            body += part.kept
        for part in self.parts:
            for header, scan in part.scans:
                body += write_notes(header, scan)
        return pack(bytes(body))

    @staticmethod
    def from_bytes(data: bytes) -> Recipe:
        """The recipe of these bytes. Raises FrameError where they are none."""
        reader = BodyReader(unpack(data))
        outlines = [_read_outline(reader, i) for i in range(reader.number())]
        if not outlines:
            raise FrameError("a recipe without parts")
        kept = [reader.take(n_kept) for n_kept, _, _ in outlines]
        parts = []
        for (_, holes, n_scans), own in zip(outlines, kept, strict=True):
            part = Part(own, holes, ())
            if part.n_bytes > MAX_FILE_BYTES or sum(h.gap for h in holes) > len(own):
                raise FrameError("a recipe with impossible parts")
            parts.append(Part(own, holes, tuple(_read_scans(reader, part, n_scans))))
        if reader.rest():
            raise FrameError("a recipe is followed by other bytes")
        return Recipe(tuple(parts))

    def blank_images(self) -> list[JpegImage]:
        """The images with all coefficients zero, for a decoder to fill in.

        Raises FrameError where they are larger than any that is taken apart.
        """
        images, n_blocks = [], 0
        for part in self.parts:
            if part.scans:
                images.append(layout_and_image(part.scans)[1])
                n_blocks += images[-1].n_blocks
                if n_blocks > 2 * MAX_BLOCKS:
                    raise FrameError("a recipe with too many blocks")
        return images


def rebuild(
    images: Sequence[JpegImage], recipe: Recipe, cancel: CancelToken | None = None
) -> bytes:
    """The file of which ``images`` and ``recipe`` were taken.

    Raises FrameError where the two do not belong together, and Cancelled.
    """
    cancel = cancel or CancelToken()
    made: list[bytes] = []
    remaining = iter(images)
    for part in recipe.parts:
        cancel.check()
        data = part.filled(_fillings(part, made))
        if part.scans:
            image = next(remaining, None)
            if image is None:
                raise FrameError("an image is missing")
            data = _with_scans(data, part, image, cancel)
        if len(data) > MAX_FILE_BYTES:
            raise FrameError("a recipe makes too long a file")
        made.append(data)
    if next(remaining, None) is not None:
        raise FrameError("an image too many")
    return made[-1]


def _with_scans(data: bytes, part: Part, image: JpegImage, cancel: CancelToken) -> bytes:
    layout, expected = layout_and_image(part.scans)
    shapes = [c.coefficients.shape for c in expected.components]
    if [c.coefficients.shape for c in image.components] != shapes:
        raise FrameError("an image does not have the shape that its recipe says")
    blocks = blocks_of(image)
    masks = masks_of(blocks)
    pieces, at = [], 0
    for header, scan in part.scans:
        try:
            coded, _ = encode_scan(header, scan.notes, layout, blocks, masks, cancel)
        except ValueError as error:
            raise FrameError(f"a scan cannot be made: {error}") from error
        pieces += [data[at : header.position], coded[: max(0, len(coded) - scan.n_dropped)]]
        at = header.position
    return b"".join([*pieces, data[at:]])


def _fillings(part: Part, made: Sequence[bytes]) -> Iterator[bytes]:
    used = dict.fromkeys(range(len(made)), 0)
    for hole in part.holes:
        start = used[hole.part]
        stop = start + hole.n_bytes
        if stop > len(made[hole.part]):
            raise FrameError("a recipe wants more of a part than there is")
        used[hole.part] = stop if stop < len(made[hole.part]) else 0
        yield made[hole.part][start:stop]


def _read_outline(reader: BodyReader, index: int) -> tuple[int, tuple[Hole, ...], int]:
    n_kept, n_holes, n_scans = reader.number(), reader.number(), reader.number()
    holes = []
    for _ in range(n_holes):
        hole = Hole(reader.number(), reader.number(), reader.number())
        if hole.part >= index:
            raise FrameError("a part that holds itself")
        holes.append(hole)
    return n_kept, tuple(holes), n_scans


def _read_scans(
    reader: BodyReader, part: Part, n_scans: int
) -> Iterator[tuple[ScanHeader, ScanRecipe]]:
    if not n_scans:
        return
    data = part.filled(bytes(hole.n_bytes) for hole in part.holes)
    walk = Walk(data, 0, len(data))
    last = -1
    for _ in range(n_scans):
        n_skipped = reader.number()
        header = walk.next_scan()
        while header is not None and header.ordinal - last - 1 < n_skipped:
            header = walk.next_scan()
        if header is None or header.ordinal - last - 1 != n_skipped or not is_regular(header):
            raise FrameError("a recipe names a scan that is not there")
        if layout_of(header.frame).n_blocks > MAX_BLOCKS:
            raise FrameError("a recipe with too many blocks")
        last = header.ordinal
        yield header, read_notes(reader, header, n_skipped)
