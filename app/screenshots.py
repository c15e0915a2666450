"""Pictures of the window's main states: ``python -m app.screenshots OUTDIR [IMAGE...]``.

It drives the real window, offscreen, on real images: what is seen is what people get.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import shiboken6
from PySide6.QtCore import QDeadlineTimer, QEventLoop, QLocale, QSettings, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from app.backend import REFERENCES, Backend, CoreBackend
from app.demo import sample_images
from app.dialogs import QtDialogs
from app.executors import Executors
from app.jobs import State
from app.preview.view import Mode
from app.private_cache import PrivateCache
from app.window import Window

_SIZE = (1180, 720)
_PATIENCE_MS = 600_000


class Photographer:
    """Brings a window into its states and takes a picture of each."""

    def __init__(self, window: Window, folder: Path, scale: float) -> None:
        self._window, self._folder, self._scale = window, folder, scale

    def take(self, name: str) -> Path:
        """Renders the window as a screen of this scale would show it."""
        pause(60)
        window = self._window
        size = window.size() * self._scale
        image = QImage(size, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(self._scale)
        window.render(image)
        path = self._folder / f"{name}.png"
        image.save(str(path))
        return path

    def take_all(self, archive: Path, images: Sequence[Path]) -> list[Path]:
        """Empty, working, a selection with its map and its bars, and these in the dark."""
        window = self._window
        taken = [self.take("empty")]
        window.session.open_or_create(archive, images)
        wait(lambda: len(window.session.model.entries) >= max(1, len(images) // 2))
        wait(lambda: 0.3 < _fraction_under_way(window) < 0.9 or not window.session.busy)
        taken.append(self.take("working"))
        wait(lambda: not window.session.busy)
        window.jobs_panel.clear()
        details = window.details
        details.setCurrentWidget(details.preview)
        window.entries.selectRow(min(2, len(window.session.model.entries) - 1))
        wait(details.preview.legend.isVisible)
        details.preview.toolbar.modes[Mode.SLIDER].trigger()
        taken.append(self.take("map"))
        details.setCurrentWidget(details.codelength)
        wait(lambda: len(window.comparison.known()) == len(REFERENCES))
        taken.append(self.take("selection"))
        window.preferences.choose_appearance("dark")
        taken.append(self.take("dark"))
        details.setCurrentWidget(details.preview)
        taken.append(self.take("dark-map"))
        window.preferences.choose_appearance("")
        return taken


def pause(milliseconds: int) -> None:
    """Lets the window live for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait(until: Callable[[], bool]) -> None:
    """Lets the window live until something is so."""
    deadline = QDeadlineTimer(_PATIENCE_MS)
    while not until():
        if deadline.hasExpired():
            raise TimeoutError("the window did not get there")
        pause(20)


def _fraction_under_way(window: Window) -> float:
    job = window.session.jobs.last
    files = job.files if job is not None else []
    fractions = [file.fraction for file in files if file.state is State.RUNNING]
    return max(fractions, default=0.0)


def make(
    folder: Path, images: Sequence[Path], *, scale: float = 1.0, backend: Backend | None = None
) -> list[Path]:
    """Writes the pictures into the folder and returns their paths."""
    QLocale.setDefault(QLocale(QLocale.Language.English))
    application = QApplication.instance() or QApplication(sys.argv[:1])
    folder.mkdir(parents=True, exist_ok=True)
    executors, own = Executors.threads(), CoreBackend()
    with tempfile.TemporaryDirectory() as scratch:
        settings = QSettings(str(Path(scratch) / "settings.ini"), QSettings.Format.IniFormat)
        cache = PrivateCache(Path(scratch) / "cache")
        window = Window(backend or own, executors, QtDialogs(), settings, cache)
        window.resize(*_SIZE)
        window.show()
        try:
            archive = Path(scratch) / "holiday.floe"
            return Photographer(window, folder, scale).take_all(archive, images)
        finally:
            window.session.jobs.cancel_all()
            wait(lambda: not window.session.busy)
            window.close()
            shiboken6.delete(window)  # cycles would keep it among the application's windows
            executors.shutdown()
            own.close()
            del application


def main() -> int:
    """The command line of this script."""
    parser = argparse.ArgumentParser(prog="python -m app.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("images", type=Path, nargs="*", help="instead of the samples")
    parser.add_argument("--scale", type=float, default=1.0, help="pixels per point of the screen")
    arguments = parser.parse_args()
    taken = make(arguments.folder, arguments.images or sample_images(), scale=arguments.scale)
    sys.stdout.write("".join(f"{path}\n" for path in taken))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
