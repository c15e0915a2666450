"""Originals that can go: files whose exact bytes the archive gives back."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

from core.archive.archive import Archive
from core.archive.codec import Codecs
from core.archive.entry import Entry
from core.control import CancelToken, Progress
from core.engine.conflicts import Destination, same_file
from core.engine.results import FileResult, Listener
from core.engine.running import Run, each
from core.errors import DamagedEntryError, KeptFileError, ModelError


@dataclass(frozen=True)
class Discardable:
    """A file on disk, and the entry that gives back its bytes."""

    path: Path
    name: str
    n_bytes: int
    stored_sha256: bytes | None = None  # of what was written of it, if this program wrote it


def discardables(results: Iterable[FileResult]) -> list[Discardable]:
    """The added files that can go, each once.

    Files of which only the pixels come back stay, and so do files behind links: the link would
    go, and the file stay.
    """
    found: dict[Path, Discardable] = {}
    for result in results:
        entry = result.entry
        if result.source is None or entry is None or not result.ok or not entry.file_exact:
            continue
        try:
            if not stat.S_ISREG(os.lstat(result.source).st_mode):
                continue
        except OSError:  # it has gone already
            continue
        original = Discardable(
            result.source, entry.name, entry.original_bytes, result.stored_sha256
        )
        found.setdefault(result.source.resolve(), original)
    return list(found.values())


def discard(
    archive: Path,
    files: Sequence[Discardable],
    move: Callable[[Path], None],
    *,
    listener: Listener | None = None,
    cancel: CancelToken | None = None,
    codecs: Codecs | None = None,
) -> list[FileResult]:
    """Move originals away, each compared with the archive right before.

    What the archive stores of a file is read again and hashed, or decoded if another program
    wrote it. A file that differs from the archived one stays, which is its error; so does one
    whose stored data have changed, and one for which ``move`` raises OSError. Raises what
    Archive.open raises.
    """
    codecs = codecs or Codecs()
    run = Run(archive, listener, cancel, None)
    written = {file.path: file.stored_sha256 for file in files}

    def work(file: FileResult, destination: Destination) -> FileResult:
        assert file.source is not None
        run.progress_of(file)(Progress(file.name, "reading", 0, 0))
        with Archive.open(archive, codecs=codecs, cancel=run.cancel) as opened:
            entry = opened.find(destination.name)
            if entry is None or not entry.file_exact:
                raise KeptFileError(file.source, "kept: the archive no longer contains it")
            if not same_file(file.source, entry, run.cancel):
                raise KeptFileError(file.source, "kept: it has changed since it was archived")
            _check_stored(opened, file, entry, written[file.source], run)
        try:
            move(file.source)
        except OSError as error:
            reason = f"kept: it cannot be moved to the wastebasket ({error.strerror or error})"
            raise KeptFileError(file.source, reason) from error
        return changed(file, entry=entry)

    results = [FileResult(file.name, source=file.path) for file in files]
    destinations = [Destination(file.name) for file in files]
    # One after the other: the disk would only be slower.
    with ThreadPoolExecutor(1, "floe-file") as executor:
        return run.work(results, destinations, each(work), executor)


def _check_stored(
    opened: Archive, file: FileResult, entry: Entry, sha256: bytes | None, run: Run
) -> None:
    """Raises KeptFileError unless the archive gives back the file."""
    assert file.source is not None
    try:
        if sha256 is None:
            opened.verify(entry.name, progress=run.progress_of(file), cancel=run.cancel)
        elif opened.stored_sha256(entry.name) != sha256:
            raise DamagedEntryError(entry.name, "the stored data are not those that were written")
    except (DamagedEntryError, ModelError) as error:
        raise KeptFileError(
            file.source, f"kept: the archive cannot restore it ({error})"
        ) from error
