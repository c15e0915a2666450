"""What is being done: a line for the job at work, and below it every file."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import colours, icons, texts
from app.action_button import ActionButton
from app.actions import Actions
from app.job_files_model import FILE, FRACTION_ROLE, JOB_ROLE, PROGRESS, STATE, JobFilesModel
from app.jobs import Job, JobKind, Jobs, State
from app.style import RoomyStyle, ThinProgress, paint_progress

_UNBOUNDED = 16_777_215  #: Qt's QWIDGETSIZE_MAX


class ProgressDelegate(QStyledItemDelegate):
    """A thin bar and its percentage, as light as the text around it."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        fraction = index.data(FRACTION_ROLE)
        text = index.data(Qt.ItemDataRole.DisplayRole)
        cell = QStyleOptionViewItem(option)
        self.initStyleOption(cell, index)
        cell.text = ""
        view = cell.widget
        view.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, cell, painter, view)
        if fraction is None:
            return
        palette: QPalette = cell.palette
        selected = bool(cell.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        front = palette.color(role)
        full = front if selected else palette.color(QPalette.ColorRole.Highlight)
        metrics = cell.fontMetrics
        place = QRectF(cell.rect).adjusted(6, 0, -6, 0)
        width = metrics.horizontalAdvance(texts.percent(1.0)) + 8
        bar = place.adjusted(0, 0, -width, 0)
        paint_progress(painter, bar, fraction, colours.line(palette), full)
        painter.save()
        painter.setPen(front)
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()


class JobsPanel(QFrame):
    """Hidden until the first job; the list below the line can be folded away."""

    def __init__(self, jobs: Jobs, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs, self._actions = jobs, actions
        self.model = JobFilesModel(self)
        self._fold = QToolButton(self)
        self._fold.setAutoRaise(True)
        self._fold.clicked.connect(self._toggle_fold)
        self._folded = False
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
        self.files = self._make_table()
        self._copy = QAction(self.tr("&Copy"), self.files)
        self._copy.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        self._copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self._copy.triggered.connect(self._copy_rows)
        self.files.addAction(self._copy)
        self._lay_out()
        self.set_folded(False)
        jobs.job_added.connect(self._on_job_added)
        jobs.job_finished.connect(self._on_job_finished)
        jobs.progressed.connect(self.refresh)
        self.hide()

    def _make_table(self) -> QTableView:
        table = QTableView(self)
        table.setModel(self.model)
        self._roomy = RoomyStyle()
        table.setStyle(self._roomy)
        table.horizontalHeader().setStyle(self._roomy)
        table.setItemDelegateForColumn(PROGRESS, ProgressDelegate(table))
        table.setAccessibleName(self.tr("Files of the jobs"))
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setFrameShape(QFrame.Shape.NoFrame)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 9)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(STATE, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(FILE, 260)
        header.resizeSection(PROGRESS, 220)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._on_menu)
        return table

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setContentsMargins(8, 6, 8, 6)
        line.setSpacing(10)
        line.addWidget(self._fold)
        line.addWidget(self._title)
        line.addWidget(self.total, 1)
        line.addWidget(self._figures)
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

    def set_folded(self, folded: bool) -> None:
        """Hides or shows the list of files."""
        self._folded = folded
        self.files.setVisible(not folded)
        hint = self.tr("Show the files") if folded else self.tr("Hide the files")
        self._fold.setToolTip(hint)
        self._fold.setAccessibleName(hint)
        self.setMaximumHeight(self.minimumSizeHint().height() if folded else _UNBOUNDED)
        self._draw_icon()

    def clear(self) -> None:
        """Forgets the jobs that are over; hides when none is left."""
        self._jobs.forget_finished()
        self.model.clear_finished()
        self.refresh()
        self.setVisible(bool(self._jobs.active))

    def refresh(self) -> None:
        """Shows how far the job at work has come."""
        job = self._jobs.last
        if job is None:
            return
        waiting = len(self._jobs.active) - 1
        title = self._describe(job)
        if waiting > 0:
            title += self.tr(", {0} more waiting").format(waiting)
        self._title.setText(title)
        self._figures.setText(self._describe_figures(job))
        self.total.setVisible(job.active)
        self.total.setValue(round(1000 * job.meter.fraction))
        self.pause_button.setVisible(job.active)
        self.cancel_button.setVisible(job.active)
        self.retry_button.setVisible(bool(self._jobs.with_failures) and not job.active)
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
        """One sentence about a job that is over."""
        if job.error:
            return job.error
        there = job.n_unchanged
        text = {
            JobKind.ADD: self.tr("{0} added to {1}"),
            JobKind.EXTRACT: self.tr("{0} extracted from {1}"),
            JobKind.VERIFY: self.tr("{0} of {1} verified, exact"),
            JobKind.DISCARD: self.tr("Originals of {0} moved to the wastebasket"),
        }[job.kind].format(texts.images(job.count(State.DONE) - there), job.archive.name)
        if there:
            text += self.tr(", {0} already there").format(there)
        if skipped := job.count(State.SKIPPED):
            text += self.tr(", {0} left out").format(skipped)
        if failed := job.count(State.FAILED):
            text += self.tr(", {0} failed").format(failed)
        if retried := job.count(State.RETRIED):
            text += self.tr(", {0} tried again").format(retried)
        if job.state is State.CANCELLED:
            text += self.tr(", the rest cancelled")
        return text

    def _describe_figures(self, job: Job) -> str:
        meter = job.meter
        if not job.active:
            return texts.duration(meter.elapsed_seconds) if meter.elapsed_seconds >= 1 else ""
        parts = [texts.percent(meter.fraction)] if job.files else []
        if job.paused:
            return "".join(parts)
        if meter.pixels_per_second > 0:
            parts.append(texts.throughput(meter.pixels_per_second))
        remaining = meter.remaining_seconds
        if remaining is not None:
            parts.append(self.tr("{0} left").format(texts.duration(remaining)))
        return "   ".join(parts)

    def _on_job_added(self, job: Job) -> None:
        self.model.follow(job)
        job.files_changed.connect(self._follow_running)
        self.show()
        self.refresh()

    def _on_job_finished(self, job: Job) -> None:
        self.refresh()
        row = self.model.first_failed_row(job)
        if row is not None:
            self.set_folded(False)
            self.files.scrollTo(
                self.model.index(row, FILE), QAbstractItemView.ScrollHint.PositionAtTop
            )

    def _follow_running(self) -> None:
        # Unless the person is looking elsewhere in the list.
        row = self.model.running_row()
        if row is not None and not self.files.hasFocus() and not self.files.underMouse():
            self.files.scrollTo(self.model.index(min(row + 1, self.model.rowCount() - 1), 0))

    def _toggle_fold(self) -> None:
        self.set_folded(not self._folded)

    def _on_menu(self, place: QPoint) -> None:
        job = self.files.indexAt(place).data(JOB_ROLE)
        actions, menu = self._actions, QMenu(self)
        stop = menu.addAction(self.tr("Cancel this job"))
        stop.setEnabled(isinstance(job, Job) and job.active)
        menu.addActions([actions.pause, actions.retry])
        menu.addSeparator()
        menu.addActions([self._copy, actions.copy_errors, actions.clear_jobs])
        if menu.exec(self.files.viewport().mapToGlobal(place)) is stop:
            job.cancel()

    def _copy_rows(self) -> None:
        """The selected files and what is said of them, as lines of a table."""
        rows = sorted({index.row() for index in self.files.selectedIndexes()})
        lines = (
            "\t".join(self.model.index(row, column).data() for column in (FILE, STATE))
            for row in rows
        )
        QGuiApplication.clipboard().setText("\n".join(lines))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icon()

    def _draw_icon(self) -> None:
        name = "right" if self._folded else "down"
        self._fold.setIcon(icons.icon(name, self.palette()))
