"""The logistic function and its inverse on integers, and what else the kernel looks up.

All tables follow from integer arithmetic alone, so they are the same on every machine.

- A probability is an integer p of [1, 65535], and means p / 2^16.
- A logit is an integer of [-LIMIT, LIMIT], and means log(p / (1 - p)) in units of 1/256.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: The largest logit: a probability of 2^-16.
LIMIT = 2815

#: Most observations that a counter remembers.
MAX_COUNT = 1023

#: Where the buckets of a magnitude begin, after that of 0: steps of about a third.
BUCKETS = (
    *(1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36, 48, 64),
    *(86, 115, 153, 204, 272, 363, 484, 645, 860, 1147, 1529, 2039),
)

#: Magnitudes from this on fall into the last bucket.
LARGEST_MAGNITUDE = 2047


class Tables(NamedTuple):
    """What the kernel looks up."""

    squash: NDArray[np.int32]  # (2 LIMIT + 1,): probability of a logit
    stretch: NDArray[np.int32]  # (4096,): logit of a probability's upper 12 bits
    rates: NDArray[np.int32]  # (MAX_COUNT + 1,): 2^16 / (n + 1.6), a counter's n-th step
    buckets: NDArray[np.int64]  # (LARGEST_MAGNITUDE + 1,): the bucket of a magnitude


def tables() -> Tables:
    """The tables, computed anew."""
    squash = _squash()
    centres = 16 * np.arange(4096) + 8
    stretch = np.searchsorted(squash[:-1], centres).astype(np.int32) - LIMIT
    counts = np.arange(MAX_COUNT + 1)
    rates = (10 * 65536 // (10 * counts + 16)).astype(np.int32)
    magnitudes = np.arange(LARGEST_MAGNITUDE + 1)
    buckets = np.searchsorted(np.array(BUCKETS), magnitudes, side="right").astype(np.int64)
    return Tables(squash, stretch, rates, buckets)


def _squash() -> NDArray[np.int32]:
    """1 / (1 + exp(-t / 256)) times 2^16, rounded, by numbers of any length."""
    one = 1 << 64
    step, term, k = 0, one, 0
    while term:  # exp(-1/256) by its series
        step += term if k % 2 == 0 else -term
        k += 1
        term = (term >> 8) // k
    squash = np.empty(2 * LIMIT + 1, np.int32)
    power = one  # exp(-t / 256)
    for t in range(LIMIT + 1):
        p = ((one << 17) // (one + power) + 1) >> 1
        p = min(max(p, 1), 65535)
        squash[LIMIT + t], squash[LIMIT - t] = p, 65536 - p
        power = (power * step) >> 64
    return squash
