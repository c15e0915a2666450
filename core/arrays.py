"""Names for arrays by the type of their elements; their shapes stand in docstrings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W, C), or a part of it
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint32]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Integers = NDArray[np.int64]
Float32 = NDArray[np.float32]
Floats = NDArray[np.float64]
