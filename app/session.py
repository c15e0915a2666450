"""The open archive: what is in it, and what is being done to it. No widgets in here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app import works
from app.backend import Backend
from app.entries_model import EntriesModel
from app.executors import Executors, Task
from app.jobs import Job, JobKind, Jobs

if TYPE_CHECKING:
    from core.archive.entry import Entry
    from core.engine import FileResult

#: An archive, its entries, the files that wait to be added to it, and what is wrong with it.
Opened = tuple[Path, "list[Entry]", Sequence[Path], str | None]


class ArchiveSession(QObject):
    """At most one archive is shown; jobs on one that was left go on."""

    opened = Signal()  #: another archive is shown, or none
    opening = Signal(object)  #: its path, while its entries are being read
    failed = Signal(str)
    removed = Signal(int)
    existing_found = Signal(object)  #: (names, folder, those that exist there)
    idle = Signal()  #: nothing is being done any more

    def __init__(
        self, backend: Backend, executors: Executors, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.model = EntriesModel(self)
        self.path: Path | None = None
        self._backend, self._executors = backend, executors
        self._tasks: set[Task] = set()
        self.jobs = Jobs(executors.jobs, self)
        self.jobs.job_added.connect(self._on_job_added)
        self.jobs.idle.connect(self._on_idle)

    @property
    def busy(self) -> bool:
        """Whether an archive is being read or written."""
        return bool(self._tasks or self.jobs.active)

    def open(self, path: Path) -> None:
        """Reads an archive on a worker and shows it."""
        self._show(path, partial(_read, self._backend, path))

    def create(self, path: Path, then_add: Sequence[Path] = ()) -> None:
        """Makes an empty archive, in the place of any file, and shows it."""
        self._show(path, partial(_create, self._backend, path, then_add))

    def open_or_create(self, path: Path, then_add: Sequence[Path] = ()) -> None:
        """As the command line does: an archive that is not there is made."""
        self._show(path, partial(_open_or_create, self._backend, path, then_add))

    def close(self) -> None:
        """Shows no archive; its jobs go on."""
        self._set(None, [])

    def add(self, paths: Sequence[Path]) -> None:
        """Adds files and folders to the archive that is shown."""
        archive = self._archive()
        self.jobs.submit(JobKind.ADD, archive, works.adding(self._backend, archive, list(paths)))

    def find_existing(self, names: Sequence[str], folder: Path) -> None:
        """Asks the disk which files extraction would meet; ``existing_found`` tells."""
        task = self._task()
        task.succeeded.connect(self.existing_found)
        task.start(self._executors.reading, partial(_find, self._backend, list(names), folder))

    def extract(self, names: Sequence[str], folder: Path, *, overwrite: bool) -> None:
        """Writes the images of these names into a folder."""
        archive, plan = self._archive(), self._plan(names)
        work = works.extracting(self._backend, archive, plan, folder, overwrite=overwrite)
        self.jobs.submit(JobKind.EXTRACT, archive, work)

    def verify(self, names: Sequence[str]) -> None:
        """Decodes the images of these names and compares them with their hashes."""
        archive, plan = self._archive(), self._plan(names)
        self.jobs.submit(JobKind.VERIFY, archive, works.verifying(self._backend, archive, plan))

    def remove(self, names: Sequence[str]) -> None:
        """Takes images out of the archive, after the jobs that run."""
        task = self._task()
        task.succeeded.connect(self._on_removed)
        task.start(
            self._executors.jobs, partial(_remove, self._backend, self._archive(), list(names))
        )

    def _archive(self) -> Path:
        if self.path is None:
            raise ValueError("no archive is open")
        return self.path

    def _plan(self, names: Sequence[str]) -> list[tuple[str, float]]:
        n_pixels = {e.name: float(e.width * e.height) for e in self.model.entries}
        return [(name, n_pixels.get(name, 1.0)) for name in names]

    def _task(self) -> Task:
        task = Task(self)
        self._tasks.add(task)
        task.failed.connect(self.failed)
        task.ended.connect(self._on_ended)
        return task

    def _show(self, path: Path, call: partial[Opened]) -> None:
        self.opening.emit(path)
        task = self._task()
        task.succeeded.connect(self._on_read)
        task.start(self._executors.reading, call)

    def _on_read(self, result: Opened) -> None:
        path, entries, then_add, damage = result
        self._set(path, entries)
        if damage:
            self.failed.emit(damage)
        for job in self.jobs.active:  # what they added while the list was being read
            if job.kind is JobKind.ADD and job.archive == path:
                for file in job.files:
                    if file.result is not None and file.result.entry is not None:
                        self.model.put(file.result.entry)
        if then_add:
            self.add(then_add)

    def _set(self, path: Path | None, entries: Sequence[Entry]) -> None:
        self.path = path
        self.model.reset(entries)
        self.opened.emit()

    def _on_job_added(self, job: Job) -> None:
        if job.kind is JobKind.ADD:
            job.file_finished.connect(self._on_file_finished)

    def _on_file_finished(self, result: FileResult) -> None:
        job = self.sender()
        if result.entry is not None and isinstance(job, Job) and job.archive == self.path:
            self.model.put(result.entry)

    def _on_removed(self, result: tuple[Path, list[str]]) -> None:
        archive, names = result
        if archive == self.path:
            self.model.remove(names)
        self.removed.emit(len(names))

    def _on_ended(self, task: Task) -> None:
        self._tasks.discard(task)
        self._on_idle()

    def _on_idle(self) -> None:
        if not self.busy:
            self.idle.emit()


# What follows runs on workers.


def _read(backend: Backend, path: Path) -> Opened:
    entries, damage = backend.entries(path)
    return path, entries, (), damage


def _create(backend: Backend, path: Path, then_add: Sequence[Path]) -> Opened:
    backend.create(path)
    return path, [], then_add, None


def _open_or_create(backend: Backend, path: Path, then_add: Sequence[Path]) -> Opened:
    if not path.exists():
        return _create(backend, path, then_add)
    entries, damage = backend.entries(path)
    return path, entries, then_add, damage


def _find(backend: Backend, names: list[str], folder: Path) -> tuple[list[str], Path, list[str]]:
    return names, folder, backend.existing(names, folder)


def _remove(backend: Backend, archive: Path, names: list[str]) -> tuple[Path, list[str]]:
    backend.remove(archive, names)
    return archive, names
