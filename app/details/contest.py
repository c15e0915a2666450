"""Pictures that are compared without being archived: one after the other, in the background."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, Signal

from app.backend.backend import Backend
from app.backend.task import Task
from core.control import CancelToken

if TYPE_CHECKING:
    from core.bench.contest import Attempt


@dataclass
class Compared:
    """A picture and its results so far."""

    path: Path
    attempts: list[Attempt] = field(default_factory=list)
    error: str = ""
    done: bool = False


class _Share(NamedTuple):
    """How much of its work a codec has done, 0 to 1."""

    codec: str
    fraction: float


class Contest(QObject):
    """Runs once at a time; a new start replaces the pictures of the last one."""

    changed = Signal()  #: another figure, another picture, or the end
    progressed = Signal(str, float)  #: the codec at work, and its share done

    def __init__(self, backend: Backend, executor: Executor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._backend, self._executor = backend, executor
        self._cancel = CancelToken()
        self.pictures: list[Compared] = []

    @property
    def running(self) -> bool:
        """Whether more figures are to come."""
        return not self._cancel.cancelled and any(not p.done for p in self.pictures)

    def start(self, paths: Sequence[Path], *, thorough: bool, black_box: bool) -> None:
        """Compare these pictures."""
        self._cancel.cancel()
        self._cancel = CancelToken()
        self.pictures = [Compared(path) for path in dict.fromkeys(paths)]
        for picture in self.pictures:
            task = Task(self)
            task.yielded.connect(partial(self._on_yielded, picture))
            task.succeeded.connect(partial(self._on_done, picture, ""))
            task.failed.connect(partial(self._on_done, picture))
            attempts = self._attempts(task, picture.path, thorough, black_box, self._cancel)
            task.start(self._executor, attempts, self._cancel)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop and keep what was measured; a running codec's result is discarded."""
        self._cancel.cancel()
        self.changed.emit()

    def _attempts(  # on the worker
        self, task: Task, path: Path, thorough: bool, black_box: bool, cancel: CancelToken
    ) -> Generator[Attempt, None, None]:
        def tell(codec: str, fraction: float) -> None:
            task.tell(_Share(codec, fraction), key=_Share)

        yield from self._backend.contest(path, tell, cancel, thorough=thorough, black_box=black_box)

    def _on_yielded(self, picture: Compared, values: list[Attempt | _Share]) -> None:
        attempts = [value for value in values if not isinstance(value, _Share)]
        for value in values:
            if isinstance(value, _Share):
                self.progressed.emit(*value)
        if attempts:
            picture.attempts += attempts
            self.changed.emit()

    def _on_done(self, picture: Compared, error: str, _nothing: object = None) -> None:
        picture.done, picture.error = True, error
        self.changed.emit()
