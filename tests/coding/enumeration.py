"""The naive coder of a flow: every point of the grid is enumerated, and has its probability.

Possible for two or three dimensions only. It has the length that local bits-back only comes
close to, and so is what the other coders are measured by.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.arrays import Floats, Integers
from core.coding.elementwise import pop_width, push_width
from core.coding.stack import PRECISION_BITS, Stack


class EnumeratingCode:
    """Codes points y of a grid on a box, under the density that a flow gives them.

    log2_density: of y values, (M, D) float64 -> (M,); low, high: the box in places, the same in
    each dimension; bits: places are 2^-bits wide. Masses are rounded to 2^-24 of the whole.
    """

    def __init__(
        self, log2_density: Callable[[Floats], Floats], dims: int, low: int, high: int, bits: int
    ) -> None:
        self._low, self._side, self._dims = low, high - low, dims
        axes = np.meshgrid(*[np.arange(low, high)] * dims, indexing="ij")
        places = np.stack([axis.reshape(-1) for axis in axes], 1)
        log2_mass = log2_density(np.ldexp(places + 0.5, -bits)) - bits * dims
        #: What each point ideally costs, (side,) * dims.
        self.bits = -log2_mass.reshape((self._side,) * dims)
        spare = (1 << PRECISION_BITS) - len(places)  # so that no point is without a place
        cumulative = np.concatenate([[0.0], np.cumsum(np.exp2(log2_mass))])
        scaled = np.floor(cumulative / cumulative[-1] * spare).astype(np.int64)
        self._edges = scaled + np.arange(len(scaled))

    def encode(self, stack: Stack, y: Integers) -> None:
        """Pushes one point, (D,) places."""
        index = int(np.ravel_multi_index(tuple(y - self._low), (self._side,) * self._dims))
        low, high = self._edges[index], self._edges[index + 1]
        stack.push_bits(low + pop_width(stack, np.array([high - low])), PRECISION_BITS)

    def decode(self, stack: Stack) -> Integers:
        """Pops one point."""
        z = stack.pop_bits(1, PRECISION_BITS)
        index = int(np.searchsorted(self._edges, z[0], side="right")) - 1
        low, high = self._edges[index], self._edges[index + 1]
        push_width(stack, z - low, np.array([high - low]))
        point = np.unravel_index(index, (self._side,) * self._dims)
        return np.array(point, dtype=np.int64) + self._low
