"""UI latency: the longest time between two ticks of a 5 ms timer while the window works.

The real window adds the sample photographs and an image of 24 megapixels with the real codec. Work
on the window's thread delays the timer, and so does any thread that holds the interpreter's lock;
long delays are recorded with the stack of every thread. On Linux the time in which the window's
thread was ready to run, but had no processor, is subtracted: other programs cause it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CodeType

from PySide6.QtCore import (
    QDeadlineTimer,
    QElapsedTimer,
    QEventLoop,
    QObject,
    QRect,
    QSettings,
    Qt,
    QTimer,
)
from PySide6.QtGui import QColor, QGuiApplication, QImage, QImageReader, QPainter
from PySide6.QtWidgets import QApplication

from app.backend.backend import CoreBackend
from app.backend.executors import Executors
from app.backend.private_cache import PrivateCache
from app.backend.warmup import keep_out_of_collections
from app.dialogs.dialogs import QtDialogs
from app.window.window import Window
from core.errors import FloeError
from resources import sample_images

BEAT_MS = 5
#: A latency that the user notices.
LONGEST_MS = 100.0
WIDTH, HEIGHT = 6000, 4000
_IDLE_MS = 2000


class HeartbeatError(FloeError):
    """Nothing could be measured."""


@dataclass(frozen=True)
class Heartbeat:
    """Latencies in milliseconds."""

    seconds: float
    megapixels_done: float  #: of the images, each by its finished fraction
    idle_longest_ms: float  #: before any work: the machine's own latency
    longest_ms: float  #: wall clock
    longest_own_ms: float  #: without waiting for a processor
    over_limit: int  #: latencies above LONGEST_MS, without waiting for a processor
    beats: int
    load: float | None  #: of the machine, in the minute before
    platform: str
    stalls: str  #: stacks of the threads during latencies above LONGEST_MS, wall clock


class Heart(QObject):
    """A timer on the thread that created it, and a thread that watches it."""

    def __init__(self) -> None:
        super().__init__()
        self._clock = QElapsedTimer()
        self.silences: list[float] = []
        self.own: list[float] = []  #: without waiting for a processor
        self._waited = 0.0
        self._schedule = self._open_schedule()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self.stalls: list[str] = []
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Start measuring."""
        self._waited = self._wait_ms()
        self._clock.start()
        self._timer.start(BEAT_MS)
        self._watcher.start()

    def stop(self) -> None:
        """Stop measuring."""
        self._timer.stop()
        if self._schedule is not None:
            os.close(self._schedule)
            self._schedule = None
        self._over.set()
        if self._watcher.is_alive():
            self._watcher.join()

    def _beat(self) -> None:
        silence, waited = self._clock.nsecsElapsed() / 1e6, self._wait_ms()
        self.silences.append(silence)
        self.own.append(max(0.0, silence - (waited - self._waited)))
        self._waited = waited
        self._clock.start()

    def _watch(self) -> None:
        # faulthandler needs no lock, but reading running frames without it can crash the process.
        recorded = -1
        while not self._over.wait(LONGEST_MS / 4000):
            if self._clock.elapsed() > LONGEST_MS and recorded != len(self.silences):
                recorded = len(self.silences)
                self.stalls += _threads()

    def _wait_ms(self) -> float:
        """Milliseconds for which this thread has waited for a processor since its start."""
        if self._schedule is None:
            return 0.0
        return int(os.pread(self._schedule, 100, 0).split()[1]) / 1e6

    @staticmethod
    def _open_schedule() -> int | None:
        """Kept open: each system call releases the interpreter's lock and adds latency."""
        path = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        return os.open(path, os.O_RDONLY) if path.exists() else None


def _threads() -> list[str]:
    """The stack of each thread but this one."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    # Hold the lock throughout and keep no frame: a frame that outlives its function would destroy
    # its objects on this thread, a timer of the window's thread for example.
    stacks = {
        ident: [(at.f_code, line) for at, line in islice(traceback.walk_stack(frame), 6)]
        for ident, frame in sys._current_frames().items()
        if ident != threading.get_ident()
    }
    return [
        f"{names.get(ident, ident)}:\n{''.join(traceback.format_list(_summaries(stack)))}"
        for ident, stack in stacks.items()
    ]


def _summaries(stack: list[tuple[CodeType, int]]) -> list[traceback.FrameSummary]:
    """Summaries of (code, line), the outermost first."""
    return [
        traceback.FrameSummary(code.co_filename, line, code.co_name) for code, line in stack[::-1]
    ]


def measure(seconds: float) -> Heartbeat:
    """Add images for this long, then cancel and close the window. Raises HeartbeatError."""
    application = QApplication.instance() or QApplication(["floe"])
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    executors, backend = Executors.threads(), CoreBackend()
    with tempfile.TemporaryDirectory(prefix="floe-heartbeat-") as scratch:
        folder = Path(scratch)
        picture = _picture(folder / "24-megapixels.png")
        settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
        window = Window(backend, executors, QtDialogs(), settings, PrivateCache(folder / "cache"))
        window.show()
        keep_out_of_collections()
        heart, idle = Heart(), Heart()
        try:
            idle.start()
            _live(_IDLE_MS, lambda: False)
            idle.stop()
            heart.start()
            began = time.monotonic()
            images = [*sample_images(), picture]
            window.session.open_or_create(folder / "heartbeat.floe", images)
            _live(round(1000 * seconds), lambda: _is_over(window))
            job = window.session.jobs.last
            sizes = {image.name: _n_pixels(image) for image in images}
            files = job.files if job is not None else []
            n_pixels = sum(sizes[file.name] * file.fraction for file in files)
            window.session.jobs.cancel_all()
            _live(60_000, lambda: not window.session.busy)
            elapsed = time.monotonic() - began
        finally:
            heart.stop()
            window.session.jobs.cancel_all()
            _live(60_000, lambda: not window.session.busy)
            window.close()
            executors.shutdown()
            backend.close()
    if not heart.silences or not n_pixels:
        raise HeartbeatError("nothing was coded, so nothing was measured")
    del application
    return Heartbeat(
        elapsed,
        n_pixels / 1e6,
        max(idle.silences),
        max(heart.silences),
        max(heart.own),
        sum(silence > LONGEST_MS for silence in heart.own),
        len(heart.silences),
        load,
        QGuiApplication.platformName(),
        "\n".join(heart.stalls),
    )


def _picture(path: Path) -> Path:
    """24 megapixels of the samples, side by side, no two tiles equal."""
    canvas = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB888)
    painter = QPainter(canvas)
    tiles = [QImage(str(sample)) for sample in sample_images()]
    side = 400
    for tile in range((WIDTH // side) * (HEIGHT // side)):
        row, column = divmod(tile, WIDTH // side)
        painter.setOpacity(1.0)
        painter.drawImage(QRect(column * side, row * side, side, side), tiles[tile % len(tiles)])
        painter.setOpacity(0.1 + 0.001 * tile)
        painter.fillRect(column * side, row * side, side, side, QColor.fromHsv(tile * 2, 90, 160))
    painter.end()
    if not canvas.save(str(path), quality=80):
        raise HeartbeatError(f"{path}: cannot be written")
    return path


def _n_pixels(image: Path) -> int:
    size = QImageReader(str(image)).size()
    return size.width() * size.height()


def _is_over(window: Window) -> bool:
    job = window.session.jobs.last
    return job is not None and not window.session.busy


def _live(milliseconds: int, until: Callable[[], bool]) -> None:
    """Run the event loop for this long, or until the condition holds."""
    loop, look, deadline = QEventLoop(), QTimer(), QDeadlineTimer(milliseconds)
    look.timeout.connect(lambda: loop.quit() if until() or deadline.hasExpired() else None)
    look.start(20)
    loop.exec()
