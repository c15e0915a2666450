"""Notifies a user of other programs that jobs are done, or that there is a question."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from app.jobs.jobs import Job, Jobs
from app.widgets import icons


class Notifier(QObject):
    """Shows a message in the system tray if there is one, else an alert in the task bar."""

    def __init__(self, jobs: Jobs, describe: Callable[[Job], str], window: QWidget) -> None:
        super().__init__(window)
        self._jobs, self._describe, self._window = jobs, describe, window
        self._tray: QSystemTrayIcon | None = None
        jobs.job_finished.connect(self._on_finished)
        window.installEventFilter(self)

    def ask(self, asking: bool) -> None:
        """Notify of a question that waits for an answer."""
        if asking:
            self.tell(self.tr("Floe waits for your answer."))

    def tell(self, text: str) -> None:
        """Show a text, unless the window or one of its dialogs is active."""
        if QApplication.activeWindow() is not None:
            return
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            QApplication.alert(self._window)
            return
        if self._tray is None:
            icon = self._window.windowIcon()
            if icon.isNull():
                icon = icons.icon("picture", self._window.palette())
            self._tray = QSystemTrayIcon(icon, self)
            self._tray.messageClicked.connect(self._raise)
            self._tray.activated.connect(self._raise)
        self._tray.show()
        self._tray.showMessage("Floe", text, self._tray.icon())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.WindowActivate and self._tray is not None:
            self._tray.hide()
        return False

    def _on_finished(self, job: Job) -> None:
        if not self._jobs.active:  # only the last job notifies
            self.tell(self._describe(job))

    def _raise(self) -> None:
        self._window.showNormal() if self._window.isMinimized() else self._window.show()
        self._window.raise_()
        self._window.activateWindow()
