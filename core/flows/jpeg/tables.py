"""Functions of one variable, as integers of the model's file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.flows.jpeg.planes import Matrices

#: Units of logarithms to base 2.
LOG_UNIT: Final = 1024


@dataclass(frozen=True)
class Tables:
    """What networks and mixtures look up.

    bytes_: (n,) uint8, the byte of a coefficient's size, see core.flows.jpeg.inputs. logs: (256,)
    int32, log2 in units of 1 / LOG_UNIT; logs[0] is 0. powers: (LOG_UNIT,) float32, 2^(i /
    LOG_UNIT). averaging: matrices of core.flows.jpeg.planes.
    """

    bytes_: NDArray[np.uint8]
    logs: NDArray[np.int32]
    powers: NDArray[np.float32]
    averaging: Matrices

    def log2(self, q: NDArray[np.int32]) -> NDArray[np.int64]:
        """log2 of integers from 0 to 65535, the upper 8 bits of them, in units of 1 / LOG_UNIT."""
        found = np.empty(len(q), dtype=np.int64)
        for i, value in enumerate(q.tolist()):
            shift = max(0, value.bit_length() - 8)
            found[i] = self.logs[value >> shift] + shift * LOG_UNIT
        return found

    def power(self, logs: NDArray[np.int64]) -> NDArray[np.float32]:
        """2^(x / LOG_UNIT), for |x| <= 20 LOG_UNIT: exact products with powers of two."""
        whole, rest = np.divmod(logs, LOG_UNIT)
        scale = np.array([2.0 ** int(w) for w in whole], dtype=np.float32)
        return self.powers[rest] * scale
