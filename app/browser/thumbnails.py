"""Thumbnails for painting, made in the background when they are missing."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap

from app.backend.backend import Backend
from app.backend.task import Task
from app.widgets.images import ArrayImage
from core.archive.entry import Entry
from core.control import CancelToken

#: Thumbnails are made in these sizes, in pixels of the screen: the next larger one is shown.
SIDES = (64, 128, 256, 512)

#: Bound of all images and pixmaps in memory.
_MAX_BYTES = 64 * 2**20
#: More rows cannot be in sight at once; older requests are dropped.
_MAX_WAITING = 400


@dataclass(frozen=True)
class Wanted:
    """A thumbnail, by the contents of the file, not by its name."""

    sha256: str
    side: int


class Thumbnails(QObject):
    """Makes one thumbnail at a time, in the order of the requests."""

    arrived = Signal()  #: paint again

    def __init__(self, backend: Backend, executor: Executor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._backend, self._executor = backend, executor
        self._archive: Path | None = None
        self._cancel = CancelToken()
        self._made: OrderedDict[Wanted, QImage] = OrderedDict()
        self._failed: set[Wanted] = set()
        self._waiting: OrderedDict[Wanted, str] = OrderedDict()
        self._task: Task | None = None
        self._pixmaps: OrderedDict[tuple[Wanted, int, int, float], QPixmap] = OrderedDict()
        self._n_bytes = 0

    @property
    def busy(self) -> bool:
        """Whether more are being made."""
        return self._task is not None

    def show_archive(self, archive: Path | None) -> None:
        """Turn to an archive; thumbnails that failed are tried again."""
        self.forget_waiting()
        self._cancel.cancel()
        self._cancel = CancelToken()
        self._archive = archive
        self._failed.clear()

    def forget_waiting(self) -> None:
        """Drop the requests; call this when other rows come into sight."""
        self._waiting.clear()

    def stop(self) -> None:
        """Make no more, and cancel the current one."""
        self.show_archive(None)

    def pixmap(self, entry: Entry, box: QSize, ratio: float) -> QPixmap | None:
        """The thumbnail that fits into a box, sharp at the screen's ratio, if it is ready.

        If not, it is requested, and ``arrived`` is emitted later. What is no image has none.
        """
        if not entry.is_image:
            return None
        longest = max(box.width(), box.height()) * ratio
        side = next((side for side in SIDES if side >= longest), SIDES[-1])
        wanted = Wanted(entry.file_sha256, side)
        key = (wanted, box.width(), box.height(), ratio)
        if key in self._pixmaps:
            self._pixmaps.move_to_end(key)
            return self._pixmaps[key]
        image = self._made.get(wanted)
        if image is None:
            self._ask(wanted, entry.name)
            return None
        self._made.move_to_end(wanted)
        fitting = image.size().scaled(box * ratio, Qt.AspectRatioMode.KeepAspectRatio)
        if fitting.width() > image.width():  # a small image is not enlarged
            fitting = image.size()
        small = image.scaled(
            fitting.expandedTo(QSize(1, 1)),
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        pixmap = QPixmap.fromImage(small)
        pixmap.setDevicePixelRatio(ratio)
        self._pixmaps[key] = pixmap
        self._n_bytes += 4 * pixmap.width() * pixmap.height()
        self._forget_oldest()
        return pixmap

    def _ask(self, wanted: Wanted, name: str) -> None:
        if self._archive is None or wanted in self._failed or wanted in self._waiting:
            return
        self._waiting[wanted] = name
        if len(self._waiting) > _MAX_WAITING:
            self._waiting.popitem(last=False)
        if self._task is None:
            self._next()

    def _next(self) -> None:
        archive = self._archive
        if archive is None or not self._waiting:
            return
        wanted, name = next(iter(self._waiting.items()))
        self._task = Task(self)
        self._task.succeeded.connect(partial(self._on_made, wanted))
        self._task.failed.connect(partial(self._on_failed, wanted))
        self._task.ended.connect(partial(self._on_ended, wanted))
        call = partial(
            _make, self._backend, archive, name, wanted.sha256, wanted.side, self._cancel
        )
        self._task.start(self._executor, call)

    def _on_made(self, wanted: Wanted, image: QImage) -> None:
        self._made[wanted] = image
        self._n_bytes += image.sizeInBytes()
        self._forget_oldest()
        self.arrived.emit()

    def _on_failed(self, wanted: Wanted, _sentence: str) -> None:
        # Extracting and verifying report the error; here the placeholder stays.
        self._failed.add(wanted)

    def _on_ended(self, wanted: Wanted, _task: Task) -> None:
        self._task = None
        self._waiting.pop(wanted, None)
        self._next()

    def _forget_oldest(self) -> None:
        while self._n_bytes > _MAX_BYTES and len(self._made) > 1:
            _, image = self._made.popitem(last=False)
            self._n_bytes -= image.sizeInBytes()
        while self._n_bytes > _MAX_BYTES and len(self._pixmaps) > 1:
            _, pixmap = self._pixmaps.popitem(last=False)
            self._n_bytes -= 4 * pixmap.width() * pixmap.height()


def _make(  # on the worker
    backend: Backend, archive: Path, name: str, sha256: str, side: int, cancel: CancelToken
) -> QImage:
    cancel.check()
    return ArrayImage(backend.thumbnail(archive, name, side, sha256, cancel))
