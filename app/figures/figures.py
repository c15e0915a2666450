"""The data of charts, which the window and the report share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Tone(Enum):
    """The colour of a bar, relative to the palette."""

    OURS = "ours"
    OURS_FAINT = "ours, faint"
    OTHERS = "others"


@dataclass(frozen=True)
class Bar:
    """One bar; without a value, its text alone is shown ("measuring…")."""

    label: str
    value: float | None
    text: str
    tone: Tone = Tone.OURS
    explanation: str = ""


def words(bars: Sequence[Bar], unit: str) -> str:
    """The bars as a text, for screen readers."""
    return "; ".join(
        f"{bar.label}: {bar.text}" + ("" if bar.value is None else f" {unit}") for bar in bars
    )


def span(bars: Sequence[Bar]) -> tuple[float, float]:
    """The least and the largest value of a common scale; zero lies on it."""
    values = [bar.value for bar in bars if bar.value is not None]
    return min([0.0, *values]), max([0.0, *values])


@dataclass(frozen=True)
class Bins:
    """Counts of values between round edges; the last bin includes its upper edge."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: Sequence[float], at_most: int = 20) -> Bins:
        """As few bins of one round width as hold all values: ``at_most`` and one."""
        if not values:
            return cls((), ())
        low, high = min(values), max(values)
        width = _round_up((high - low) / at_most) if high > low else _round_up(abs(low) / 10 or 1)
        first = math.floor(low / width)
        count = max(1, math.ceil(high / width) - first)
        counts = [0] * count
        for value in values:
            counts[min(max(int(value / width - first), 0), count - 1)] += 1
        return cls(tuple((first + i) * width for i in range(count + 1)), tuple(counts))


def _round_up(width: float) -> float:
    """The least of 1, 2, 5, 10 ... that is not less."""
    unit = 10.0 ** math.floor(math.log10(width))
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= width * (1 - 1e-9))
