"""Start the window, unless a running one accepts the request."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSettings, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app.dialogs.dialogs import ARCHIVE_SUFFIX, QtDialogs
from app.language import translation as language
from app.start.desktop_entry import DESKTOP_ID
from app.start.single_instance import Request, SingleInstance
from app.window.preferences import restore_appearance

if TYPE_CHECKING:
    from app.window.window import Window


_MODAL_MS = 200


def run(
    archive: Path | None = None,
    paths: Sequence[Path] = (),
    *,
    settings: QSettings | None = None,
    on_painted: Callable[[], None] | None = None,
) -> int:
    """Show the window until it is closed; return the exit status.

    ``archive`` is opened or created, and ``paths`` are added to it. ``on_painted`` is called once,
    when the window is drawn; such a start is a measurement and ignores a running window.
    """
    # Python's own handler does not run inside Qt's event loop.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("floe")
    application.setApplicationDisplayName("Floe")
    application.setOrganizationName("floe")
    application.setDesktopFileName(DESKTOP_ID)
    application.setWindowIcon(_icon())
    settings = settings or QSettings()
    translators = language.install(application, settings)
    restore_appearance(settings)
    request = Request.here(archive, tuple(paths))
    instance = SingleInstance()
    if on_painted is None and instance.hand_over(request):
        return 0

    # Imported late: handing over a request needs none of this.
    from app.backend.backend import CoreBackend
    from app.backend.caches import cache_folder
    from app.backend.executors import Executors
    from app.backend.private_cache import PrivateCache
    from app.backend.warmup import keep_out_of_collections
    from app.window.window import Window

    executors = Executors.threads()
    backend = CoreBackend(shelf=cache_folder("undo"), thumbnails=cache_folder("thumbnails"))
    cache = PrivateCache()
    window = Window(backend, executors, QtDialogs(), settings, cache)
    arrivals = Arrivals(window)
    instance.serve(arrivals.accept)
    if on_painted is not None:
        FirstPaint(window).painted.connect(on_painted)
    window.show()
    keep_out_of_collections()
    arrivals.open(request)
    status = application.exec()
    instance.close()
    executors.shutdown()
    for translator in translators:
        application.removeTranslator(translator)
    backend.close()
    cache.remove()
    return status


def _icon() -> QIcon:
    icon = QIcon()
    for picture in sorted((Path(str(files("resources"))) / "desktop" / "png").glob("*/org*.png")):
        size = int(picture.parent.name)
        icon.addFile(str(picture), QSize(size, size))
    return icon


class Arrivals(QObject):
    """Delivers requests to the window once no dialog is open."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._waiting: list[Request] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_MODAL_MS)
        self._timer.timeout.connect(self._deliver)

    def accept(self, request: Request) -> bool:
        """Accept the request of a later start and raise the window, unless it is closing."""
        if self._window.closing or not self._window.isVisible():
            return False
        if request.token:  # Qt passes it on when a window asks to be raised
            os.environ["XDG_ACTIVATION_TOKEN"] = request.token
        window = self._window
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
        window.raise_()
        window.activateWindow()
        self._waiting.append(request)
        self._timer.start()
        self._deliver()
        return True

    def open(self, request: Request) -> None:
        """Open, create and add as requested."""
        archives = [path for path in request.paths if path.suffix.lower() == ARCHIVE_SUFFIX]
        if request.archive is None or archives:
            first = [request.archive] if request.archive is not None else []
            if everything := [*first, *request.paths]:
                self._window.exchange.bring(everything)
        else:
            self._window.session.open_or_create(request.archive, list(request.paths))

    def _deliver(self) -> None:
        if QApplication.activeModalWidget() is None:
            self._timer.stop()
            requests, self._waiting = self._waiting, []
            for request in requests:
                self.open(request)


class FirstPaint(QObject):
    """Emits ``painted`` once the window and everything in it is drawn."""

    painted = Signal()

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._seen = False
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and not self._seen:
            self._seen = True
            # The parts are drawn in the same iteration of the event loop as the window.
            QTimer.singleShot(0, self.painted.emit)
        return False
