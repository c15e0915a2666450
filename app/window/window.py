"""The main window: it joins the parts, and does nothing slow itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QLabel,
    QLineEdit,
    QMainWindow,
    QMenu,
    QRubberBand,
    QSplitter,
    QStackedWidget,
)

from app.backend.backend import Backend
from app.backend.executors import Executors
from app.backend.private_cache import PrivateCache
from app.browser.browser import Browser
from app.browser.empty_page import EmptyPage
from app.browser.thumbnails import Thumbnails
from app.controllers.editing import Editing
from app.controllers.exporting import Exporting
from app.controllers.extraction import Extraction
from app.controllers.job_control import JobControl
from app.controllers.moving import Moving
from app.controllers.originals import Originals
from app.details.compare import CompareTab
from app.details.comparison import Comparison
from app.details.contest import Contest
from app.details.info import InfoTab
from app.details.panel import DetailsPanel
from app.details.preview import PreviewTab
from app.details.properties import Properties
from app.details.tab import Selection
from app.dialogs.dialogs import ARCHIVE_SUFFIX, Dialogs
from app.exchange.exchange import Exchange
from app.exchange.takeout import Picked
from app.jobs.jobs import Job, JobKind, State
from app.jobs.notifier import Notifier
from app.jobs.panel import JobsPanel
from app.jobs.questions import Questions
from app.jobs.status import JobStatus
from app.language import formats
from app.preview.loader import Loader
from app.session.contents import Folder, Item
from app.session.session import ArchiveSession
from app.widgets.actions import Actions
from app.widgets.message_bar import MessageBar
from app.window import chrome, layout_memory
from app.window.context_menus import ContextMenus
from app.window.preferences import Preferences
from app.window.recent import Recent


class Window(QMainWindow):
    """One archive, what its selection is about, and the jobs."""

    def __init__(
        self,
        backend: Backend,
        executors: Executors,
        dialogs: Dialogs,
        settings: QSettings,
        cache: PrivateCache,
    ) -> None:
        super().__init__()
        self._dialogs, self._settings = dialogs, settings
        self._closing = False
        self.questions = Questions(dialogs, backend, executors.reading, self)
        self.session = ArchiveSession(backend, executors, self.questions, self)
        self.questions.asking.connect(self.session.jobs.set_asking)
        self.comparison = Comparison(backend, executors.comparing, self)
        self.actions_ = Actions(self)
        self.actions_.draw_icons(self.palette())
        self.recent = Recent(settings, self)
        self.message = MessageBar(self)
        self.thumbnails = Thumbnails(backend, executors.thumbnails, self)
        self.browser = Browser(self.session.model, self.thumbnails, self.actions_.up, self)
        self.entries = self.browser.list
        self.empty = EmptyPage(
            [self.actions_.new, self.actions_.open],
            [self.actions_.add_files, self.actions_.add_folder],
            self,
        )
        self.contest = Contest(backend, executors.comparing, self)
        self.details = DetailsPanel(
            PreviewTab(Loader(backend, executors.previewing, self), dialogs),
            self.comparison,
            InfoTab(backend, executors),
            CompareTab(self.contest, dialogs, settings),
            self,
        )
        self.jobs_panel = JobsPanel(self.session.jobs, self.actions_, self)
        self.job_status = JobStatus(self.session.jobs, self)
        self.job_control = JobControl(self.session.jobs, self.actions_, self.jobs_panel)
        self.notifier = Notifier(self.session.jobs, self.jobs_panel.outcome, self)
        self.questions.asking.connect(self.notifier.ask)
        self.originals = Originals(
            self.session.jobs, backend, executors, dialogs, self.actions_.discard_originals, self
        )
        self.originals.none_found.connect(self.message.inform)
        self.extraction = Extraction(self.session, dialogs, settings, self)
        self.editing = Editing(
            self.session,
            self.actions_,
            dialogs,
            self.message,
            self.browser,
            self,
        )
        self.properties = Properties(
            self.session,
            self.thumbnails,
            lambda: InfoTab(backend, executors),
            self.entries.selected_items,
            self,
        )
        self.exporting = Exporting(
            self.session,
            backend,
            executors,
            self.actions_,
            dialogs,
            self.message,
            self.details,
            lambda: [entry.name for entry in self.entries.selected()],
            self,
        )
        self.filter = QLineEdit(self)
        self.status = QLabel(self)
        self.stack = QStackedWidget(self)
        self._band = QRubberBand(QRubberBand.Shape.Rectangle, self.stack)
        self.across = QSplitter(Qt.Orientation.Horizontal, self)
        self.down = QSplitter(Qt.Orientation.Vertical, self)
        self._soon = QTimer(self)  # one look at all that many files of a job change
        self._soon.setSingleShot(True)
        self.recent_menu = self.recent.menu(self)
        self.column_menu = QMenu(self.tr("&Columns"), self)
        self.preferences = Preferences(settings, self.message.inform, self)
        chrome.lay_out(self)
        self.exchange = Exchange(self, backend, executors, cache, dialogs, self._picked)
        self.moving = Moving(
            self.session,
            self.browser,
            self.exchange.drag_out,
            lambda: [item.path for item in self.entries.selected_items()],
        )
        self.moving.hinted.connect(lambda text: self.statusBar().showMessage(text, 2000))
        self.context_menus = ContextMenus(self)
        self._connect()
        layout_memory.restore(self, settings)
        self._on_opened()

    def _connect(self) -> None:
        actions, session = self.actions_, self.session
        for action, slot in (
            (actions.new, self.new_archive),
            (actions.open, self.open_archive),
            (actions.close, session.close),
            (actions.quit, self.close),
            (actions.add_files, self.add_files),
            (actions.add_folder, self.add_folder),
            (actions.extract, self.extract),
            (actions.extract_all, self.extract_all),
            (actions.verify, self.verify),
            (actions.copy, self.exchange.copy),
            (actions.paste, self.exchange.paste),
            (actions.select_all, self.entries.selectAll),
            (actions.open_folder, self.browser.open_folder),
            (actions.find, self.filter.setFocus),
            (actions.properties, self.properties.show),
            (actions.zoom_in, self.browser.zoom_in),
            (actions.zoom_out, self.browser.zoom_out),
            (actions.about, self.about),
        ):
            action.triggered.connect(slot)
        self.details.preview.saved.connect(self.message.inform)
        self.details.preview.failed.connect(self.message.complain)
        actions.details.toggled.connect(self.details.setVisible)
        self.filter.textChanged.connect(session.model.set_filter)
        actions.tiles.toggled.connect(self.browser.show_tiles)
        session.opened.connect(lambda: self.thumbnails.show_archive(session.path))
        self.browser.file_activated.connect(self.properties.show)
        self.entries.selection_changed.connect(self._on_selection)
        self.recent.chosen.connect(session.open)
        self.empty.chosen.connect(session.open)
        self.exchange.hovered.connect(self._set_hovered)
        self.exchange.arrived.connect(self.take)
        self.exchange.informed.connect(self.message.inform)
        self.exchange.failed.connect(self.message.complain)
        session.opening.connect(self._on_opening)
        session.opened.connect(self._on_opened)
        session.failed.connect(self._on_failed)
        session.changing.connect(self._on_changing)
        session.changed.connect(self.statusBar().clearMessage)
        session.changed.connect(self.browser.select)
        session.changed.connect(self._on_changed)
        session.idle.connect(self._on_idle)
        session.model.changed.connect(self._soon.start)
        self._soon.timeout.connect(self._on_changed)
        session.jobs.job_added.connect(self._on_changed)
        session.jobs.job_finished.connect(self._on_job_finished)

    # What a person can do

    def new_archive(self) -> None:
        """Asks where, and makes an empty archive there."""
        path = self._dialogs.new_archive(self, self._suggestion())
        if path is not None:
            self.session.create(path)

    def open_archive(self) -> None:
        """Asks which, and opens it."""
        path = self._dialogs.open_archive(self, self.recent.folder)
        if path is not None:
            self.session.open(path)

    def add_files(self) -> None:
        """Asks for images, and adds them."""
        self.add_paths(self._dialogs.images_to_add(self, self.recent.folder))

    def add_folder(self) -> None:
        """Asks for a folder, and adds what is in it."""
        folder = self._dialogs.folder_to_add(self, self.recent.folder)
        self.add_paths([folder] if folder is not None else [])

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Adds files and folders; asks for a new archive where none is open."""
        if not paths:
            return
        if self.session.path is not None:
            self.session.add(paths)
            return
        path = self._dialogs.new_archive(self, self._suggestion(paths[0]))
        if path is not None:
            self.session.create(path, then_add=paths)

    def take(self, archives: Sequence[Path], others: Sequence[Path]) -> None:
        """What came from the desktop: archives are opened, all else is added."""
        if archives and not others:
            self.session.open(archives[0])
            if len(archives) > 1:
                self.message.inform(self.tr("One archive is shown at a time."))
            return
        if archives:
            self.message.inform(
                self.tr("{0} was left out: an archive is not added to another one.").format(
                    archives[0].name
                )
            )
        self.add_paths(others)

    def extract(self) -> None:
        """Extracts the selection, or all."""
        self.extract_items(self.entries.selected_items() or [self.session.model.root])

    def extract_all(self) -> None:
        """Extracts all images, shown or not, and empty folders."""
        self.extract_items([self.session.model.root])

    def extract_items(self, items: Sequence[Item]) -> None:
        """Asks for a folder, and extracts these files and folders to it."""
        names = dict.fromkeys(entry.name for item in items for entry in item.below())
        folders = [item for item in items if isinstance(item, Folder)]
        names.update((f"{made}/", None) for folder in folders for made in folder.made_below())
        self.extraction.start(list(names))

    def verify(self) -> None:
        """Verifies the selection, or all."""
        self.verify_items(self.entries.selected_items() or [self.session.model.root])

    def verify_items(self, items: Sequence[Item]) -> None:
        """Verifies these files, and all that is in these folders."""
        names = list(dict.fromkeys(entry.name for item in items for entry in item.below()))
        if names:
            self.session.verify(names)

    def about(self) -> None:
        """Says what this is."""
        self._dialogs.about(self)

    def _picked(self) -> Picked | None:
        selected = self.entries.selected()
        if self.session.path is None or not selected:
            return None
        names = frozenset(item.path for item in self.entries.selected_items())
        return Picked(self.session.path, tuple(selected), names)

    def _suggestion(self, source: Path | None = None) -> Path:
        if source is None or not self.exchange.lasts(source):
            return self.recent.folder / f"{self.tr('Photographs')}{ARCHIVE_SUFFIX}"
        name = source.name if source.suffix == "" else source.parent.name
        return source.parent / f"{name or self.tr('Photographs')}{ARCHIVE_SUFFIX}"

    @property
    def closing(self) -> bool:
        """Whether it only waits for work to stop."""
        return self._closing

    def fill_column_menu(self) -> None:
        """Says anew which columns are shown."""
        self.entries.fill_column_menu(self.column_menu)

    # What happens

    def _on_opening(self, path: Path) -> None:
        self.message.hide()
        self.statusBar().showMessage(self.tr("Reading {0}…").format(path.name), 5000)

    def _on_changing(self) -> None:
        self.statusBar().showMessage(self.tr("Changing the archive…"))

    def _on_opened(self) -> None:
        path = self.session.path
        self.statusBar().clearMessage()
        self.filter.clear()
        self.setWindowTitle(f"{path.name} \N{EM DASH} Floe" if path is not None else "Floe")
        self.setWindowFilePath(str(path) if path is not None else "")
        self.browser.crumbs.set_archive(path.name if path is not None else "")
        if path is not None:
            self.recent.add(path)
        self.empty.set_archive(path.name if path is not None else None, self.recent.paths)
        self._on_changed()
        self._on_selection()

    def _on_failed(self, sentence: str) -> None:
        self.statusBar().clearMessage()
        self.message.complain(sentence)

    def _on_changed(self) -> None:
        busy = any(job.archive == self.session.path for job in self.session.jobs.active)
        shows = not self.session.model.is_empty or (busy and self.session.path is not None)
        self.stack.setCurrentWidget(self.browser if shows else self.empty)
        summary = formats.summary(self.session.model.entries)
        self.status.setText(summary if self.session.path else self.tr("No archive is open"))
        if not self.entries.selectionModel().hasSelection():
            self._on_selection()
        self._enable()

    def _on_selection(self) -> None:
        selected = self.entries.selected()
        shown = selected or self.session.model.entries
        self.exchange.consider()
        self.details.show_selection(Selection(self.session.path, shown, bool(selected)))
        self._enable()

    def _on_job_finished(self, job: Job) -> None:
        outcome = self.jobs_panel.outcome(job)
        if job.error or job.count(State.FAILED):
            self.message.complain(outcome)
        elif job.kind is JobKind.EXTRACT and job.count(State.DONE):
            self.message.inform(outcome, str(self.extraction.folder or ""))
        elif job.kind in (JobKind.VERIFY, JobKind.DISCARD) and job.state is State.DONE:
            self.message.inform(outcome)
        self._on_changed()

    def _on_idle(self) -> None:
        self._enable()
        if self._closing:
            self.close()

    def _enable(self) -> None:
        actions, is_open = self.actions_, self.session.path is not None
        has_entries = bool(self.session.model.entries)
        actions.close.setEnabled(is_open)
        actions.properties.setEnabled(is_open)
        for action in (actions.extract, actions.extract_all, actions.verify, actions.select_all):
            action.setEnabled(has_entries)
        for action in (actions.find, actions.export_csv, actions.export_html):
            action.setEnabled(has_entries)
        self.filter.setEnabled(has_entries)
        self.editing.enable()
        selected = self.entries.selected_items()
        actions.open_folder.setEnabled(len(selected) == 1 and isinstance(selected[0], Folder))
        actions.copy.setEnabled(self.entries.selectionModel().hasSelection())

    def _set_hovered(self, hovered: bool) -> None:
        self.empty.set_hovered(hovered)
        self._band.setGeometry(self.stack.rect())
        self._band.setVisible(hovered and self.stack.currentWidget() is self.browser)

    # Qt's own events

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "actions_"):
            self.actions_.draw_icons(self.palette())

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        if self.session.jobs.active and not self._closing:
            if not self._dialogs.close_while_busy(self):
                return
            self.session.jobs.cancel_all()
        self._closing = True
        self.setAcceptDrops(False)
        self.down.setEnabled(False)
        self.comparison.cancel()
        self.thumbnails.stop()
        self.contest.cancel()
        self.exporting.let_go()
        if self.session.busy:  # _on_idle comes back here
            self.statusBar().showMessage(self.tr("Stopping…"))
            return
        self.exchange.close()
        layout_memory.save(self, self._settings)
        event.accept()
