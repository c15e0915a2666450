"""What a job says of each of its files, while it works and in the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.archive.entry import Entry
from core.control import Progress


@dataclass(frozen=True)
class FileResult:
    """How it went with one file. Without an error and not cancelled, all is well."""

    name: str
    source: Path | None = None  # of what was added
    entry: Entry | None = None  # of what is in the archive now
    target: Path | None = None  # of what was extracted
    error: str | None = None  # one sentence for a person
    replaced: Path | None = None  # the archive of the entry in whose place this one came
    cancelled: bool = False
    skipped: bool = False  # left out, as was answered
    unchanged: bool = False  # the archive had this very file under this name already

    @property
    def ok(self) -> bool:
        return self.error is None and not self.cancelled


class Listener(Protocol):
    """Told of files as they go; called from the workers' threads, never from two at a time."""

    def started(self, name: str) -> None: ...

    def progress(self, p: Progress) -> None: ...

    def finished(self, r: FileResult) -> None: ...


class Silent:
    """A listener for those who only want the results."""

    def started(self, name: str) -> None:
        """Nobody asked."""

    def progress(self, p: Progress) -> None:
        """Nobody asked."""

    def finished(self, r: FileResult) -> None:
        """Nobody asked."""
