"""A cheap look at samples: whether they are a photograph, drawn, or something in between.

Measured on windows spread over the image, in a few hundredths of a second whatever its size. What
is drawn (screens, text, charts) repeats colours exactly: neighbours are equal, and few colours
are different. Noise sees to it that nothing of that holds in a photograph.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WINDOW = 64  # pixels, a side
_MOST_WINDOWS = 8  # in each direction

# Set on crops of screenshots and photographs and on small test images: above and below, the flow
# was never, or always, the smaller one. In between a sample has to be coded.
_DRAWN_EQUAL, _DRAWN_COLOURS = 0.85, 0.015
_PHOTOGRAPH_EQUAL, _PHOTOGRAPH_COLOURS = 0.30, 0.20


class Kind(Enum):
    """What an image looks like."""

    PHOTOGRAPH = auto()
    MIXED = auto()
    DRAWN = auto()


@dataclass(frozen=True)
class Look:
    """What was seen of an image."""

    equal: float  # the share of pixels that equal the one to their left
    colours: float  # different colours of a window, as a share of those that it could have

    @property
    def kind(self) -> Kind:
        if self.equal > _DRAWN_EQUAL or self.colours < _DRAWN_COLOURS:
            return Kind.DRAWN
        if self.equal < _PHOTOGRAPH_EQUAL and self.colours > _PHOTOGRAPH_COLOURS:
            return Kind.PHOTOGRAPH
        return Kind.MIXED


def look_at(samples: NDArray[Any]) -> Look:
    """Look at (H, W, C) samples of 8 or 16 bits, C at most 4."""
    seen = [_seen(window) for window in windows(samples, _WINDOW, _MOST_WINDOWS)]
    equal, colours = np.mean(seen, axis=0).tolist()
    return Look(equal, colours)


def windows(samples: NDArray[Any], side: int, most: int) -> list[NDArray[Any]]:
    """Up to ``most`` times ``most`` windows, evenly spread over (H, W, C) samples."""
    tops = _starts(samples.shape[0], side, most)
    lefts = _starts(samples.shape[1], side, most)
    return [samples[top : top + side, left : left + side] for top in tops for left in lefts]


def _starts(length: int, side: int, most: int) -> list[int]:
    count = min(max(length // side, 1), most)
    if count == 1:
        return [max(0, (length - side) // 2)]
    return [(length - side) * n // (count - 1) for n in range(count)]


def _seen(window: NDArray[Any]) -> tuple[float, float]:
    packed: NDArray[np.uint64] = np.zeros(window.shape[:2], np.uint64)
    channels = window.shape[2]
    for channel in range(channels):
        packed = packed << np.uint64(16) | window[..., channel]
    equal = (packed[:, 1:] == packed[:, :-1]).mean() if packed.shape[1] > 1 else 0.0
    possible = min(packed.size, np.iinfo(window.dtype).max + 1) if channels == 1 else packed.size
    return float(equal), len(np.unique(packed)) / possible
