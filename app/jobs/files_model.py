"""The files of all jobs as a table model, one row each."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.jobs.jobs import Job, JobFile, JobKind, State
from app.language import formats, sentences
from app.widgets import icons
from core.engine import Outcome

Index = QModelIndex | QPersistentModelIndex

FILE, PROGRESS, STATE = range(3)

#: 0 to 1 while a file is being processed, else None.
FRACTION_ROLE = Qt.ItemDataRole.UserRole
#: The job behind a row.
JOB_ROLE = Qt.ItemDataRole.UserRole + 1
#: Whether the file failed.
FAILED_ROLE = Qt.ItemDataRole.UserRole + 2
#: The file behind a row, a JobFile.
FILE_ROLE = Qt.ItemDataRole.UserRole + 3


class JobFilesModel(QAbstractTableModel):
    """Rows are appended when jobs plan their files, and stay until they are cleared."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._files: list[tuple[Job, JobFile]] = []
        self._rows: dict[tuple[Job, int], int] = {}
        self._failed_icon = icons.failure()

    def follow(self, job: Job) -> None:
        """Add the files of a job."""
        job.files_added.connect(self._on_added)
        job.files_changed.connect(self._on_changed)

    def clear_finished(self) -> None:
        """Remove the files of finished jobs."""
        self.beginResetModel()
        indices = {row: key for key, row in self._rows.items()}
        kept = [(pair, indices[row]) for row, pair in enumerate(self._files) if pair[0].active]
        self._files = [pair for pair, _ in kept]
        self._rows = {key: row for row, (_, key) in enumerate(kept)}
        self.endResetModel()

    def running_row(self) -> int | None:
        """The row of the file being processed."""
        rows = (r for r, (_, file) in enumerate(self._files) if file.state is State.RUNNING)
        return next(rows, None)

    def first_failed_row(self, job: Job) -> int | None:
        """The row of the first file of a job that failed."""
        rows = (
            row
            for row, (of, file) in enumerate(self._files)
            if of is job and file.state is State.FAILED
        )
        return next(rows, None)

    def _on_added(self, first: int, count: int) -> None:
        job = self.sender()
        assert isinstance(job, Job)
        start = len(self._files)
        self.beginInsertRows(QModelIndex(), start, start + count - 1)
        for index in range(first, first + count):
            self._rows[job, index] = len(self._files)
            self._files.append((job, job.files[index]))
        self.endInsertRows()

    def _on_changed(self, indices: list[int]) -> None:
        job = self.sender()
        assert isinstance(job, Job)
        rows = [self._rows[job, index] for index in indices if (job, index) in self._rows]
        if rows:
            self.dataChanged.emit(self.index(min(rows), 0), self.index(max(rows), STATE))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._files)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 3

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._files):
            return None
        job, file = self._files[index.row()]
        column = index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(job, file, column)
            case Qt.ItemDataRole.ToolTipRole:
                return self._text(job, file, column) if column != PROGRESS else None
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._text(job, file, column)
            case Qt.ItemDataRole.DecorationRole:
                return self._failed_icon if self._shows_failure(file, column) else None
            case _ if role == FRACTION_ROLE:
                return file.fraction if file.state is State.RUNNING else None
            case _ if role == JOB_ROLE:
                return job
            case _ if role == FILE_ROLE:
                return file
            case _ if role == FAILED_ROLE:
                return file.state is State.FAILED
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        titles = (self.tr("File"), self.tr("Progress"), self.tr("State"))
        return titles[section] if 0 <= section < len(titles) else None

    @staticmethod
    def _shows_failure(file: JobFile, column: int) -> bool:
        return column == STATE and file.state is State.FAILED

    def _text(self, job: Job, file: JobFile, column: int) -> str:
        if column == FILE:
            return file.name
        if column == PROGRESS:
            return formats.percent(file.fraction) if file.state is State.RUNNING else ""
        return self._state(job, file)

    def _state(self, job: Job, file: JobFile) -> str:
        match file.state:
            case State.WAITING:
                return self.tr("Waiting")
            case State.CANCELLED:
                return self.tr("Cancelled")
            case State.FAILED:
                return _without_name(file)
            case State.SKIPPED:
                reason = file.result.left_out if file.result is not None else None
                if reason is None:
                    return self.tr("Skipped")
                return self.tr("Left out: {0}").format(sentences.translated(reason))
            case State.RETRIED:
                return self.tr("Retried")
            case State.DONE:
                return self._outcome(job, file)
        if job.paused:
            return self.tr("Paused")
        return {
            "reading": self.tr("Reading"),
            "encoding": self.tr("Encoding"),
            "verifying": self.tr("Verifying"),
            "decoding": self.tr("Decoding"),
            "writing": self.tr("Writing"),
        }.get(file.stage or "", self.tr("Starting"))

    def _outcome(self, job: Job, file: JobFile) -> str:
        result = file.result
        if job.kind is JobKind.EXTRACT:
            target = result.target if result is not None else None
            return self.tr("Extracted to {0}").format(target) if target else self.tr("Extracted")
        if job.kind is JobKind.VERIFY:
            return self.tr("Exact")
        if job.kind is JobKind.DISCARD:
            return self.tr("Moved to the wastebasket")
        if result is None or result.entry is None:
            return self.tr("Done")
        if result.outcome is Outcome.UNCHANGED:
            return self.tr("Already in the archive")
        entry = result.entry
        if entry.is_stored:
            reason = sentences.translated(entry.reason or "")
            return self.tr("Kept as it was: {0}").format(reason)
        return formats.saving(entry.original_bytes, entry.packed_bytes)


def _without_name(file: JobFile) -> str:
    """The error without the file's name, which is in the row already."""
    error = (file.result.error if file.result is not None else None) or ""
    source = file.result.source if file.result is not None else None
    for prefix in (f"{source}: ", f"{file.name}: "):
        error = error.removeprefix(prefix)
    error = sentences.translated(error)
    return error[:1].upper() + error[1:]
