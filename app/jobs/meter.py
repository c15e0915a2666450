"""Progress, throughput and remaining time of a job. No Qt in here."""

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

#: Throughput is measured over this time.
_WINDOW_SECONDS = 8.0
#: The remaining time is unknown before this: it would jump.
_LEAST_SECONDS, _LEAST_FRACTION = 1.0, 0.01


@dataclass
class _File:
    weight: float
    fraction: float = 0.0
    n_pixels: int = 0


class Meter:
    """Weights files by the plan (bytes or pixels); counts the pixels that are done."""

    def __init__(self, spans: Spans, clock: Callable[[], float] = time.monotonic) -> None:
        self._spans, self._clock = spans, clock
        self._files: dict[str, _File] = {}
        self._started: float | None = None
        self._samples: deque[tuple[float, float]] = deque()

    def plan(self, files: Sequence[tuple[str, float]]) -> None:
        """Set all files and their weights, before the first progress."""
        for name, weight in files:
            self._files[name] = _File(max(weight, 1.0))

    def progress(self, event: Progress) -> float:
        """Take one event; return the file's fraction, which never falls."""
        file = self._files.setdefault(event.name, _File(1.0))
        file.n_pixels = event.pixels_total
        before, own = self._spans.get(event.stage, (0.0, 0.0))
        done = event.pixels_done / event.pixels_total if event.pixels_total else 0.0
        file.fraction = max(file.fraction, before + own * min(done, 1.0))
        self._sample()
        return file.fraction

    def finish(self, name: str) -> None:
        """Mark a file as done, whether it succeeded or failed."""
        self._files.setdefault(name, _File(1.0)).fraction = 1.0
        self._sample()

    @property
    def fraction(self) -> float:
        """The progress of the whole job, 0 to 1."""
        total = sum(file.weight for file in self._files.values())
        done = sum(file.weight * file.fraction for file in self._files.values())
        return done / total if total else 0.0

    @property
    def pixels_done(self) -> float:
        """The pixels done of all files; encoded but not verified ones count half."""
        return sum(file.n_pixels * file.fraction for file in self._files.values())

    @property
    def pixels_per_second(self) -> float:
        """The throughput of the last seconds; 0 while it is unknown."""
        if len(self._samples) < 2:
            return 0.0
        (first_time, first_pixels), (last_time, last_pixels) = self._samples[0], self._samples[-1]
        passed = last_time - first_time
        return (last_pixels - first_pixels) / passed if passed > 0.2 else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """The estimated remaining time; None while it is unknown."""
        elapsed, fraction = self.elapsed_seconds, self.fraction
        if elapsed < _LEAST_SECONDS or fraction < _LEAST_FRACTION:
            return None
        return elapsed * (1 - fraction) / fraction

    @property
    def elapsed_seconds(self) -> float:
        """The time since the first progress: loading the model does not count."""
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
