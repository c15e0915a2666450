"""Prediction of a pixel's exact Cb and Cr from known neighbours, refitted after each block.

Decoders interpolate chroma, so a pixel's is nearly a linear function of its neighbours'. Each phase
of a level has its own function: the mean of the four nearest neighbours, plus a weight for each
neighbour's difference from it. The weights are those of least squares over the blocks before, with
older ones forgotten slowly.

Chroma counts in 1/16, sums of four in 1/64. Sums of products are integers that float64 holds
exactly; the equations are solved by IEEE operations in a fixed order.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from core.arrays import Float32, Floats, Int32, Integers
from core.compiled import compiled

_Values = Float32 | Integers

#: Neighbours of each phase, as rows and columns from its pixel; the nearest four come first.
_NEIGHBOURS: Final = tuple(
    np.array(offsets, dtype=np.int64)
    for offsets in (
        ((-1, -1), (-1, 1), (1, -1), (1, 1), (-3, -1), (-3, 1), (-1, -3), (1, -3), (-1, 3), (1, 3),
         (3, -1), (3, 1)),
        ((0, -1), (0, 1), (-1, 0), (1, 0), (0, -3), (0, 3), (-2, -1), (-2, 1), (2, -1), (2, 1),
         (-1, -2), (-1, 2), (1, -2), (1, 2)),
        ((0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1), (-1, -2), (-1, 2),
         (1, -2), (1, 2)),
    )
)  # fmt: skip

#: Row and column of each phase's first pixel: those of interlace.PHASES.
_CORNERS: Final = ((1, 1), (0, 1), (1, 0))

#: How far neighbours reach; pictures are reflected by as much, which keeps the phases apart.
_BORDER: Final = 3

#: What is left of earlier blocks' sums after each block.
_KEPT: Final = 0.97

# Weights are drawn to 0 by this much, in the unit of squared differences: always, and at first.
_RIDGE: Final = 30.0 * 64 * 64
_FIRST_RIDGE: Final = 50.0 * 64 * 64


class ChromaPrediction:
    """The predictor of one phase, and how far it was off, for Cb and for Cr."""

    def __init__(self, phase: int, reach: int) -> None:
        self._offsets, self._corner = _NEIGHBOURS[phase], _CORNERS[phase]
        n = len(self._offsets)
        self._weights = np.zeros(n)
        self._squares, self._products = np.eye(n) * _FIRST_RIDGE, np.zeros(n)
        self._reach = reach
        self._misses = np.ones((2, 2 * reach + 1), dtype=np.int64)  # of Cb and Cr, by the distance
        self._misses[:, reach - 1 : reach + 2] = (4, 16, 4)
        self._planes: Int32
        self._columns = 0
        # Of the span last predicted.
        self._differences, self._totals = np.empty((n, 2, 0)), np.empty((2, 0))
        self._predicted: Integers

    def begin(self, picture: Float32) -> None:
        """Starts the phase in a picture (3, H, W), at least 2 by 2, of which the rest is known."""
        chroma = np.empty((2, *picture.shape[1:]), dtype=np.int32)
        _chroma(picture[0], picture[1], picture[2], chroma)
        border = ((0, 0), (_BORDER, _BORDER), (_BORDER, _BORDER))
        self._planes = np.pad(chroma, border, mode="reflect")
        self._columns = (picture.shape[2] - self._corner[1] + 1) // 2

    def predict(self, span: slice) -> tuple[Integers, Integers]:
        """Cb and Cr of the phase's positions in the span, each (N,) in [0, 256)."""
        n = span.stop - span.start
        row, column = self._corner
        if self._totals.shape[1] != n:
            self._differences = np.empty((len(self._weights), 2, n))
            self._totals = np.empty((2, n))
        self._predicted = np.empty((2, n), dtype=np.int64)
        _differences(
            self._planes, self._offsets, row + _BORDER, column + _BORDER, self._columns, span.start,
            self._differences, self._totals,
        )  # fmt: skip
        _predict(self._differences, self._totals, self._weights, self._predicted)
        return self._predicted[0], self._predicted[1]

    def weights(self, i: int) -> tuple[Float32, Float32]:
        """Weights of Cb and Cr by their distance from the predicted, each (2 reach + 1,).

        i: the channel that they are for. For red, in [0, 1], they are the shares of the distances
        that occurred to the power of 5/8, for blue to that of 1/2: they are no certainties, and
        blue has less to gain, since red has told most.
        """
        weights = np.empty(self._misses.shape, dtype=np.float32)
        _weights(self._misses, i, weights)
        return weights[0], weights[1]

    def observe(self, values: Integers) -> None:
        """Takes in the pixels of the span last predicted, (3, N): green, red, blue."""
        chroma = np.empty(self._predicted.shape, dtype=np.int32)
        _chroma(values[1], values[0], values[2], chroma)
        _count_misses(chroma, self._predicted, self._misses)
        # Sums of integers that float64 holds exactly: the same in any order.
        differences = self._differences.reshape(len(self._weights), -1)
        targets = (4.0 * chroma - self._totals).reshape(-1)
        self._squares = self._squares * _KEPT + differences @ differences.T
        self._products = self._products * _KEPT + differences @ targets
        self._weights = _solved(self._squares, self._products)


@compiled
def _chroma(red: _Values, green: _Values, blue: _Values, chroma: Int32) -> None:
    """Cb and Cr less 128, in 1/16, of values (..., N), which are integers: (2, ..., N)."""
    of_red, of_green, of_blue = red.ravel(), green.ravel(), blue.ravel()
    cb, cr = chroma[0].ravel(), chroma[1].ravel()
    for i in range(len(of_red)):
        r, g, b = np.int32(of_red[i]), np.int32(of_green[i]), np.int32(of_blue[i])
        blueness = np.int32(-11059) * r - np.int32(21709) * g + np.int32(32768) * b
        redness = np.int32(32768) * r - np.int32(27439) * g - np.int32(5329) * b
        cb[i] = (blueness + np.int32(2048)) >> 12
        cr[i] = (redness + np.int32(2048)) >> 12


@compiled
def _differences(
    planes: Int32,
    offsets: Integers,
    row: int,
    column: int,
    columns: int,
    start: int,
    differences: Floats,
    totals: Floats,
) -> None:
    """Each neighbour's chroma less the mean of the first four, in 1/64, and sums of these four.

    planes: (2, H, W), chroma; offsets: (K, 2); row, column: of the phase's first pixel; columns: of
    the phase; start: the first of N positions; differences: (K, 2, N); totals: (2, N).
    """
    count = totals.shape[1]
    for plane in range(2):
        done = 0
        while done < count:  # row by row
            down, right = divmod(start + done, columns)
            n = min(columns - right, count - done)
            total = totals[plane, done : done + n]
            for k in range(4):
                y, x = row + 2 * down + offsets[k, 0], column + 2 * right + offsets[k, 1]
                near = planes[plane, y, x : x + 2 * n - 1]
                for i in range(n):
                    total[i] = near[2 * i] + (total[i] if k else 0.0)
            for k in range(len(offsets)):
                y, x = row + 2 * down + offsets[k, 0], column + 2 * right + offsets[k, 1]
                near = planes[plane, y, x : x + 2 * n - 1]
                difference = differences[k, plane, done : done + n]
                for i in range(n):
                    difference[i] = 4.0 * near[2 * i] - total[i]
            done += n


@compiled
def _predict(differences: Floats, totals: Floats, weights: Floats, predicted: Integers) -> None:
    """The chroma that the weights give, from 0 on: (2, N)."""
    for plane in range(2):
        chroma = totals[plane].copy()
        for k in range(len(weights)):
            for i in range(len(chroma)):
                chroma[i] += weights[k] * differences[k, plane, i]
        for i in range(len(chroma)):
            rounded = min(max(np.rint(chroma[i] / 64.0) + 128.0, 0.0), 255.0)
            predicted[plane, i] = np.int64(np.int32(rounded))


@compiled
def _weights(misses: Integers, i: int, weights: Float32) -> None:
    for plane in range(2):
        total = misses[plane].sum()
        for j in range(misses.shape[1]):
            share = misses[plane, j] / total
            if i == 1:
                share *= np.sqrt(np.sqrt(share))
            weights[plane, j] = np.sqrt(share)


@compiled
def _count_misses(chroma: Int32, predicted: Integers, misses: Integers) -> None:
    """Counts distances of the chroma from the predicted, (2, N) each, where they are counted."""
    reach = misses.shape[1] // 2
    for plane in range(2):
        for i in range(chroma.shape[1]):
            distance = ((chroma[plane, i] + 8) >> 4) + 128 - predicted[plane, i] + reach
            if 0 <= distance < misses.shape[1]:
                misses[plane, distance] += 1


@compiled
def _solved(squares: Floats, products: Floats) -> Floats:
    """w with (squares + ridge) w = products, by the decomposition L D L^T."""
    n = len(products)
    lower, diagonal, result = np.zeros((n, n)), np.zeros(n), np.zeros(n)
    for k in range(n):
        pivot = squares[k, k] + _RIDGE
        for m in range(k):
            pivot -= lower[k, m] * lower[k, m] * diagonal[m]
        diagonal[k] = pivot
        for j in range(k + 1, n):
            entry = squares[j, k]
            for m in range(k):
                entry -= lower[j, m] * lower[k, m] * diagonal[m]
            lower[j, k] = entry / pivot
    for k in range(n):
        entry = products[k]
        for m in range(k):
            entry -= lower[k, m] * result[m]
        result[k] = entry
    for k in range(n):
        result[k] /= diagonal[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            result[k] -= lower[j, k] * result[j]
    return result
