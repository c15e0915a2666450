"""Names that are taken: what a job decides about its files before it works on any of them.

All questions come at once, while the user who started the job is still there, and files that
the archive has already are known before anything is coded.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from core.archive.archive import Archive
from core.archive.entry import Entry
from core.archive.names import shown, target_path
from core.control import CancelToken
from core.engine.planning import free_name
from core.engine.queries import Asking, Choice, FileExists, NameConflict
from core.engine.results import FileResult, Outcome
from core.errors import EntryExistsError, HostileNameError, TargetExistsError


@dataclass(frozen=True)
class Destination:
    """Where a file goes: its name there, and whether it replaces another."""

    name: str
    replace: bool = False


#: The result of a file that needs no work, or the destination of one that does.
Decision = FileResult | Destination


class AddingConflicts:
    """Decisions about files that are added to an archive."""

    def __init__(
        self,
        opened: Archive,
        files: Iterable[FileResult],
        asking: Asking | None,
        cancel: CancelToken,
    ) -> None:
        self._opened, self._asking, self._cancel = opened, asking, cancel
        self._coming = {file.name for file in files}

    def decide(self, file: FileResult) -> Decision:
        """Raises EntryExistsError if there is nobody to ask, and Cancelled."""
        there = self._opened.find(file.name)
        if there is None or file.source is None:
            return Destination(file.name)
        if same_file(file.source, there, self._cancel):
            return replace(file, entry=there, outcome=Outcome.UNCHANGED)
        if self._asking is None:
            raise EntryExistsError(
                shown(file.name),
                "the archive has another image of this name; rename the file, or replace it",
            )
        try:
            status = file.source.stat()
        except OSError:
            return Destination(file.name, replace=True)  # reading it reports why
        new_name = free_name(file.name, self._is_taken)
        query = NameConflict(
            self._opened.path,
            file.name,
            there,
            file.source,
            status.st_size,
            status.st_mtime_ns,
            new_name,
        )
        return _destination(file, new_name, self._asking.ask(query), self._coming)

    def _is_taken(self, name: str) -> bool:
        return name in self._coming or not self._opened.is_free(name)


class ExtractingConflicts:
    """Decisions about files that are written into a folder."""

    def __init__(
        self, opened: Archive, names: Iterable[str], folder: Path, asking: Asking | None
    ) -> None:
        self._opened, self._folder, self._asking = opened, folder, asking
        self._coming = set(names)

    def decide(self, file: FileResult) -> Decision:
        """Raises HostileNameError, TargetExistsError if there is nobody to ask, and Cancelled."""
        target = target_path(self._folder, file.name)
        try:
            status = os.lstat(target)
        except OSError:  # nothing is there, or it cannot be reached: writing reports why
            return Destination(file.name)
        if stat.S_ISDIR(status.st_mode):
            raise TargetExistsError(target, "a folder of this name is in the way")
        if self._asking is None:
            raise TargetExistsError(target, "exists already")
        new_name = free_name(file.name, self._is_taken)
        query = FileExists(
            self._opened.path,
            file.name,
            self._opened.entry(file.name),
            target,
            status.st_size,
            status.st_mtime_ns,
            new_name,
        )
        return _destination(file, new_name, self._asking.ask(query), self._coming)

    def _is_taken(self, name: str) -> bool:
        try:
            return name in self._coming or os.path.lexists(target_path(self._folder, name))
        except HostileNameError:  # too long with its number: extracting reports that
            return False


def _destination(file: FileResult, new_name: str, choice: Choice, coming: set[str]) -> Decision:
    if choice is Choice.REPLACE:
        return Destination(file.name, replace=True)
    if choice is Choice.KEEP_BOTH:
        coming.add(new_name)
        return Destination(new_name)
    return replace(file, outcome=Outcome.SKIPPED)


def same_file(path: Path, entry: Entry, cancel: CancelToken) -> bool:
    """Whether a file is the one that was archived; a file that cannot be read is not."""
    try:
        if path.stat().st_size != entry.original_bytes:
            return False
        return _sha256(path, cancel.check) == entry.file_sha256
    except OSError:
        return False


def _sha256(path: Path, check: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            check()
            digest.update(piece)
    return digest.hexdigest()
