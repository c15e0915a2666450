"""Contexts of decisions on a coefficient: what is known around it, as places of slots."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.coding.jpeg.logistic import LARGEST_MAGNITUDE
from core.coding.jpeg.mixing import N_CONTEXTS, N_NODES, N_RANGES, STARTS
from core.compiled import compiled
from core.flows.jpeg.inputs import zigzag

Int64s = NDArray[np.int64]

#: The context of the value that a decision is about.
VALUE = 10


class Known(NamedTuple):
    """What is known of a component and around it; blocks have a border of 2 (right: 1)."""

    levels: NDArray[np.int16]  # (R + 2, C + 3, 64): block (r, c) at (r + 2, c + 2)
    after: NDArray[np.uint8]  # (R + 2, C + 3, 64): how many are not zero from k on
    surprise: NDArray[np.uint8]  # (R + 2, C + 3): how many are not zero, against what was expected
    quantiser: Int64s  # (64,)
    luma: NDArray[np.int32]  # (R, C, 64), dequantised on this component's grid, or empty
    chroma: NDArray[np.int32]  # the same of the first chroma component


def _neighbours() -> NDArray[np.int64]:
    """(64, 3) in zigzag order: the frequencies left, above and both, -1 where there is none."""
    order = zigzag()
    place = np.argsort(order)
    found = np.full((64, 3), -1, np.int64)
    for k, natural in enumerate(order.tolist()):
        v, u = divmod(natural, 8)
        if u:
            found[k, 0] = place[8 * v + u - 1]
        if v:
            found[k, 1] = place[8 * v - 8 + u]
        if u and v:
            found[k, 2] = place[8 * v - 8 + u - 1]
    return found


_NEIGHBOURS = _neighbours()


@compiled
def find_contexts(
    bases: Int64s, known: Known, buckets: Int64s, r: int, c: int, k: int, place: int, count: int,
    zeros: int, ratio: int,
) -> None:  # fmt: skip
    """Places of the contexts' slots, but for that of the value, for block (r, c).

    place: the bucket of where the mean lies; count: coefficients so far that are not zero; zeros:
    those since the last one; ratio: count against what was expected, of :func:`surprise`.
    """
    row, column, levels = r + 2, c + 2, known.levels
    west, north, corners, further = 0, 0, 0, 0
    left, above, both, last, before = 0, 0, 0, 0, 0
    if k > 0:
        west, north = (
            _magnitude(levels[row, column - 1, k]),
            _magnitude(levels[row - 1, column, k]),
        )
        corners = _magnitude(levels[row - 1, column - 1, k])
        corners += _magnitude(levels[row - 1, column + 1, k])
        further = _magnitude(levels[row, column - 2, k]) + _magnitude(levels[row - 2, column, k])
        left, above = _size(levels, row, column, k, 0), _size(levels, row, column, k, 1)
        both = _size(levels, row, column, k, 2)
        last = _magnitude(levels[row, column, k - 1]) if k > 1 else 0
        before = _magnitude(levels[row, column, k - 2]) if k > 2 else 0
    if len(known.luma):
        first = buckets[_relative(known.luma[r, c, k], known.quantiser[k])] >> 1
        second = 0
        if len(known.chroma):
            second = buckets[_relative(known.chroma[r, c, k], known.quantiser[k])] >> 1
        others = min(first, 9) * 10 + min(second, 9)
    else:
        others = _ten(west + north) * 10 + _ten(corners + further)
    bases[0] = k
    bases[1] = k * 36 + _six(west) * 6 + _six(north)
    bases[2] = k * 60 + _ten(2 * left + 2 * above + both) * 6 + _six(last + before)
    bases[3] = k * 8 + ratio
    bases[4] = k * 36 + _six(corners) * 6 + _six(further)
    bases[5] = (
        k * 100
        + _ten(int(known.after[row, column - 1, k])) * 10
        + _ten(int(known.after[row - 1, column, k]))
    )
    bases[6] = k * 100 + others
    around = int(known.surprise[row, column - 1]) * 8 + int(known.surprise[row - 1, column])
    bases[7] = k * 64 + around
    bases[8] = k * 26 + place
    bases[9] = k * 26 + min(_ten(left) * 2 + (last > 0), 25)
    bases[11] = k * 49 + min(_ten(left), 6) * 7 + min(_ten(above), 6)
    bases[12] = min(count, 39) * 20 + min(zeros, 19)
    bases[13] = (_ten(west + north) * 8 + ratio) * 8 + _six(left + above)
    for j in range(N_CONTEXTS):
        bases[j] = slot_of(j, bases[j])


@compiled
def find_sign_contexts(bases: Int64s, known: Known, r: int, c: int, k: int) -> None:
    """Places of the slots of contexts that are others for signs."""
    row, column, levels = r + 2, c + 2, known.levels
    west, north, near, corners, further = 0, 0, 0, 0, 0
    left, above, both = 0, 0, 0
    if k > 0:
        west, north = _wide(levels[row, column - 1, k]), _wide(levels[row - 1, column, k])
        near = min(abs(abs(west) - abs(north)), 3)
        corners = _side(levels[row - 1, column - 1, k]) * 3
        corners = (corners + _side(levels[row - 1, column + 1, k])) * 3
        if k > 1:
            corners += _side(levels[row, column, k - 1])
        further = _side(levels[row, column - 2, k]) * 3 + _side(levels[row - 2, column, k])
        left, above = _side_of(levels, row, column, k, 0), _side_of(levels, row, column, k, 1)
        both = _side_of(levels, row, column, k, 2)
    west, north = _side(west), _side(north)
    others = 0
    if len(known.luma):
        luma = known.luma[r, c, k]
        size = _relative(luma, known.quantiser[k])
        others = _side(luma if size else 0) * 30 + _six(size >> 1)
        if len(known.chroma):
            chroma = known.chroma[r, c, k]
            others += _side(chroma if _relative(chroma, known.quantiser[k]) else 0) * 10
    bases[1] = slot_of(1, k * 36 + (west * 3 + north) * 4 + near)
    bases[2] = slot_of(2, k * 60 + (left * 3 + above) * 3 + both)
    bases[4] = slot_of(4, k * 36 + corners)
    bases[6] = slot_of(6, k * 100 + others)
    bases[9] = slot_of(9, k * 26 + further)
    bases[11] = slot_of(11, k * 49 + (west * 3 + left) * 3 + north)


@compiled
def slot_of(context: int, value: int) -> int:
    """Where the slots of a context's value begin."""
    return int(STARTS[context]) + value * (N_NODES * N_RANGES)


@compiled
def _size(levels: NDArray[np.int16], row: int, column: int, k: int, which: int) -> int:
    """The magnitude of a neighbour in frequency; DC is none."""
    neighbour = _NEIGHBOURS[k, which]
    return _magnitude(levels[row, column, neighbour]) if neighbour > 0 else 0


@compiled
def _side_of(levels: NDArray[np.int16], row: int, column: int, k: int, which: int) -> int:
    neighbour = _NEIGHBOURS[k, which]
    return _side(levels[row, column, neighbour]) if neighbour > 0 else 0


@compiled
def _wide(x: Any) -> Any:
    """As a number whose magnitude is one, too; Numba's int() leaves the type as it is."""
    return np.int64(x)


@compiled
def _magnitude(x: Any) -> Any:
    return abs(np.int64(x))


@compiled
def _side(x: int) -> int:
    return 1 if x > 0 else (2 if x < 0 else 0)


@compiled
def _relative(value: int, step: int) -> int:
    """The magnitude of a dequantised value in eighths of a step, cut off."""
    return int(min((8 * _magnitude(value) + (step >> 1)) // step, LARGEST_MAGNITUDE))


@compiled
def surprise(count: int, expected: int) -> int:
    """How many coefficients are not zero, against what was expected (in 1/256): 8 buckets."""
    ratio = 2048 * (count + 1) // (expected + 256)
    if ratio >= 9:
        return 4 + (ratio >= 11) + (ratio >= 14) + (ratio >= 20)
    return (ratio >= 4) + (ratio >= 6) + (ratio >= 7)


@compiled
def range_of(logit: int) -> int:
    """Twelve ranges of a logit."""
    size = abs(logit)
    place = (size >= 128) + (size >= 320) + (size >= 576) + (size >= 960) + (size >= 1500)
    return 6 + place if logit >= 0 else 5 - place


@compiled
def _six(x: int) -> int:
    """Six buckets of a magnitude: 0, 1, 2, to 4, to 8, more."""
    return x if x < 3 else 3 + (x > 4) + (x > 8)


@compiled
def _ten(x: int) -> int:
    """Ten buckets of a magnitude: 0 to 4, to 6, to 10, to 18, to 34, more."""
    return x if x < 5 else 5 + (x > 6) + (x > 10) + (x > 18) + (x > 34)
