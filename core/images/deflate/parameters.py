"""How an encoder finds matches: the settings of zlib and zlib-ng, as their users name them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from core.images.deflate.standard import MAX_LENGTH, MIN_LENGTH, Integers

#: Places in the settings of a matcher, as compiled loops take them.
KIND, GOOD, LAZY, NICE, CHAIN, HASH_BITS, HASHED, WINDOW, FARTHEST, SHORTEST, TOO_FAR, FED_BY = (
    range(12)
)


class Matcher(IntEnum):
    """An algorithm that finds matches."""

    NONE = 0  # literals only, and nothing learnt
    SLOW = 1  # takes a match unless a longer one begins at the next byte
    FAST = 2  # takes the first match
    RUNS = 3  # matches of distance 1
    MEDIUM = 4  # looks behind a match for another one that can take its place


class Library(IntEnum):
    """Whose decisions they are."""

    ZLIB = 0
    ZLIB_NG = 1


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

#: The same of zlib-ng 2.1 and later; the levels 1 to 4 and 9 search in other ways.
_NG_LEVELS = {
    5: (Matcher.MEDIUM, 8, 16, 32, 32),
    6: (Matcher.MEDIUM, 8, 16, 128, 128),
    7: (Matcher.SLOW, 8, 32, 128, 256),
    8: (Matcher.SLOW, 32, 128, 258, 1024),
}

#: The bits of the hash of three bytes in zlib are the memory level and 7; in zlib-ng it is one of
#: four bytes.
_NG_HASH_BITS = 16
#: In zlib, matches of three bytes are not worth their distance beyond this.
_TOO_FAR, _NEVER = 4_096, 2**40

#: zlib keeps this many bytes of its window for what it reads ahead.
READ_AHEAD = MAX_LENGTH + MIN_LENGTH + 1


@dataclass(frozen=True)
class Parameters:
    """The settings of zlib: ``level`` 1 to 9, ``memory`` 1 to 9, ``window`` 8 to 15 (bits).

    Of zlib-ng there are the levels 5 to 8. With the levels 5 and 6 it matters how many bytes it
    was given at a time, ``fed_by``; 0 for all at once.
    """

    level: int = 6
    memory: int = 8
    strategy: Strategy = Strategy.DEFAULT
    window: int = 15
    library: Library = Library.ZLIB
    fed_by: int = 0

    def __post_init__(self) -> None:
        sizes = 1 <= self.memory <= 9 and 8 <= self.window <= 15
        if self.level not in self._levels or not sizes or not 0 <= self.fed_by < 2**31:
            raise ValueError("zlib has no such settings")

    @property
    def _levels(self) -> dict[int, tuple[Matcher, int, int, int, int]]:
        return _LEVELS if self.library is Library.ZLIB else _NG_LEVELS

    @property
    def hash_bits(self) -> int:
        """There are 2**hash_bits chains of candidates."""
        return self.memory + 7 if self.library is Library.ZLIB else _NG_HASH_BITS

    @property
    def matcher(self) -> Matcher:
        """The algorithm."""
        if self.strategy is Strategy.HUFFMAN_ONLY:
            return Matcher.NONE
        return Matcher.RUNS if self.strategy is Strategy.RLE else self._levels[self.level][0]

    @property
    def symbols_per_block(self) -> int:
        """After how many tokens a block ends."""
        return (1 << self.memory + 6) - 1

    def settings(self) -> Integers:
        """For compiled loops; see the places above."""
        effort = self._levels[self.level][1:]
        window = 1 << max(self.window, 9)
        hashed, shortest, too_far = MIN_LENGTH, MIN_LENGTH, _TOO_FAR
        if self.library is Library.ZLIB_NG:
            hashed, too_far = MIN_LENGTH + 1, _NEVER
        if self.matcher is Matcher.MEDIUM:
            shortest = MIN_LENGTH + 1
        elif self.strategy is Strategy.FILTERED:
            shortest = 6
        return np.array(
            [
                self.matcher, *effort, self.hash_bits, hashed,
                window, window - READ_AHEAD, shortest, too_far,
                self.fed_by or _NEVER,
            ]
        )  # fmt: skip
