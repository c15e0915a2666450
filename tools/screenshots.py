"""Screenshots of the window: ``python -m tools.screenshots OUTDIR [IMAGE...]``.

The real window runs offscreen on real images.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import shiboken6
from PySide6.QtCore import QDeadlineTimer, QEventLoop, QLocale, QPoint, QRect, QSettings, QTimer
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from app.backend.backend import REFERENCES, Backend, CoreBackend
from app.backend.executors import Executors
from app.backend.private_cache import PrivateCache
from app.dialogs.dialogs import QtDialogs
from app.dialogs.move_dialog import MoveDialog
from app.dialogs.query_dialog import FileCard
from app.jobs.jobs import State
from app.language import translation as language
from app.preview.view import Mode
from app.widgets import colours
from app.window.window import Window
from core.control import CancelToken
from resources import sample_images

_SIZE = (1280, 760)
_PATIENCE_MS = 600_000


class Photographer:
    """Brings a window into its main states and takes a screenshot of each."""

    def __init__(self, window: Window, folder: Path, scale: float) -> None:
        self._window, self._folder, self._scale = window, folder, scale

    def take(self, name: str, *, settled: bool = True) -> Path:
        """Render the window at the scale, with open dialogs in its middle."""
        pause(60)
        window = self._window
        wait(lambda: not (settled and window.thumbnails.busy))
        image = self._render(window)
        for dialog in window.findChildren(QDialog):
            if dialog.isVisible():
                place = QRect(QPoint(), dialog.size())
                place.moveCenter(window.rect().center())
                painter = QPainter(image)
                painter.drawImage(place.topLeft(), self._render(dialog))
                painter.setPen(colours.line(window.palette()))
                painter.drawRect(place)
                painter.end()
        path = self._folder / f"{name}.png"
        image.save(str(path), quality=0)  # the smallest PNG
        return path

    def _render(self, widget: QWidget) -> QImage:
        image = QImage(widget.size() * self._scale, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(self._scale)
        widget.render(image)
        return image

    def take_all(self, archive: Path, images: Sequence[Path]) -> list[Path]:
        """Take all states that the documentation shows."""
        window, details = self._window, self._window.details
        taken = [self.take("empty")]
        window.session.open_or_create(archive, images)
        wait(lambda: len(window.session.model.entries) >= max(1, len(images) // 2))
        wait(lambda: 0.3 < _fraction_under_way(window) < 0.9 or not window.session.busy)
        taken.append(self.take("working", settled=False))
        wait(lambda: not window.session.busy)
        window.jobs_panel.clear()
        self._select()
        details.setCurrentWidget(details.preview)
        wait(details.preview.legend.isVisible)
        details.preview.toolbar.modes[Mode.SLIDER].trigger()
        taken.append(self.take("map"))
        taken.append(self._take_question(archive, images))
        taken.append(self._take_codelength("selection"))
        window.preferences.choose_appearance("dark")
        taken.append(self.take("dark"))
        details.setCurrentWidget(details.preview)
        taken.append(self.take("dark-map"))
        window.preferences.choose_appearance("")
        details.setCurrentWidget(details.codelength)
        taken.append(self._take_move(archive))
        window.entries.selectAll()
        taken.append(self.take("distribution"))
        details.setCurrentWidget(details.compare)
        details.compare.start(images[:1])
        wait(lambda: not window.details.contest.running)
        taken.append(self.take("compare"))
        return taken

    def take_german(self, archive: Path) -> list[Path]:
        """A selection in a German window."""
        self._window.session.open(archive)
        wait(lambda: len(self._window.session.model.entries) > 0)
        self._select()
        return [self._take_codelength("german")]

    def _select(self) -> None:
        window = self._window
        window.entries.selectRow(min(2, len(window.session.model.entries) - 1))

    def _take_codelength(self, name: str) -> Path:
        window = self._window
        window.details.setCurrentWidget(window.details.codelength)
        wait(lambda: len(window.details.comparison.known()) == len(REFERENCES))
        return self.take(name)

    def _take_move(self, archive: Path) -> Path:
        """The dialog for moving, with a new folder being named."""
        window = self._window
        session, chosen = window.session, window.entries.selected_items()
        session.new_folder(window.tr("Photographs"))
        wait(lambda: not session.busy and session.history.undo_text is not None)
        names = [item.path for item in chosen]
        window.browser.select(names)
        dialog = MoveDialog(window, archive.name, session.model.root, names, "")
        dialog.show()
        dialog.new_folder.click()
        path = self.take("move")
        dialog.reject()
        dialog.deleteLater()
        session.history.undo()
        wait(lambda: not session.busy)
        return path

    def _take_question(self, archive: Path, images: Sequence[Path]) -> Path:
        """The question about a name that is taken."""
        from core.engine import NameConflict

        there = self._window.session.model.entries[0]
        source = archive.with_name(there.name)
        shutil.copyfile(images[-1], source)
        facts = source.stat()
        new_name = f"{source.stem} (2){source.suffix}"
        query = NameConflict(
            archive, there.name, there, source, facts.st_size, facts.st_mtime_ns, new_name
        )
        cancel = CancelToken()
        with ThreadPoolExecutor(1) as worker:
            worker.submit(self._window.questions.ask, query, cancel)
            wait(
                lambda: (
                    len(cards := self._window.findChildren(FileCard)) == 2
                    and all(card.has_picture for card in cards)
                )
            )
            path = self.take("question")
            cancel.cancel()
        wait(lambda: not any(d.isVisible() for d in self._window.findChildren(QDialog)))
        return path


def pause(milliseconds: int) -> None:
    """Run the event loop for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait(until: Callable[[], bool]) -> None:
    """Run the event loop until the condition holds."""
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
    """Write the screenshots to a folder; return their paths."""
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    folder.mkdir(parents=True, exist_ok=True)
    own, locale = CoreBackend(), QLocale()
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "holiday.floe"
        settings = QSettings(str(Path(scratch) / "settings.ini"), QSettings.Format.IniFormat)

        def windows(code: str, take: Callable[[Photographer], list[Path]]) -> list[Path]:
            settings.setValue(language.KEY, code)
            QLocale.setDefault(QLocale(code))
            translators, executors = language.install(application, settings), Executors.threads()
            cache = PrivateCache(Path(scratch) / f"cache-{code}")
            window = Window(backend or own, executors, QtDialogs(), settings, cache)
            window.resize(*_SIZE)
            window.show()
            try:
                return take(Photographer(window, folder, scale))
            finally:
                window.session.jobs.cancel_all()
                wait(lambda: not window.session.busy)
                window.close()
                executors.shutdown()
                pause(20)  # for the last events of the workers
                shiboken6.delete(window)  # reference cycles would keep it open
                for translator in translators:
                    application.removeTranslator(translator)

        try:
            taken = windows("en", lambda photographer: photographer.take_all(archive, images))
            return taken + windows("de", lambda photographer: photographer.take_german(archive))
        finally:
            QLocale.setDefault(locale)
            own.close()


def main() -> int:
    """The command line of this script."""
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("images", type=Path, nargs="*", help="instead of the samples")
    parser.add_argument("--scale", type=float, default=1.0, help="pixels per point of the screen")
    arguments = parser.parse_args()
    taken = make(arguments.folder, arguments.images or sample_images(), scale=arguments.scale)
    sys.stdout.write("".join(f"{path}\n" for path in taken))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
