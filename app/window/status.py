"""The status bar: a summary of the archive, short notes, and the progress of jobs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QStatusBar

from app.jobs.status import JobStatus
from app.language import formats
from app.session.session import ArchiveSession
from app.widgets.labels import ElidedLabel

_NOTE_MS = 5000


class Status(QObject):
    """Follows the session."""

    def __init__(self, session: ArchiveSession, bar: QStatusBar) -> None:
        super().__init__(bar)
        self._session, self._bar = session, bar
        self.summary = ElidedLabel(bar)
        self.summary.setContentsMargins(8, 0, 0, 0)
        self.jobs = JobStatus(session.jobs, bar)
        bar.addWidget(self.summary, 1)
        bar.addPermanentWidget(self.jobs)
        session.opening.connect(self._on_opening)
        session.changing.connect(self._on_changing)
        for signal in (session.opened, session.changed, session.failed):
            signal.connect(bar.clearMessage)
        session.refreshed.connect(self._refresh)
        self._refresh()

    def note(self, text: str) -> None:
        """Show a note for a few seconds."""
        self._bar.showMessage(text, _NOTE_MS)

    def stopping(self) -> None:
        """Say until the end that work is being stopped."""
        self._bar.showMessage(self.tr("Stopping…"))

    def _on_opening(self, path: Path) -> None:
        self.note(self.tr("Reading {0}…").format(path.name))

    def _on_changing(self) -> None:
        self._bar.showMessage(self.tr("Changing the archive…"))

    def _refresh(self) -> None:
        is_open = self._session.path is not None
        summary = formats.summary(self._session.model.entries)
        self.summary.set_text(summary if is_open else self.tr("No archive is open"))
