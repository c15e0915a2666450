"""What the networks are given of quantised coefficients: bytes, computed on integers alone.

Coefficients of a component are (R, C, 64) int16, blocks in raster order, each in zigzag order; its
table is (64,) in the same order. A coefficient is seen as a signed byte: the sign, and the rounded
logarithm of its dequantised size in units of what is usual at its frequency. So networks see the
same picture whatever its table. The first coefficient (DC) is seen as its difference from the mean
of the blocks to the left and above.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled

Int8 = NDArray[np.int8]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Uint8 = NDArray[np.uint8]

#: Bytes of a logarithm: this many for a factor of 2.
STEPS_PER_OCTAVE: Final = 12
#: A coefficient counts from about this part of its frequency's usual size on.
FINENESS: Final = 16
#: Largest byte.
LARGEST: Final = 127
#: 1 + FINENESS |v| in units of 2^-6 is where the table of bytes is looked up.
_PLACE_BITS: Final = 6
#: Multipliers of sizes have this many bits behind the point.
MULTIPLIER_BITS: Final = 12

#: Neighbours that are known before a block, as (rows, columns) from it.
LEFT, ABOVE, ABOVE_LEFT, ABOVE_RIGHT = (0, -1), (-1, 0), (-1, -1), (-1, 1)
CAUSAL: Final = (LEFT, ABOVE, ABOVE_LEFT, ABOVE_RIGHT)


def zigzag() -> Int64:
    """(64,) row * 8 + column of each coefficient in zigzag order."""
    order = []
    for diagonal in range(15):
        cells = [(i, diagonal - i) for i in range(8) if 0 <= diagonal - i < 8]
        order += cells if diagonal % 2 else cells[::-1]
    return np.array([row * 8 + column for row, column in order])


def byte_table() -> Uint8:
    """Bytes of sizes, by the place in units of 2^-6; the last one is for all that is larger."""
    n = int(2 ** ((LARGEST + 0.5) / STEPS_PER_OCTAVE) * (1 << _PLACE_BITS))
    size = 1 + np.arange(n) / (1 << _PLACE_BITS)
    return np.rint(STEPS_PER_OCTAVE * np.log2(size)).clip(0, LARGEST).astype(np.uint8)


def multipliers(usual: NDArray[np.float64]) -> Int32:
    """Integers for usual dequantised sizes (64,)."""
    return np.rint(FINENESS * (1 << MULTIPLIER_BITS) / usual).clip(1, 1 << 24).astype(np.int32)


@compiled
def byte_of(value: Any, multiplier: Any, table: Uint8) -> Any:
    """The signed byte of a dequantised value."""
    place = (abs(value) * multiplier) >> (MULTIPLIER_BITS - _PLACE_BITS)
    size = np.int64(table[min(place, len(table) - 1)])
    return size if value >= 0 else -size


@compiled
def reference(values: Int32, row: int, column: int) -> Any:
    """What a block's DC is compared with: the mean, rounded down, of the known neighbours'.

    values: (R, C) dequantised.
    """
    if row and column:
        return (np.int64(values[row - 1, column]) + np.int64(values[row, column - 1])) >> 1
    if row:
        return np.int64(values[row - 1, column])
    return np.int64(values[row, column - 1]) if column else 0


@compiled
def component_bytes(
    dequantised: Int32, multiplier: Int32, table: Uint8, found: Int8, relative: Int32, near: Int8
) -> None:
    """Bytes of a whole component.

    dequantised: (R, C, 64); found: (R, C, 64), is filled. relative: (R, C, 6) is filled with the
    block's reference, its DC minus that, and the DCs of CAUSAL minus that, 0 where there is no such
    block; near: (R, C, 4), with the bytes of the latter.
    """
    rows, columns, _ = dequantised.shape
    values = dequantised[:, :, 0]
    for r in range(rows):
        for c in range(columns):
            ref = reference(values, r, c)
            relative[r, c, 0] = ref
            relative[r, c, 1] = values[r, c] - ref
            relative[r, c, 2] = values[r, c - 1] - ref if c else 0
            relative[r, c, 3] = values[r - 1, c] - ref if r else 0
            relative[r, c, 4] = values[r - 1, c - 1] - ref if r and c else 0
            relative[r, c, 5] = values[r - 1, c + 1] - ref if r and c + 1 < columns else 0
            found[r, c, 0] = byte_of(np.int64(relative[r, c, 1]), multiplier[0], table)
            for k in range(1, 64):
                x = np.int64(dequantised[r, c, k])
                found[r, c, k] = byte_of(x, multiplier[k], table) if x else 0
            for i in range(4):
                near[r, c, i] = byte_of(np.int64(relative[r, c, 2 + i]), multiplier[0], table)
