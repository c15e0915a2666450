"""What zlib makes of the tokens of a block: its kind, its codes, its header."""

from __future__ import annotations

import numpy as np

from core.compiled import compiled
from core.images.deflate.coder import NUMBER_CONTEXTS, Coder, decide, decide_bits, decide_number
from core.images.deflate.standard import (
    DISTANCE_CODE,
    DISTANCE_EXTRA,
    DYNAMIC,
    END_OF_BLOCK,
    FIXED,
    FIXED_DISTANCE,
    FIXED_LITERAL,
    LENGTH_CODE,
    LITERAL_EXTRA,
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
    code_lengths,
    fill_code_lengths,
    fill_runs,
    header_bits,
    lengths_of,
    needed_code_lengths,
)

#: Contexts of :func:`code_header`, from its first one on.
_SAME, _COUNT, _RUNS, _SYMBOL, _EXTRA = 0, 1, 3, 5, 37
_LENGTH_SAME = _EXTRA + 3 * 128
_LENGTH = _LENGTH_SAME + 3 * 16
_NUMBER = _LENGTH + 3 * 16 * 16
HEADER_CONTEXTS = _NUMBER + 3 * NUMBER_CONTEXTS


@compiled
def expected_block(
    plain: Bytes, start: Int, tokens: Tokens, storable: Int, only_fixed: bool, header: Integers
) -> Int:
    """Fills the header that zlib would write, and returns the kind of block that it would.

    ``storable``: the bytes that a stored block would have.
    """
    literal, distance = _frequencies(plain, start, tokens)
    literal_lengths = np.zeros(N_LITERAL, np.int64)
    distance_lengths = np.zeros(N_DISTANCE, np.int64)
    last_literal = code_lengths(literal, N_LITERAL, MAX_BITS, literal_lengths)
    last_distance = code_lengths(distance, N_DISTANCE, MAX_BITS, distance_lengths)
    fill_runs(literal_lengths, last_literal + 1, distance_lengths, last_distance + 1, 0, header)
    fill_code_lengths(header)
    dynamic = header_bits(header)
    fixed: Int = np.int64(0)
    for symbol in range(N_LITERAL):
        extra = LITERAL_EXTRA[symbol]
        dynamic += literal[symbol] * (literal_lengths[symbol] + extra)
        fixed += literal[symbol] * (FIXED_LITERAL[symbol] + extra)
    for symbol in range(N_DISTANCE):
        extra = DISTANCE_EXTRA[symbol]
        dynamic += distance[symbol] * (distance_lengths[symbol] + extra)
        fixed += distance[symbol] * (FIXED_DISTANCE[symbol] + extra)
    fixed_bytes, dynamic_bytes = fixed + 10 >> 3, dynamic + 10 >> 3
    takes_fixed = only_fixed or fixed_bytes <= dynamic_bytes
    if storable + 4 <= (fixed_bytes if takes_fixed else dynamic_bytes):
        return STORED
    return FIXED if takes_fixed else DYNAMIC


@compiled
def _frequencies(plain: Bytes, start: Int, tokens: Tokens) -> tuple[Integers, Integers]:
    literal, distance = np.zeros(N_LITERAL, np.int64), np.zeros(N_DISTANCE, np.int64)
    at = start
    for token in tokens:
        length = np.int64(token) >> 16
        if length == 0:
            literal[plain[at]] += 1
            at += 1
        else:
            literal[257 + np.int64(LENGTH_CODE[length])] += 1
            distance[DISTANCE_CODE[np.int64(token) & 0xFFFF]] += 1
            at += length
    literal[END_OF_BLOCK] = 1
    return literal, distance


@compiled
def code_header(coder: Coder, context: Int, expected: Integers, header: Integers) -> Int:
    """Encodes or decodes a header by that which zlib would write; 1 if they differ."""
    differs: Int = np.int64(0)
    for place in range(SYMBOLS + expected[N_SYMBOLS]):
        differs |= np.int64(expected[place] != header[place])
    differs = decide(coder, context + _SAME, differs)
    if not differs:
        header[:] = expected
        return differs
    expected_literal, literal = np.zeros(N_LITERAL, np.int64), np.zeros(N_LITERAL, np.int64)
    expected_distance, distance = np.zeros(N_DISTANCE, np.int64), np.zeros(N_DISTANCE, np.int64)
    lengths_of(expected, expected_literal, expected_distance)
    lengths_of(header, literal, distance)
    _code_lengths(coder, context, 0, expected_literal, literal)
    _code_lengths(coder, context, 1, expected_distance, distance)
    n_literals = _code_count(coder, context, 0, literal, 257, header[N_LITERALS])
    n_distances = _code_count(coder, context, 1, distance, 1, header[N_DISTANCES])
    _code_symbols(coder, context, literal, n_literals, distance, n_distances, header)
    guess = header.copy()
    fill_code_lengths(guess)
    _code_lengths(
        coder, context, 2,
        guess[CODE_LENGTHS : CODE_LENGTHS + N_CODE_LENGTH],
        header[CODE_LENGTHS : CODE_LENGTHS + N_CODE_LENGTH],
    )  # fmt: skip
    more = header[N_CODE_LENGTHS] - needed_code_lengths(header)
    more = decide_number(coder, context + _NUMBER + 2 * NUMBER_CONTEXTS, more)
    header[N_CODE_LENGTHS] = min(needed_code_lengths(header) + more, N_CODE_LENGTH)
    return differs


@compiled
def _code_lengths(
    coder: Coder, context: Int, alphabet: Int, expected: Integers, lengths: Integers
) -> None:
    """Lengths of codes, each by the expected one; those of the code length code have 3 bits."""
    n_bits = 3 if alphabet == 2 else 4
    for symbol in range(len(expected)):
        row = 16 * alphabet + expected[symbol]
        other = np.int64(lengths[symbol] != expected[symbol])
        if decide(coder, context + _LENGTH_SAME + row, other):
            lengths[symbol] = decide_bits(
                coder, context + _LENGTH + 16 * row, n_bits, lengths[symbol]
            )
        else:
            lengths[symbol] = expected[symbol]


@compiled
def _code_count(
    coder: Coder, context: Int, alphabet: Int, lengths: Integers, least: Int, count: Int
) -> Int:
    """How many lengths are written: mostly up to the last that is not zero."""
    needed = np.int64(len(lengths))
    while needed > least and lengths[needed - 1] == 0:
        needed -= 1
    if not decide(coder, context + _COUNT + alphabet, np.int64(count != needed)):
        return needed
    number = context + _NUMBER + alphabet * NUMBER_CONTEXTS
    more = decide_number(coder, number, count - needed)
    return min(needed + more, np.int64(len(lengths)))


@compiled
def _code_symbols(
    coder: Coder, context: Int, literal: Integers, n_literals: Int, distance: Integers,
    n_distances: Int, header: Integers,
) -> None:  # fmt: skip
    """The runs of a header: as zlib makes them, or across both alphabets, or each by itself."""
    guess = np.zeros(HEADER_SIZE, np.int64)
    for joined in range(2):
        fill_runs(literal, n_literals, distance, n_distances, joined, guess)
        same = guess[N_SYMBOLS] == header[N_SYMBOLS]
        for place in range(SYMBOLS, SYMBOLS + guess[N_SYMBOLS]):
            same &= guess[place] == header[place]
        if not decide(coder, context + _RUNS + joined, np.int64(not same)):
            header[N_SYMBOLS:] = guess[N_SYMBOLS:]
            header[N_LITERALS], header[N_DISTANCES] = n_literals, n_distances
            return
    header[N_LITERALS], header[N_DISTANCES] = n_literals, n_distances
    left = n_literals + n_distances
    n_symbols = 0
    while left > 0:
        given = header[SYMBOLS + n_symbols]
        symbol = decide_bits(coder, context + _SYMBOL, 5, given & 255)
        extra: Int = np.int64(0)
        run: Int = np.int64(1)
        if 16 <= symbol <= 18:
            kind = symbol - 16
            extra = decide_bits(coder, context + _EXTRA + 128 * kind, RUN_EXTRA[kind], given >> 8)
            run = extra + (11 if symbol == 18 else 3)
        header[SYMBOLS + n_symbols] = extra << 8 | min(symbol, 18)
        n_symbols += 1
        left -= run
    header[N_SYMBOLS] = n_symbols
