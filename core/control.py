"""Progress callbacks, and tokens that pause or cancel long work."""

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
    """The progress of one file in one stage, in completed pixels."""

    name: str
    stage: Stage
    pixels_done: int
    pixels_total: int


class CancelToken:
    """Pauses or cancels work. It may be set from any thread; the work checks it regularly.

    Paused work waits inside :meth:`check` until it is resumed or cancelled.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._cancelled = self._paused = False
        self._n_waiting = 0
        self._waiting_since = self._waited = 0.0

    def cancel(self) -> None:
        """Cancel the work, paused or not."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def pause(self) -> None:
        """Make the work wait at its next check."""
        self._paused = True

    def resume(self) -> None:
        """Resume paused work."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._cancelled

    @property
    def paused(self) -> bool:
        """Whether the work is paused, and not cancelled."""
        return self._paused and not self._cancelled

    def check(self) -> None:
        """Wait while the work is paused. Raises Cancelled after :meth:`cancel`."""
        if self._paused:
            self._wait(lambda: not self._paused)
        self.raise_if_cancelled()

    def raise_if_cancelled(self) -> None:
        """Like :meth:`check` without waiting, for callers that hold a lock."""
        if self._cancelled:
            raise Cancelled

    def wait_for(self, answer: Future[T]) -> T:
        """Wait for the result of a future, such as the user's answer. Raises Cancelled."""

        def wake(_: object) -> None:
            with self._changed:
                self._changed.notify_all()

        answer.add_done_callback(wake)
        self._wait(answer.done)
        self.raise_if_cancelled()
        return answer.result()

    def clock(self) -> float:
        """Seconds on a clock that stops while work waits; only differences are meaningful."""
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


#: Called with the progress of a file.
ProgressListener = Callable[[Progress], None]

#: Called with the number of pixels completed since the last call.
PixelListener = Callable[[int], None]


def ignore(_: object) -> None:
    """A callback that does nothing."""
