"""Jobs over many files: each file succeeds or fails by itself, and cancelling loses nothing.

A file is one call on an executor, with an archive connection of its own, so that one file's
network runs while another file is entropy coded; SQLite orders those who write.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace as changed
from pathlib import Path

from core.archive.archive import Archive
from core.archive.codec import Codecs
from core.archive.shelf import Shelf
from core.coding.coders import DEFAULT_CODER
from core.control import CancelToken
from core.engine.collecting import Source, collect
from core.engine.conflicts import AddingConflicts, Destination, ExtractingConflicts
from core.engine.queries import Queries
from core.engine.results import FileResult, Listener, Silent
from core.engine.running import Run
from core.errors import FloeError, UnreadableFileError


def add(
    archive: Path,
    paths: Iterable[Path | Source],
    *,
    queries: Queries | None = None,
    coder: str = DEFAULT_CODER,
    shelf: Shelf | None = None,
    carry_model: bool = False,
    listener: Listener | None = None,
    cancel: CancelToken | None = None,
    codecs: Codecs | None = None,
    executor: Executor | None = None,
) -> list[FileResult]:
    """Adds files and folders to an archive that exists; the results in the order of the files.

    A file that the archive holds already under the same name is left alone, so that an
    interrupted job can simply be run again; what is to be done about another one of that name is
    asked first of all, and an error where nobody answers. What is replaced goes to the shelf, if
    there is one. With ``carry_model`` the archive gets a copy of the model that its images need,
    so that it can be read without one. Raises what Archive.open raises, before anything is coded.
    """
    codecs = codecs or Codecs()
    run = Run(archive, listener, cancel, queries)
    files = [FileResult(name, source=path) for path, name in collect(paths)]

    def work(file: FileResult, destination: Destination) -> FileResult:
        assert file.source is not None
        if os.path.isdir(file.source):
            raise UnreadableFileError(file.source, "the folder cannot be looked into")
        parcel = shelf.parcel() if shelf is not None else None
        with Archive.open(archive, write=True, codecs=codecs) as opened:
            entry = opened.add_file(
                file.source,
                destination.name,
                coder=coder,
                replace=destination.replace,
                replaced=parcel,
                carry_model=carry_model,
                progress=run.progress_of(file),
                cancel=run.cancel,
            )
        kept = parcel if parcel is not None and parcel.exists() else None
        return changed(file, entry=entry, replaced=kept)

    with Archive.open(archive, write=True, codecs=codecs) as opened:
        opened.check_writable()
        decided = run.decide(files, AddingConflicts(opened, files, run.asking, run.cancel).decide)
        there = [file.entry for file in decided if isinstance(file, FileResult) and file.unchanged]
        if carry_model and any(entry is not None and entry.model is not None for entry in there):
            opened.carry_model()
    return run.work(files, decided, work, executor)


def extract(
    archive: Path,
    names: Sequence[str],
    folder: Path,
    *,
    queries: Queries | None = None,
    listener: Listener | None = None,
    cancel: CancelToken | None = None,
    codecs: Codecs | None = None,
    executor: Executor | None = None,
) -> list[FileResult]:
    """Writes the images of these names below a folder; the results in their order.

    A name that ends in a slash is a folder that was made: it is made there, too, and has a result
    only if that fails. What is to be done about files that are there is asked first of all, and
    an error where nobody answers. Of an archive that was cut short, what is whole still comes
    out. Raises what Archive.open raises.
    """
    codecs = codecs or Codecs()
    run = Run(archive, listener, cancel, queries)
    files = [FileResult(name) for name in dict.fromkeys(names) if not name.endswith("/")]

    def work(file: FileResult, destination: Destination) -> FileResult:
        with Archive.open(archive, salvage=True, codecs=codecs) as opened:
            target = opened.extract(
                file.name,
                folder,
                overwrite=destination.replace,
                to=destination.name,
                progress=run.progress_of(file),
                cancel=run.cancel,
            )
            return changed(file, entry=opened.find(file.name), target=target)

    with Archive.open(archive, salvage=True, codecs=codecs) as opened:
        conflicts = ExtractingConflicts(opened, [file.name for file in files], folder, run.asking)
        decided = run.decide(files, conflicts.decide)
    results = run.work(files, decided, work, executor)
    made = [name for name in dict.fromkeys(names) if name.endswith("/")]
    return results + _make_folders(archive, made, folder, listener or Silent(), run.cancel)


def verify(
    archive: Path,
    names: Sequence[str],
    *,
    queries: Queries | None = None,
    listener: Listener | None = None,
    cancel: CancelToken | None = None,
    codecs: Codecs | None = None,
    executor: Executor | None = None,
) -> list[FileResult]:
    """Decodes the images of these names and holds them to their checksums.

    Raises what Archive.open raises.
    """
    codecs = codecs or Codecs()
    run = Run(archive, listener, cancel, queries)
    files = [FileResult(name) for name in dict.fromkeys(names)]

    def work(file: FileResult, destination: Destination) -> FileResult:
        with Archive.open(archive, salvage=True, codecs=codecs) as opened:
            opened.verify(destination.name, progress=run.progress_of(file), cancel=run.cancel)
            return changed(file, entry=opened.find(destination.name))

    Archive.open(archive, salvage=True, codecs=codecs).close()
    return run.work(files, [Destination(file.name) for file in files], work, executor)


def _make_folders(
    archive: Path, names: Sequence[str], folder: Path, listener: Listener, cancel: CancelToken
) -> list[FileResult]:
    """Makes folders, unless the job was cancelled; the results of those that failed."""
    failed: list[FileResult] = []
    if not names or cancel.cancelled:
        return failed
    with Archive.open(archive, salvage=True) as opened:
        for name in names:
            try:
                opened.extract_folder(name.rstrip("/"), folder)
            except FloeError as error:
                failed.append(FileResult(name, error=str(error)))
                listener.finished(failed[-1])
    return failed
