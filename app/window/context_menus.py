"""What a right click, or the menu key, offers: on rows, around them, on crumbs, on panels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QUrl
from PySide6.QtGui import QAction, QContextMenuEvent, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QMenu, QWidget

from app.details.tab import Tab
from app.figures.charts import Chart
from app.jobs.files_model import FILE_ROLE, JOB_ROLE
from app.jobs.jobs import Job, JobFile
from app.session.contents import Folder

if TYPE_CHECKING:
    from app.window.window import Window

#: What a menu is made of: actions, menus inside it, and None for a line between groups.
Parts = Sequence[QAction | QMenu | None]


class ContextMenus(QObject):
    """Menus of the window's parts, made when they are wanted; most show the shared actions."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        for view in (window.browser.list, window.browser.tiles):
            for widget in (view, view.viewport()):  # the key goes to the one, clicks to the other
                widget.installEventFilter(self)
        window.empty.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        window.empty.customContextMenuRequested.connect(self._on_empty)
        for widget, slot in (
            (window.browser.crumbs, self._on_crumbs),
            (window.jobs_panel.files, self._on_jobs),
            (window.details.preview.view, self._on_preview),
        ):
            widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            widget.customContextMenuRequested.connect(slot)
        for tab in window.details.findChildren(Tab):
            if tab is not window.details.preview:
                tab.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
                tab.customContextMenuRequested.connect(partial(self._on_panel, tab))

    # The menus

    def on_rows(self) -> QMenu:
        """Of what is selected."""
        a = self._window.actions_
        return self._menu(
            [
                *(a.open_folder, None),
                *(a.extract, a.verify, a.copy, None),
                *(a.rename, a.move, a.remove, None),
                a.properties,
            ]
        )

    def around_rows(self) -> QMenu:
        """Of the folder that is shown."""
        window, a = self._window, self._window.actions_
        return self._menu(
            [
                *(a.add_files, a.add_folder, a.paste, a.new_folder, None),
                *(a.extract_all, a.select_all, None),
                *(a.up, a.tiles, window.column_menu, None),
                a.properties,
            ]
        )

    def on_empty_page(self) -> QMenu:
        """Of an archive without images, or of none."""
        window, a = self._window, self._window.actions_
        return self._menu(
            [
                *(a.new, a.open, window.recent_menu, None),
                *(a.add_files, a.add_folder, a.paste, a.new_folder),
            ]
        )

    def on_crumb(self, path: str) -> QMenu:
        """Of one of the folders above the list; the keys are those of the selection, not its."""
        window, menu = self._window, QMenu(self._window)
        folder = window.session.model.item(path)
        if not isinstance(folder, Folder):
            return menu
        go = menu.addAction(self.tr("Open Folde&r"), partial(window.browser.enter, path))
        go.setEnabled(folder is not window.session.model.folder)
        menu.addAction(window.actions_.up)
        menu.addSeparator()
        has_images = any(True for _ in folder.below())
        for text, slot in (
            (self.tr("&Extract…"), partial(window.extract_items, [folder])),
            (self.tr("&Verify"), partial(window.verify_items, [folder])),
        ):
            menu.addAction(text, slot).setEnabled(has_images)
        menu.addSeparator()
        menu.addAction(self.tr("Ne&w Folder…"), partial(window.editing.new_folder_in, path))
        menu.addAction(self.tr("Pr&operties"), partial(window.properties.show_items, [folder]))
        return menu

    def on_job(self, job: Job | None, file: JobFile | None) -> QMenu:
        """Of a row of the jobs; without one, of all jobs."""
        window, a = self._window, self._window.actions_
        menu = QMenu(window)
        stop = menu.addAction(self.tr("Cancel This &Job"))
        stop.setEnabled(False)
        if job is not None and job.active and not job.cancelling:
            stop.setEnabled(True)
            stop.triggered.connect(job.cancel)
        menu.addActions([a.pause, a.cancel_all, a.retry])
        menu.addSeparator()
        name = _name_there(file) if job and job.archive == window.session.path else None
        show = menu.addAction(self.tr("&Show in the List"), partial(self._show, name or ""))
        show.setEnabled(name is not None and window.session.has(name))
        target = file.result.target if file is not None and file.result is not None else None
        look = menu.addAction(self.tr("&Open Folder of File"))
        look.setEnabled(target is not None)
        if target is not None:
            look.triggered.connect(partial(_open_folder, target))
        menu.addSeparator()
        menu.addActions([window.jobs_panel.files.copy, a.copy_errors, a.clear_jobs])
        return menu

    def on_preview(self) -> QMenu:
        """Of picture and map."""
        bar = self._window.details.preview.toolbar
        return self._menu(
            [
                *(*bar.modes.values(), None),
                *(bar.zoom_in, bar.zoom_out, bar.fit, bar.actual, None),
                *(bar.copy, bar.copy_map, bar.save_map),
            ]
        )

    def on_panel(self, tab: Tab, chart: Chart | None) -> QMenu:
        """Of figures; of a chart among them, if the pointer is on one."""
        a = self._window.actions_
        there = tab.table() is not None
        menu = self._menu([a.copy_table, a.export_panel])
        for action in (a.copy_table, a.export_panel):  # keys ask, and are told why not
            action.setEnabled(there)
            menu.aboutToHide.connect(partial(action.setEnabled, True))
        picture = menu.addAction(self.tr("Copy Chart as Pictu&re"))
        picture.setEnabled(chart is not None)
        if chart is not None:
            picture.triggered.connect(partial(_copy_picture, chart))
        menu.addSeparator()
        menu.addActions([a.export_csv, a.export_html])
        return menu

    def _menu(self, parts: Parts) -> QMenu:
        menu = QMenu(self._window)
        for part in parts:
            if part is None:
                menu.addSeparator()
            elif isinstance(part, QMenu):
                menu.addMenu(part)
            else:
                menu.addAction(part)
        return menu

    # Where they are wanted

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.ContextMenu or not isinstance(event, QContextMenuEvent):
            return False
        view = self._window.browser.view
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            on_rows = view.selectionModel().hasSelection()
            place = _current_place(view)
        else:
            place = view.viewport().mapFromGlobal(event.globalPos())
            on_rows = view.indexAt(place).isValid()
            if not on_rows:  # what is said there is about the folder
                view.clearSelection()
        menu = self.on_rows() if on_rows else self.around_rows()
        self._show_menu(menu, view.viewport(), place)
        return True

    def _on_empty(self, place: QPoint) -> None:
        self._show_menu(self.on_empty_page(), self._window.empty, place)

    def _on_crumbs(self, place: QPoint) -> None:
        crumbs = self._window.browser.crumbs
        path = crumbs.path_at(place)
        shown = self._window.session.model.folder.path
        self._show_menu(self.on_crumb(shown if path is None else path), crumbs, place)

    def _on_jobs(self, place: QPoint) -> None:
        files = self._window.jobs_panel.files
        index = files.indexAt(place)
        self._show_menu(
            self.on_job(index.data(JOB_ROLE), index.data(FILE_ROLE)), files.viewport(), place
        )

    def _on_preview(self, place: QPoint) -> None:
        self._show_menu(self.on_preview(), self._window.details.preview.view, place)

    def _on_panel(self, tab: Tab, place: QPoint) -> None:
        child = tab.childAt(place)
        self._show_menu(self.on_panel(tab, child if isinstance(child, Chart) else None), tab, place)

    def _show_menu(self, menu: QMenu, widget: QWidget, place: QPoint) -> None:
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(widget.mapToGlobal(place))

    def _show(self, name: str) -> None:
        """Selects an image in the list, in its folder."""
        window = self._window
        window.filter.clear()
        window.browser.enter(name.rpartition("/")[0])
        window.browser.select([name])
        window.browser.view.setFocus()


def _name_there(file: JobFile | None) -> str | None:
    """What a job's file is called in the archive, as far as that is known."""
    if file is None:
        return None
    entry = file.result.entry if file.result is not None else None
    return entry.name if entry is not None else file.name


def _current_place(view: QAbstractItemView) -> QPoint:
    """In the middle of the current row, if that is in sight."""
    place = view.visualRect(view.currentIndex()).center()
    around = view.viewport().rect()
    return place if around.contains(place) else around.center()


def _open_folder(target: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(target.parent)))


def _copy_picture(chart: Chart) -> None:
    QGuiApplication.clipboard().setPixmap(chart.grab())
