"""A DEFLATE stream (RFC 1951) to its blocks and their tokens, block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled
from core.errors import FloeError
from core.images.deflate.standard import (
    CODE_LENGTH_ORDER,
    DISTANCE_BASE,
    DISTANCE_EXTRA,
    DYNAMIC,
    END_OF_BLOCK,
    FIXED,
    FIXED_DISTANCE,
    FIXED_LITERAL,
    LENGTH_BASE,
    LENGTH_EXTRA,
    MAX_BITS,
    N_CODE_LENGTH,
    N_DISTANCE,
    N_LITERAL,
    RUN_EXTRA,
    STORED,
    Bytes,
    Int,
    Integers,
    Tokens,
)
from core.images.deflate.trees import (
    CODE_LENGTHS,
    HEADER_SIZE,
    N_CODE_LENGTHS,
    N_DISTANCES,
    N_LITERALS,
    N_SYMBOLS,
    SYMBOLS,
    fill_codes,
    lengths_of,
)

#: Places in the state of a reader: the next byte, bits that are read but not used, their number,
#: what was decompressed so far, and tokens of this block.
POSITION, BUFFER, N_BITS, AT, N_TOKENS = range(5)

_DONE, _FULL, _INVALID = 0, 1, 2

#: A table of codes: by the next 15 bits, length of the code | symbol << 4; 0 if there is none.
_Table = NDArray[np.int32]

_FIRST_ROOM = 2**15


class DeflateError(FloeError, ValueError):
    """A DEFLATE stream is invalid or cut short."""


@dataclass(frozen=True)
class Block:
    """A block of a stream. ``tokens`` is empty if it is stored."""

    kind: int
    last: bool
    n_bytes: int  # decompressed
    tokens: Tokens  # valid until the next block is read
    header: Integers  # of a dynamic block; see core.images.deflate.trees
    padding: int  # the bits before the lengths of a stored block


class BlockReader:
    """Reads the blocks of a stream, which begins at the first of the bytes given."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = np.frombuffer(data, np.uint8)
        self._state = np.zeros(5, np.int64)
        self._tokens: Tokens = np.zeros(_FIRST_ROOM, np.uint32)
        self._literal: _Table = np.zeros(1 << MAX_BITS, np.int32)
        self._distance: _Table = np.zeros(1 << MAX_BITS, np.int32)

    @property
    def at(self) -> int:
        """How much was decompressed, in bytes."""
        return int(self._state[AT])

    def end(self) -> tuple[int, int]:
        """Where the stream ends, in bytes, and the bits that pad its last byte."""
        n_bits = int(self._state[N_BITS])
        return int(self._state[POSITION]) - n_bits // 8, self._bits(n_bits % 8)

    def block(self) -> Block:
        """The next block. Raises DeflateError."""
        last, kind = self._bits(1), self._bits(2)
        start = self.at
        header = np.zeros(HEADER_SIZE, np.int64)
        padding = 0
        self._state[N_TOKENS] = 0
        if kind == STORED:
            padding = self._stored()
        elif kind in (FIXED, DYNAMIC):
            literal, distance = FIXED_LITERAL, FIXED_DISTANCE
            if kind == DYNAMIC:
                literal, distance = self._dynamic(header)
            _fill_table(literal, self._literal)
            _fill_table(distance, self._distance)
            self._read_tokens()
        else:
            raise DeflateError("a block of an unknown kind")
        if self._state[POSITION] - (self._state[N_BITS] >> 3) > len(self._data):
            raise DeflateError("the stream is cut short")
        tokens = self._tokens[: self._state[N_TOKENS]]
        return Block(kind, bool(last), self.at - start, tokens, header, padding)

    def _bits(self, n_bits: int) -> int:
        return int(_take(self._data, self._state, n_bits))

    def _stored(self) -> int:
        state = self._state
        padding = self._bits(int(state[N_BITS]) % 8)
        n_bytes = self._bits(16)
        if self._bits(16) != n_bytes ^ 0xFFFF:
            raise DeflateError("a stored block has no valid length")
        state[POSITION] += n_bytes - (state[N_BITS] >> 3)
        state[BUFFER] = state[N_BITS] = 0
        state[AT] += n_bytes
        return padding

    def _dynamic(self, header: Integers) -> tuple[Integers, Integers]:
        """Reads a header; the lengths of both codes."""
        literal, distance = np.zeros(N_LITERAL, np.int64), np.zeros(N_DISTANCE, np.int64)
        if not _read_header(self._data, self._state, self._distance, header) or not lengths_of(
            header, literal, distance
        ):
            raise DeflateError("a block has an invalid header")
        return literal, distance

    def _read_tokens(self) -> None:
        while True:
            found = _read_tokens(
                self._data, self._state, self._literal, self._distance, self._tokens
            )
            if found == _DONE:
                return
            if found == _INVALID:
                raise DeflateError("an invalid code, or a match before the beginning")
            self._tokens = np.concatenate([self._tokens, np.zeros_like(self._tokens)])


@compiled
def _take(data: Bytes, state: Integers, n_bits: Int) -> Int:
    """The next bits, at most 32; beyond the end, zeros."""
    while state[N_BITS] < n_bits:
        if state[POSITION] < len(data):
            state[BUFFER] |= np.int64(data[state[POSITION]]) << state[N_BITS]
        state[POSITION] += 1
        state[N_BITS] += 8
    value: Int = state[BUFFER] & (1 << n_bits) - 1
    state[BUFFER] >>= n_bits
    state[N_BITS] -= n_bits
    return value


@compiled
def _fill_table(lengths: Integers, table: _Table) -> bool:
    codes = np.zeros(len(lengths), np.int64)
    table[:] = 0
    if not fill_codes(lengths, codes):
        return False
    for symbol in range(len(lengths)):
        length = lengths[symbol]
        if length:
            for place in range(codes[symbol], len(table), 1 << length):
                table[place] = symbol << 4 | length
    return True


@compiled
def _read_header(data: Bytes, state: Integers, table: _Table, header: Integers) -> bool:
    header[N_LITERALS] = 257 + _take(data, state, 5)
    header[N_DISTANCES] = 1 + _take(data, state, 5)
    header[N_CODE_LENGTHS] = 4 + _take(data, state, 4)
    if header[N_LITERALS] > N_LITERAL or header[N_DISTANCES] > N_DISTANCE:
        return False
    for place in range(header[N_CODE_LENGTHS]):
        header[CODE_LENGTHS + CODE_LENGTH_ORDER[place]] = _take(data, state, 3)
    if not _fill_table(header[CODE_LENGTHS : CODE_LENGTHS + N_CODE_LENGTH], table):
        return False
    left = header[N_LITERALS] + header[N_DISTANCES]
    n_symbols = 0
    while left > 0:
        ahead = _take(data, state, 7)
        found = np.int64(table[ahead])
        if found == 0:
            return False
        n_unused = 7 - (found & 15)  # goes back into the buffer
        state[BUFFER] = state[BUFFER] << n_unused | ahead >> 7 - n_unused
        state[N_BITS] += n_unused
        symbol = found >> 4
        extra: Int = np.int64(0)
        run: Int = np.int64(1)
        if symbol >= 16:
            extra = _take(data, state, RUN_EXTRA[symbol - 16])
            run = extra + (11 if symbol == 18 else 3)
        header[SYMBOLS + n_symbols] = extra << 8 | symbol
        n_symbols += 1
        left -= run
    header[N_SYMBOLS] = n_symbols
    return bool(left == 0)


@compiled
def _read_tokens(
    data: Bytes, state: Integers, literals: _Table, distances: _Table, tokens: Tokens
) -> Int:
    """Reads tokens up to the end of the block, as many as there is room for."""
    position, buffer, n_bits = state[POSITION], state[BUFFER], state[N_BITS]
    at, n = state[AT], state[N_TOKENS]
    found = _INVALID
    while position <= len(data) + 8:
        if n == len(tokens):
            found = _FULL
            break
        while n_bits <= 48:  # a token takes 48 bits at most
            if position < len(data):
                buffer |= np.int64(data[position]) << n_bits
            position += 1
            n_bits += 8
        entry = np.int64(literals[buffer & 0x7FFF])
        if entry == 0:
            break
        buffer >>= entry & 15
        n_bits -= entry & 15
        symbol = entry >> 4
        if symbol < END_OF_BLOCK:
            tokens[n] = 0
            n += 1
            at += 1
            continue
        if symbol == END_OF_BLOCK:
            found = _DONE
            break
        if symbol >= N_LITERAL:
            break
        extra = LENGTH_EXTRA[symbol - 257]
        length = LENGTH_BASE[symbol - 257] + (buffer & (1 << extra) - 1)
        buffer >>= extra
        n_bits -= extra
        entry = np.int64(distances[buffer & 0x7FFF])
        symbol = entry >> 4
        if entry == 0 or symbol >= N_DISTANCE:
            break
        buffer >>= entry & 15
        n_bits -= entry & 15
        extra = DISTANCE_EXTRA[symbol]
        distance = DISTANCE_BASE[symbol] + (buffer & (1 << extra) - 1)
        buffer >>= extra
        n_bits -= extra
        if distance > at:
            break
        tokens[n] = length << 16 | distance
        n += 1
        at += length
    state[POSITION], state[BUFFER], state[N_BITS] = position, buffer, n_bits
    state[AT], state[N_TOKENS] = at, n
    return found
