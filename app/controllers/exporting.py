"""Exporting figures: to the clipboard, as CSV, and as a report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.backend.backend import Backend
from app.backend.executors import Executors
from app.backend.task import Task
from app.browser.list import EntriesView
from app.details.panel import DetailsPanel
from app.dialogs.dialogs import Dialogs
from app.figures.tables import Table
from app.session.session import ArchiveSession
from app.widgets.actions import Actions
from app.widgets.message_bar import MessageBar
from core.archive.writing import write_file


class Exporting(QObject):
    """Connects its actions; files are written on a worker."""

    def __init__(
        self,
        session: ArchiveSession,
        backend: Backend,
        executors: Executors,
        actions: Actions,
        dialogs: Dialogs,
        message: MessageBar,
        details: DetailsPanel,
        entries: EntriesView,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._backend, self._executors = session, backend, executors
        self._dialogs, self._message, self._details = dialogs, message, details
        self._entries, self._window = entries, window
        self._copied = ""  # as text
        actions.copy_table.triggered.connect(self.copy_table)
        actions.export_panel.triggered.connect(self.export_panel)
        actions.export_csv.triggered.connect(lambda: self._export(".csv"))
        actions.export_html.triggered.connect(lambda: self._export(".html"))
        self._actions = actions
        session.refreshed.connect(self._enable)
        self._enable()

    def copy_table(self) -> None:
        """Copy the figures of the visible tab to the clipboard."""
        table = self._table()
        if table is None:
            return
        QGuiApplication.clipboard().setMimeData(table.mime())
        self._copied = table.tsv()

    def export_panel(self) -> None:
        """Write the figures of the visible tab to a file."""
        table = self._table()
        if table is None:
            return
        archive, page = self._session.path, self._details.title()
        folder = archive.parent if archive is not None else Path.home()
        stem = f"{archive.stem}-{page}" if archive is not None else page
        target = self._dialogs.report_file(self._window, folder / f"{stem}.csv")
        if target is not None:
            self._write(target, partial(_write_table, table, target))

    def _table(self) -> Table | None:
        table = self._details.table()
        if table is None:
            self._message.inform(self.tr("There is nothing in this panel to copy."))
        return table

    def let_go(self) -> None:
        """Replace a copied table on the clipboard by plain text, which outlives the program.

        Qt would delete data made by Python after Python has ended, and crash.
        """
        clipboard = QGuiApplication.clipboard()
        if self._copied and clipboard.text() == self._copied:
            clipboard.setText(self._copied)
        self._copied = ""

    def _enable(self) -> None:
        for action in (self._actions.export_csv, self._actions.export_html):
            action.setEnabled(bool(self._session.model.entries))

    def _export(self, suffix: str) -> None:
        """Write the figures of the selected images, or of all, to a file with this suffix."""
        archive = self._session.path
        if archive is None:
            return
        target = self._dialogs.report_file(self._window, archive.with_suffix(suffix))
        if target is None:
            return
        names = [entry.name for entry in self._entries.selected()] or None
        self._write(target, partial(self._backend.report, archive, names, target))

    def _write(self, target: Path, call: Callable[[], object]) -> None:
        task = Task(self)
        task.succeeded.connect(partial(self._on_written, target))
        task.failed.connect(self._message.complain)
        task.start(self._executors.reading, call)

    def _on_written(self, target: Path, _nothing: object) -> None:
        text = self.tr("{0} written").format(target.name)
        self._message.inform(text, str(target.parent))


def _write_table(table: Table, target: Path) -> None:  # on a worker
    write_file(target, [table.csv_file()], overwrite=True)
