"""What the bits of the selected image are for, and what other codecs need for its pixels."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.backend.backend import Backend
from app.backend.task import Settling, Task
from core.archive.entry import Entry, Share
from core.control import CancelToken

if TYPE_CHECKING:
    from core.bench.contest import Attempt

#: A selection that moves on within this time is not measured at all.
_SETTLE_MS = 200


@dataclass(frozen=True)
class Subject:
    """The image that is measured; the hash makes a replaced image another one."""

    archive: Path
    name: str
    pixel_sha256: str | None


@dataclass
class _Known:
    """What has been measured of a subject."""

    breakdown: dict[Share, float] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    is_complete: bool = False


class Comparison(QObject):
    """Measures one image at a time in the background; remembers what has been measured."""

    measured = Signal()  #: more is known of the current subject
    finished = Signal()
    failed = Signal(str)

    def __init__(self, backend: Backend, executor: Executor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._backend, self._executor = backend, executor
        self._subject: Subject | None = None
        self._cancel = CancelToken()
        self._known: dict[Subject, _Known] = {}
        self._settling = Settling(_SETTLE_MS, self)
        self._settling.timeout.connect(self._measure)

    def breakdown(self) -> dict[Share, float]:
        """What the bits of the current subject are for; empty until they are counted."""
        return self._known[self._subject].breakdown if self._subject in self._known else {}

    def known(self) -> list[Attempt]:
        """The results of other codecs for the current subject, so far."""
        return list(self._known[self._subject].attempts) if self._subject in self._known else []

    def start(self, archive: Path, entry: Entry) -> None:
        """Turn to this image, unless it is the current one."""
        subject = Subject(archive, entry.name, entry.pixel_sha256)
        if subject == self._subject:
            return
        self.cancel()
        self._subject = subject
        if subject in self._known and self._known[subject].is_complete:
            self.finished.emit()
        else:
            self._settling.start()

    def cancel(self) -> None:
        """Turn to nothing; a running codec finishes, and its result is discarded."""
        self._settling.stop()
        self._cancel.cancel()
        self._cancel, self._subject = CancelToken(), None

    def _measure(self) -> None:
        subject = self._subject
        if subject is None:
            return
        known = self._known[subject] = _Known()
        task = Task(self)
        task.yielded.connect(partial(self._on_measured, known))
        task.succeeded.connect(partial(self._on_finished, known))
        task.failed.connect(self.failed)
        task.start(self._executor, _measured(self._backend, subject, self._cancel), self._cancel)

    def _on_measured(self, known: _Known, values: list[object]) -> None:
        for value in values:
            if isinstance(value, dict):
                known.breakdown = value
            else:
                known.attempts.append(value)  # type: ignore[arg-type]
        self.measured.emit()

    def _on_finished(self, known: _Known, _nothing: object) -> None:
        known.is_complete = True
        self.finished.emit()


def _measured(  # on the worker
    backend: Backend, subject: Subject, cancel: CancelToken
) -> Generator[dict[Share, float] | Attempt, None, None]:
    yield backend.breakdown(subject.archive, subject.name)
    yield from backend.codelengths(subject.archive, subject.name, cancel)
