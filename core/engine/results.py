"""What a job reports about each of its files, while it works and in the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Protocol

from core.archive.entry import Entry
from core.control import Progress


class Outcome(Enum):
    """How a job ended for one file."""

    DONE = "done"
    UNCHANGED = "unchanged"  # the archive had this very file under this name already
    SKIPPED = "skipped"  # left out, as was answered
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class FileResult:
    """What a job did with one file."""

    name: str
    source: Path | None = None  # of what was added
    outcome: Outcome = Outcome.DONE
    entry: Entry | None = None  # of what is in the archive now
    target: Path | None = None  # of what was extracted
    error: str | None = None  # of what failed, one sentence for the user
    replaced: Path | None = None  # the archive of the entry that this one replaced
    stored_sha256: bytes | None = None  # of what was written, as Packed has it
    is_folder: bool = False  # a folder was made, which has no entry
    left_out: str | None = None  # why the file was not even tried, in a few words

    @property
    def ok(self) -> bool:
        """Whether nothing is left to do for the file."""
        return self.outcome not in (Outcome.FAILED, Outcome.CANCELLED)

    def failed(self, error: str) -> FileResult:
        """The same file, failed with this sentence."""
        return replace(self, outcome=Outcome.FAILED, error=error)


class Listener(Protocol):
    """Callbacks of a job: called from worker threads, one at a time."""

    def started(self, name: str) -> None: ...

    def progress(self, p: Progress) -> None: ...

    def finished(self, r: FileResult) -> None: ...


class Silent:
    """A listener that ignores everything: only the results are wanted."""

    def started(self, name: str) -> None:
        """Ignored."""

    def progress(self, p: Progress) -> None:
        """Ignored."""

    def finished(self, r: FileResult) -> None:
        """Ignored."""
