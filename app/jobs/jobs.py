"""Jobs: the engine's reports from a worker, as signals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.backend.backend import Plan
from app.backend.task import Task
from app.jobs.meter import ADDING, TAKING_OUT, Meter
from core.archive.entry import Entry
from core.control import CancelToken, Progress, Stage
from core.engine import FileResult, Listener, Outcome


class JobKind(Enum):
    """The kind of work."""

    ADD = "add"
    EXTRACT = "extract"
    VERIFY = "verify"
    DISCARD = "discard"  # of originals


class State(Enum):
    """The state of a job, or of a file of it."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # as the user answered
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
    """The calls of a job on the worker: first the plan, then the engine.

    ``retry`` makes the same work for the failed files.
    """

    plan: Callable[[], Plan]
    run: Callable[[Listener, CancelToken], Sequence[FileResult]]
    retry: Callable[[Sequence[FileResult]], Work] | None = None
    target: Path | None = None  #: the folder that files are written to


@dataclass(frozen=True)
class _Planned:
    """The files of a job: its first event."""

    plan: Plan


class _Reports:
    """An engine ``Listener`` that passes each event to the task."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def started(self, name: str) -> None:
        self._task.tell(name)

    def progress(self, p: Progress) -> None:
        self._task.tell(p, key=p.name)

    def finished(self, r: FileResult) -> None:
        self._task.tell(r)


class Job(QObject):
    """One request of the user; lives on the window's thread."""

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
        self._work, self._cancel = work, CancelToken()
        self.meter = Meter(ADDING if kind is JobKind.ADD else TAKING_OUT, self._cancel.clock)
        self._index: dict[str, int] = {}
        self._task = Task(self)
        self._task.yielded.connect(self._take)
        self._task.failed.connect(self._fail)
        self._task.ended.connect(self._end)

    def start(self, executor: Executor) -> None:
        """Hand the work to the executor."""
        self._task.start(executor, self._run)

    def cancel(self) -> None:
        """Stop the job within a second; the file under way leaves no trace."""
        self._cancel.cancel()
        self._task.withdraw()
        self._tell_running()

    def pause(self) -> None:
        """Pause the work within a second."""
        self._cancel.pause()
        self._tell_running()

    def resume(self) -> None:
        """Resume paused work."""
        self._cancel.resume()
        self._tell_running()

    @property
    def target(self) -> Path | None:
        """The folder that files are written to."""
        return self._work.target

    @property
    def paused(self) -> bool:
        """Whether the job is paused."""
        return self.active and self._cancel.paused

    @property
    def cancelling(self) -> bool:
        """Whether the job was cancelled."""
        return self._cancel.cancelled

    @property
    def active(self) -> bool:
        """Whether the job is waiting or running."""
        return self.state in (State.WAITING, State.RUNNING)

    @property
    def failures(self) -> list[FileResult]:
        """The results of the files that failed and were not retried."""
        failed = (file.result for file in self.files if file.state is State.FAILED)
        return [result for result in failed if result is not None]

    def retry(self) -> Work:
        """The work of retrying the failed files, which are marked as retried here."""
        assert self._work.retry is not None
        work = self._work.retry(self.failures)
        failed = [i for i, file in enumerate(self.files) if file.state is State.FAILED]
        for i in failed:
            self.files[i].state = State.RETRIED
        self.files_changed.emit(failed)
        self.progressed.emit()
        return work

    def count(self, state: State) -> int:
        """The number of files in this state."""
        return sum(file.state is state for file in self.files)

    @property
    def n_unchanged(self) -> int:
        """The number of files that the archive had already."""
        return sum(
            file.result is not None and file.result.outcome is Outcome.UNCHANGED
            for file in self.files
        )

    @property
    def n_left_out(self) -> int:
        """The number of things in folders that do not go in."""
        return sum(
            file.result is not None and file.result.left_out is not None for file in self.files
        )

    @property
    def added(self) -> list[Entry]:
        """The entries that the job has added."""
        results = (file.result for file in self.files if file.state is State.DONE)
        return [
            result.entry
            for result in results
            if result is not None and result.entry and result.outcome is not Outcome.UNCHANGED
        ]

    @property
    def n_finished(self) -> int:
        """The number of files that are done."""
        return sum(file.state not in (State.WAITING, State.RUNNING) for file in self.files)

    def _tell_running(self) -> None:
        if running := [i for i, file in enumerate(self.files) if file.state is State.RUNNING]:
            self.files_changed.emit(running)
        self.progressed.emit()

    def deliver(self) -> None:
        """Process the worker's reports now."""
        self._task.deliver()

    def _run(self) -> None:  # on the worker
        self._cancel.check()
        self._task.tell(_Planned(self._work.plan()))
        self._work.run(_Reports(self._task), self._cancel)

    def _take(self, events: list[object]) -> None:
        changed: set[int] = set()
        results: list[FileResult] = []
        for event in events:
            match event:
                case _Planned(plan):
                    self.state = State.RUNNING
                    self.meter.plan(plan)
                    self._append([name for name, _ in plan])
                case str(name):
                    changed.add(index := self._find(name))
                    self.files[index].state = State.RUNNING
                case Progress():
                    changed.add(index := self._find(event.name))
                    file = self.files[index]
                    file.state, file.stage = State.RUNNING, event.stage
                    file.fraction = self.meter.progress(event)
                case FileResult():
                    changed.add(index := self._find(event.name))
                    self._settle(self.files[index], event)
                    results.append(event)
        if changed:
            self.files_changed.emit(sorted(changed))
        for result in results:
            self.file_finished.emit(result)
        self.progressed.emit()

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

    def _fail(self, error: str) -> None:
        self.error = error

    def _end(self) -> None:
        open_states = (State.WAITING, State.RUNNING)
        left = [i for i, file in enumerate(self.files) if file.state in open_states]
        for i in left:
            self.files[i].state = State.CANCELLED
        if self.error is not None:
            self.state = State.FAILED
        elif self.cancelling and (left or not self.files or self.count(State.CANCELLED)):
            self.state = State.CANCELLED
        else:
            self.state = State.FAILED if self.count(State.FAILED) else State.DONE
        if left:
            self.files_changed.emit(left)
        self.progressed.emit()
        self.finished.emit(self)


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
        self.asking = False  #: whether the running job waits for an answer

    def submit(self, kind: JobKind, archive: Path, work: Work) -> Job:
        """Start a job, or queue it behind those that run."""
        job = Job(kind, archive, work, self)
        self._jobs.append(job)
        job.progressed.connect(self.progressed)
        job.finished.connect(self._on_finished)
        self.job_added.emit(job)
        job.start(self._executor)
        return job

    @property
    def active(self) -> list[Job]:
        """Running jobs, then waiting ones."""
        return [job for job in self._jobs if job.active]

    @property
    def last(self) -> Job | None:
        """The job in the panel's header: the running one, else the latest."""
        return next(iter(self.active), self._jobs[-1] if self._jobs else None)

    @property
    def with_failures(self) -> list[Job]:
        """The finished jobs with failed files."""
        return [job for job in self._jobs if not job.active and job.count(State.FAILED)]

    def retry_failed(self) -> None:
        """Retry all failed files, in a new job for each finished one."""
        for job in self.with_failures:
            self.submit(job.kind, job.archive, job.retry())

    def cancel_all(self) -> None:
        """Cancel all jobs, waiting ones first, so that none of them starts."""
        for job in reversed(self.active):
            job.cancel()

    def set_asking(self, asking: bool) -> None:
        """Note that the running job waits for an answer, or no longer does."""
        self.asking = asking
        self.progressed.emit()

    def forget_finished(self) -> None:
        """Drop finished jobs."""
        for job in self._jobs:
            if not job.active:
                job.deleteLater()
        self._jobs = self.active

    def _on_finished(self, job: Job) -> None:
        self.job_finished.emit(job)
        if not self.active:
            self.idle.emit()
