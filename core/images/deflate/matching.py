"""What zlib would write next: its search for matches, told which tokens were written instead.

A predictor stands at the beginning of a token, knows all bytes and all tokens before it, and
says which token zlib would write. :func:`advance` then tells it which one was written. As long as
both agree, it does what zlib does; where they differ, it goes on from the token that was written.
So a stream by zlib is predicted without a mistake, and one by another program mostly.

zlib indexes each position by a hash of its three bytes, zlib-ng of four. ``heads`` has the last
position of each hash, ``links`` the position before each with the same hash: a chain. Position 0
ends chains, and so it is never found; links are kept by position modulo 2**15.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled, inlined
from core.images.deflate.parameters import (
    CHAIN,
    FARTHEST,
    FED_BY,
    GOOD,
    HASH_BITS,
    HASHED,
    KIND,
    LAZY,
    NICE,
    READ_AHEAD,
    SHORTEST,
    TOO_FAR,
    WINDOW,
    Matcher,
    Parameters,
)
from core.images.deflate.standard import (
    MAX_DISTANCE,
    MAX_LENGTH,
    MIN_LENGTH,
    Bytes,
    Int,
    Integers,
    Tokens,
)
from core.images.deflate.words import borrowed, eight_at, pair_at

#: Places in the state. Of the token at AT: the match found, if WAITING already before the last
#: literal; of the one behind it: the match found. INDEXED: positions before it are in chains.
AT, WAITING, LENGTH, DISTANCE, NEXT_LENGTH, NEXT_DISTANCE, INDEXED = range(7)
#: Counts of mistakes, and recent ones as bits (see core.images.deflate.differences).
MISTAKES, HISTORY = 7, 8
#: The number of bytes. Whether the match behind the token was looked for.
END, NEXT_KNOWN = 9, 10
#: How many bytes MEDIUM was given so far, and where its window begins.
FED, BEGIN = 11, 12
_STATE_SIZE = 13

#: Unused bytes behind the others, so that several can be compared at once.
PADDING = 16

_MASK = MAX_DISTANCE - 1
#: Candidates that are looked at to name a distance by its rank.
_MOST_STEPS = 4_096

_SLOW, _FAST, _RUNS = int(Matcher.SLOW), int(Matcher.FAST), int(Matcher.RUNS)
_MEDIUM = int(Matcher.MEDIUM)


class Predictor(NamedTuple):
    """Bytes with PADDING behind them, settings and state of a predictor."""

    plain: Bytes
    settings: Integers
    state: Integers
    heads: NDArray[np.int32]
    links: NDArray[np.int32]


def predictor(plain: Bytes, parameters: Parameters) -> Predictor:
    """A predictor at the beginning of bytes, which have PADDING behind them."""
    state = np.zeros(_STATE_SIZE, np.int64)
    state[END] = len(plain) - PADDING
    return Predictor(
        plain,
        parameters.settings(),
        state,
        np.zeros(1 << parameters.hash_bits, np.int32),
        np.zeros(MAX_DISTANCE, np.int32),
    )


@inlined
def _hash(plain: Bytes, at: Int, bits: Int, hashed: Int) -> Int:
    if hashed == 4:
        four = np.int64(pair_at(plain, at)) | np.int64(plain[at + 2]) << 16
        four |= np.int64(plain[at + 3]) << 24
        return (four * 2_654_435_761 & 0xFFFFFFFF) >> 16
    shift = (bits + 2) // 3
    mixed = np.int64(plain[at]) << 2 * shift ^ np.int64(plain[at + 1]) << shift
    return (mixed ^ np.int64(plain[at + 2])) & (1 << bits) - 1


@inlined
def _index(predictor: Predictor, until: Int) -> None:
    """Puts all positions before ``until`` into their chains, if the bytes of a hash follow."""
    plain, settings, state, heads, links = predictor
    bits, hashed = settings[HASH_BITS], settings[HASHED]
    stop = min(until, state[END] - hashed + 1)
    for at in range(state[INDEXED], stop):
        place = _hash(plain, at, bits, hashed)
        links[at & _MASK] = heads[place]
        heads[place] = at
    state[INDEXED] = max(state[INDEXED], until)


@inlined
def _same(plain: Bytes, place: Int, other: Int, most: Int) -> Int:
    """How many bytes are equal at two places, up to ``most``."""
    n: Int = np.int64(0)
    while n + 8 <= most and eight_at(plain, place + n) == eight_at(plain, other + n):
        n += 8
    while n < most and plain[place + n] == plain[other + n]:
        n += 1
    return n


@inlined
def _search(predictor: Predictor, at: Int, known: Int) -> tuple[Int, Int]:
    """The first longest match at an indexed position that is longer than ``known``, or 0, 0."""
    plain, settings, state, _, links = predictor
    left = state[END] - at
    if left < settings[HASHED]:
        return np.int64(0), np.int64(0)
    candidate = np.int64(links[at & _MASK])
    farthest = settings[FARTHEST]
    if candidate <= 0 or at - candidate > farthest:
        return np.int64(0), np.int64(0)
    most = min(left, MAX_LENGTH)
    nice = min(settings[NICE], left)
    chain = settings[CHAIN]
    if known >= settings[GOOD]:
        chain >>= 2
    if known >= most:
        return np.int64(0), np.int64(0)
    limit = max(at - farthest, 0)
    best: Int = np.int64(known)
    distance: Int = np.int64(0)
    first, tail = pair_at(plain, at), pair_at(plain, at + best - 1)
    while True:
        if pair_at(plain, candidate + best - 1) == tail and pair_at(plain, candidate) == first:
            length = _same(plain, candidate, at, most)
            if length > best:
                best, distance = length, at - candidate
                if best >= nice:
                    break
                tail = pair_at(plain, at + best - 1)
        candidate = np.int64(links[candidate & _MASK])
        chain -= 1
        if candidate <= limit or candidate >= at or chain == 0:
            break
    if distance == 0:
        return np.int64(0), np.int64(0)
    return best, distance


@inlined
def _worthwhile(predictor: Predictor, at: Int, known: Int) -> tuple[Int, Int]:
    """:func:`_search`, without matches that SLOW and MEDIUM drop."""
    settings = predictor.settings
    length, distance = _search(predictor, at, known)
    if length < settings[SHORTEST] or (length == MIN_LENGTH and distance > settings[TOO_FAR]):
        return np.int64(0), np.int64(0)
    return length, distance


@inlined
def predict(predictor: Predictor) -> tuple[Int, Int]:
    """Length and distance of the next token, 0 and 0 for a literal. Not at the end of the bytes."""
    plain, settings, state, _, _ = predictor
    at = state[AT]
    kind = settings[KIND]
    if kind == _SLOW:
        return _predict_slow(predictor, at)
    if kind == _MEDIUM:
        return _predict_medium(predictor, at)
    if kind == _FAST:
        _index(predictor, at + 1)
        return _search(predictor, at, MIN_LENGTH - 1)
    if kind == _RUNS and at > 0:
        most = min(state[END] - at, MAX_LENGTH)
        length = _same(plain, at - 1, at, most)
        if length >= MIN_LENGTH:
            return length, np.int64(1)
    return np.int64(0), np.int64(0)


@inlined
def _predict_slow(predictor: Predictor, at: Int) -> tuple[Int, Int]:
    _, settings, state, _, _ = predictor
    if not state[WAITING]:
        _index(predictor, at + 1)
        state[LENGTH], state[DISTANCE] = _worthwhile(predictor, at, MIN_LENGTH - 1)
    length, distance = state[LENGTH], state[DISTANCE]
    next_length: Int = np.int64(0)
    next_distance: Int = np.int64(0)
    if at + 1 < state[END]:
        _index(predictor, at + 2)
        if length < settings[LAZY]:
            known = max(length, MIN_LENGTH - 1)
            next_length, next_distance = _worthwhile(predictor, at + 1, known)
    state[NEXT_LENGTH], state[NEXT_DISTANCE] = next_length, next_distance
    if length and next_length <= length:
        return length, distance
    return np.int64(0), np.int64(0)


@inlined
def _predict_medium(predictor: Predictor, at: Int) -> tuple[Int, Int]:
    plain, settings, state, _, _ = predictor
    size: Int = np.int64(0)
    while size == 0:  # nothing is left of a match that another one takes the place of
        if state[FED] - at < READ_AHEAD:
            _feed(predictor, at)
        if not state[WAITING]:
            _index(predictor, at + 1)
            state[LENGTH], state[DISTANCE] = _worthwhile(predictor, at, MIN_LENGTH - 1)
        size = max(state[LENGTH], 1)
        behind = at + size
        _index_match(predictor, behind, size)
        state[NEXT_KNOWN] = 0
        state[NEXT_LENGTH] = state[NEXT_DISTANCE] = 0
        room = behind - state[BEGIN] < 2 * settings[WINDOW] - READ_AHEAD
        if state[FED] - at > READ_AHEAD and room:
            _index(predictor, behind + 1)
            length, distance = _worthwhile(predictor, behind, MIN_LENGTH - 1)
            if length and size > 1:
                taken = _taken(plain, behind, size, length, distance)
                size -= taken
                length += taken
            state[NEXT_KNOWN] = 1
            state[NEXT_LENGTH], state[NEXT_DISTANCE] = length, distance
        if size == 0:
            state[WAITING] = 1
            state[LENGTH], state[DISTANCE] = state[NEXT_LENGTH], state[NEXT_DISTANCE]
    if size == 1:
        return np.int64(0), np.int64(0)
    return size, state[DISTANCE]


@inlined
def _feed(predictor: Predictor, at: Int) -> None:
    """Moves the window of MEDIUM if it is at its end, and fills it.

    What was found before is forgotten. Where there was something to fill it with, the position
    before is put into its chain again, unless it is the last one there. Then this one is, too, and
    only if it was not the last one of its chain, it is searched again.
    """
    _, settings, state, _, _ = predictor
    window, fed_by = settings[WINDOW], settings[FED_BY]
    before = state[FED]
    while state[FED] - at < READ_AHEAD and state[FED] < state[END]:
        if at - state[BEGIN] >= 2 * window - READ_AHEAD:
            state[BEGIN] += window
        following = (state[FED] // fed_by + 1) * fed_by
        state[FED] = min(following, state[END], state[BEGIN] + 2 * window)
    if at > 0 and state[FED] > before:
        _index_again(predictor, at - 1)
    if state[WAITING]:
        state[LENGTH] = 0
        if _index_again(predictor, at):
            state[LENGTH], state[DISTANCE] = _worthwhile(predictor, at, MIN_LENGTH - 1)


@inlined
def _index_again(predictor: Predictor, at: Int) -> bool:
    """Puts a position into its chain, unless it is the last one there; whether it did."""
    plain, settings, state, heads, links = predictor
    if at + settings[HASHED] > state[END]:
        return False
    place = _hash(plain, at, settings[HASH_BITS], settings[HASHED])
    if heads[place] == at:
        return False
    links[at & _MASK] = heads[place]
    heads[place] = at
    return True


@inlined
def _index_match(predictor: Predictor, until: Int, size: Int) -> None:
    """Puts the positions of a match that MEDIUM takes into chains; of a very long one, the last."""
    if size > 16 * predictor.settings[LAZY]:
        predictor.state[INDEXED] = max(predictor.state[INDEXED], until - 1)
    _index(predictor, until)


@inlined
def _taken(plain: Bytes, behind: Int, size: Int, length: Int, distance: Int) -> Int:
    """How many bytes of a match of ``size`` the one behind it takes: all, all but one, or none."""
    place = behind - distance
    if size > place + 1 or plain[place - size + 1] != plain[behind - size + 1]:
        return np.int64(0)
    taken: Int = np.int64(0)
    while (
        taken < size
        and length + taken < 256
        and place - taken > 1
        and plain[place - taken - 1] == plain[behind - taken - 1]
    ):
        taken += 1
    return taken if size - taken <= 1 else np.int64(0)


@inlined
def advance(predictor: Predictor, length: Int, expected: bool) -> None:
    """Goes behind the token that was written; ``expected``: as :func:`predict` said."""
    _, settings, state, _, _ = predictor
    at = state[AT]
    kind = settings[KIND]
    state[AT] = at + max(length, 1)
    if kind == _SLOW:
        state[WAITING] = 0
        if length:
            _index(predictor, at + length)
        elif expected:
            state[WAITING] = 1
            state[LENGTH], state[DISTANCE] = state[NEXT_LENGTH], state[NEXT_DISTANCE]
    elif kind == _MEDIUM:
        _index_match(predictor, state[AT], length)
        state[WAITING] = 0
        if expected and state[NEXT_KNOWN]:
            state[WAITING] = 1
            state[LENGTH], state[DISTANCE] = state[NEXT_LENGTH], state[NEXT_DISTANCE]
    elif kind == _FAST:
        if 0 < length <= settings[LAZY]:
            _index(predictor, at + length)
        else:
            state[INDEXED] = max(state[AT], state[INDEXED])


@compiled
def follow(predictor: Predictor, tokens: Tokens) -> None:
    """Goes on by tokens, and counts those that were not expected as mistakes."""
    predictor = borrowed(predictor)
    for token in tokens:
        expected_length, expected_distance = predict(predictor)
        length, distance = np.int64(token) >> 16, np.int64(token) & 0xFFFF
        predictor.state[MISTAKES] += length != expected_length or distance != expected_distance
        advance(predictor, length, length == expected_length and distance == expected_distance)


@compiled
def wander(predictor: Predictor, end: Int) -> Int:
    """Goes on to a byte by the tokens that are expected; how many, -1 if the last one goes on."""
    predictor = borrowed(predictor)
    count: Int = np.int64(0)
    while predictor.state[AT] < end:
        length, _ = predict(predictor)
        advance(predictor, length, True)
        count += 1
    if predictor.state[AT] != end:
        count = np.int64(-1)
    jump(predictor, end)
    return count


@inlined
def jump(predictor: Predictor, end: Int) -> None:
    """Stands at a byte inside of the last token, as if a token began there."""
    if predictor.state[AT] != end:
        predictor.state[AT] = end
        predictor.state[WAITING] = 0


@inlined
def nth_distance(predictor: Predictor, length: Int, n: Int) -> Int:
    """The distance of the n-th match of ``length`` bytes, nearest first; 0 if none is known."""
    return _walk(predictor, length, n, np.int64(MAX_DISTANCE + 1))[1]


@inlined
def rank_of_distance(predictor: Predictor, length: Int, distance: Int) -> Int:
    """Which match of ``length`` bytes has a distance, nearest first; -1 if none is known."""
    rank, found = _walk(predictor, length, MAX_DISTANCE, distance)
    return rank if found == distance else np.int64(-1)


@inlined
def _walk(predictor: Predictor, length: Int, n: Int, until: Int) -> tuple[Int, Int]:
    """The n-th match, or the first one as far as ``until``: its rank and its distance."""
    plain, settings, state, _, links = predictor
    at = state[AT]
    kind = settings[KIND]
    none = np.int64(-1), np.int64(0)
    least = max(length, settings[HASHED])
    if (kind != _SLOW and kind != _FAST and kind != _MEDIUM) or at + least > state[END]:
        return none
    candidate = np.int64(links[at & _MASK])
    rank: Int = np.int64(0)
    for _ in range(_MOST_STEPS):
        distance = at - candidate
        if candidate <= 0 or distance > MAX_DISTANCE:
            break
        if _same(plain, candidate, at, length) == length:
            if rank == n or distance >= until:
                return rank, distance
            rank += 1
        following = np.int64(links[candidate & _MASK])
        if following >= candidate:  # a link that was overwritten
            break
        candidate = following
    return none
