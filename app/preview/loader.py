"""The picture of the selected image and its map, made in the background."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, QTimer, Signal

from app.backend.backend import Backend
from app.backend.decoding import Decoded
from app.language import sentences
from app.preview.pyramid import Pyramid, image_of
from core.control import CancelToken, Progress
from core.errors import Cancelled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.preview.heat import Range
    from core.archive.entry import Entry
    from core.images.tiles import Tile

#: A selection that moves on within this time is not decoded at all.
_SETTLE_MS = 120
_PROGRESS_SECONDS = 0.05


@dataclass(frozen=True)
class Heat:
    """A codelength map ready to be painted."""

    picture: Pyramid
    bits: NDArray[np.float32]
    range: Range


@dataclass(frozen=True)
class Loaded:
    """An image ready to be painted; ``heat`` is None where it has no map."""

    decoded: Decoded
    picture: Pyramid
    heat: Heat | None


class Loader(QObject):
    """Turns to one image at a time. All signals are of the image that it has turned to."""

    progressed = Signal(float)  #: the share of its pixels that are decoded
    part_arrived = Signal(QRectF, object)  #: where, and a QImage
    loaded = Signal(object)  #: Loaded
    failed = Signal(str)

    _told = Signal(object, float)
    _part = Signal(object, QRectF, object)
    _ended = Signal(object, object)

    def __init__(self, backend: Backend, executor: Executor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._backend, self.executor = backend, executor
        self._cancel: CancelToken | None = None  # of the image that it has turned to
        self._wanted: tuple[Path, str] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE_MS)
        self._timer.timeout.connect(self._submit)
        self._told.connect(self._on_told)
        self._part.connect(self._on_part)
        self._ended.connect(self._on_ended)

    @property
    def busy(self) -> bool:
        """Whether an image is coming."""
        return self._cancel is not None

    def start(self, archive: Path, entry: Entry) -> None:
        """Turns to this image."""
        self.cancel()
        self._wanted, self._cancel = (archive, entry.name), CancelToken()
        self._timer.start()

    def cancel(self) -> None:
        """Turns to nothing; what is under way ends soon, and is not told of."""
        self._timer.stop()
        if self._cancel is not None:
            self._cancel.cancel()
        self._cancel = self._wanted = None

    def _submit(self) -> None:
        if self._wanted is not None and self._cancel is not None:
            self.executor.submit(self._run, *self._wanted, self._cancel)

    def _run(self, archive: Path, name: str, cancel: CancelToken) -> None:  # on the worker
        outcome: object
        try:
            cancel.check()
            last = 0.0

            def progress(p: Progress) -> None:
                nonlocal last
                now = time.monotonic()
                if now - last >= _PROGRESS_SECONDS:
                    last = now
                    self._told.emit(cancel, p.pixels_done / max(1, p.pixels_total))

            def on_tile(tile: Tile, part: NDArray[np.uint8]) -> None:
                place = QRectF(tile.column, tile.row, tile.width, tile.height)
                image = image_of(part[..., 0] if part.shape[2] == 1 else part)
                self._part.emit(cancel, place, image)

            decoded = self._backend.preview(archive, name, progress, on_tile, cancel)
            outcome = _prepared(decoded, cancel)
        except BaseException as raised:  # also pyo3's panics, which are no Exception
            outcome = raised
        self._ended.emit(cancel, outcome)

    def _on_told(self, of: CancelToken, share: float) -> None:
        if of is self._cancel:
            self.progressed.emit(share)

    def _on_part(self, of: CancelToken, place: QRectF, image: object) -> None:
        if of is self._cancel:
            self.part_arrived.emit(place, image)

    def _on_ended(self, of: CancelToken, outcome: object) -> None:
        if of is not self._cancel:
            return
        self._cancel = self._wanted = None
        if isinstance(outcome, Loaded):
            self.loaded.emit(outcome)
        elif isinstance(outcome, BaseException) and not isinstance(outcome, Cancelled):
            self.failed.emit(sentences.of(outcome))


def _prepared(decoded: Decoded, cancel: CancelToken) -> Loaded:
    """All that painting needs, made here, so that the window need not."""
    from app.preview.heat import Range

    heat = None
    if decoded.bits is not None:
        found = Range.of(decoded.bits)
        picture = Pyramid.of_map(decoded.bits, found.top, cancel)
        heat = Heat(picture, decoded.bits, found)
    return Loaded(decoded, Pyramid.of_pixels(decoded.pixels, cancel), heat)
