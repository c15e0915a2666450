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

from core.arrays import Float32, Floats, Integers
from core.compiled import compiled

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
        self._planes: Integers
        self._columns = 0
        self._predicted: tuple[Integers, Integers]

    def begin(self, picture: Float32) -> None:
        """Starts the phase in a picture (3, H, W), at least 2 by 2, of which the rest is known."""
        red, green, blue = picture.astype(np.int64)
        cb = (-11059 * red - 21709 * green + 32768 * blue + 2048) >> 12
        cr = (32768 * red - 27439 * green - 5329 * blue + 2048) >> 12
        border = ((0, 0), (_BORDER, _BORDER), (_BORDER, _BORDER))
        self._planes = np.pad(np.stack([cb, cr]), border, mode="reflect")
        self._columns = (picture.shape[2] - self._corner[1] + 1) // 2

    def predict(self, span: slice) -> tuple[Integers, Integers]:
        """Cb and Cr of the phase's positions in the span, each (N,) in [0, 256)."""
        predicted = np.empty((2, span.stop - span.start), dtype=np.int64)
        _predict(*self._at(span), self._weights, predicted)
        self._predicted = predicted[0], predicted[1]
        return self._predicted

    def weights(self, i: int) -> tuple[Float32, Float32]:
        """Weights of Cb and Cr by their distance from the predicted, each (2 reach + 1,).

        i: the channel that they are for. For red, in [0, 1], they are the shares of the distances
        that occurred to the power of 5/8, for blue to that of 1/2: they are no certainties, and
        blue has less to gain, since red has told most.
        """
        shares = self._misses / self._misses.sum(1, keepdims=True)
        if i == 1:
            shares = shares * np.sqrt(np.sqrt(shares))
        cb, cr = np.sqrt(shares).astype(np.float32)
        return cb, cr

    def observe(self, span: slice, values: Integers) -> None:
        """Takes in the pixels of the span last predicted, (3, N): green, red, blue."""
        green, red, blue = values
        chroma = np.stack(
            [
                (-11059 * red - 21709 * green + 32768 * blue + 2048) >> 12,
                (32768 * red - 27439 * green - 5329 * blue + 2048) >> 12,
            ]
        )
        n = len(self._weights)
        squares, products = np.zeros((n, n), dtype=np.int64), np.zeros(n, dtype=np.int64)
        _sums(*self._at(span), chroma, squares, products)
        self._squares = self._squares * _KEPT + squares
        self._products = self._products * _KEPT + products
        self._weights = _solved(self._squares, self._products)
        for plane, predicted, misses in zip(chroma, self._predicted, self._misses, strict=True):
            distance = ((plane + 8) >> 4) + 128 - predicted + self._reach
            near = distance[(distance >= 0) & (distance < len(misses))]
            misses += np.bincount(near, minlength=len(misses))

    def _at(self, span: slice) -> tuple[Integers, Integers, int, int, int, int]:
        row, column = self._corner
        return (
            self._planes, self._offsets, row + _BORDER, column + _BORDER, self._columns, span.start
        )  # fmt: skip


@compiled
def _differences(
    planes: Integers, offsets: Integers, plane: int, row: int, column: int, differences: Integers
) -> int:
    """Each neighbour's chroma less the mean of the first four, in 1/64; returns their sum."""
    total = 0
    for k in range(4):
        total += planes[plane, row + offsets[k, 0], column + offsets[k, 1]]
    for k in range(len(offsets)):
        chroma = planes[plane, row + offsets[k, 0], column + offsets[k, 1]]
        differences[k] = 4 * chroma - total
    return total


@compiled
def _predict(
    planes: Integers,
    offsets: Integers,
    row: int,
    column: int,
    columns: int,
    start: int,
    weights: Floats,
    predicted: Integers,
) -> None:
    differences = np.empty(len(offsets), np.int64)
    for i in range(predicted.shape[1]):
        down, right = divmod(start + i, columns)
        for plane in range(2):
            total = _differences(
                planes, offsets, plane, row + 2 * down, column + 2 * right, differences
            )
            chroma = float(total)
            for k in range(len(weights)):
                chroma += weights[k] * differences[k]
            predicted[plane, i] = min(max(int(np.rint(chroma / 64.0)) + 128, 0), 255)


@compiled
def _sums(
    planes: Integers,
    offsets: Integers,
    row: int,
    column: int,
    columns: int,
    start: int,
    chroma: Integers,
    squares: Integers,
    products: Integers,
) -> None:
    """Adds products of differences with each other, and with the chroma's (2, N)."""
    differences = np.empty(len(offsets), np.int64)
    for i in range(chroma.shape[1]):
        down, right = divmod(start + i, columns)
        for plane in range(2):
            total = _differences(
                planes, offsets, plane, row + 2 * down, column + 2 * right, differences
            )
            target = 4 * chroma[plane, i] - total
            for k in range(len(offsets)):
                products[k] += differences[k] * target
                for m in range(len(offsets)):
                    squares[k, m] += differences[k] * differences[m]


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
