"""Pausing, cancelling and retrying jobs, and reporting how they ended."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from app.jobs.jobs import Job, JobKind, Jobs, State
from app.jobs.panel import JobsPanel
from app.language import sentences
from app.widgets.actions import Actions
from app.widgets.message_bar import MessageBar


class JobControl(QObject):
    """Connects and enables the actions of jobs."""

    def __init__(self, jobs: Jobs, actions: Actions, panel: JobsPanel, message: MessageBar) -> None:
        super().__init__(panel)
        self._jobs, self._actions, self._message = jobs, actions, message
        for action, slot in (
            (actions.pause, self.toggle_pause),
            (actions.cancel, self.cancel),
            (actions.cancel_all, jobs.cancel_all),
            (actions.retry, jobs.retry_failed),
            (actions.copy_errors, self.copy_errors),
            (actions.clear_jobs, self.clear),
        ):
            action.triggered.connect(slot)
        self._panel = panel
        for signal in (jobs.job_added, jobs.job_finished, jobs.progressed):
            signal.connect(self.refresh)
        jobs.job_finished.connect(self._on_finished)
        self.refresh()

    def toggle_pause(self) -> None:
        """Pause or resume the running job."""
        if job := self._at_work():
            if job.paused:
                job.resume()
            else:
                job.pause()

    def cancel(self) -> None:
        """Cancel the running job; waiting jobs go on."""
        if job := self._at_work():
            job.cancel()

    def copy_errors(self) -> None:
        """Copy the errors of all failed files, one line each."""
        failed = [each for job in self._jobs.with_failures for each in job.failures]
        errors = [sentences.translated(each.error or each.name) for each in failed]
        QGuiApplication.clipboard().setText("\n".join(errors))

    def clear(self) -> None:
        """Remove finished jobs from the panel."""
        self._panel.clear()
        self.refresh()

    def refresh(self) -> None:
        """Enable and name the actions."""
        actions, job = self._actions, self._at_work()
        paused = job is not None and job.paused
        actions.pause.setText(self.tr("Res&ume") if paused else self.tr("&Pause"))
        actions.pause.setEnabled(job is not None and not job.cancelling)
        actions.cancel.setEnabled(job is not None and not job.cancelling)
        actions.cancel_all.setEnabled(job is not None)
        failed = bool(self._jobs.with_failures)
        actions.retry.setEnabled(failed)
        actions.copy_errors.setEnabled(failed)
        actions.clear_jobs.setEnabled(self._jobs.last is not None)

    def _on_finished(self, job: Job) -> None:
        outcome = self._panel.outcome(job)
        if job.error or job.count(State.FAILED):
            self._message.complain(outcome)
        elif job.kind is JobKind.ADD and job.count(State.DONE):
            self._message.news(outcome)
        elif job.count(State.DONE):
            self._message.inform(outcome, str(job.target or ""))

    def _at_work(self) -> Job | None:
        return next(iter(self._jobs.active), None)
