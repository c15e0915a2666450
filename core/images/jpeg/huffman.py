"""Huffman tables (ITU-T T.81, annexes C, F.1.2 and F.2.2.3), in a form for compiled loops."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled
from core.images.jpeg.bits import Bytes, Int, Integers

#: Codes of at most so many bits are found by one look into a table.
LOOK_BITS = 11
LOOK_MASK = 2**LOOK_BITS - 1


@dataclass(frozen=True)
class HuffmanSpec:
    """A table as a file defines it: how many codes of 1 to 16 bits, and their symbols."""

    counts: bytes
    symbols: bytes


@dataclass(frozen=True)
class HuffmanTables:
    """The tables of a scan, stacked: T tables, for DC of slots 0 to 3, then AC of slots 0 to 3.

    For reading: ``look`` (T, 2048) int16, code length times 256 plus symbol, or 0; and for longer
    codes ``limits`` (T, 17) int32, the greatest code of each length or -1, and ``offsets``
    (T, 17) int32, what is added to a code to find its place in ``symbols`` (T, 256) uint8. For
    writing: ``codes`` (T, 256) int64, ``lengths`` (T, 256) int64, 0 for a symbol without code.
    """

    look: NDArray[np.int16]
    limits: NDArray[np.int32]
    offsets: NDArray[np.int32]
    symbols: Bytes
    codes: Integers
    lengths: Integers


_Table = tuple[NDArray[np.generic], ...]


def stacked(specs: list[HuffmanSpec | None]) -> HuffmanTables:
    """The tables of a scan; no code at all where None. Raises ValueError for an invalid one."""
    tables = [_table(spec or HuffmanSpec(bytes(16), b"")) for spec in specs]
    return HuffmanTables(*(np.stack(arrays) for arrays in zip(*tables, strict=True)))


@lru_cache(maxsize=64)
def _table(spec: HuffmanSpec) -> _Table:
    look = np.zeros(2**LOOK_BITS, np.int16)
    limits = np.full(17, -1, np.int32)
    offsets = np.zeros(17, np.int32)
    symbols = np.zeros(256, np.uint8)
    codes = np.zeros(256, np.int64)
    lengths = np.zeros(256, np.int64)
    symbols[: len(spec.symbols)] = np.frombuffer(spec.symbols, np.uint8)
    code = place = 0
    for length, count in enumerate(spec.counts, 1):
        if code + count > 1 << length:
            raise ValueError("more Huffman codes than there are")
        offsets[length] = place - code
        for symbol in spec.symbols[place : place + count]:
            if length <= LOOK_BITS:
                first = code << LOOK_BITS - length
                look[first : first + (1 << LOOK_BITS - length)] = length << 8 | symbol
            if not lengths[symbol]:
                codes[symbol], lengths[symbol] = code, length
            code += 1
        if count:
            limits[length] = code - 1
        place += count
        code <<= 1
    return look, limits, offsets, symbols, codes, lengths


@compiled
def long_code(
    buffer: Int,
    n_bits: Int,
    limits: NDArray[np.int32],
    offsets: NDArray[np.int32],
    symbols: Bytes,
    table: Int,
) -> tuple[Int, Int]:
    """The symbol of a code that is longer than LOOK_BITS, and its length: (-1, 0) if none."""
    for length in range(LOOK_BITS + 1, 17):
        code = buffer >> n_bits - length & (1 << length) - 1
        if code <= limits[table, length]:
            return np.int64(symbols[table, code + offsets[table, length]]), length
    return -1, 0
