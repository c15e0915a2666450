"""How far a job has come, how fast it goes, how long it still takes. No Qt in here."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.control import Progress, Stage

#: For each stage, the share of a file's work that precedes it, and its own.
Spans = Mapping[Stage, tuple[float, float]]

ADDING: Spans = {
    "reading": (0.0, 0.0),
    "encoding": (0.0, 0.5),
    "verifying": (0.5, 0.5),
    "writing": (1.0, 0.0),
}
TAKING_OUT: Spans = {
    "reading": (0.0, 0.0),
    "decoding": (0.0, 1.0),
    "verifying": (0.0, 1.0),
    "writing": (1.0, 0.0),
}

#: Throughput is what was done in the last so many seconds.
_WINDOW_SECONDS = 8.0
#: No remaining time is told before so much was seen: it would only jump.
_LEAST_SECONDS, _LEAST_FRACTION = 1.0, 0.01


@dataclass
class _File:
    weight: float
    fraction: float = 0.0
    n_pixels: int = 0


class Meter:
    """Files weigh what the plan says (bytes or pixels); pixels are counted as really done."""

    def __init__(self, spans: Spans, clock: Callable[[], float] = time.monotonic) -> None:
        self._spans, self._clock = spans, clock
        self._files: dict[str, _File] = {}
        self._started: float | None = None
        self._samples: deque[tuple[float, float]] = deque()

    def plan(self, files: Sequence[tuple[str, float]]) -> None:
        """Tells all files and their weights, before the first progress."""
        for name, weight in files:
            self._files[name] = _File(max(weight, 1.0))

    def progress(self, event: Progress) -> float:
        """Takes one event; returns the file's fraction, which never falls."""
        file = self._files.setdefault(event.name, _File(1.0))
        file.n_pixels = event.pixels_total
        before, own = self._spans.get(event.stage, (0.0, 0.0))
        done = event.pixels_done / event.pixels_total if event.pixels_total else 0.0
        file.fraction = max(file.fraction, before + own * min(done, 1.0))
        self._sample()
        return file.fraction

    def finish(self, name: str) -> None:
        """A file that is done with, well or not, is no longer waited for."""
        self._files.setdefault(name, _File(1.0)).fraction = 1.0
        self._sample()

    @property
    def fraction(self) -> float:
        """Of the whole job, 0 to 1."""
        total = sum(file.weight for file in self._files.values())
        done = sum(file.weight * file.fraction for file in self._files.values())
        return done / total if total else 0.0

    @property
    def pixels_done(self) -> float:
        """Of all files; a pixel that is encoded but not verified counts half."""
        return sum(file.n_pixels * file.fraction for file in self._files.values())

    @property
    def pixels_per_second(self) -> float:
        """Over the last seconds; 0 while nothing can be said."""
        if len(self._samples) < 2:
            return 0.0
        (first_time, first_pixels), (last_time, last_pixels) = self._samples[0], self._samples[-1]
        passed = last_time - first_time
        return (last_pixels - first_pixels) / passed if passed > 0.2 else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """None until enough was seen to tell."""
        elapsed, fraction = self.elapsed_seconds, self.fraction
        if elapsed < _LEAST_SECONDS or fraction < _LEAST_FRACTION:
            return None
        return elapsed * (1 - fraction) / fraction

    @property
    def elapsed_seconds(self) -> float:
        """Since the first progress: loading the model does not count."""
        return 0.0 if self._started is None else self._clock() - self._started

    def _sample(self) -> None:
        now = self._clock()
        if self._started is None:
            self._started = now
        if self._samples and now - self._samples[-1][0] < 0.1:
            return
        self._samples.append((now, self.pixels_done))
        while now - self._samples[0][0] > _WINDOW_SECONDS:
            self._samples.popleft()
