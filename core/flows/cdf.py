"""Mixture CDFs on integers: the form in which a mixture reaches the coder, the same anywhere.

Everything here is subtraction, multiplication, division, addition, comparison and rounding of
IEEE float32 in a fixed order, and look-up in tables that come with the model: no exp, no sigmoid
of the platform. Each of these operations is exact or rounds in the one way that IEEE 754 lays
down, and all of them are monotone, so that the result is strictly increasing by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Integers = NDArray[np.int64]

#: The grid that a CDF is tabulated on: 2^24 places, the precision of the coder.
Z_BITS = 24
N_CELLS = 256
_SCALE = np.float32(2**Z_BITS - 2 * N_CELLS)


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
        below = np.minimum(logits.max(0) - logits, np.float32(len(tables.weight) - 1))
        weights = tables.weight[below.astype(np.int32)]
        total = weights[0]
        for weight in weights[1:]:  # in this order, not as a reduction that may take any
            total = total + weight
        index = (log_scales - np.float32(tables.smallest_log_scale)).astype(np.int32)
        return cls(means, tables.inverse_scale[index], weights / total, tables)

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
        total = below[0]
        for row in below[1:]:  # in this order, not as a reduction that may take any
            total = total + row
        inner = np.floor(total * _SCALE).astype(np.int64) + cells
        inner[cells <= 0] = 0
        inner[cells >= N_CELLS] = 1 << Z_BITS
        return inner

    def locate(self, z: Integers) -> Integers:
        """The cell h with F(h) <= z < F(h + 1), by bisection: (N,) -> (N,)."""
        low = np.zeros(len(z), dtype=np.int64)
        step = N_CELLS // 2
        while step:
            middle = low + step
            low = np.where(self.edges(middle) <= z, middle, low)
            step //= 2
        return low
