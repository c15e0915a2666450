"""How long work tells what it has done, and is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.errors import Cancelled

Stage = Literal["reading", "encoding", "verifying", "decoding", "writing"]


@dataclass(frozen=True)
class Progress:
    """How far one file has come in one stage, in pixels really done."""

    name: str
    stage: Stage
    pixels_done: int
    pixels_total: int


class CancelToken:
    """Set once from any thread; checked by work between its pieces."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raises Cancelled once :meth:`cancel` was called."""
        if self._event.is_set():
            raise Cancelled


#: Told of each piece of work done.
ProgressListener = Callable[[Progress], None]

#: Told how many more pixels are done; a codec knows no names.
PixelListener = Callable[[int], None]


def ignore(_: object) -> None:
    """A listener for those who do not ask."""
