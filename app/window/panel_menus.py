"""Context menus of the panels: jobs, preview, figures."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from app.controllers.browsing import Browsing
from app.details.panel import DetailsPanel
from app.details.tab import Tab
from app.figures.charts import Chart
from app.jobs.files_model import FILE_ROLE, JOB_ROLE
from app.jobs.jobs import Job, JobFile
from app.jobs.panel import JobsPanel
from app.session.session import ArchiveSession
from app.widgets.actions import Actions
from app.widgets.desktop import open_path
from app.window.context_menu import make, pop_up


class PanelMenus(QObject):
    """Made when they are asked for; most entries are the shared actions."""

    failed = Signal(str)

    def __init__(
        self,
        actions: Actions,
        session: ArchiveSession,
        browsing: Browsing,
        jobs_panel: JobsPanel,
        details: DetailsPanel,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._actions, self._session, self._browsing = actions, session, browsing
        self._jobs_panel, self._details, self._window = jobs_panel, details, window
        for widget, slot in (
            (jobs_panel.files, self._on_jobs),
            (details.preview.view, self._on_preview),
        ):
            widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            widget.customContextMenuRequested.connect(slot)
        for tab in details.findChildren(Tab):
            if tab is not details.preview:
                tab.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
                tab.customContextMenuRequested.connect(partial(self._on_panel, tab))

    def on_job(self, job: Job | None, file: JobFile | None) -> QMenu:
        """The menu of a row of the jobs; without one, of all jobs."""
        session, a = self._session, self._actions
        menu = QMenu(self._window)
        stop = menu.addAction(self.tr("Cancel This &Job"))
        stop.setEnabled(False)
        if job is not None and job.active and not job.cancelling:
            stop.setEnabled(True)
            stop.triggered.connect(job.cancel)
        menu.addActions([a.pause, a.cancel_all, a.retry])
        menu.addSeparator()
        name = _archived_name(file) if job and job.archive == session.path else None
        show = menu.addAction(
            self.tr("&Show in the List"), partial(self._browsing.reveal, name or "")
        )
        show.setEnabled(name is not None and session.has(name))
        target = file.result.target if file is not None and file.result is not None else None
        look = menu.addAction(self.tr("&Open Folder of File"))
        look.setEnabled(target is not None)
        if target is not None:
            look.triggered.connect(partial(self._open_folder, target.parent))
        menu.addSeparator()
        menu.addActions([self._jobs_panel.files.copy, a.copy_errors, a.clear_jobs])
        return menu

    def on_preview(self) -> QMenu:
        """The menu of picture and map."""
        bar = self._details.preview.toolbar
        return make(
            self._window,
            [
                *(*bar.modes.values(), None),
                *(bar.zoom_in, bar.zoom_out, bar.fit, bar.actual, None),
                *(bar.copy, bar.copy_map, bar.save_map),
            ],
        )

    def on_panel(self, tab: Tab, chart: Chart | None) -> QMenu:
        """The menu of a tab of figures, and of the chart under the pointer, if there is one."""
        a = self._actions
        has_table = tab.table() is not None
        menu = make(self._window, [a.copy_table, a.export_panel])
        for action in (a.copy_table, a.export_panel):  # by key they explain why there is none
            action.setEnabled(has_table)
            menu.aboutToHide.connect(partial(action.setEnabled, True))
        picture = menu.addAction(self.tr("Copy Chart as Pictu&re"))
        picture.setEnabled(chart is not None)
        if chart is not None:
            picture.triggered.connect(partial(_copy_picture, chart))
        menu.addSeparator()
        menu.addActions([a.export_csv, a.export_html])
        return menu

    def _open_folder(self, folder: Path) -> None:
        if not open_path(folder):
            self.failed.emit(
                self.tr("No program on this computer opens folders: {0}").format(folder)
            )

    def _on_jobs(self, point: QPoint) -> None:
        files = self._jobs_panel.files
        index = files.indexAt(point)
        menu = self.on_job(index.data(JOB_ROLE), index.data(FILE_ROLE))
        pop_up(menu, files.viewport(), point)

    def _on_preview(self, point: QPoint) -> None:
        pop_up(self.on_preview(), self._details.preview.view, point)

    def _on_panel(self, tab: Tab, point: QPoint) -> None:
        child = tab.childAt(point)
        pop_up(self.on_panel(tab, child if isinstance(child, Chart) else None), tab, point)


def _archived_name(file: JobFile | None) -> str | None:
    """The name of a job's file in the archive, as far as it is known."""
    if file is None:
        return None
    entry = file.result.entry if file.result is not None else None
    return entry.name if entry is not None else file.name


def _copy_picture(chart: Chart) -> None:
    QGuiApplication.clipboard().setPixmap(chart.grab())
