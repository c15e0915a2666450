"""What a JPEG file holds once its entropy coding is undone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Where the k-th coefficient in zigzag order stands in natural order (T.81, figure A.6).
ZIGZAG = np.array(
    [
        *(0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5),
        *(12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28),
        *(35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51),
        *(58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63),
    ],
    np.int64,
)


@dataclass(frozen=True, eq=False)
class Component:
    """One component of an image: quantised DCT coefficients and what they are worth.

    ``coefficients`` (block_rows, block_cols, 64) int16 are all blocks that the scans reached,
    those that only fill the last MCUs included, rows never reached left out. In a block the order
    is natural: the coefficient of vertical frequency v and horizontal frequency u stands at
    8 v + u. ``quantiser`` (64,) uint16 has the same order; it is all zeros where the file defines
    none, and single steps may be zero. ``h`` and ``v`` are the sampling factors.
    """

    h: int
    v: int
    quantiser: NDArray[np.uint16]
    coefficients: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class JpegImage:
    """An image in a JPEG file: 1 to 4 components, of ``precision`` bits a sample."""

    width: int
    height: int
    precision: int
    components: tuple[Component, ...]

    @property
    def outline(self) -> tuple[object, ...]:
        """All but the coefficients, for comparison."""
        components = [
            (c.h, c.v, c.quantiser.tobytes(), c.coefficients.shape) for c in self.components
        ]
        return self.width, self.height, self.precision, *components

    @property
    def n_blocks(self) -> int:
        """Blocks of all components together."""
        return sum(c.coefficients.shape[0] * c.coefficients.shape[1] for c in self.components)
