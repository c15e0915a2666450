"""Where a block has coefficients: encoders go from one to the next, for most are zero."""

from __future__ import annotations

import numpy as np

from core.compiled import compiled
from core.images.jpeg.bits import Blocks, Int, Integers, Masks
from core.images.jpeg.image import ZIGZAG

# The bit of each coefficient of a block, in natural order: 1 << its place in zigzag order.
_BITS = np.zeros(64, np.uint64)
_BITS[ZIGZAG] = np.uint64(1) << np.arange(64, dtype=np.uint64)

# A de Bruijn sequence: each of its 64 windows of 6 bits is another number.
_SEQUENCE = np.uint64(0x03F79D71B4CB0A89)
_SHIFT = np.uint64(58)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_PLACES = np.zeros(64, np.int64)
for _place in range(64):
    _PLACES[(0x03F79D71B4CB0A89 << _place & 2**64 - 1) >> 58] = _place


def masks_of(blocks: Blocks) -> Masks:
    """For each block of (N, 64) a bit for each coefficient that is not zero, in zigzag order."""
    masks = np.empty(len(blocks), np.uint64)
    _fill(masks, blocks, blocks.view(np.int64), _BITS)
    return masks


@compiled
def _fill(masks: Masks, blocks: Blocks, words: Integers, bits: Masks) -> None:
    """``words`` (N, 16) int64 are the same memory as ``blocks``."""
    for block in range(len(blocks)):
        mask = _ZERO
        for i in range(16):
            if words[block, i] != 0:
                for j in range(4 * i, 4 * i + 4):
                    mask |= bits[j] if blocks[block, j] != 0 else _ZERO
        masks[block] = mask


@compiled
def has_ac(blocks: Blocks, words: Integers, block: Int) -> bool:
    """Whether a block has a coefficient besides DC that is not zero."""
    for i in range(1, 16):
        if words[block, i] != 0:
            return True
    return bool(blocks[block, 1] != 0 or blocks[block, 2] != 0 or blocks[block, 3] != 0)


@compiled
def lowest(mask: np.uint64) -> Int:
    """The place of the lowest bit of a mask that is not zero."""
    place: Int = _PLACES[((mask & (~mask + _ONE)) * _SEQUENCE) >> _SHIFT]
    return place
