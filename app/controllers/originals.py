"""Moving originals to the wastebasket after adding, on request and after a question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from app.backend.backend import Backend
from app.backend.executors import Executors
from app.backend.task import Task
from app.controllers import wastebasket
from app.dialogs.dialogs import Dialogs
from app.jobs import job_factories
from app.jobs.jobs import Job, JobKind, Jobs, State

if TYPE_CHECKING:
    from core.engine import Discardable

#: An archive, the originals that may be moved, and how many files stay.
Found = tuple[Path, "list[Discardable]", int]


class Originals(QObject):
    """Offers to move the originals of jobs that were started while the action was checked."""

    none_found = Signal(str)  #: a sentence

    def __init__(
        self,
        jobs: Jobs,
        backend: Backend,
        executors: Executors,
        dialogs: Dialogs,
        action: QAction,
        window: QWidget,
        move: Callable[[Path], None] = wastebasket.move,
    ) -> None:
        super().__init__(window)
        self._jobs, self._backend, self._executors = jobs, backend, executors
        self._dialogs, self._action, self._window = dialogs, action, window
        self._move = move
        self._wanted: set[Job] = set()
        jobs.job_added.connect(self._on_added)
        jobs.job_finished.connect(self._on_finished)

    def _on_added(self, job: Job) -> None:
        if job.kind is JobKind.ADD and self._action.isChecked():
            self._wanted.add(job)

    def _on_finished(self, job: Job) -> None:
        if job not in self._wanted:
            return
        self._wanted.discard(job)
        results = [file.result for file in job.files if file.result is not None]
        if job.cancelling or not job.count(State.DONE):
            return
        task = Task(self)
        task.succeeded.connect(self._on_found)
        find = self._backend.originals

        def look() -> Found:  # on a worker: each file is read
            found = find(results)
            return job.archive, found, len(results) - len(found)

        task.start(self._executors.reading, look)

    def _on_found(self, found: Found) -> None:
        archive, files, n_staying = found
        if not files:
            self.none_found.emit(
                self.tr("All originals stay: of none of them does the archive keep the very bytes.")
            )
        elif self._dialogs.discard_originals(
            self._window, len(files), sum(file.n_bytes for file in files), n_staying
        ):
            work = job_factories.discarding(self._backend, archive, files, self._move)
            self._jobs.submit(JobKind.DISCARD, archive, work)
