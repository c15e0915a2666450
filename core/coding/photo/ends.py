"""The two ends of a tile's stack: the header on top, the checksum at the bottom.

What is pushed stands beside what pops it.
"""

from __future__ import annotations

import hashlib

import numpy as np

from core.arrays import Integers, Pixels, Words
from core.coding.auxiliary import auxiliary_words
from core.coding.photo.composition import GROWTH_EXPONENTS
from core.coding.photo.side import CHECKSUM_WORDS, COLOUR_BITS, GREY_BITS, GROWTH_BITS
from core.coding.stack import Stack
from core.errors import DamagedChunkError
from core.flows.photo.colours import ColourMode


def push_header(
    stack: Stack, coarsest: Integers, growth: int, mode: ColourMode, n_channels: int
) -> None:
    """coarsest: (1 or 3, h, w), one plane of a tile whose channels are all equal."""
    stack.push_bits(coarsest.ravel(), 8)
    stack.push_bits([growth - GROWTH_EXPONENTS[0]], GROWTH_BITS)
    if n_channels == 3:
        stack.push_bits([mode], COLOUR_BITS)
        stack.push_bits([int(len(coarsest) == 1)], GREY_BITS)


def pop_header(
    stack: Stack, n_channels: int, size: tuple[int, int]
) -> tuple[Integers, int, ColourMode]:
    """The coarsest picture, (1 or 3, h, w), the growth of chunks, what is known of colours."""
    grey, mode = True, int(ColourMode.PLAIN)
    if n_channels == 3:
        grey = bool(stack.pop_bits(1, GREY_BITS)[0])
        mode = int(stack.pop_bits(1, COLOUR_BITS)[0])
    if mode not in tuple(ColourMode):
        raise DamagedChunkError(f"the colours are of an unknown kind, {mode}")
    growth = GROWTH_EXPONENTS[int(stack.pop_bits(1, GROWTH_BITS)[0])]
    shape = (1 if grey else 3, *size)
    coarsest = stack.pop_bits(shape[0] * size[0] * size[1], 8).reshape(shape)
    return coarsest, growth, ColourMode(mode)


def bottom(pixels: Pixels, number: int) -> Words:
    """What a stack starts from: 128 bits of the pixels' SHA-256, and the tile's number above."""
    digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).digest()
    checksum = np.frombuffer(digest[: 4 * CHECKSUM_WORDS], dtype="<u4")
    return np.append(checksum, number).astype(np.uint32)


def check_bottom(stack: Stack, pixels: Pixels, number: int) -> None:
    """Compares what is left of a stack with what must lie at its bottom."""
    left = stack.words()
    ours = bottom(pixels, number)
    borrowed = auxiliary_words(max(0, len(left) - len(ours)))[::-1]
    if not np.array_equal(left, np.concatenate([borrowed, ours])):
        raise DamagedChunkError("the pixels do not match the checksum that is stored with them")
