"""Mixture CDFs on integers: the form in which a mixture reaches the coder, on every machine.

Everything here is subtraction, multiplication, division, addition, comparison and rounding of
IEEE float32 in a fixed order, and look-up in tables that come with the model: no exp, no sigmoid
of the platform. Each of these operations is exact or rounds as IEEE 754 defines it, and all of
them are monotone, so that the result is strictly increasing by construction.

The loops over pixels are compiled by Numba, which neither reorders nor fuses floating-point
operations without ``fastmath``, and which releases the interpreter's lock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.arrays import Float32, Floats, Integers
from core.compiled import compiled

#: The grid that a CDF is tabulated on: 2^24 bins, the precision of the coder.
Z_BITS = 24
N_CELLS = 256
_SCALE = np.float32(2**Z_BITS - 2 * N_CELLS)

#: Dimensions that loops handle at a time, so that their buffers stay in the first-level cache.
TILE = 128


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

    means, inverse_scales, weights: (K, M) float32; means are integers in units of the tables. The
    CDFs are those of N columns of these, from column ``first`` on: parts of a CDF share its arrays,
    so that the loops are compiled for one layout of memory.
    """

    means: Float32
    inverse_scales: Float32
    weights: Float32
    tables: Tables
    first: int
    count: int
    n_cells: int = N_CELLS
    z_bits: int = Z_BITS

    @classmethod
    def of_parameters(
        cls, logits: Float32, means: Float32, log_scales: Float32, tables: Tables
    ) -> MixtureCdf:
        """From the integers that a network computes, each (K, N) float32."""
        inverse_scales, weights = np.empty_like(means), np.empty_like(means)
        _parameters(
            logits, log_scales, tables.weight, tables.inverse_scale,
            np.float32(tables.smallest_log_scale), inverse_scales, weights,
        )  # fmt: skip
        return cls(means, inverse_scales, weights, tables, 0, means.shape[1])

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, part: slice) -> MixtureCdf:
        start, stop, _ = part.indices(self.count)
        return replace(self, first=self.first + start, count=stop - start)

    def edges(self, cells: Integers) -> Integers:
        """F(h) for one edge h in [0, 256] of each dimension: (N,) -> (N,) in [0, 2^24].

        A cell keeps at least one bin of the 2^24, and the outermost cells take the tails.
        """
        return self.bounds(cells)[0]

    def bounds(self, cells: Integers) -> tuple[Integers, Integers]:
        """F(h) and F(h + 1) for one cell h of each dimension: (N,) -> two of (N,)."""
        low, high = np.empty((2, len(cells)), dtype=np.int64)
        _bounds(*self.arrays(), self.first, np.ascontiguousarray(cells), low, high)
        return low, high

    def locate(self, z: Integers) -> tuple[Integers, Integers, Integers]:
        """The cell h with F(h) <= z < F(h + 1), F(h) and F(h + 1): (N,) -> three of (N,)."""
        cells, low, high = (np.empty(len(z), dtype=np.int64) for _ in range(3))
        _locate(*self.arrays(), self.first, np.ascontiguousarray(z), cells, low, high)
        return cells, low, high

    def arrays(self) -> tuple[Float32, Float32, Float32, Float32, np.float32]:
        """Means, inverse scales, weights, the sigmoid's table, and its unit of means."""
        unit = np.float32(self.tables.mean_unit)
        return self.means, self.inverse_scales, self.weights, self.tables.sigmoid, unit


def theoretical_bits(low: Integers, high: Integers) -> Floats:
    """-log2 of the mass of cells with these edges, (N,) each.

    By the very distributions that the coder uses: no coder can be shorter. For people; nothing is
    decided by it.
    """
    return Z_BITS - np.log2(high - low)


@compiled
def _parameters(
    logits: Float32,
    log_scales: Float32,
    weight_table: Float32,
    scale_table: Float32,
    smallest: np.float32,
    inverse_scales: Float32,
    weights: Float32,
) -> None:
    n_components, count = logits.shape
    furthest = np.float32(len(weight_table) - 1)
    top, total = logits[0].copy(), np.zeros(count, dtype=np.float32)
    for k in range(1, n_components):
        for i in range(count):
            top[i] = max(top[i], logits[k, i])
    for k in range(n_components):
        for i in range(count):
            weights[k, i] = weight_table[np.int64(min(top[i] - logits[k, i], furthest))]
            inverse_scales[k, i] = scale_table[np.int64(log_scales[k, i] - smallest)]
        for i in range(count):
            total[i] += weights[k, i]
    for k in range(n_components):
        for i in range(count):
            weights[k, i] /= total[i]


@compiled
def _edges_of_tile(
    means: Float32,
    inverse_scales: Float32,
    weights: Float32,
    sigmoid: Float32,
    unit: np.float32,
    start: int,
    cells: Integers,
    edges: Integers,
) -> None:
    """F at edges (n,) of n dimensions from ``start`` on, at most TILE."""
    middle, half = np.float32(len(sigmoid) // 2), unit / np.float32(2)
    at, index = np.empty(TILE, dtype=np.float32), np.empty(TILE, dtype=np.uint32)
    total = np.empty(TILE, dtype=np.float32)
    size = len(cells)
    for i in range(size):
        # Cell h covers the levels from h - 1/2 to h + 1/2, as in training.
        at[i] = np.float32(cells[i]) * unit - half
        total[i] = np.float32(0)
    for k in range(len(means)):
        for i in range(size):
            steps = (at[i] - means[k, start + i]) * inverse_scales[k, start + i]
            index[i] = np.uint32(min(max(steps, -middle), middle) + middle)
        for i in range(size):
            total[i] += sigmoid[index[i]] * weights[k, start + i]
    for i in range(size):
        edge = np.int64(total[i] * _SCALE) + cells[i]  # the conversion truncates
        edge = 0 if cells[i] <= 0 else edge
        edges[i] = 1 << Z_BITS if cells[i] >= N_CELLS else edge


@compiled
def edge(
    means: Float32,
    inverse_scales: Float32,
    weights: Float32,
    sigmoid: Float32,
    unit: np.float32,
    i: int,
    cell: int,
) -> int:
    """F at one edge of the i-th dimension: what _edges_of_tile computes, for the odd one."""
    if cell <= 0:
        return 0
    if cell >= N_CELLS:
        return 1 << Z_BITS
    middle, half = np.float32(len(sigmoid) // 2), unit / np.float32(2)
    at, total = np.float32(cell) * unit - half, np.float32(0)
    for k in range(len(means)):
        steps = (at - means[k, i]) * inverse_scales[k, i]
        total += sigmoid[np.uint32(min(max(steps, -middle), middle) + middle)] * weights[k, i]
    return int(total * _SCALE) + cell


@compiled
def _bounds(
    means: Float32,
    inverse_scales: Float32,
    weights: Float32,
    sigmoid: Float32,
    unit: np.float32,
    first: int,
    cells: Integers,
    lows: Integers,
    highs: Integers,
) -> None:
    for start in range(0, len(cells), TILE):
        part = slice(start, min(start + TILE, len(cells)))
        for step, edges in ((0, lows), (1, highs)):
            _edges_of_tile(
                means, inverse_scales, weights, sigmoid, unit, first + start, cells[part] + step,
                edges[part],
            )  # fmt: skip


@compiled
def _locate(
    means: Float32,
    inverse_scales: Float32,
    weights: Float32,
    sigmoid: Float32,
    unit: np.float32,
    first: int,
    z: Integers,
    cells: Integers,
    lows: Integers,
    highs: Integers,
) -> None:
    tried, edges = np.empty(TILE, dtype=np.int64), np.empty(TILE, dtype=np.int64)
    for start in range(0, len(z), TILE):
        size = min(TILE, len(z) - start)
        stop = start + size
        cells[start:stop], lows[start:stop], highs[start:stop] = 0, 0, 1 << Z_BITS
        step = N_CELLS // 2
        while step:
            for i in range(size):
                tried[i] = cells[start + i] + step
            _edges_of_tile(
                means, inverse_scales, weights, sigmoid, unit, first + start, tried[:size],
                edges[:size],
            )  # fmt: skip
            for i in range(size):
                above = edges[i] <= z[start + i]
                cells[start + i] = tried[i] if above else cells[start + i]
                lows[start + i] = edges[i] if above else lows[start + i]
                highs[start + i] = highs[start + i] if above else edges[i]
            step //= 2
