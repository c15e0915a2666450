"""The row filters of PNG, vectorised over rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.arrays import Pixels

# Samples filtered at a time: this bounds memory to a few megabytes for any image.
_BLOCK_SAMPLES = 2**19


def filtered_rows(pixels: Pixels) -> Iterator[bytes]:
    """The filtered rows of (H, W, C) uint8 pixels, in blocks of consecutive rows.

    Each row begins with the number of its filter: the one with the smallest sum of absolute
    differences, as the PNG specification recommends.
    """
    height, width, channels = pixels.shape
    rows = pixels.reshape(height, width * channels)
    step = max(1, _BLOCK_SAMPLES // rows.shape[1])
    above = np.zeros((1, rows.shape[1]), dtype=np.uint8)
    for top in range(0, height, step):
        block = rows[top : top + step]
        yield _filtered(block, np.concatenate([above, block[:-1]]), channels).tobytes()
        above = block[-1:]


def _filtered(rows: Pixels, up: Pixels, channels: int) -> Pixels:
    """(N, 1 + W * C) uint8: filter numbers and filtered rows; ``up`` are the rows above."""
    left, up_left = _shifted(rows, channels), _shifted(up, channels)
    best = rows.copy()
    best_cost = _cost(rows)
    numbers = np.zeros(len(rows), dtype=np.uint8)
    mean = ((left.astype(np.uint16) + up) >> 1).astype(np.uint8)
    for filter_number, prediction in enumerate((left, up, mean, _paeth(left, up, up_left)), 1):
        candidate = rows - prediction
        cost = _cost(candidate)
        better = cost < best_cost
        best[better], best_cost[better] = candidate[better], cost[better]
        numbers[better] = filter_number
    return np.concatenate([numbers[:, None], best], axis=1)


def _shifted(rows: Pixels, channels: int) -> Pixels:
    """Each sample's left neighbour of the same channel; zero before the first."""
    out = np.zeros_like(rows)
    out[:, channels:] = rows[:, :-channels]
    return out


def _cost(rows: Pixels) -> NDArray[np.int64]:
    """The sum of absolute values of each row's samples, read as signed differences."""
    # -128 has no positive int8; its absolute value wraps to -128, which as uint8 is 128.
    cost: NDArray[np.int64] = np.abs(rows.view(np.int8)).view(np.uint8).sum(axis=1, dtype=np.int64)
    return cost


def _paeth(left: Pixels, up: Pixels, up_left: Pixels) -> Pixels:
    a, b, c = (plane.astype(np.int16) for plane in (left, up, up_left))
    from_a, from_b = np.abs(b - c), np.abs(a - c)
    from_c = np.abs(a + b - 2 * c)
    takes_a = (from_a <= from_b) & (from_a <= from_c)
    return np.where(takes_a, left, np.where(from_b <= from_c, up, up_left))
