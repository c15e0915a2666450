"""Jobs over many files: each file succeeds or fails on its own, and cancelling loses nothing.

A file is one call on an executor, with an archive connection of its own, so that one file's
network runs while another file is entropy coded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

from core.archive.archive import Archive
from core.archive.codec import Codecs
from core.archive.packed import Packed
from core.archive.shelf import Shelf
from core.coding.coders import DEFAULT_CODER
from core.coding.efforts import DEFAULT_EFFORT, Effort
from core.control import CancelToken
from core.engine.conflicts import AddingConflicts, Destination, ExtractingConflicts, same_file
from core.engine.planning import Source
from core.engine.queries import Queries
from core.engine.results import FileResult, Listener, Outcome, Silent
from core.engine.running import Run, each
from core.errors import EntryExistsError, FloeError, UnreadableFileError


def add(
    archive: Path,
    sources: Iterable[Source],
    *,
    queries: Queries | None = None,
    coder: str = DEFAULT_CODER,
    effort: Effort = DEFAULT_EFFORT,
    pixels_only: bool = False,
    shelf: Shelf | None = None,
    carry_model: bool = False,
    listener: Listener | None = None,
    cancel: CancelToken | None = None,
    codecs: Codecs | None = None,
    executor: Executor | None = None,
) -> list[FileResult]:
    """Add planned files and folders to an existing archive, and return results in their order.

    A file that the archive already has under its name is left alone, so that an interrupted job
    can simply be run again. What to do about another image of that name is asked before anything
    is coded; without ``queries`` it is an error. What is replaced goes to the shelf, if there is
    one. With ``pixels_only`` PNG files may come back with other bytes. With ``carry_model`` the
    archive gets a copy of the model that its images need. Raises what Archive.open raises, before
    anything is coded.
    """
    codecs = codecs or Codecs()
    run = Run(archive, listener, cancel, queries)
    files = [FileResult(name, source=path) for path, name in sources]

    def begin(file: FileResult, destination: Destination) -> Callable[[], FileResult]:
        return _Adding(
            file, destination, archive, run, codecs, shelf, coder, effort, pixels_only, carry_model
        )

    with Archive.open(archive, write=True, codecs=codecs, cancel=run.cancel) as opened:
        opened.check_writable()
        decided = run.decide(files, AddingConflicts(opened, files, run.asking, run.cancel).decide)
        there = [d.entry for d in decided if isinstance(d, FileResult) and d.ok and d.entry]
        if carry_model and any(entry.model is not None for entry in there):
            opened.carry_model()
    return run.work(files, decided, begin, executor)


@dataclass
class _Adding:
    """The work on one file; what it has packed is kept for another attempt to write it."""

    file: FileResult
    destination: Destination
    archive: Path
    run: Run
    codecs: Codecs
    shelf: Shelf | None
    coder: str
    effort: Effort
    pixels_only: bool
    carry_model: bool
    packed: Packed | None = None

    def __call__(self) -> FileResult:
        file, name, cancel = self.file, self.destination.name, self.run.cancel
        assert file.source is not None
        if os.path.isdir(file.source):
            return self._make_folder(file.source)
        if self._is_archive_itself(file.source):
            raise UnreadableFileError(file.source, "an archive cannot be added to itself")
        progress = self.run.progress_of(file)
        with Archive.open(self.archive, write=True, codecs=self.codecs, cancel=cancel) as opened:
            if there := self._added_meanwhile(opened):
                return there
            if self.packed is None:
                self.packed = opened.pack(
                    file.source,
                    name,
                    coder=self.coder,
                    effort=self.effort,
                    pixels_only=self.pixels_only,
                    progress=progress,
                    cancel=cancel,
                )
            parcel = self.shelf.parcel() if self.shelf is not None else None
            try:
                entry = opened.add_packed(
                    self.packed,
                    name,
                    replace=self.destination.replace,
                    replaced=parcel,
                    carry_model=self.carry_model,
                    progress=progress,
                    cancel=cancel,
                )
            except EntryExistsError:
                if there := self._added_meanwhile(opened):
                    return there
                raise
        kept = parcel if parcel is not None and parcel.exists() else None
        return changed(file, entry=entry, replaced=kept, stored_sha256=self.packed.stored_sha256)

    def _make_folder(self, source: Path) -> FileResult:
        """Make an empty folder in the archive, unless it is there."""
        try:
            os.scandir(source).close()
        except OSError as error:
            raise UnreadableFileError(source, "the folder cannot be read") from error
        name = self.destination.name
        with Archive.open(self.archive, write=True, cancel=self.run.cancel) as opened:
            if opened.has_folder(name):
                return changed(self.file, is_folder=True, outcome=Outcome.UNCHANGED)
            return changed(self.file, name=opened.new_folder(name), is_folder=True)

    def _is_archive_itself(self, source: Path) -> bool:
        try:
            return os.path.samefile(source, self.archive)
        except (OSError, ValueError):  # reading it reports why
            return False

    def _added_meanwhile(self, opened: Archive) -> FileResult | None:
        """The result if another job has added this very file since this one decided about it."""
        assert self.file.source is not None
        there = None if self.destination.replace else opened.find(self.destination.name)
        if there is None or not same_file(self.file.source, there, self.run.cancel):
            return None
        return changed(self.file, entry=there, outcome=Outcome.UNCHANGED)


def extract(
    archive: Path,
    names: Iterable[str],
    folders: Iterable[str],
    target: Path,
    *,
    queries: Queries | None = None,
    listener: Listener | None = None,
    cancel: CancelToken | None = None,
    codecs: Codecs | None = None,
    executor: Executor | None = None,
) -> list[FileResult]:
    """Write images below the folder ``target``, and return results in their order.

    ``folders`` are folders of the archive that are made there as well; they have results only if
    that fails. What to do about files that exist is asked first; without ``queries`` it is an
    error. From an archive that was cut short, what is whole is extracted. Raises what
    Archive.open raises.
    """
    codecs = codecs or Codecs()
    run = Run(archive, listener, cancel, queries)
    files = [FileResult(name) for name in dict.fromkeys(names)]

    def work(file: FileResult, destination: Destination) -> FileResult:
        with Archive.open(archive, salvage=True, codecs=codecs, cancel=run.cancel) as opened:
            written = opened.extract(
                file.name,
                target,
                overwrite=destination.replace,
                to=destination.name,
                progress=run.progress_of(file),
                cancel=run.cancel,
            )
            return changed(file, entry=opened.find(file.name), target=written)

    with Archive.open(archive, salvage=True, codecs=codecs) as opened:
        conflicts = ExtractingConflicts(opened, [file.name for file in files], target, run.asking)
        decided = run.decide(files, conflicts.decide)
    results = run.work(files, decided, each(work), executor)
    made = dict.fromkeys(folders)
    return results + _make_folders(archive, made, target, listener or Silent(), run.cancel)


def verify(
    archive: Path,
    names: Iterable[str],
    *,
    queries: Queries | None = None,
    listener: Listener | None = None,
    cancel: CancelToken | None = None,
    codecs: Codecs | None = None,
    executor: Executor | None = None,
) -> list[FileResult]:
    """Decode images and compare them with their checksums.

    Raises what Archive.open raises.
    """
    codecs = codecs or Codecs()
    run = Run(archive, listener, cancel, queries)
    files = [FileResult(name) for name in dict.fromkeys(names)]

    def work(file: FileResult, destination: Destination) -> FileResult:
        with Archive.open(archive, salvage=True, codecs=codecs, cancel=run.cancel) as opened:
            opened.verify(destination.name, progress=run.progress_of(file), cancel=run.cancel)
            return changed(file, entry=opened.find(destination.name))

    Archive.open(archive, salvage=True, codecs=codecs).close()
    return run.work(files, [Destination(file.name) for file in files], each(work), executor)


def _make_folders(
    archive: Path, names: Collection[str], target: Path, listener: Listener, cancel: CancelToken
) -> list[FileResult]:
    """Make folders, unless the job was cancelled; return the results of those that failed."""
    failed: list[FileResult] = []
    if not names or cancel.cancelled:
        return failed
    with Archive.open(archive, salvage=True) as opened:
        for name in names:
            try:
                opened.extract_folder(name, target)
            except FloeError as error:
                failed.append(FileResult(name).failed(str(error)))
                listener.finished(failed[-1])
    return failed
