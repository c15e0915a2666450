"""The panel of jobs: a line for the current job, and below it the files of all."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.jobs.files_model import JobFilesModel
from app.jobs.files_view import JobFilesView
from app.jobs.jobs import Job, JobKind, Jobs, State
from app.language import formats
from app.language.translation import counted
from app.widgets import icons
from app.widgets.action_button import ActionButton
from app.widgets.actions import Actions
from app.widgets.style import ThinProgress
from core.archive.totals import Totals

_UNBOUNDED = 16_777_215  #: Qt's QWIDGETSIZE_MAX


class JobsPanel(QFrame):
    """Hidden until the first job; the list below the line can be folded."""

    folded_changed = Signal(bool)
    focus_lost = Signal()  #: the focused button has been hidden

    def __init__(self, jobs: Jobs, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self.model = JobFilesModel(self)
        self._fold = QToolButton(self)
        self._fold.setAutoRaise(True)
        self._fold.clicked.connect(self._toggle_fold)
        self._folded = False
        self._opens_itself = True
        self._title = QLabel(self)
        self._title.setMinimumWidth(60)
        self.total = ThinProgress(self)
        self.total.setRange(0, 1000)
        self.total.setTextVisible(False)
        self.total.setMinimumWidth(80)
        policy = self.total.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.total.setSizePolicy(policy)
        self.total.setAccessibleName(self.tr("Total progress"))
        self._figures = QLabel(self)
        self._figures.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.pause_button = ActionButton(actions.pause, self)
        self.cancel_button = ActionButton(actions.cancel, self)
        self.retry_button = ActionButton(actions.retry, self)
        self._clear = ActionButton(actions.clear_jobs, self)
        self.failures_button = QPushButton(self)
        self.failures_button.setCheckable(True)
        self.failures_button.setToolTip(self.tr("Show the failed files only"))
        self.failures_button.setAccessibleName(self.failures_button.toolTip())
        self.files = JobFilesView(self.model, self)
        self.failures_button.toggled.connect(self.files.show_failures_only)
        self._lay_out()
        self.set_folded(False)
        jobs.job_added.connect(self._on_job_added)
        jobs.job_finished.connect(self._on_job_finished)
        jobs.progressed.connect(self.refresh)
        self.hide()

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setContentsMargins(8, 6, 8, 6)
        line.setSpacing(10)
        line.addWidget(self._fold)
        line.addWidget(self._title)
        line.addWidget(self.total, 1)
        line.addWidget(self._figures)
        line.addWidget(self.failures_button)
        for button in (self.retry_button, self._clear, self.pause_button, self.cancel_button):
            line.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(line)
        layout.addWidget(self.files, 1)

    def sizeHint(self) -> QSize:
        return QSize(600, 190)

    @property
    def folded(self) -> bool:
        """Whether the list of files is hidden."""
        return self._folded

    @property
    def folded_height(self) -> int:
        """The height of the line without the list."""
        return self.minimumSizeHint().height()

    def set_folded(self, folded: bool) -> None:
        """Hide or show the list of files."""
        was_folded, self._folded = self._folded, folded
        self.files.setVisible(not folded)
        hint = self.tr("Show the files") if folded else self.tr("Hide the files")
        self._fold.setToolTip(hint)
        self._fold.setAccessibleName(hint)
        self.setMaximumHeight(self.folded_height if folded else _UNBOUNDED)
        self._draw_icon()
        if folded != was_folded:
            self.folded_changed.emit(folded)

    def clear(self) -> None:
        """Remove finished jobs; hide if none is left."""
        focused = QApplication.focusWidget()
        had_focus = focused is not None and self.isAncestorOf(focused)
        self._jobs.forget_finished()
        self.model.clear_finished()
        self.refresh()
        self.setVisible(bool(self._jobs.active))
        if had_focus and self.isHidden():  # Qt would give it to the next widget that takes keys
            self.focus_lost.emit()

    def refresh(self) -> None:
        """Show the progress of the current job."""
        job = self._jobs.last
        if job is None:
            return
        waiting = len(self._jobs.active) - 1
        title = self._describe(job)
        if waiting > 0:
            title += counted(waiting, ", {0} more waiting|, {0} more waiting")
        self._title.setText(title)
        self._figures.setText(self._describe_figures(job))
        self.total.setVisible(job.active)
        self.total.setValue(round(1000 * job.meter.fraction))
        self.pause_button.setVisible(job.active)
        self.cancel_button.setVisible(job.active)
        n_failed = sum(job.count(State.FAILED) for job in self._jobs.with_failures)
        self.retry_button.setVisible(n_failed > 0 and not job.active)
        self.failures_button.setVisible(n_failed > 0)
        self.failures_button.setText(self.tr("{0} &failed").format(n_failed))
        if not n_failed:
            self.failures_button.setChecked(False)
        self._clear.setVisible(not job.active)

    def _describe(self, job: Job) -> str:
        done, total = job.n_finished, len(job.files)
        archive = job.archive.name
        if job.cancelling and job.active:
            return self.tr("Stopping…")
        if job.active and self._jobs.asking:
            return self.tr("Waiting for your answer")
        if job.state is State.WAITING:
            return self.tr("Preparing…")
        if job.state is State.RUNNING:
            text = {
                JobKind.ADD: self.tr("Adding {0} of {1} to {2}"),
                JobKind.EXTRACT: self.tr("Extracting {0} of {1} from {2}"),
                JobKind.VERIFY: self.tr("Verifying {0} of {1} in {2}"),
                JobKind.DISCARD: self.tr("Moving original {0} of {1} to the wastebasket"),
            }[job.kind]
            what = text.format(min(done + 1, total), total, archive)
            return self.tr("Paused: {0}").format(what) if job.paused else what
        return self.outcome(job)

    def outcome(self, job: Job) -> str:
        """One sentence about a finished job."""
        if job.error:
            return job.error
        present, archive = job.n_unchanged, job.archive.name
        done = job.count(State.DONE) - present
        match job.kind:
            case JobKind.ADD if not done:
                text = self.tr("Nothing added to {0}").format(archive)
            case JobKind.ADD:
                text = counted(done, "{0} file added to {1}|{0} files added to {1}", archive)
                text += f": {formats.result(Totals.of(job.added).all)}"
            case JobKind.EXTRACT if not done:
                text = self.tr("Nothing extracted from {0}").format(archive)
            case JobKind.EXTRACT:
                text = counted(
                    done, "{0} file extracted from {1}|{0} files extracted from {1}", archive
                )
            case JobKind.VERIFY if not done:
                text = self.tr("Nothing verified in {0}").format(archive)
            case JobKind.VERIFY:
                text = counted(
                    done,
                    "{0} file of {1} verified, exact|{0} files of {1} verified, exact",
                    archive,
                )
            case JobKind.DISCARD if not done:
                text = self.tr("No originals moved to the wastebasket")
            case JobKind.DISCARD:
                text = counted(
                    done,
                    "Original of {0} file moved to the wastebasket"
                    "|Originals of {0} files moved to the wastebasket",
                )
        parts = [text]
        for count, words in (
            (present, self.tr("{0} already there")),
            (job.count(State.SKIPPED) - job.n_left_out, self.tr("{0} skipped")),
            (job.n_left_out, self.tr("{0} left out")),
            (job.count(State.FAILED), self.tr("{0} failed")),
            (job.count(State.RETRIED), self.tr("{0} retried")),
        ):
            if count:
                parts.append(words.format(formats.number(count)))
        if job.state is State.CANCELLED:
            parts.append(self.tr("the rest cancelled") if done else self.tr("cancelled"))
        # What a result says holds commas of its own.
        return ("; " if done and job.kind is JobKind.ADD else ", ").join(parts)

    def _describe_figures(self, job: Job) -> str:
        meter = job.meter
        if not job.active:
            return formats.duration(meter.elapsed_seconds) if meter.elapsed_seconds >= 1 else ""
        parts = [formats.percent(meter.fraction)] if job.files else []
        if job.paused:
            return "".join(parts)
        if meter.pixels_per_second > 0:
            parts.append(formats.throughput(meter.pixels_per_second))
        remaining = meter.remaining_seconds
        if remaining is not None:
            parts.append(self.tr("{0} left").format(formats.duration(remaining)))
        return "   ".join(parts)

    def _on_job_added(self, job: Job) -> None:
        self.model.follow(job)
        job.files_changed.connect(self._follow_running)
        if self._opens_itself:
            self.set_folded(False)
        self.show()
        self.refresh()

    def _on_job_finished(self, job: Job) -> None:
        self.refresh()
        row = self.model.first_failed_row(job)
        if row is None and not self._jobs.active and not self.files.hasFocus():
            self.set_folded(True)  # all went well: the line says what came of it
        elif row is not None:
            self.set_folded(False)
            self.files.reveal(row, QAbstractItemView.ScrollHint.PositionAtTop)

    def _follow_running(self) -> None:
        # Unless the user is looking at other rows.
        row = self.model.running_row()
        if row is not None and not self.files.hasFocus() and not self.files.underMouse():
            self.files.reveal(min(row + 1, self.model.rowCount() - 1))

    def _toggle_fold(self) -> None:
        self.set_folded(not self._folded)
        self._opens_itself = not self._folded

    @property
    def opens_itself(self) -> bool:
        """Whether the list is shown while a job runs; the user chooses by folding it."""
        return self._opens_itself

    def set_opens_itself(self, opens: bool) -> None:
        """Show the list while a job runs, or leave it folded."""
        self._opens_itself = opens
        self.set_folded(not opens)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icon()

    def _draw_icon(self) -> None:
        name = "right" if self._folded else "down"
        self._fold.setIcon(icons.icon(name, self.palette()))
