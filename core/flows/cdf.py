"""Mixture CDFs on integers: the form in which a mixture reaches the coder, the same anywhere.

Everything here is subtraction, multiplication, division, addition, comparison and rounding of
IEEE float32 in a fixed order, and look-up in tables that come with the model: no exp, no sigmoid
of the platform. Each of these operations is exact or rounds in the one way that IEEE 754 lays
down, and all of them are monotone, so that the result is strictly increasing by construction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Integers = NDArray[np.int64]

#: The grid that a CDF is tabulated on: 2^24 places, the precision of the coder.
Z_BITS = 24
N_CELLS = 256
_SCALE = np.float32(2**Z_BITS - 2 * N_CELLS)

#: So many dimensions are computed at a time: they fit into a processor's caches, and no call
#: keeps the interpreter's lock for long.
_BLOCK = 1 << 13

#: So often a search for a cell trusts the shape of the mixture; then it halves what is left.
_GUESSES = 6
_FLATTEST = np.float32(2.0**-12)


def blocks(count: int) -> Iterator[slice]:
    """Parts of [0, count) to be computed one after the other."""
    return (slice(start, start + _BLOCK) for start in range(0, count, _BLOCK))


@dataclass(frozen=True)
class Tables:
    """The functions of one variable that a mixture needs, as numbers of the model's file.

    sigmoid: (2 m + 1,) float32, the logistic CDF from -m to m table steps, increasing, in [0, 1].
    weight: (n,) float32, exp(-i / logit units) for a component i logit units below the largest.
    inverse_scale: (n,) float32, table steps a mean unit for each value of log_scale.
    """

    sigmoid: Float32
    weight: Float32
    inverse_scale: Float32
    mean_unit: int  # means count in 1 / mean_unit of a pixel level
    smallest_log_scale: int  # the log scale of inverse_scale[0]


@dataclass(frozen=True)
class MixtureCdf:
    """CDFs of N mixtures of K logistics over [0, 256), as integer images of the cell edges.

    means, inverse_scales, weights: (K, N) float32; means are integers in units of the tables.
    """

    means: Float32
    inverse_scales: Float32
    weights: Float32
    tables: Tables
    n_cells: int = N_CELLS
    z_bits: int = Z_BITS

    @classmethod
    def of_parameters(
        cls, logits: Float32, means: Float32, log_scales: Float32, tables: Tables
    ) -> MixtureCdf:
        """From the integers that a network computes, each (K, N) float32."""
        inverse_scales, weights = np.empty_like(means), np.empty_like(means)
        for part in blocks(means.shape[1]):
            below = logits[:, part].max(0) - logits[:, part]
            np.minimum(below, np.float32(len(tables.weight) - 1), out=below)
            share = tables.weight.take(below.astype(np.int32))
            np.divide(share, sum_in_order(share), out=weights[:, part])
            index = log_scales[:, part] - np.float32(tables.smallest_log_scale)
            inverse_scales[:, part] = tables.inverse_scale.take(index.astype(np.int32))
        return cls(means, inverse_scales, weights, tables)

    def __len__(self) -> int:
        return int(self.means.shape[1])

    def __getitem__(self, part: slice) -> MixtureCdf:
        return MixtureCdf(
            self.means[:, part], self.inverse_scales[:, part], self.weights[:, part], self.tables
        )

    def edges(self, cells: Integers) -> Integers:
        """F(h) for one edge h in [0, 256] of each dimension: (N,) -> (N,) in [0, 2^24].

        A cell keeps at least one place of the 2^24, and the outermost cells take the tails.
        """
        edges = np.empty(len(cells), dtype=np.int64)
        for part in blocks(len(cells)):
            edges[part] = self[part]._edges(cells[part])
        return edges

    def locate(self, z: Integers) -> tuple[Integers, Integers, Integers]:
        """The cell h with F(h) <= z < F(h + 1), F(h) and F(h + 1): (N,) -> three of (N,)."""
        # A guess, which is mended where it was wrong. There is one answer, so how good guesses are
        # decides about time alone.
        cells = self._guess(z)
        low, high = self.edges(cells), self.edges(cells + 1)
        wrong = np.flatnonzero((z < low) | (z >= high))
        if len(wrong):
            cells[wrong], low[wrong], high[wrong] = self._take(wrong)._mend(
                *(a.take(wrong) for a in (z, cells, low, high))
            )
        return cells, low, high

    def _mend(
        self, z: Integers, cells: Integers, low: Integers, high: Integers
    ) -> tuple[Integers, Integers, Integers]:
        """:meth:`locate` from cells that are all wrong, and their edges."""
        found = np.stack([cells, low, high])
        left, cdf = np.arange(len(z)), self
        lows, highs = np.zeros(len(z), dtype=np.int64), np.full(len(z), N_CELLS)
        step = 0
        while True:
            above = z >= high
            lows, highs = np.where(above, cells + 1, lows), np.where(above, highs, cells)
            if step < _GUESSES:
                # On the scale of logits one logistic is a straight line, and a mixture nearly so.
                slope = np.maximum(_logit(high) - _logit(low), _FLATTEST)
                way = np.floor((_logit(z) - _logit(np.where(above, high, low))) / slope)
                cells = np.clip(cells + above + way.astype(np.int64), lows, highs - 1)
            else:
                cells = (lows + highs) >> 1
            step += 1
            low, high = cdf.edges(cells), cdf.edges(cells + 1)
            found[:, left] = cells, low, high
            wrong = np.flatnonzero((z < low) | (z >= high))
            if not len(wrong):
                return found[0], found[1], found[2]
            left, cdf = left.take(wrong), cdf._take(wrong)
            z, cells, low, high, lows, highs = (
                a.take(wrong) for a in (z, cells, low, high, lows, highs)
            )

    def _edges(self, cells: Integers) -> Integers:
        table = self.tables.sigmoid
        middle = np.float32(len(table) // 2)
        # Cell h covers the levels from h - 1/2 to h + 1/2, as in training.
        edge = (cells * self.tables.mean_unit - self.tables.mean_unit // 2).astype(np.float32)
        place = edge - self.means
        place *= self.inverse_scales
        np.clip(place, -middle, middle, out=place)
        place += middle
        below = table.take(place.astype(np.int32))
        below *= self.weights
        inner = np.floor(sum_in_order(below) * _SCALE).astype(np.int64) + cells
        inner[cells <= 0] = 0
        inner[cells >= N_CELLS] = 1 << Z_BITS
        return inner

    def _guess(self, z: Integers) -> Integers:
        """Cells of one logistic that is like each mixture: its mean, and its slope there."""
        unit = np.float32(1 / self.tables.mean_unit)
        steps = self.tables.inverse_scale[-self.tables.smallest_log_scale]  # at a scale of 1
        cells = np.empty(len(z), dtype=np.int64)
        for part in blocks(len(z)):
            weights = self.weights[:, part]
            mean = (weights * self.means[:, part]).sum(0) * unit
            slope = (weights * self.inverse_scales[:, part]).sum(0) / steps
            place = mean + np.float32(0.5) + _logit(z[part]) / slope
            cells[part] = np.clip(place, 0, N_CELLS - 1)
        return cells

    def _take(self, index: Integers) -> MixtureCdf:
        return MixtureCdf(
            self.means.take(index, axis=1),
            self.inverse_scales.take(index, axis=1),
            self.weights.take(index, axis=1),
            self.tables,
        )


def _logit(z: Integers) -> Float32:
    """Nearly the logit of z as a part of 2^24, both ends included; no platform's logarithm."""
    z = z.astype(np.float32)
    half = np.float32(0.5)
    logit: Float32 = _log2(z + half) - _log2(np.float32(1 << Z_BITS) - z + half)
    logit *= np.float32(0.693)
    return logit


def _log2(x: Float32) -> Float32:
    """log2 without its constant, linear between powers of two."""
    mantissa, exponent = np.frexp(x)
    result: Float32 = mantissa + mantissa + exponent.astype(np.float32)
    return result


def sum_in_order(rows: Float32) -> Float32:
    """The sum of (K, N) over K, from the first to the last; a reduction may take any order."""
    total: Float32 = rows[0]
    for row in rows[1:]:
        total = total + row
    return total
