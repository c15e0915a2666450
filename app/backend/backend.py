"""The window's interface to the engine.

Every method here may be slow and is called on a worker, never on the window's thread. The
imports stand inside the methods, so that the window appears before they are paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import core.archive
from app.backend.decoding import Decoded, Decoding
from app.backend.edits import CoreEdits, Edits
from app.backend.thumbnail_cache import ThumbnailCache
from app.backend.warmup import import_torch
from core import engine
from core.archive.codec import (
    CodecFactory,
    Codecs,
    CoefficientCodec,
    ImageCodec,
    load_jpeg_codec,
    load_photo_codec,
)
from core.archive.entry import Entry, Share
from core.coding.efforts import Effort
from core.control import CancelToken, ProgressListener
from core.engine import FileResult, Listener, OnLeftOut, Queries, Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.bench.contest import Attempt, ContestListener
    from core.engine import Discardable
    from core.images.metadata import Fact
    from core.images.tiles import TileListener

#: The codecs that Floe is compared with in the details panel, in this order.
REFERENCES = ("PNG", "WebP", "JPEG XL")

#: Files with their weights, for the total progress of a job.
Plan = list[tuple[str, float]]


class Listing(NamedTuple):
    """What is in an archive."""

    entries: list[Entry]  #: in the order of adding
    folders: list[str]  #: those made by hand, which may be empty
    damage: str | None  #: a sentence, if the archive is damaged


class Backend(Protocol):
    """Everything the window asks of archives."""

    @property
    def edits(self) -> Edits: ...

    def create(self, archive: Path) -> None: ...

    def entries(self, archive: Path) -> Listing: ...

    def plan_add(
        self, paths: Sequence[Path], into: str, on_left_out: OnLeftOut
    ) -> list[Source]: ...

    def plan_again(self, sources: Sequence[Source], on_left_out: OnLeftOut) -> list[Source]: ...

    def add(
        self,
        archive: Path,
        sources: Sequence[Source],
        queries: Queries | None,
        listener: Listener,
        cancel: CancelToken,
    ) -> list[FileResult]: ...

    def extract(
        self,
        archive: Path,
        names: Sequence[str],
        folders: Sequence[str],
        target: Path,
        queries: Queries | None,
        listener: Listener,
        cancel: CancelToken,
    ) -> list[FileResult]: ...

    def verify(
        self,
        archive: Path,
        names: Sequence[str],
        queries: Queries | None,
        listener: Listener,
        cancel: CancelToken,
    ) -> list[FileResult]: ...

    def originals(self, results: Sequence[FileResult]) -> list[Discardable]: ...

    def discard(
        self,
        archive: Path,
        files: Sequence[Discardable],
        move: Callable[[Path], None],
        listener: Listener,
        cancel: CancelToken,
    ) -> list[FileResult]: ...

    def thumbnail(
        self,
        archive: Path,
        name: str,
        side: int,
        sha256: str | None = None,
        cancel: CancelToken | None = None,
    ) -> NDArray[np.uint8]: ...

    def thumbnail_of_file(self, path: Path, side: int) -> NDArray[np.uint8]: ...

    def breakdown(self, archive: Path, name: str) -> dict[Share, float]: ...

    def metadata(self, archive: Path, name: str) -> list[Fact]: ...

    def report(self, archive: Path, names: Sequence[str] | None, target: Path) -> None: ...

    def contest(
        self,
        image: Path,
        listener: ContestListener,
        cancel: CancelToken,
        *,
        thorough: bool,
        black_box: bool,
    ) -> Iterator[Attempt]: ...

    def codelengths(self, archive: Path, name: str, cancel: CancelToken) -> Iterator[Attempt]: ...

    def preview(
        self,
        archive: Path,
        name: str,
        progress: ProgressListener,
        on_tile: TileListener,
        cancel: CancelToken,
    ) -> Decoded: ...


class CoreBackend:
    """The backend on :mod:`core`. Tests hand in a fast codec, which needs no model."""

    def __init__(
        self,
        codec_factory: CodecFactory | None = None,
        *,
        shelf: Path | None = None,
        thumbnails: Path | None = None,
    ) -> None:
        """``shelf`` is the folder for undo data, ``thumbnails`` that of the thumbnail cache."""
        if codec_factory is None:
            self._codecs = Codecs(_load_photo_codec, _load_jpeg_codec, standard=True)
        else:
            self._codecs = Codecs(codec_factory)
        self._decoding = Decoding(self._codecs)
        self.edits = CoreEdits(shelf)
        self._thumbnails = ThumbnailCache(thumbnails) if thumbnails is not None else None

    def close(self) -> None:
        """Remove the undo data."""
        self.edits.close()

    def create(self, archive: Path) -> None:
        """Make an empty archive; a file of this name is replaced once the new one is complete."""
        core.archive.Archive.create(archive, overwrite=True).close()

    def entries(self, archive: Path) -> Listing:
        """The contents of an archive.

        A damaged archive is opened, too, so that the rest can be extracted.
        """
        with core.archive.Archive.open(archive, salvage=True) as opened:
            damage = opened.damage()
            entries, folders = opened.entries(), opened.folders()
        return Listing(entries, folders, f"{archive}: {damage}" if damage else None)

    def plan_add(self, paths: Sequence[Path], into: str, on_left_out: OnLeftOut) -> list[Source]:
        """The files of paths, with their names below a folder of the archive."""
        return engine.plan(paths, into, on_left_out)

    def plan_again(self, sources: Sequence[Source], on_left_out: OnLeftOut) -> list[Source]:
        """Files that failed, for another attempt."""
        return engine.plan_again(sources, on_left_out)

    def add(
        self,
        archive: Path,
        sources: Sequence[Source],
        queries: Queries | None,
        listener: Listener,
        cancel: CancelToken,
    ) -> list[FileResult]:
        """Add planned files."""
        return engine.add(
            archive,
            sources,
            queries=queries,
            shelf=self.edits.shelf(),
            listener=listener,
            cancel=cancel,
            codecs=self._codecs,
        )

    def extract(
        self,
        archive: Path,
        names: Sequence[str],
        folders: Sequence[str],
        target: Path,
        queries: Queries | None,
        listener: Listener,
        cancel: CancelToken,
    ) -> list[FileResult]:
        """Write images into a folder of the disk, and make folders there."""
        return engine.extract(
            archive,
            names,
            folders,
            target,
            queries=queries,
            listener=listener,
            cancel=cancel,
            codecs=self._codecs,
        )

    def verify(
        self,
        archive: Path,
        names: Sequence[str],
        queries: Queries | None,
        listener: Listener,
        cancel: CancelToken,
    ) -> list[FileResult]:
        """Decode images and compare them with their hashes."""
        return engine.verify(
            archive,
            names,
            queries=queries,
            listener=listener,
            cancel=cancel,
            codecs=self._codecs,
        )

    def originals(self, results: Sequence[FileResult]) -> list[Discardable]:
        """The files of these results that the archive returns byte for byte."""
        return engine.discardables(results)

    def discard(
        self,
        archive: Path,
        files: Sequence[Discardable],
        move: Callable[[Path], None],
        listener: Listener,
        cancel: CancelToken,
    ) -> list[FileResult]:
        """Move originals away; each is checked once more right before."""
        return engine.discard(
            archive, files, move, listener=listener, cancel=cancel, codecs=self._codecs
        )

    def thumbnail(
        self,
        archive: Path,
        name: str,
        side: int,
        sha256: str | None = None,
        cancel: CancelToken | None = None,
    ) -> NDArray[np.uint8]:
        """A thumbnail of an entry, (h, w, 3 or 4) uint8, neither side above ``side``.

        With the hash of its file, it is cached on disk.
        """

        def make() -> NDArray[np.uint8]:
            with core.archive.Archive.open(archive, salvage=True, codecs=self._codecs) as opened:
                return opened.read_thumbnail(name, side, cancel=cancel)

        if sha256 is None or self._thumbnails is None:
            return make()
        return self._thumbnails.get(f"{sha256}-{side}", make)

    def thumbnail_of_file(self, path: Path, side: int) -> NDArray[np.uint8]:
        """A thumbnail of an image file on disk."""
        from core.images.thumbnails import thumbnail_of_file

        return thumbnail_of_file(path.read_bytes(), path, side)

    def breakdown(self, archive: Path, name: str) -> dict[Share, float]:
        """The bits of an entry by purpose."""
        with core.archive.Archive.open(archive, salvage=True) as opened:
            return opened.breakdown(name)

    def metadata(self, archive: Path, name: str) -> list[Fact]:
        """The metadata of an entry's file."""
        with core.archive.Archive.open(archive, salvage=True) as opened:
            return opened.metadata(name)

    def codelengths(self, archive: Path, name: str, cancel: CancelToken) -> Iterator[Attempt]:
        """The results of other codecs on the decoded pixels of an image, one by one."""
        from core.bench.contenders import references
        from core.bench.contest import contest

        pixels = self._decoding.pixels(archive, name, cancel)
        yield from contest(pixels, references(), cancel=cancel)

    def contest(
        self,
        image: Path,
        listener: ContestListener,
        cancel: CancelToken,
        *,
        thorough: bool,
        black_box: bool,
    ) -> Iterator[Attempt]:
        """The results of all codecs, Floe included, on the pixels of a file."""
        from core.bench.contenders import everyone, pixels_of
        from core.bench.contest import contest
        from core.bench.flow_contenders import fitting

        pixels = pixels_of(image)
        contenders = everyone(self._codecs, thorough=thorough)
        contenders += fitting(pixels.shape, black_box=black_box)
        yield from contest(pixels, contenders, on_progress=listener, cancel=cancel)

    def preview(
        self,
        archive: Path,
        name: str,
        progress: ProgressListener,
        on_tile: TileListener,
        cancel: CancelToken,
    ) -> Decoded:
        """An image for display, with its codelength map if it has one."""
        return self._decoding.preview(archive, name, progress, on_tile, cancel)

    def report(self, archive: Path, names: Sequence[str] | None, target: Path) -> None:
        """Write the figures of these images, or of all; the target's suffix gives the format."""
        from app.figures import report

        with core.archive.Archive.open(archive, salvage=True) as opened:
            rows = report.gather(opened, names)
        page = target.suffix.lower() == ".html"
        report.write(target, rows, archive.name, page=page)


def _load_jpeg_codec(effort: Effort) -> CoefficientCodec:
    import_torch()  # and Numba
    return load_jpeg_codec(effort)


def _load_photo_codec() -> ImageCodec:

    import_torch()
    return load_photo_codec()
