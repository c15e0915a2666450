"""What the chunks of JPEG tiles hold beside their coefficients, in bits: part of the format."""

from __future__ import annotations

import math

#: Words of the checksum that each stack starts from, above them the tile's number.
CHECKSUM_WORDS = 4


def jpeg_side_bits(n_tiles: int) -> float:
    """The side information of all tiles of a file.

    The number k of a tile is the upper half of the first state of its stack: log2(k) bits.
    """
    numbers = sum(math.log2(number) for number in range(1, n_tiles + 1))
    return 32 * CHECKSUM_WORDS * n_tiles + numbers
