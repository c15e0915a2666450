"""The window's shape, kept from one day to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSettings

if TYPE_CHECKING:
    from app.window.window import Window

_SIZE = (1280, 760)


def save(window: Window, settings: QSettings) -> None:
    """Writes where everything stands."""
    settings.setValue("window/geometry", window.saveGeometry())
    settings.setValue("window/across", window.across.saveState())
    settings.setValue("window/down", window.down.saveState())
    settings.setValue("window/details", window.actions_.details.isChecked())
    settings.setValue("window/jobs_folded", window.jobs_panel.folded)
    settings.setValue("window/tab", window.details.currentWidget().objectName())
    window.details.preview.save(settings)
    window.browser.save(settings)
    settings.sync()


def restore(window: Window, settings: QSettings) -> None:
    """Puts everything where it stood, or where it was designed to."""
    window.resize(*_SIZE)
    for key, put in (
        ("window/geometry", window.restoreGeometry),
        ("window/across", window.across.restoreState),
        ("window/down", window.down.restoreState),
    ):
        state = settings.value(key)
        if isinstance(state, QByteArray):
            put(state)
    details = bool(settings.value("window/details", True, bool))
    window.actions_.details.setChecked(details)
    window.details.setVisible(details)
    window.details.preview.restore(settings)
    window.details.turn_to(str(settings.value("window/tab", "")))
    window.jobs_panel.set_folded(bool(settings.value("window/jobs_folded", False, bool)))
    window.browser.restore(settings)
    window.actions_.tiles.setChecked(window.browser.shows_tiles)
