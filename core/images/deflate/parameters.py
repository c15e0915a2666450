"""How an encoder finds matches: the settings of zlib, as its users name them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from core.images.deflate.standard import MAX_LENGTH, MIN_LENGTH, Integers

#: Places in the settings of a matcher, as compiled loops take them.
KIND, GOOD, LAZY, NICE, CHAIN, HASH_BITS, FARTHEST, SHORTEST = range(8)
N_SETTINGS = 8


class Matcher(IntEnum):
    """An algorithm that finds matches."""

    NONE = 0  # literals only, and nothing learnt
    SLOW = 1  # takes a match unless a longer one begins at the next byte
    FAST = 2  # takes the first match
    RUNS = 3  # matches of distance 1


class Strategy(IntEnum):
    """zlib's strategies, by their numbers."""

    DEFAULT = 0
    FILTERED = 1
    HUFFMAN_ONLY = 2
    RLE = 3
    FIXED = 4


#: What levels 1 to 9 mean: the matcher; chains are cut to a quarter once a match of ``good``
#: bytes is known; matches of ``lazy`` bytes are not improved (or, in FAST, only those up to it
#: are indexed); one of ``nice`` bytes ends the search; as many candidates as ``chain`` are tried.
_LEVELS = {
    1: (Matcher.FAST, 4, 4, 8, 4),
    2: (Matcher.FAST, 4, 5, 16, 8),
    3: (Matcher.FAST, 4, 6, 32, 32),
    4: (Matcher.SLOW, 4, 4, 16, 16),
    5: (Matcher.SLOW, 8, 16, 32, 32),
    6: (Matcher.SLOW, 8, 16, 128, 128),
    7: (Matcher.SLOW, 8, 32, 128, 256),
    8: (Matcher.SLOW, 32, 128, 258, 1024),
    9: (Matcher.SLOW, 32, 258, 258, 4096),
}

#: zlib keeps this many bytes of its window for what it reads ahead.
READ_AHEAD = MAX_LENGTH + MIN_LENGTH + 1


@dataclass(frozen=True)
class Parameters:
    """The settings of zlib: ``level`` 1 to 9, ``memory`` 1 to 9, ``window`` 8 to 15 (bits)."""

    level: int = 6
    memory: int = 8
    strategy: Strategy = Strategy.DEFAULT
    window: int = 15

    def __post_init__(self) -> None:
        if self.level not in _LEVELS or not 1 <= self.memory <= 9 or not 8 <= self.window <= 15:
            raise ValueError("zlib has no such settings")

    @property
    def matcher(self) -> Matcher:
        """The algorithm."""
        if self.strategy is Strategy.HUFFMAN_ONLY:
            return Matcher.NONE
        return Matcher.RUNS if self.strategy is Strategy.RLE else _LEVELS[self.level][0]

    @property
    def symbols_per_block(self) -> int:
        """After how many tokens a block ends."""
        return (1 << self.memory + 6) - 1

    def settings(self) -> Integers:
        """For compiled loops; see the places above."""
        effort = _LEVELS[self.level][1:]
        farthest = (1 << max(self.window, 9)) - READ_AHEAD
        shortest = 6 if self.strategy is Strategy.FILTERED else MIN_LENGTH
        return np.array([self.matcher, *effort, self.memory + 7, farthest, shortest])
