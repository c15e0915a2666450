"""The main window: it joins the parts, and closes when nothing is being done any more."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSettings
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QMainWindow

from app.backend.backend import Backend
from app.backend.executors import Executors
from app.backend.private_cache import PrivateCache
from app.browser.browser import Browser
from app.browser.filter import Filter
from app.browser.pages import Pages
from app.browser.thumbnails import Thumbnails
from app.controllers.archive import ArchiveControl
from app.controllers.browsing import Browsing
from app.controllers.editing import Editing
from app.controllers.exporting import Exporting
from app.controllers.extraction import Extraction
from app.controllers.job_control import JobControl
from app.controllers.moving import Moving
from app.controllers.originals import Originals
from app.controllers.viewing import Viewing
from app.details.panel import DetailsPanel
from app.details.properties import Properties
from app.details.tab import Selection
from app.dialogs.dialogs import Dialogs
from app.exchange.exchange import Exchange
from app.jobs.notifier import Notifier
from app.jobs.panel import JobsPanel
from app.jobs.questions import Questions
from app.session.recent import Recent
from app.session.session import ArchiveSession
from app.widgets.actions import Actions
from app.widgets.message_bar import MessageBar
from app.window import layout
from app.window.archive_menus import ArchiveMenus
from app.window.layout_memory import LayoutMemory
from app.window.menus import ColumnMenu, RecentMenu
from app.window.panel_menus import PanelMenus
from app.window.preferences import Preferences
from app.window.status import Status


class Window(QMainWindow):
    """One archive, the figures of its selection, and the jobs."""

    def __init__(
        self,
        backend: Backend,
        executors: Executors,
        dialogs: Dialogs,
        settings: QSettings,
        cache: PrivateCache,
    ) -> None:
        super().__init__()
        self._backend, self._executors = backend, executors
        self._dialogs, self._settings = dialogs, settings
        self._closing = False
        self.questions = Questions(dialogs, backend, executors.reading, self)
        self.session = ArchiveSession(backend, executors, self.questions, self)
        self.questions.asking.connect(self.session.jobs.set_asking)
        self.actions_ = Actions(self)
        self.actions_.draw_icons(self.palette())
        self.recent = Recent(settings, self)
        self.message = MessageBar(self)
        self.thumbnails = Thumbnails(backend, executors.thumbnails, self)
        self.browser = Browser(self.session.model, self.thumbnails, self.actions_.up, self)
        self.entries = self.browser.list
        self.filter = Filter(self)
        self.stack = Pages(self.session, self.recent, self.actions_, self.browser, self)
        self.details = DetailsPanel(backend, executors, dialogs, settings, self)
        self.jobs_panel = JobsPanel(self.session.jobs, self.actions_, self)
        self.centre = layout.Centre(self.message, self.stack, self.details, self.jobs_panel, self)
        self.setCentralWidget(self.centre)
        self.status = Status(self.session, self.statusBar())
        self._make_controllers(cache)
        self._make_menus()
        self._connect()
        self._layout_memory = LayoutMemory(
            self,
            self.centre,
            self.details,
            self.actions_.details,
            self.jobs_panel,
            self.browser,
            self.actions_.tiles,
        )
        self._layout_memory.restore(settings)
        self._on_opened()

    def _make_controllers(self, cache: PrivateCache) -> None:
        """Each connects and enables its own actions."""
        session, actions, dialogs = self.session, self.actions_, self._dialogs
        backend, executors, message = self._backend, self._executors, self.message
        browser, selected = self.browser, self.entries.selected_items
        self.exchange = Exchange(
            session, browser, self.stack, actions, backend, executors, cache, dialogs, self
        )
        self.archive = ArchiveControl(
            session, actions, dialogs, self.recent, message, cache.outlives, self
        )
        self.browsing = Browsing(session, actions, browser, self.filter)
        self.extraction = Extraction(session, actions, dialogs, self._settings, selected, self)
        self.editing = Editing(session, actions, dialogs, message, browser, self)
        self.moving = Moving(session, browser, self.exchange.drag_out)
        self.viewing = Viewing(session, browser, actions, backend, executors.previewing, self)
        self.properties = Properties(
            session, backend, executors, self.thumbnails, selected, actions.properties, self
        )
        self.job_control = JobControl(session.jobs, actions, self.jobs_panel, message)
        self.notifier = Notifier(session.jobs, self.jobs_panel.outcome, self)
        self.originals = Originals(
            session.jobs, backend, executors, dialogs, actions.discard_originals, self
        )
        self.exporting = Exporting(
            session, backend, executors, actions, dialogs, message, self.details, browser.list, self
        )
        self.preferences = Preferences(self._settings, message.inform, self)

    def _make_menus(self) -> None:
        actions = self.actions_
        recent, columns = RecentMenu(self.recent, self), ColumnMenu(self.entries, self)
        recent.chosen.connect(self.session.open)
        self.menus = layout.Menus(
            recent, columns, self.preferences.language, self.preferences.appearance
        )
        layout.fill_menus(self.menuBar(), actions, self.menus)
        layout.fill_tool_bar(self.addToolBar(self.tr("Tools")), actions, self.filter)
        self.archive_menus = ArchiveMenus(
            actions,
            self.menus,
            self.session.model,
            self.browser,
            self.stack.empty,
            self.extraction,
            self.editing,
            self.properties,
            self,
        )
        self.panel_menus = PanelMenus(
            actions, self.session, self.browsing, self.jobs_panel, self.details, self
        )

    def _connect(self) -> None:
        actions, session, exchange = self.actions_, self.session, self.exchange
        actions.quit.triggered.connect(self.close)
        actions.about.triggered.connect(lambda: self._dialogs.about(self))
        actions.shortcuts.triggered.connect(
            lambda: self._dialogs.shortcuts(self, self.actions_.keys())
        )
        actions.details.toggled.connect(self.details.setVisible)
        self.browser.selection_changed.connect(self._show_selection)
        exchange.hovered.connect(self.stack.set_hovered)
        exchange.arrived.connect(self.archive.take)
        for informed in (exchange.informed, self.details.preview.saved, self.originals.none_found):
            informed.connect(self.message.inform)
        for failed in (
            exchange.failed,
            session.failed,
            self.details.preview.failed,
            self.panel_menus.failed,
        ):
            failed.connect(self.message.complain)
        for hinted in (exchange.hinted, self.moving.hinted):
            hinted.connect(self.status.note)
        self.questions.asking.connect(self.notifier.ask)
        session.opening.connect(self.message.hide)
        session.jobs.job_added.connect(self.message.forget_news)
        session.left.connect(self.jobs_panel.clear)
        session.left.connect(self.message.forget_news)
        self.jobs_panel.focus_lost.connect(self.browser.focus_view)
        session.opened.connect(self._on_opened)
        session.refreshed.connect(self._on_refreshed)
        session.idle.connect(self._on_idle)

    @property
    def closing(self) -> bool:
        """Whether it only waits for work to stop."""
        return self._closing

    def _on_opened(self) -> None:
        path = self.session.path
        self.thumbnails.show_archive(path)
        self.setWindowTitle(f"{path.name} \N{EM DASH} Floe" if path is not None else "Floe")
        self.setWindowFilePath(str(path) if path is not None else "")
        self._show_selection()

    def _on_refreshed(self) -> None:
        if not self.entries.selectionModel().hasSelection():  # then all is shown
            self._show_selection()

    def _show_selection(self) -> None:
        selected = self.entries.selected()
        shown = selected or self.session.model.entries
        self.details.show_selection(Selection(self.session.path, shown, bool(selected)))

    def _on_idle(self) -> None:
        if self._closing:
            self.close()

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
        self.centre.setEnabled(False)
        self.details.stop()
        self.viewing.close()
        self.thumbnails.stop()
        self.exporting.let_go()
        if self.session.busy:  # _on_idle comes back here
            self.status.stopping()
            return
        self.exchange.close()
        self._layout_memory.save(self._settings)
        event.accept()
