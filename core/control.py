"""How long work tells what it has done, and is told to pause or to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, TypeVar

from core.errors import Cancelled

T = TypeVar("T")

Stage = Literal["reading", "encoding", "verifying", "decoding", "writing"]


@dataclass(frozen=True)
class Progress:
    """How far one file has come in one stage, in pixels really done."""

    name: str
    stage: Stage
    pixels_done: int
    pixels_total: int


class CancelToken:
    """Set from any thread; checked by work between its pieces.

    Paused work waits inside of :meth:`check`, until it is resumed or cancelled.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._cancelled = self._paused = False
        self._n_waiting = 0
        self._waiting_since = self._waited = 0.0

    def cancel(self) -> None:
        """Stops the work for good, paused or not."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def pause(self) -> None:
        """Lets the work wait at its next check."""
        self._paused = True

    def resume(self) -> None:
        """Lets paused work go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._cancelled

    @property
    def paused(self) -> bool:
        """Whether the work was told to wait, and neither to go on nor to stop since."""
        return self._paused and not self._cancelled

    def check(self) -> None:
        """Waits while the work is paused. Raises Cancelled once :meth:`cancel` was called."""
        if self._paused:
            self._wait(lambda: not self._paused)
        self.raise_if_cancelled()

    def raise_if_cancelled(self) -> None:
        """:meth:`check` for those who hold a lock that others need, and so may not wait."""
        if self._cancelled:
            raise Cancelled

    def wait_for(self, answer: Future[T]) -> T:
        """The result of a future, as of a question to a person. Raises Cancelled."""

        def wake(_: object) -> None:
            with self._changed:
                self._changed.notify_all()

        answer.add_done_callback(wake)
        self._wait(answer.done)
        self.raise_if_cancelled()
        return answer.result()

    def clock(self) -> float:
        """Seconds on a clock that stands still while work waits; only differences matter."""
        with self._changed:
            now = time.perf_counter()
            return (self._waiting_since if self._n_waiting else now) - self._waited

    def _wait(self, until: Callable[[], bool]) -> None:
        with self._changed:
            if not self._n_waiting:
                self._waiting_since = time.perf_counter()
            self._n_waiting += 1
            try:
                self._changed.wait_for(lambda: self._cancelled or until())
            finally:
                self._n_waiting -= 1
                if not self._n_waiting:
                    self._waited += time.perf_counter() - self._waiting_since


#: Told of each piece of work done.
ProgressListener = Callable[[Progress], None]

#: Told how many more pixels are done; a codec knows no names.
PixelListener = Callable[[int], None]


def ignore(_: object) -> None:
    """A listener for those who do not ask."""
