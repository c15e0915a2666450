"""The row filters of PNG (RFC 2083, section 6), in compiled loops.

The rows of an image, or of one pass of an interlaced one, lie one after the other; filtered ones
begin with the number of their filter.
"""

from __future__ import annotations

import numpy as np

from core.arrays import Pixels
from core.compiled import compiled, inlined

_Int = int | np.int64

NONE, SUB, UP, AVERAGE, PAETH = range(5)
N_FILTERS = 5

#: In which order programs try filters, to keep the first of the best ones.
LIBPNG, PILLOW = (NONE, SUB, UP, AVERAGE, PAETH), (UP, SUB, PAETH)


def filtered_rows(rows: Pixels, step: int, filters: Pixels) -> Pixels:
    """(N, 1 + B) uint8 of (N, B) rows with pixels of ``step`` bytes, and a filter for each."""
    out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    _filter(np.ascontiguousarray(rows), step, filters, out)
    return out


def unfiltered_rows(filtered: Pixels, step: int) -> Pixels:
    """(N, B) uint8 of (N, 1 + B) filtered rows. Raises ValueError for an unknown filter."""
    if filtered.size and int(filtered[:, 0].max()) >= N_FILTERS:
        raise ValueError("a row with an unknown filter")
    out = np.empty((filtered.shape[0], filtered.shape[1] - 1), np.uint8)
    _unfilter(np.ascontiguousarray(filtered), step, out)
    return out


def best_filters(rows: Pixels, step: int, order: tuple[int, ...]) -> Pixels:
    """For each of (N, B) rows the filter with the smallest sum of absolute differences.

    Of equal ones it is the first in ``order``; filters that are not in it are not tried.
    """
    out = np.empty(len(rows), np.uint8)
    _best(np.ascontiguousarray(rows), step, np.array(order), out)
    return out


@inlined
def _distance(one: _Int, other: _Int) -> _Int:
    return one - other if one > other else other - one


@inlined
def _paeth(left: _Int, above: _Int, corner: _Int) -> _Int:
    from_left, from_above = _distance(above, corner), _distance(left, corner)
    from_corner = _distance(left + above, 2 * corner)
    if from_left <= from_above and from_left <= from_corner:
        return left
    return above if from_above <= from_corner else corner


@inlined
def _prediction(number: _Int, left: _Int, above: _Int, corner: _Int) -> _Int:
    if number == SUB:
        return left
    if number == UP:
        return above
    if number == AVERAGE:
        return left + above >> 1
    if number == PAETH:
        return _paeth(left, above, corner)
    return 0


@compiled
def _filter(rows: Pixels, step: int, filters: Pixels, out: Pixels) -> None:
    above = np.zeros(rows.shape[1], np.uint8)
    for y in range(rows.shape[0]):
        row, number, target = rows[y], filters[y], out[y]
        target[0] = number
        for x in range(min(step, len(row))):
            prediction = _prediction(number, 0, np.int64(above[x]), 0)
            target[x + 1] = (np.int64(row[x]) - prediction) & 255
        for x in range(step, len(row)):
            prediction = _prediction(
                number, np.int64(row[x - step]), np.int64(above[x]), np.int64(above[x - step])
            )
            target[x + 1] = (np.int64(row[x]) - prediction) & 255
        above = row


@compiled
def _unfilter(filtered: Pixels, step: int, out: Pixels) -> None:
    above = np.zeros(out.shape[1], np.uint8)
    for y in range(out.shape[0]):
        source, number, row = filtered[y], filtered[y, 0], out[y]
        for x in range(min(step, len(row))):
            prediction = _prediction(number, 0, np.int64(above[x]), 0)
            row[x] = (np.int64(source[x + 1]) + prediction) & 255
        for x in range(step, len(row)):
            prediction = _prediction(
                number, np.int64(row[x - step]), np.int64(above[x]), np.int64(above[x - step])
            )
            row[x] = (np.int64(source[x + 1]) + prediction) & 255
        above = row


@compiled
def _best(rows: Pixels, step: int, order: Pixels, out: Pixels) -> None:
    costs = np.zeros(N_FILTERS, np.int64)
    above = np.zeros(rows.shape[1], np.uint8)
    for y in range(rows.shape[0]):
        row = rows[y]
        costs[:] = 0
        for x in range(len(row)):
            value, up = np.int64(row[x]), np.int64(above[x])
            left = corner = np.int64(0)
            if x >= step:
                left, corner = np.int64(row[x - step]), np.int64(above[x - step])
            for number in range(N_FILTERS):
                difference = (value - _prediction(number, left, up, corner)) & 255
                costs[number] += min(difference, 256 - difference)
        best = order[0]
        for number in order:
            if costs[number] < costs[best]:
                best = number
        out[y] = best
        above = row
