"""Luma as chroma sees it: averaged to the chroma grid, without leaving the DCT domain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.coding.jpeg.kernel import BOUND
from core.compiled import compiled

#: Bits of a fraction in the maps.
MAP_BITS = 12

#: How many blocks of luma a block of chroma may span in a direction.
RATIOS = (1, 2, 4)


def luma_map(ratio: int) -> NDArray[np.int32]:
    """Coefficients of blocks side by side to those of their average: (8, 8 ratio).

    By floating point, so for training alone: a coder takes it from its model's file.
    """
    frequencies, places = np.arange(8)[:, None], np.arange(8)[None]
    dct = np.cos((2 * places + 1) * frequencies * np.pi / 16) / 2
    dct[0] /= np.sqrt(2)
    average = np.kron(np.eye(8), np.full((1, ratio), 1 / ratio))
    whole = dct @ average @ np.kron(np.eye(ratio), dct.T)
    return np.asarray(np.rint(whole * (1 << MAP_BITS)), np.int32)


IDENTITY = (np.eye(8) * (1 << MAP_BITS)).astype(np.int32)


@compiled
def reduced_luma(
    levels: NDArray[np.int16],
    quantiser: NDArray[np.int64],
    down: NDArray[np.int32],
    across: NDArray[np.int32],
    reduced: NDArray[np.int32],
) -> None:
    """Fills (R, C, 64) with what the levels of luma, (R', C', 64), are on average there.

    Dequantised, cut off at BOUND. Where luma ends earlier, its last blocks are repeated.
    """
    n_down, n_across = down.shape[1] // 8, across.shape[1] // 8
    part = np.zeros((8, 8 * n_across), np.int64)
    for row in range(reduced.shape[0]):
        for column in range(reduced.shape[1]):
            part[:] = 0
            for y in range(n_down):
                block_row = min(row * n_down + y, levels.shape[0] - 1)
                for x in range(n_across):
                    block = levels[block_row, min(column * n_across + x, levels.shape[1] - 1)]
                    for k in range(64):
                        if block[k] != 0:
                            value = min(max(int(block[k]) * int(quantiser[k]), -BOUND), BOUND)
                            for i in range(8):
                                part[i, 8 * x + (k & 7)] += down[i, 8 * y + (k >> 3)] * value
            for i in range(8):
                for j in range(8):
                    total = 0
                    for t in range(8 * n_across):
                        total += int(across[j, t]) * (int(part[i, t]) >> 6)
                    total = (total + (1 << (2 * MAP_BITS - 7))) >> (2 * MAP_BITS - 6)
                    reduced[row, column, 8 * i + j] = min(max(total, -BOUND), BOUND)
