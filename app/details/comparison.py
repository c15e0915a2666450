"""What the bits of the selected image are for, and other codecs' codelengths, in background."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.backend.backend import Backend
from app.language import sentences
from core.control import CancelToken
from core.errors import Cancelled

if TYPE_CHECKING:
    from core.archive.entry import Entry, Share
    from core.bench.contest import Attempt

#: A selection that moves on within this time is not measured at all.
_SETTLE_MS = 200


@dataclass(frozen=True)
class Subject:
    """What is measured; the hash makes a replaced image another one."""

    archive: Path
    name: str
    pixel_sha256: str | None


class Comparison(QObject):
    """Measures one image at a time; what was measured once is remembered."""

    measured = Signal()  #: more is known of the current subject
    finished = Signal()
    failed = Signal(str)

    _counted = Signal(object, object)
    _arrived = Signal(object, object)
    _ended = Signal(object, object)

    def __init__(self, backend: Backend, executor: Executor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._backend, self._executor = backend, executor
        self._subject: Subject | None = None
        self._cancel = CancelToken()
        self._breakdowns: dict[Subject, dict[Share, float]] = {}
        self._known: dict[Subject, list[Attempt]] = {}
        self._done: set[Subject] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE_MS)
        self._timer.timeout.connect(self._submit)
        self._counted.connect(self._on_counted)
        self._arrived.connect(self._on_arrived)
        self._ended.connect(self._on_ended)

    def breakdown(self) -> dict[Share, float]:
        """What the bits of the current subject are for; empty until they are counted."""
        return self._breakdowns.get(self._subject, {}) if self._subject else {}

    def known(self) -> list[Attempt]:
        """What other codecs have come to for the current subject."""
        return list(self._known.get(self._subject, [])) if self._subject else []

    def start(self, archive: Path, entry: Entry) -> None:
        """Turns to this image, unless it is the one already."""
        subject = Subject(archive, entry.name, entry.pixel_sha256)
        if subject == self._subject:
            return
        self.cancel()
        self._subject = subject
        if subject in self._done:
            self.finished.emit()
        else:
            self._timer.start()

    def cancel(self) -> None:
        """Turns to nothing; a codec under way ends by itself and is not told of."""
        self._timer.stop()
        self._cancel.cancel()
        self._cancel, self._subject = CancelToken(), None

    def _submit(self) -> None:
        subject = self._subject
        if subject is not None:
            self._known[subject] = []
            self._executor.submit(self._run, subject, self._cancel)

    def _run(self, subject: Subject, cancel: CancelToken) -> None:  # on the worker
        error: BaseException | None = None
        try:
            cancel.check()
            self._counted.emit(subject, self._backend.breakdown(subject.archive, subject.name))
            for attempt in self._backend.codelengths(subject.archive, subject.name, cancel):
                cancel.check()
                self._arrived.emit(subject, attempt)
        except BaseException as raised:
            error = raised
        self._ended.emit(subject, error)

    def _on_counted(self, subject: Subject, breakdown: dict[Share, float]) -> None:
        self._breakdowns[subject] = breakdown
        if subject == self._subject:
            self.measured.emit()

    def _on_arrived(self, subject: Subject, attempt: Attempt) -> None:
        if subject == self._subject:
            self._known[subject].append(attempt)
            self.measured.emit()

    def _on_ended(self, subject: Subject, error: BaseException | None) -> None:
        if error is None:
            self._done.add(subject)
        if subject != self._subject or isinstance(error, Cancelled):
            return
        if error is None:
            self.finished.emit()
        else:
            self.failed.emit(sentences.of(error))
