"""Blocks and their tokens to a DEFLATE stream (RFC 1951)."""

from __future__ import annotations

import numpy as np

from core.compiled import compiled
from core.images.deflate.standard import (
    CODE_LENGTH_ORDER,
    DISTANCE_BASE,
    DISTANCE_CODE,
    DISTANCE_EXTRA,
    DYNAMIC,
    END_OF_BLOCK,
    FIXED_DISTANCE,
    FIXED_LITERAL,
    LENGTH_BASE,
    LENGTH_CODE,
    LENGTH_EXTRA,
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
    N_CODE_LENGTHS,
    N_DISTANCES,
    N_LITERALS,
    N_SYMBOLS,
    SYMBOLS,
    fill_codes,
    lengths_of,
)

#: Places in the state of a writer: bytes written, bits that do not fill one yet, their number.
_POSITION, _BUFFER, _N_BITS = range(3)

#: More than a header (320 symbols of 14 bits) and a token (48 bits) ever take.
_HEADER_BYTES, _TOKEN_BYTES = 1_024, 7


class BlockWriter:
    """Writes a stream block by block."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._state = np.zeros(3, np.int64)
        self._room: Bytes = np.zeros(_HEADER_BYTES, np.uint8)

    def stored(self, plain: memoryview, padding: int, last: bool) -> None:
        """A stored block of at most 65,535 bytes."""
        self._put(int(last) | STORED << 1, 3)
        self._put(padding, -int(self._state[_N_BITS]) % 8)
        self._put(len(plain), 16)
        self._put(len(plain) ^ 0xFFFF, 16)
        self._flush()
        self._out += plain

    def coded(self, kind: int, plain: Bytes, tokens: Tokens, header: Integers, last: bool) -> None:
        """A fixed or dynamic block of tokens; ``plain`` begins with the bytes they stand for."""
        self._put(int(last) | kind << 1, 3)
        literal, distance = FIXED_LITERAL, FIXED_DISTANCE
        self._grow(_HEADER_BYTES + len(tokens) * _TOKEN_BYTES)
        if kind == DYNAMIC:
            literal, distance = np.zeros(N_LITERAL, np.int64), np.zeros(N_DISTANCE, np.int64)
            lengths_of(header, literal, distance)
            _write_header(header, self._room, self._state)
        _write_tokens(plain, tokens, literal, distance, self._room, self._state)
        self._flush()

    def finish(self, padding: int) -> bytes:
        """The whole stream; ``padding`` are the bits that fill its last byte."""
        self._put(padding, -int(self._state[_N_BITS]) % 8)
        self._flush()
        return bytes(self._out)

    def _put(self, value: int, n_bits: int) -> None:
        self._grow(16)
        _put(self._room, self._state, value, n_bits)

    def _grow(self, n_bytes: int) -> None:
        if len(self._room) - self._state[_POSITION] < n_bytes:
            self._flush()
            if len(self._room) < n_bytes:
                self._room = np.zeros(n_bytes, np.uint8)

    def _flush(self) -> None:
        self._out += self._room[: self._state[_POSITION]].data
        self._state[_POSITION] = 0


@compiled
def _put(out: Bytes, state: Integers, value: Int, n_bits: Int) -> None:
    buffer = state[_BUFFER] | value << state[_N_BITS]
    n_buffered = state[_N_BITS] + n_bits
    while n_buffered >= 8:
        out[state[_POSITION]] = buffer & 255
        state[_POSITION] += 1
        buffer >>= 8
        n_buffered -= 8
    state[_BUFFER], state[_N_BITS] = buffer, n_buffered


@compiled
def _write_header(header: Integers, out: Bytes, state: Integers) -> None:
    lengths = header[CODE_LENGTHS : CODE_LENGTHS + N_CODE_LENGTH]
    codes = np.zeros(N_CODE_LENGTH, np.int64)
    fill_codes(lengths, codes)
    _put(out, state, header[N_LITERALS] - 257, 5)
    _put(out, state, header[N_DISTANCES] - 1, 5)
    _put(out, state, header[N_CODE_LENGTHS] - 4, 4)
    for place in range(header[N_CODE_LENGTHS]):
        _put(out, state, lengths[CODE_LENGTH_ORDER[place]], 3)
    for place in range(header[N_SYMBOLS]):
        symbol, extra = header[SYMBOLS + place] & 255, header[SYMBOLS + place] >> 8
        _put(out, state, codes[symbol], lengths[symbol])
        if symbol >= 16:
            _put(out, state, extra, RUN_EXTRA[symbol - 16])


@compiled
def _write_tokens(
    plain: Bytes,
    tokens: Tokens,
    literal: Integers,
    distance: Integers,
    out: Bytes,
    state: Integers,
) -> None:
    literal_codes = np.zeros(len(literal), np.int64)
    distance_codes = np.zeros(len(distance), np.int64)
    fill_codes(literal, literal_codes)
    fill_codes(distance, distance_codes)
    at = np.int64(0)
    buffer, n_bits, position = state[_BUFFER], state[_N_BITS], state[_POSITION]
    for token in tokens:
        length, back = np.int64(token) >> 16, np.int64(token) & 0xFFFF
        if length == 0:
            byte = plain[at]
            buffer |= literal_codes[byte] << n_bits
            n_bits += literal[byte]
            at += 1
        else:
            code = np.int64(LENGTH_CODE[length])
            buffer |= literal_codes[code + 257] << n_bits
            n_bits += literal[code + 257]
            buffer |= length - LENGTH_BASE[code] << n_bits
            n_bits += LENGTH_EXTRA[code]
            code = np.int64(DISTANCE_CODE[back])
            buffer |= distance_codes[code] << n_bits
            n_bits += distance[code]
            buffer |= back - DISTANCE_BASE[code] << n_bits
            n_bits += DISTANCE_EXTRA[code]
            at += length
        while n_bits >= 8:
            out[position] = buffer & 255
            position += 1
            buffer >>= 8
            n_bits -= 8
    state[_BUFFER], state[_N_BITS], state[_POSITION] = buffer, n_bits, position
    _put(out, state, literal_codes[END_OF_BLOCK], literal[END_OF_BLOCK])
