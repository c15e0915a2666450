"""Starts the window."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSettings, QStandardPaths
from PySide6.QtWidgets import QApplication

from app.backend import CoreBackend
from app.dialogs import QtDialogs
from app.executors import Executors
from app.private_cache import PrivateCache
from app.window import Window


def run(
    archive: Path | None = None,
    paths: Sequence[Path] = (),
    *,
    settings: QSettings | None = None,
) -> int:
    """Shows the window until it is closed; returns the exit status.

    ``archive`` is opened, or created where there is none, and ``paths`` are added to it.
    """
    # Python's own handler would not run while Qt's event loop does.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("floe")
    application.setApplicationDisplayName("Floe")
    application.setOrganizationName("floe")
    application.setDesktopFileName("floe")
    executors = Executors.threads()
    shelf = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.CacheLocation)
    backend = CoreBackend(shelf=Path(shelf) if shelf else None)
    cache = PrivateCache()
    window = Window(backend, executors, QtDialogs(), settings or QSettings(), cache)
    window.show()
    if archive is not None:
        window.session.open_or_create(archive, list(paths))
    elif paths:
        window.exchange.bring(list(paths))
    status = application.exec()
    executors.shutdown()
    backend.close()
    cache.remove()
    return status
