"""Tokens as differences from the ones that zlib would have written.

What is coded of a token, as a rule, is that it is the expected one. If not: whether it is a
literal; its length, by the longest match that is known; its distance, by which of the matches of
that length it is, the nearest first.
"""

from __future__ import annotations

import numpy as np

from core.compiled import compiled, inlined
from core.images.deflate.coder import (
    DECODING,
    NUMBER_CONTEXTS,
    Coder,
    decide,
    decide_bits,
    decide_number,
)
from core.images.deflate.matching import (
    AT,
    END,
    HISTORY,
    LENGTH,
    MISTAKES,
    Predictor,
    advance,
    nth_distance,
    predict,
    rank_of_distance,
)
from core.images.deflate.standard import (
    DISTANCE_BASE,
    DISTANCE_CODE,
    DISTANCE_EXTRA,
    MAX_LENGTH,
    MIN_LENGTH,
    Int,
    Tokens,
)
from core.images.deflate.words import borrowed

#: Contexts, by what the predictor knows: what is expected (a literal for want of a match, one
#: because of a longer match at the next byte, a match), the length of the match, recent mistakes.
_SITUATIONS = 3 * 32 * 8
_MISTAKE = 0
_IS_LITERAL = _MISTAKE + _SITUATIONS
_OTHER_LENGTH = _IS_LITERAL + _SITUATIONS
_SHORTER = _OTHER_LENGTH + 3 * 32
_LENGTHS = _SHORTER + 3
_RANKS = _LENGTHS + 2 * NUMBER_CONTEXTS
_CODES = _RANKS + 8 * NUMBER_CONTEXTS
_EXTRA = _CODES + 32
TOKEN_CONTEXTS = _EXTRA + 16

_NO_MATCH, _LONGER_BEHIND, _MATCH = range(3)


@compiled
def code_tokens(
    coder: Coder, predictor: Predictor, tokens: Tokens, start: Int, stop: Int, end: Int,
    exact: bool,
) -> Int:  # fmt: skip
    """Encodes or decodes tokens from place ``start`` up to ``stop``, or up to the byte ``end``.

    ``exact``: they are the expected ones, and nothing is coded. Returns the place it came to.
    """
    coder, predictor = borrowed(coder), borrowed(predictor)
    state = predictor.state
    for place in range(start, stop):
        if state[AT] >= end:
            return place
        expected_length, expected_distance = predict(predictor)
        if exact:
            length, distance = expected_length, expected_distance
        else:
            token = tokens[place]
            length, distance = _code(
                coder, predictor, expected_length, expected_distance,
                token >> 16, token & 0xFFFF,
            )  # fmt: skip
        tokens[place] = length << 16 | distance
        advance(predictor, length, length == expected_length and distance == expected_distance)
    return stop


@inlined
def _code(
    coder: Coder, predictor: Predictor, expected_length: Int, expected_distance: Int,
    length: Int, distance: Int,
) -> tuple[Int, Int]:  # fmt: skip
    """A token, given the expected one; always one that stays inside of the bytes."""
    state = predictor.state
    known = expected_length
    kind = _MATCH if expected_length else _NO_MATCH
    if not expected_length and state[LENGTH]:
        known, kind = state[LENGTH], _LONGER_BEHIND
    size = 32 * kind + min(known, 31)
    situation = 8 * size + (state[HISTORY] & 7)
    mistake = decide(
        coder,
        _MISTAKE + situation,
        int(length != expected_length or distance != expected_distance),
    )
    state[HISTORY] = state[HISTORY] << 1 & 0xFF | mistake
    if not mistake:
        return expected_length, expected_distance
    state[MISTAKES] += 1
    if kind == _MATCH and decide(coder, _IS_LITERAL + situation, int(length == 0)):
        return 0, 0
    length = _code_length(coder, kind, size, max(known, MIN_LENGTH), length)
    left = state[END] - state[AT]
    length = min(max(length, MIN_LENGTH), MAX_LENGTH, left)
    if length < MIN_LENGTH:
        return 0, 0
    return length, _code_distance(coder, predictor, min(length, 7), length, distance)


@inlined
def _code_length(coder: Coder, kind: Int, size: Int, known: Int, length: Int) -> Int:
    if not decide(coder, _OTHER_LENGTH + size, int(length != known)):
        return known
    shorter = decide(coder, _SHORTER + kind, int(length < known))
    difference = known - length if shorter else length - known
    contexts = _LENGTHS + shorter * NUMBER_CONTEXTS
    difference = 1 + decide_number(coder, contexts, difference - 1)
    return known - difference if shorter else known + difference


@inlined
def _code_distance(coder: Coder, predictor: Predictor, row: Int, length: Int, distance: Int) -> Int:
    """By its rank among the known matches, from 1; 0, and then itself, if it has none."""
    decoding = coder.state[DECODING] != 0
    rank: Int = np.int64(0)
    if not decoding:
        rank = 1 + rank_of_distance(predictor, length, distance)
    rank = decide_number(coder, _RANKS + row * NUMBER_CONTEXTS, rank)
    if rank and decoding:
        distance = nth_distance(predictor, length, rank - 1)
    if rank:
        return distance
    at = predictor.state[AT]
    code = min(decide_bits(coder, _CODES, 5, DISTANCE_CODE[distance]), 29)
    extra = distance - DISTANCE_BASE[code]
    more: Int = np.int64(0)
    for place in range(DISTANCE_EXTRA[code] - 1, -1, -1):
        more = more << 1 | decide(coder, _EXTRA + place, extra >> place & 1)
    found: Int = DISTANCE_BASE[code] + more
    farthest: Int = max(at, 1)
    return min(max(found, 1), farthest)
