"""The window's shape, kept from one day to the next."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow

from app.browser.browser import Browser
from app.details.panel import DetailsPanel
from app.jobs.panel import JobsPanel
from app.widgets.desktop import keep_on_screen
from app.window.layout import Centre

_SIZE = (1280, 760)


class LayoutMemory:
    """Saves and restores geometry, splitters, tabs and views."""

    def __init__(
        self,
        window: QMainWindow,
        centre: Centre,
        details: DetailsPanel,
        show_details: QAction,
        jobs: JobsPanel,
        browser: Browser,
        show_tiles: QAction,
    ) -> None:
        self._window, self._centre = window, centre
        self._details, self._show_details, self._jobs = details, show_details, jobs
        self._browser, self._show_tiles = browser, show_tiles

    def save(self, settings: QSettings) -> None:
        """Write the layout into the settings."""
        settings.setValue("window/geometry", self._window.saveGeometry())
        settings.setValue("window/across", self._centre.across.saveState())
        settings.setValue("window/down", self._centre.saveState())
        settings.setValue("window/details", self._show_details.isChecked())
        settings.setValue("window/jobs_folded", not self._jobs.opens_itself)
        settings.setValue("window/tab", self._details.currentWidget().objectName())
        self._details.preview.save(settings)
        self._browser.save(settings)
        settings.sync()

    def restore(self, settings: QSettings) -> None:
        """Restore the layout, or lay the window out as it was designed."""
        self._window.resize(*_SIZE)
        for key, restore in (
            ("window/geometry", self._window.restoreGeometry),
            ("window/across", self._centre.across.restoreState),
            ("window/down", self._centre.restoreState),
        ):
            state = settings.value(key)
            if isinstance(state, QByteArray):
                restore(state)
        keep_on_screen(self._window)
        details = bool(settings.value("window/details", True, bool))
        self._show_details.setChecked(details)
        self._details.setVisible(details)
        self._details.preview.restore(settings)
        self._details.turn_to(str(settings.value("window/tab", "")))
        self._jobs.set_opens_itself(not settings.value("window/jobs_folded", False, bool))
        self._browser.restore(settings)
        self._show_tiles.setChecked(self._browser.shows_tiles)
