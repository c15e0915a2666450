"""The open archive: its contents, edits and jobs. No widgets in here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.backend.backend import Backend, Listing
from app.backend.edits import Edit
from app.backend.executors import Executors
from app.backend.task import Settling, Task
from app.jobs import job_factories
from app.jobs.jobs import Job, JobKind, Jobs
from app.language import naming, sentences
from app.session.entries_model import EntriesModel
from app.session.history import History
from core.engine import FileResult, Outcome, Queries

#: An archive, its contents, and the files to be added to it.
Opened = tuple[Path, Listing, Sequence[Path]]


class ArchiveSession(QObject):
    """At most one archive is open; jobs on an archive continue when it is closed."""

    opened = Signal()  #: another archive is open, or none
    left = Signal()  #: the archive that was open is not any more
    opening = Signal(object)  #: its path, while its entries are being read
    failed = Signal(str)
    changing = Signal()  #: the archive is about to be changed
    changed = Signal(object)  #: the names of the entries and folders that an edit has added
    refreshed = Signal()  #: the archive shown, its contents or its jobs changed; coalesced
    idle = Signal()  #: nothing is being done any more

    def __init__(
        self,
        backend: Backend,
        executors: Executors,
        queries: Queries,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.model = EntriesModel(self)
        self._soon = Settling(0, self)  # many files of a job change the model at once
        self._soon.timeout.connect(self.refreshed)
        self.model.changed.connect(self._soon.start)
        self.path: Path | None = None
        self._backend, self._executors, self._queries = backend, executors, queries
        self._tasks: set[Task] = set()
        self.jobs = Jobs(executors.jobs, self)
        self.jobs.job_added.connect(self._on_job_added)
        self.jobs.job_finished.connect(self.refreshed)
        self.jobs.idle.connect(self._on_idle)
        self.history = History(self._turn, self)
        self.history.dropped.connect(self._forget)

    @property
    def busy(self) -> bool:
        """Whether an archive is being read or written."""
        return bool(self._tasks or self.jobs.active)

    def open(self, path: Path) -> None:
        """Open an archive on a worker."""
        self._show(path, partial(_read, self._backend, path))

    def create(self, path: Path, then_add: Sequence[Path] = ()) -> None:
        """Make an empty archive, replacing any file, and open it."""
        self._show(path, partial(_create, self._backend, path, then_add))

    def open_or_create(self, path: Path, then_add: Sequence[Path] = ()) -> None:
        """Open an archive; make it if it does not exist."""
        self._show(path, partial(_open_or_create, self._backend, path, then_add))

    def close(self) -> None:
        """Close the archive; its jobs continue."""
        self._set(None, Listing([], [], None))

    def add(self, paths: Sequence[Path], folder: str | None = None) -> None:
        """Add files and folders to a folder, or to the one that is shown."""
        archive = self._archive()
        into = self.model.folder.path if folder is None else folder
        work = job_factories.adding(self._backend, archive, list(paths), self._queries, into)
        self.jobs.submit(JobKind.ADD, archive, work)

    def extract(self, names: Sequence[str], folders: Sequence[str], target: Path) -> None:
        """Write images into a folder of the disk, and make folders of the archive there."""
        archive, plan = self._archive(), self._plan(names)
        work = job_factories.extracting(
            self._backend, archive, plan, folders, target, self._queries
        )
        self.jobs.submit(JobKind.EXTRACT, archive, work)

    def verify(self, names: Sequence[str]) -> None:
        """Decode these images and compare them with their hashes."""
        archive, plan = self._archive(), self._plan(names)
        self.jobs.submit(
            JobKind.VERIFY,
            archive,
            job_factories.verifying(self._backend, archive, plan, self._queries),
        )

    def remove(self, names: Sequence[str]) -> None:
        """Remove entries and folders from the archive, after the running jobs."""
        change = partial(self._backend.edits.remove, self._archive(), list(names))
        self._do(self.tr("delete"), change)

    def rename(self, old: str, new: str) -> None:
        """Rename an entry or a folder."""
        change = partial(self._backend.edits.rename, self._archive(), [(old, new)])
        self._do(self.tr("rename"), change)

    def move(self, names: Sequence[str], folder: str) -> None:
        """Move entries and folders into a folder, "" being the root."""
        pairs = [(name, naming.inside(folder, name.rpartition("/")[2])) for name in names]
        pairs = [(old, new) for old, new in pairs if old != new]
        if pairs:
            change = partial(self._backend.edits.rename, self._archive(), pairs)
            self._do(self.tr("move"), change)

    def new_folder(self, name: str) -> None:
        """Make an empty folder."""
        change = partial(self._backend.edits.new_folder, self._archive(), name)
        self._do(self.tr("new folder"), change)

    def has(self, name: str) -> bool:
        """Whether an entry or a folder has this name."""
        return self.model.item(name) is not None

    @property
    def writing(self) -> bool:
        """Whether an active job adds to the open archive."""
        return any(j.kind is JobKind.ADD and j.archive == self.path for j in self.jobs.active)

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
        path, listing, then_add = result
        self._set(path, listing)
        if listing.damage:
            self.failed.emit(sentences.translated(listing.damage))
        for job in self.jobs.active:  # entries added while the list was being read
            if job.kind is JobKind.ADD and job.archive == path:
                for file in job.files:
                    if file.result is not None and file.result.entry is not None:
                        self.model.put(file.result.entry)
        if then_add:
            self.add(then_add)

    def _set(self, path: Path | None, listing: Listing) -> None:
        if path != self.path:
            self.model.show_folder("")
            self.left.emit()
        self.path = path
        self.history.clear()
        self.model.reset(listing.entries, listing.folders)
        self.opened.emit()
        self.refreshed.emit()

    def _on_job_added(self, job: Job) -> None:
        if job.kind is JobKind.ADD:
            job.file_finished.connect(self._on_file_finished)
            job.finished.connect(self._on_added)
        self.refreshed.emit()

    def _on_file_finished(self, result: FileResult) -> None:
        job = self.sender()
        if result.entry is not None and isinstance(job, Job) and job.archive == self.path:
            self.model.put(result.entry)
        elif result.is_folder and isinstance(job, Job) and job.archive == self.path:
            self.model.change(made=[result.name])

    def _on_added(self, job: Job) -> None:
        results = [
            f.result
            for f in job.files
            if f.result is not None and f.result.outcome is not Outcome.UNCHANGED
        ]
        names = [result.entry.name for result in results if result.entry is not None]
        names += [result.name for result in results if result.is_folder]
        if not names:
            return
        kept = [result.replaced for result in results if result.replaced is not None]
        if job.archive != self.path:
            self._forget(kept)
            return
        undo = partial(self._backend.edits.undo_adding, job.archive, names, kept)
        self.history.push(self.tr("add"), Edit([], [], [], undo, kept))

    # Edits

    def _do(self, text: str, change: Callable[[], Edit]) -> None:
        def done(changed: Edit | None) -> None:
            if changed is not None:
                self.history.push(text, changed)

        self._turn(change, done)

    def _turn(self, change: Callable[[], Edit], done: Callable[[Edit | None], None]) -> None:
        archive = self._archive()

        def succeeded(changed: Edit) -> None:
            for job in self.jobs.active:  # results of earlier jobs come first
                job.deliver()
            if archive != self.path:
                self._forget(changed.kept)
                done(None)
                return
            self._apply(changed)
            done(changed)

        self.changing.emit()
        task = self._task()
        task.succeeded.connect(succeeded)
        task.failed.connect(lambda _: done(None))
        task.start(self._executors.jobs, change)

    def _apply(self, changed: Edit) -> None:
        self.model.change(changed.gone, changed.came, changed.made)
        self.changed.emit([*(entry.name for entry in changed.came), *changed.made])
        self.refreshed.emit()

    def _forget(self, kept: Sequence[Path]) -> None:
        """Queued behind the current edit, which may still need the files."""
        task = self._task()
        task.start(self._executors.jobs, partial(self._backend.edits.forget, list(kept)))

    def _on_ended(self, task: Task) -> None:
        self._tasks.discard(task)
        self._on_idle()

    def _on_idle(self) -> None:
        if not self.busy:
            self.idle.emit()
            self.refreshed.emit()


# The following runs on workers.


def _read(backend: Backend, path: Path) -> Opened:
    return path, backend.entries(path), ()


def _create(backend: Backend, path: Path, then_add: Sequence[Path]) -> Opened:
    backend.create(path)
    return path, Listing([], [], None), then_add


def _open_or_create(backend: Backend, path: Path, then_add: Sequence[Path]) -> Opened:
    if not path.exists():
        return _create(backend, path, then_add)
    return path, backend.entries(path), then_add
