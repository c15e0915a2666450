"""What panels and archives say, for other programs: the clipboard, CSV, and a page to send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.actions import Actions
from app.backend import Backend
from app.details.panel import DetailsPanel
from app.dialogs import Dialogs
from app.executors import Executors, Task
from app.message_bar import MessageBar
from app.session import ArchiveSession


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
        selected: Callable[[], Sequence[str]],
        window: QWidget,
    ) -> None:
        """``selected`` gives the names of the images that are selected."""
        super().__init__(window)
        self._session, self._backend, self._executors = session, backend, executors
        self._dialogs, self._message, self._details = dialogs, message, details
        self._selected, self._window = selected, window
        self._copied = ""  # as text
        actions.copy_table.triggered.connect(self.copy_table)
        actions.export_csv.triggered.connect(lambda: self._export(".csv"))
        actions.export_html.triggered.connect(lambda: self._export(".html"))

    def copy_table(self) -> None:
        """What the panel on the right shows, onto the clipboard."""
        table = self._details.table()
        if table is None:
            self._message.inform(self.tr("There is nothing in this panel to copy."))
            return
        QGuiApplication.clipboard().setMimeData(table.mime())
        self._copied = table.tsv()

    def let_go(self) -> None:
        """Leaves a copied table as plain text, which may outlive the program.

        Data that Python has made would be deleted by Qt after Python has ended, and crash.
        """
        clipboard = QGuiApplication.clipboard()
        if self._copied and clipboard.text() == self._copied:
            clipboard.setText(self._copied)
        self._copied = ""

    def _export(self, suffix: str) -> None:
        """The selected images, or all, into a file of this kind."""
        archive = self._session.path
        if archive is None:
            return
        target = self._dialogs.report_file(self._window, archive.with_suffix(suffix))
        if target is None:
            return
        names = list(self._selected()) or None
        task = Task(self)
        task.succeeded.connect(partial(self._on_written, target))
        task.failed.connect(self._message.complain)
        task.start(self._executors.reading, partial(self._backend.report, archive, names, target))

    def _on_written(self, target: Path, _nothing: object) -> None:
        text = self.tr("{0} written").format(target.name)
        self._message.inform(text, str(target.parent))
