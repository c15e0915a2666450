"""The state of jobs in the status bar, also visible when their panel is folded or cleared."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QWidget

from app.jobs.jobs import Jobs, State
from app.language import formats


class JobStatus(QLabel):
    """Empty while no job is active."""

    def __init__(self, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self.setContentsMargins(8, 0, 8, 0)
        for signal in (jobs.job_added, jobs.job_finished, jobs.progressed):
            signal.connect(self.refresh)

    def refresh(self) -> None:
        """Show the state of the current job."""
        self.setText(self._text())

    def _text(self) -> str:
        job = next(iter(self._jobs.active), None)
        if job is None:
            return ""
        if job.cancelling:
            return self.tr("Stopping…")
        if self._jobs.asking:
            return self.tr("Waiting for your answer")
        percent = formats.percent(job.meter.fraction)
        if job.paused:
            return self.tr("Paused at {0}").format(percent)
        if job.state is State.WAITING:
            return self.tr("Preparing…")
        return self.tr("{0} done").format(percent)
