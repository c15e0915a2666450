"""Jobs as the window sees them: the bridge from engine events to typed signals.

The engine reports on a worker's thread, as often as it likes. Those events are only put
down, the latest of each file; a timer on the window's thread collects them 20 times a second
at most and tells the models. So nothing floods the event loop, and no slot ever runs on a
worker.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.backend.backend import Plan
from app.jobs.meter import ADDING, TAKING_OUT, Meter
from app.language import sentences
from core.control import CancelToken, Progress, Stage
from core.engine import Outcome
from core.errors import Cancelled

if TYPE_CHECKING:
    from core.engine import FileResult, Listener

#: 20 times a second at most.
_INTERVAL_MS = 50


class JobKind(Enum):
    """What a job does; each has its own words and its own measure of progress."""

    ADD = "add"
    EXTRACT = "extract"
    VERIFY = "verify"
    DISCARD = "discard"  # of originals


class State(Enum):
    """Of a job and of each of its files."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # left out, as was answered
    RETRIED = "retried"  # failed, and handed to another job
    CANCELLED = "cancelled"


_STATES = {
    Outcome.DONE: State.DONE,
    Outcome.UNCHANGED: State.DONE,
    Outcome.SKIPPED: State.SKIPPED,
    Outcome.FAILED: State.FAILED,
    Outcome.CANCELLED: State.CANCELLED,
}


@dataclass
class JobFile:
    """One file of a job: a row of the jobs panel."""

    name: str
    state: State = State.WAITING
    stage: Stage | None = None
    fraction: float = 0.0
    result: FileResult | None = None


@dataclass(frozen=True)
class Work:
    """What a job calls on the worker: first its plan, then the engine.

    ``retry`` makes the same for those files only that failed.
    """

    plan: Callable[[], Plan]
    run: Callable[[Listener, CancelToken], Sequence[FileResult]]
    retry: Callable[[Sequence[FileResult]], Work] | None = None
    target: Path | None = None  #: the folder that files are written to


class Events:
    """Where the worker puts events down; it is an engine ``Listener``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batch = EventBatch()

    def planned(self, plan: Plan) -> None:
        with self._lock:
            self._batch.plan = plan

    def started(self, name: str) -> None:
        with self._lock:
            self._batch.started.append(name)

    def progress(self, p: Progress) -> None:
        with self._lock:
            self._batch.progress[p.name] = p

    def finished(self, r: FileResult) -> None:
        with self._lock:
            self._batch.results.append(r)

    def end(self, error: BaseException | None) -> None:
        with self._lock:
            self._batch.ended, self._batch.error = True, error

    def drain(self) -> EventBatch:
        """All that came since the last time."""
        with self._lock:
            batch, self._batch = self._batch, EventBatch()
        return batch


class EventBatch:
    """The contents of a mailbox."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.started: list[str] = []
        self.progress: dict[str, Progress] = {}
        self.results: list[FileResult] = []
        self.ended = False
        self.error: BaseException | None = None


class Job(QObject):
    """One request of the person; lives on the window's thread."""

    files_added = Signal(int, int)  #: first index, count
    files_changed = Signal(object)  #: indices, sorted
    file_finished = Signal(object)  #: FileResult
    progressed = Signal()  #: state or totals changed
    finished = Signal(object)  #: the job, always last

    def __init__(
        self, kind: JobKind, archive: Path, work: Work, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.kind, self.archive = kind, archive
        self.files: list[JobFile] = []
        self.state = State.WAITING
        self.error: str | None = None
        self._work, self._events, self._cancel = work, Events(), CancelToken()
        self.meter = Meter(ADDING if kind is JobKind.ADD else TAKING_OUT, self._cancel.clock)
        self._index: dict[str, int] = {}
        self._future: Future[None] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self.collect)

    def start(self, executor: Executor) -> None:
        """Hands the work to the executor."""
        self._timer.start()
        self._future = executor.submit(self._run)

    def cancel(self) -> None:
        """Stops the job within a second; the file under way leaves no trace."""
        self._cancel.cancel()
        if self._future is not None and self._future.cancel():
            self._events.end(None)
        self._tell_running()

    def pause(self) -> None:
        """Lets the work wait within a second, where it is."""
        self._cancel.pause()
        self._tell_running()

    def resume(self) -> None:
        """Lets paused work go on."""
        self._cancel.resume()
        self._tell_running()

    @property
    def target(self) -> Path | None:
        """The folder that its files are written to."""
        return self._work.target

    @property
    def paused(self) -> bool:
        """Whether the job was told to wait."""
        return self.active and self._cancel.paused

    @property
    def cancelling(self) -> bool:
        """Whether the job was told to stop."""
        return self._cancel.cancelled

    @property
    def active(self) -> bool:
        """Whether the job waits or runs."""
        return self.state in (State.WAITING, State.RUNNING)

    @property
    def failures(self) -> list[FileResult]:
        """What is said of the files that failed and were not tried again."""
        failed = (file.result for file in self.files if file.state is State.FAILED)
        return [result for result in failed if result is not None]

    def retry(self) -> Work:
        """The work of doing again what failed; the files are no longer this job's."""
        assert self._work.retry is not None
        work = self._work.retry(self.failures)
        failed = [i for i, file in enumerate(self.files) if file.state is State.FAILED]
        for i in failed:
            self.files[i].state = State.RETRIED
        self.files_changed.emit(failed)
        self.progressed.emit()
        return work

    def count(self, state: State) -> int:
        """How many files are in this state."""
        return sum(file.state is state for file in self.files)

    @property
    def n_unchanged(self) -> int:
        """How many files the archive had already."""
        return sum(
            file.result is not None and file.result.outcome is Outcome.UNCHANGED
            for file in self.files
        )

    @property
    def n_finished(self) -> int:
        """How many files need nothing more."""
        return sum(file.state not in (State.WAITING, State.RUNNING) for file in self.files)

    def _tell_running(self) -> None:
        if running := [i for i, file in enumerate(self.files) if file.state is State.RUNNING]:
            self.files_changed.emit(running)
        self.progressed.emit()

    def _run(self) -> None:  # on the worker
        error: BaseException | None = None
        try:
            self._cancel.check()
            self._events.planned(self._work.plan())
            self._work.run(self._events, self._cancel)
        except Cancelled:
            pass
        except BaseException as raised:  # also pyo3's panics, which are no Exception
            error = raised
        self._events.end(error)

    def collect(self) -> None:
        """Takes what the worker reported since the last time."""
        if not self.active:
            return
        batch = self._events.drain()
        changed: set[int] = set()
        if batch.plan is not None:
            self.state = State.RUNNING
            self.meter.plan(batch.plan)
            self._append([name for name, _ in batch.plan])
        for name in batch.started:
            index = self._find(name)
            self.files[index].state = State.RUNNING
            changed.add(index)
        for event in batch.progress.values():
            index = self._find(event.name)
            file = self.files[index]
            file.state, file.stage = State.RUNNING, event.stage
            file.fraction = self.meter.progress(event)
            changed.add(index)
        for result in batch.results:
            index = self._find(result.name)
            self._settle(self.files[index], result)
            changed.add(index)
        if batch.ended:
            changed.update(self._end(batch.error))
        if changed:
            self.files_changed.emit(sorted(changed))
        for result in batch.results:
            self.file_finished.emit(result)
        self.progressed.emit()
        if batch.ended:
            self._timer.stop()
            self.finished.emit(self)

    def _append(self, names: Sequence[str]) -> None:
        new = [name for name in names if name not in self._index]
        first = len(self.files)
        for name in new:
            self._index[name] = len(self.files)
            self.files.append(JobFile(name))
        if new:
            self.files_added.emit(first, len(new))

    def _find(self, name: str) -> int:
        if name not in self._index:  # a folder, which only has a result if it failed
            self._append([name])
        return self._index[name]

    def _settle(self, file: JobFile, result: FileResult) -> None:
        file.result, file.fraction = result, 1.0
        file.state = _STATES[result.outcome]
        self.meter.finish(file.name)

    def _end(self, error: BaseException | None) -> list[int]:
        """Settles what is left; returns the indices of those files."""
        open_states = (State.WAITING, State.RUNNING)
        left = [i for i, file in enumerate(self.files) if file.state in open_states]
        for i in left:
            self.files[i].state = State.CANCELLED
        if error is not None:
            self.error, self.state = sentences.of(error), State.FAILED
        elif self.cancelling and (left or not self.files or self.count(State.CANCELLED)):
            self.state = State.CANCELLED
        else:
            self.state = State.FAILED if self.count(State.FAILED) else State.DONE
        return left


class Jobs(QObject):
    """All jobs of the window; the executor decides how many run at once."""

    job_added = Signal(object)
    job_finished = Signal(object)
    progressed = Signal()
    idle = Signal()

    def __init__(self, executor: Executor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._executor = executor
        self._jobs: list[Job] = []
        self.asking = False  #: whether the job at work waits for an answer

    def submit(self, kind: JobKind, archive: Path, work: Work) -> Job:
        """Starts a job, or queues it behind those that run."""
        job = Job(kind, archive, work, self)
        self._jobs.append(job)
        job.progressed.connect(self.progressed)
        job.finished.connect(self._on_finished)
        self.job_added.emit(job)
        job.start(self._executor)
        return job

    @property
    def active(self) -> list[Job]:
        """Those that run, then those that wait."""
        return [job for job in self._jobs if job.active]

    @property
    def last(self) -> Job | None:
        """The job that the panel's header is about: the first at work, else the latest."""
        return next(iter(self.active), self._jobs[-1] if self._jobs else None)

    @property
    def with_failures(self) -> list[Job]:
        """Those that are over, and of which files failed."""
        return [job for job in self._jobs if not job.active and job.count(State.FAILED)]

    def retry_failed(self) -> None:
        """Tries all files again that failed, in a job for each of theirs."""
        for job in self.with_failures:
            self.submit(job.kind, job.archive, job.retry())

    def cancel_all(self) -> None:
        """Tells every job to stop; those that wait first, so that none of them starts."""
        for job in reversed(self.active):
            job.cancel()

    def set_asking(self, asking: bool) -> None:
        """Tells that the job at work waits for an answer, or no longer does."""
        self.asking = asking
        self.progressed.emit()

    def forget_finished(self) -> None:
        """Drops the jobs that are over."""
        for job in self._jobs:
            if not job.active:
                job.deleteLater()
        self._jobs = self.active

    def _on_finished(self, job: Job) -> None:
        self.job_finished.emit(job)
        if not self.active:
            self.idle.emit()
