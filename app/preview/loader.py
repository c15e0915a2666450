"""Loading the picture of an image and its codelength map in the background."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QImage

from app.backend.backend import Backend
from app.backend.decoding import Decoded
from app.backend.task import Settling, Task
from app.preview.pyramid import Pyramid
from app.widgets.images import ArrayImage
from core.archive.entry import Entry
from core.control import CancelToken, Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.preview.heat import Range
    from core.images.tiles import Tile

#: A selection that moves on within this time is not decoded at all.
_SETTLE_MS = 120


@dataclass(frozen=True)
class Heat:
    """A codelength map ready for painting."""

    picture: Pyramid
    bits: NDArray[np.float32]
    range: Range


@dataclass(frozen=True)
class Loaded:
    """An image ready for painting; ``heat`` is None if it has no map."""

    decoded: Decoded
    picture: Pyramid
    heat: Heat | None


class _Part(NamedTuple):
    """A decoded part of the image."""

    area: QRectF  #: in pixels of the image
    picture: QImage


class Loader(QObject):
    """Turns to one image at a time; all signals are about the current one."""

    progressed = Signal(float)  #: the share of its pixels that are decoded
    part_arrived = Signal(QRectF, object)  #: its area, and a QImage
    loaded = Signal(object)  #: Loaded
    failed = Signal(str)

    def __init__(self, backend: Backend, executor: Executor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._backend, self.executor = backend, executor
        self._cancel: CancelToken | None = None  # of the current image
        self._wanted: tuple[Path, str] | None = None
        self._settling = Settling(_SETTLE_MS, self)
        self._settling.timeout.connect(self._load)

    @property
    def busy(self) -> bool:
        """Whether an image is being loaded."""
        return self._cancel is not None

    def start(self, archive: Path, entry: Entry) -> None:
        """Turn to this image."""
        self.cancel()
        self._wanted, self._cancel = (archive, entry.name), CancelToken()
        self._settling.start()

    def cancel(self) -> None:
        """Turn to nothing; what is running ends soon, and its result is discarded."""
        self._settling.stop()
        if self._cancel is not None:
            self._cancel.cancel()
        self._cancel = self._wanted = None

    def _load(self) -> None:
        if self._wanted is None or self._cancel is None:
            return
        task = Task(self)
        task.yielded.connect(self._on_yielded)
        task.succeeded.connect(self._on_loaded)
        task.failed.connect(self._on_failed)
        call = partial(self._decode, task, *self._wanted, self._cancel)
        task.start(self.executor, call, self._cancel)

    def _decode(  # on the worker
        self, task: Task, archive: Path, name: str, cancel: CancelToken
    ) -> Loaded:
        def progress(p: Progress) -> None:
            task.tell(p.pixels_done / max(1, p.pixels_total), key=Progress)

        def on_tile(tile: Tile, part: NDArray[np.uint8]) -> None:
            area = QRectF(tile.column, tile.row, tile.width, tile.height)
            task.tell(_Part(area, ArrayImage(part)))

        return _prepared(self._backend.preview(archive, name, progress, on_tile, cancel), cancel)

    def _on_yielded(self, values: list[_Part | float]) -> None:
        for value in values:
            if isinstance(value, _Part):
                self.part_arrived.emit(*value)
            else:
                self.progressed.emit(value)

    def _on_loaded(self, loaded: Loaded) -> None:
        self._cancel = self._wanted = None
        self.loaded.emit(loaded)

    def _on_failed(self, error: str) -> None:
        self._cancel = self._wanted = None
        self.failed.emit(error)


def _prepared(decoded: Decoded, cancel: CancelToken) -> Loaded:
    """Make everything that painting needs, on the worker."""
    from app.preview.heat import Range

    heat = None
    if decoded.bits is not None:
        found = Range.of(decoded.bits)
        picture = Pyramid.of_map(decoded.bits, found.top, cancel)
        heat = Heat(picture, decoded.bits, found)
    return Loaded(decoded, Pyramid.of_pixels(decoded.pixels, cancel), heat)
