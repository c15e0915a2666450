"""Side information: the bits of a chunk beside its pixels. Part of the format."""

from __future__ import annotations

import math

#: Words of the checksum that each stack starts from, above them the tile's number.
CHECKSUM_WORDS = 4

#: How fast chunks of a piece grow.
GROWTH_BITS = 3

#: Whether one channel stands for all, of a picture with three.
GREY_BITS = 1

#: What is known of its colours, of a picture with three channels.
COLOUR_BITS = 2


def side_bits(n_tiles: int, channels: int) -> float:
    """The side information of all tiles of an image, in bits.

    The number k of a tile is the upper half of the first state of its stack: log2(k) bits.
    """
    plain = 32 * CHECKSUM_WORDS + GROWTH_BITS + (GREY_BITS + COLOUR_BITS) * (channels == 3)
    return n_tiles * plain + sum(math.log2(number) for number in range(1, n_tiles + 1))
