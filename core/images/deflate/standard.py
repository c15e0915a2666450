"""The constants of DEFLATE (RFC 1951, section 3.2), as tables for compiled loops."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
#: 0 for a literal, else length << 16 | distance.
Tokens = NDArray[np.uint32]
#: A number in a compiled loop: always 64 bits there.
Int = int | np.int64

#: Kinds of blocks, as their headers number them.
STORED, FIXED, DYNAMIC = 0, 1, 2

MIN_LENGTH, MAX_LENGTH, MAX_DISTANCE = 3, 258, 32_768
END_OF_BLOCK = 256
#: How many symbols the three alphabets have: literals and lengths, distances, code lengths.
N_LITERAL, N_DISTANCE, N_CODE_LENGTH = 286, 30, 19
#: The longest code of each alphabet, in bits.
MAX_BITS, MAX_CODE_LENGTH_BITS = 15, 7


def _bases(extra: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    return first + np.concatenate([[0], np.cumsum(1 << extra)[:-1]])


LENGTH_EXTRA: Final = np.array([0] * 8 + [n for n in range(1, 6) for _ in range(4)] + [0])
LENGTH_BASE: Final = _bases(LENGTH_EXTRA, MIN_LENGTH)
LENGTH_BASE[28] = MAX_LENGTH  # a code of its own, though code 27 could express it
DISTANCE_EXTRA: Final = np.array([0, 0] + [n for n in range(14) for _ in range(2)])
DISTANCE_BASE: Final = _bases(DISTANCE_EXTRA, 1)

#: The code of each length (by length) and of each distance (by distance), without 257.
LENGTH_CODE: Final = (
    np.searchsorted(LENGTH_BASE, np.arange(MAX_LENGTH + 1), side="right").clip(1) - 1
).astype(np.uint8)
DISTANCE_CODE: Final = (
    np.searchsorted(DISTANCE_BASE, np.arange(MAX_DISTANCE + 1), side="right").clip(1) - 1
).astype(np.uint8)

#: Extra bits by symbol, of literals and lengths.
LITERAL_EXTRA: Final = np.concatenate([np.zeros(257, np.int64), LENGTH_EXTRA])

#: The order in which the lengths of the code length code are written.
CODE_LENGTH_ORDER: Final = np.array(
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
)
#: Extra bits, and the first run, of the code length symbols 16, 17 and 18.
RUN_EXTRA: Final = np.array([2, 3, 7])
RUN_BASE: Final = np.array([3, 3, 11])

#: The lengths of the fixed codes.
FIXED_LITERAL: Final = np.repeat([8, 9, 7, 8], [144, 112, 24, 8])
FIXED_DISTANCE: Final = np.full(32, 5)
