"""Pictures that are compared without being archived: one after the other, in the background."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.backend.backend import Backend
from app.language import sentences
from core.control import CancelToken

if TYPE_CHECKING:
    from core.bench.contest import Attempt

#: Progress is told no more often than this.
_SECONDS_BETWEEN = 0.05


@dataclass
class Compared:
    """A picture and what has come of it so far."""

    path: Path
    attempts: list[Attempt] = field(default_factory=list)
    error: str = ""
    done: bool = False


class Contest(QObject):
    """Runs once at a time; what is started anew takes the place of what was there."""

    changed = Signal()  #: another figure, another picture, or the end
    progressed = Signal(str, float)  #: the codec at work, and its share done

    _arrived = Signal(object, object, object)  #: cancel token, Compared, Attempt
    _ended = Signal(object, object, object)  #: cancel token, Compared, an error or None
    _told = Signal(object, str, float)

    def __init__(self, backend: Backend, executor: Executor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._backend, self._executor = backend, executor
        self._cancel = CancelToken()
        self.pictures: list[Compared] = []
        self._arrived.connect(self._on_arrived)
        self._ended.connect(self._on_ended)
        self._told.connect(self._on_told)

    @property
    def running(self) -> bool:
        """Whether more figures are to come."""
        return not self._cancel.cancelled and any(not p.done for p in self.pictures)

    def start(self, paths: Sequence[Path], *, thorough: bool, black_box: bool) -> None:
        """Compares these pictures."""
        self._cancel.cancel()
        self._cancel = CancelToken()
        self.pictures = [Compared(path) for path in dict.fromkeys(paths)]
        for picture in self.pictures:
            self._executor.submit(self._run, picture, thorough, black_box, self._cancel)
        self.changed.emit()

    def cancel(self) -> None:
        """Stops; what was measured is kept. A codec under way ends by itself, unheard."""
        self._cancel.cancel()
        self.changed.emit()

    def _run(  # on the worker
        self, picture: Compared, thorough: bool, black_box: bool, cancel: CancelToken
    ) -> None:
        error: BaseException | None = None
        last = 0.0

        def tell(name: str, fraction: float) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last > _SECONDS_BETWEEN or fraction in (0.0, 1.0):
                last = now
                self._told.emit(cancel, name, fraction)

        try:
            cancel.check()
            for attempt in self._backend.contest(
                picture.path, tell, cancel, thorough=thorough, black_box=black_box
            ):
                cancel.check()
                self._arrived.emit(cancel, picture, attempt)
        except BaseException as raised:
            error = raised
        self._ended.emit(cancel, picture, error)

    def _on_told(self, cancel: CancelToken, name: str, fraction: float) -> None:
        if cancel is self._cancel and not cancel.cancelled:
            self.progressed.emit(name, fraction)

    def _on_arrived(self, cancel: CancelToken, picture: Compared, attempt: Attempt) -> None:
        if not cancel.cancelled:
            picture.attempts.append(attempt)
            self.changed.emit()

    def _on_ended(
        self, cancel: CancelToken, picture: Compared, error: BaseException | None
    ) -> None:
        if cancel.cancelled:
            return
        picture.done = True
        picture.error = "" if error is None else sentences.of(error)
        self.changed.emit()
