"""A component at another's resolution, in the domain of the DCT: on integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.flows.jpeg.inputs import zigzag

Int32 = NDArray[np.int32]

#: Bits behind the point of averaging matrices.
AVERAGING_BITS = 12

#: Blocks of a finer component beside each other in one of a coarser, that are averaged.
FACTORS = (1, 2, 4)

#: Dequantised coefficients are cut off at this; 12-bit files stay below 2^17.
LARGEST_VALUE = 1 << 17


def dequantised(x: NDArray[np.int16], table: Int32) -> Int32:
    """(R, C, 64) coefficients times their table, cut off at LARGEST_VALUE: int32."""
    values = x.astype(np.int64) * table.astype(np.int64)
    return values.clip(-LARGEST_VALUE, LARGEST_VALUE).astype(np.int32)


def averaged(
    values: Int32, rows: int, columns: int, factors: tuple[int, int], matrices: Matrices
) -> Int32:
    """Blocks whose pixels are means of ``factors`` finer ones: (rows, columns, 64) int32.

    values: (R, C, 64) dequantised. Where they end before rows * factors they are repeated.
    """
    fy, fx = factors
    r = np.minimum(np.arange(rows * fy), values.shape[0] - 1)
    c = np.minimum(np.arange(columns * fx), values.shape[1] - 1)
    if fy == fx == 1:
        return np.ascontiguousarray(values[r[:, None], c[None]])
    found = np.empty((rows, columns, 64), dtype=np.int32)
    full = _full(matrices[fy], matrices[fx])
    for row in range(rows):
        band = values[r[row * fy : (row + 1) * fy][:, None], c[None]]
        band = band.reshape(fy, columns, fx, 64).transpose(1, 0, 2, 3).reshape(columns, -1)
        # Integers below 2^53, so that float64 is exact in any order.
        total = band.astype(np.float64) @ full
        found[row] = np.floor(total * 2.0 ** (-2 * AVERAGING_BITS) + 0.5)
    return found


#: By factor, (factor, 8, 8) int32: what a block along an axis adds to the coarser one.
Matrices = dict[int, NDArray[np.int32]]


def _full(down: NDArray[np.int32], across: NDArray[np.int32]) -> NDArray[np.float64]:
    """(fy * fx * 64, 64): from fine zigzag blocks to a coarse one."""
    order = zigzag()
    full = np.einsum("iab,jcd->ijbdac", down.astype(np.float64), across.astype(np.float64))
    full = full.reshape(len(down), len(across), 64, 64)
    return np.ascontiguousarray(full[:, :, order][:, :, :, order].reshape(-1, 64))
