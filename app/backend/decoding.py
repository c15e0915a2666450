"""Decoding for display and measurement, with a cache of the latest images.

Everything here runs on workers.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import core.archive
from core.archive.codec import Codecs
from core.archive.entry import Entry
from core.control import CancelToken, ProgressListener, ignore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.images.tiles import TileListener

#: A larger image has no map, and is shown at a reduced size: both would exceed the memory that
#: a preview may use.
MOST_MAPPED_PIXELS = 100_000_000
_LONGEST_SIDE = 10_000
_COARSE_SIDE = 256

_T = TypeVar("_T", bound="np.generic")

_CAPACITY_BYTES = 256 * 2**20
_CHECK_SECONDS = 0.05


@dataclass(frozen=True)
class Decoded:
    """An image and, unless its file is stored, its codelength map."""

    pixels: NDArray[np.uint8]  # (H, W, C), read-only
    bits: NDArray[np.float32] | None  # (H, W)

    @property
    def n_bytes(self) -> int:
        """Size in memory."""
        return self.pixels.nbytes + (0 if self.bits is None else self.bits.nbytes)


class DecodedImages:
    """A cache bounded in bytes. Thread-safe; no image is decoded twice at the same time."""

    def __init__(self, capacity_bytes: int = _CAPACITY_BYTES) -> None:
        self._capacity = capacity_bytes
        self._kept: OrderedDict[Hashable, Decoded] = OrderedDict()
        self._busy: set[Hashable] = set()
        self._changed = threading.Condition()

    def get(self, key: Hashable, decode: Callable[[], Decoded], cancel: CancelToken) -> Decoded:
        """The image of a key, decoded if missing. Raises Cancelled, and what ``decode`` raises."""
        with self._changed:
            while key in self._busy:
                cancel.check()
                self._changed.wait(_CHECK_SECONDS)
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            self._busy.add(key)
        try:
            decoded = decode()
            with self._changed:
                self._keep(key, decoded)
            return decoded
        finally:
            with self._changed:
                self._busy.discard(key)
                self._changed.notify_all()

    @property
    def n_bytes(self) -> int:
        """Size of all images in memory."""
        with self._changed:
            return sum(decoded.n_bytes for decoded in self._kept.values())

    def _keep(self, key: Hashable, decoded: Decoded) -> None:
        if decoded.n_bytes > self._capacity:
            return
        self._kept[key] = decoded
        while sum(image.n_bytes for image in self._kept.values()) > self._capacity:
            self._kept.popitem(last=False)


class Decoding:
    """The images of archives, decoded once for preview and comparison."""

    def __init__(self, codecs: Codecs) -> None:
        self._codecs = codecs
        self._images = DecodedImages()

    def preview(
        self,
        archive: Path,
        name: str,
        progress: ProgressListener,
        on_tile: TileListener,
        cancel: CancelToken,
    ) -> Decoded:
        """An image for display, with its codelength map if it is coded and not too large.

        ``on_tile`` gets its parts as they are decoded, a coarse version first. Images are turned
        upright, and stored files converted to 8 bits.
        """
        from core.images.tiles import TILE_SIZE, Tile

        with self._open(archive) as opened:
            entry = opened.entry(name)
            large = entry.width * entry.height > MOST_MAPPED_PIXELS
            if large or entry.keeps_file or entry.channels not in (1, 3):
                side = _LONGEST_SIDE if large else max(entry.width, entry.height)
                return Decoded(opened.read_thumbnail(name, side, cancel=cancel), None)

            orientation = _orientation(opened, entry)
            if entry.is_jpeg or orientation != 1:  # no parts, or they would have to be turned
                decoded = self._decode(opened, entry, progress, None, cancel)
                bits = None if decoded.bits is None else upright(decoded.bits, orientation)
                return Decoded(upright(decoded.pixels, orientation), bits)

            def coarse_first() -> None:
                if max(entry.width, entry.height) > TILE_SIZE:  # tiles come one after the other
                    whole = Tile(0, 0, entry.height, entry.width)
                    on_tile(whole, opened.read_thumbnail(name, _COARSE_SIDE, cancel=cancel))

            return self._decode(opened, entry, progress, on_tile, cancel, coarse_first)

    def pixels(self, archive: Path, name: str, cancel: CancelToken) -> NDArray[np.uint8]:
        """The exact pixels of an image, (H, W, C)."""
        with self._open(archive) as opened:
            entry = opened.entry(name)
            if entry.keeps_file:
                return opened.read_pixels(name, cancel=cancel)
            return self._decode(opened, entry, ignore, None, cancel).pixels

    def _open(self, archive: Path) -> core.archive.Archive:
        return core.archive.Archive.open(archive, salvage=True, codecs=self._codecs)

    def _decode(
        self,
        opened: core.archive.Archive,
        entry: Entry,
        progress: ProgressListener,
        on_tile: TileListener | None,
        cancel: CancelToken,
        before: Callable[[], None] = lambda: None,
    ) -> Decoded:
        """A coded entry, by way of the cache: the same hash and model give the same image."""

        def decode() -> Decoded:
            before()
            pixels, bits = opened.read_codelengths(
                entry.name, progress=progress, on_tile=on_tile, cancel=cancel
            )
            return Decoded(pixels, bits)

        return self._images.get((entry.file_sha256, entry.model), decode, cancel)


def _orientation(opened: core.archive.Archive, entry: Entry) -> int:
    """The orientation that EXIF data have for a coded image; 1 is upright."""
    if entry.kind not in ("png", "jpeg"):  # decoders of other formats have turned the pixels
        return 1
    found = (
        fact.value
        for fact in opened.metadata(entry.name)
        if (fact.group, fact.name) == ("EXIF", "Orientation")
    )
    value = next(found, "1")
    return int(value) if value in ("1", "2", "3", "4", "5", "6", "7", "8") else 1


def upright(samples: NDArray[_T], orientation: int) -> NDArray[_T]:
    """Samples (H, W, ...) turned upright, by their EXIF orientation, 1 to 8."""
    swapped = samples.swapaxes(0, 1) if orientation >= 5 else samples
    down = slice(None, None, -1) if orientation in (3, 4, 7, 8) else slice(None)
    across = slice(None, None, -1) if orientation in (2, 3, 6, 7) else slice(None)
    return swapped[down, across]
