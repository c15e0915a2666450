"""Waves of coefficients as binary decisions, by the network's mixtures and what files teach.

A coefficient is taken apart around a *base*, which is 0, or the mixture's mean where 0 is
unlikely: is it the base; is it below; is the distance more than 1, 2 ... 6; and beyond that, in
which of groups of 2, 4, 8 ... it is, and where in the group. Each decision parts an interval in
two, so its probability follows from the mixture's masses of both. :mod:`.mixing` makes it better
by contexts: values of what is known around. Encoder and decoder run the same code; where the
encoder knows what to decide, the decoder takes the decision off the stack.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.coding.jpeg.contexts import (
    VALUE,
    Known,
    find_contexts,
    find_sign_contexts,
    range_of,
    slot_of,
    surprise,
)
from core.coding.jpeg.decisions import BITS_OF, Tape, pop
from core.coding.jpeg.logistic import LIMIT
from core.coding.jpeg.mixing import (
    BY_COUNT,
    BY_LOGIT,
    CERTAIN,
    N_CERTAIN,
    N_CONTEXTS,
    N_COUNTS,
    N_NODES,
    N_VALUES,
    Learned,
    Look,
    Scratch,
    decide,
)
from core.compiled import compiled
from core.flows.jpeg.wave import EDGE_BITS, Wave, accept, edge, edges, predict

Int32s = NDArray[np.int32]

_ONE = 1 << EDGE_BITS

#: Where 0 has less than this of 2^24, about 3 %, coefficients are coded around the mean.
_UNLIKELY = 503_316

#: Distances from the base that are asked for one by one.
_STEPS = 6

#: Of a block so far: zeros since the last coefficient that is none, how many are none, and how many
#: had been expected to be none, in 1/256.
_ZEROS, _COUNT, _EXPECTED = range(3)

#: The widest group: with it any two numbers of 16 bits are told apart.
_WIDEST = 16

#: No coefficient takes more decisions.
MAX_DECISIONS = 2 + _STEPS + 2 * _WIDEST


class Mixture(NamedTuple):
    """The mixtures of a coefficient of all blocks of a wave, which has these arrays."""

    weights: NDArray[np.float32]
    means: NDArray[np.float32]
    inverse: NDArray[np.float32]


class Rows(NamedTuple):
    """What is noted of each block of a wave."""

    seen: NDArray[np.int64]  # (n, 3): see _ZEROS, _COUNT and _EXPECTED
    low: NDArray[np.int32]  # (n,): edges at 0 and at 1
    high: NDArray[np.int32]
    taken: NDArray[np.float64]  # (n,): bits


@compiled
def code_wave(
    decoding: bool, wave: Wave, mixture: Mixture, known: Known, rows: Rows, learned: Learned,
    look: Look, scratch: Scratch, tape: Tape,
) -> int:  # fmt: skip
    """Codes the blocks of a wave; the number of decisions.

    mixture: the wave's; wave.x: what to code, or is filled. tape.records has room for 64
    MAX_DECISIONS a block.
    """
    n, at, x, centre = 0, np.zeros(wave.n, dtype=np.int32), wave.x, wave.centre
    seen = rows.seen
    seen[: wave.n] = 0
    rows.taken[: wave.n] = 0.0
    for k in range(64):
        predict(wave, k)
        at[:] = 0
        edges(wave, at, rows.low)
        at[:] = 1
        edges(wave, at, rows.high)
        for b in range(wave.n):
            low, high, base = int(rows.low[b]), int(rows.high[b]), 0
            if high - low < _UNLIKELY:
                base = int(centre[b])
                low, high = _edge(mixture, b, base), _edge(mixture, b, base + 1)
            logit = _logit(high - low, _ONE - (high - low), look.logarithms)
            distance = 0 if decoding else int(x[b, k]) - base
            first, is_base, certain = n, 0, logit > CERTAIN
            if certain:
                is_base = _certain(decoding, int(distance == 0), logit, k, learned, look, tape, n)
                n += 1
            if is_base == 0:
                n, distance = _uncertain(
                    decoding, mixture, b, k, n, base, distance, low, high, logit, certain,
                    wave.rows[b], wave.columns[b], known, seen, learned, look, scratch, tape,
                )  # fmt: skip
            else:
                distance = 0
            x[b, k] = base + distance  # of a damaged stack, it may be out of range
            known.levels[wave.rows[b] + 2, wave.columns[b] + 2, k] = x[b, k]
            seen[b, _EXPECTED] += (65536 - look.squash[logit + LIMIT]) >> 8 if base == 0 else 256
            seen[b, _ZEROS] += 1
            if x[b, k] != 0:
                seen[b, _COUNT] += 1
                seen[b, _ZEROS] = 0
            for i in range(first, n):
                p = tape.records[i] >> np.uint32(1)
                bit = tape.records[i] & np.uint32(1)
                rows.taken[b] += BITS_OF[p if bit else np.uint32(65536) - p]
        accept(wave, k)
    for b in range(wave.n):
        row, column = wave.rows[b] + 2, wave.columns[b] + 2
        left = 0
        for k in range(63, -1, -1):
            left += known.levels[row, column, k] != 0
            known.after[row, column, k] = left
        known.surprise[row, column] = surprise(seen[b, _COUNT], seen[b, _EXPECTED])
    return n


@compiled
def _certain(
    decoding: bool, bit: int, logit: int, k: int, learned: Learned, look: Look, tape: Tape, n: int
) -> int:
    """Codes whether a coefficient is the base, where that is next to certain."""
    slot = k * N_CERTAIN + min((logit - CERTAIN) >> 6, N_CERTAIN - 1)
    offset = int(learned.certain[slot])
    p = int(look.squash[min(max(logit + (offset >> 8), -LIMIT), LIMIT) + LIMIT])
    if decoding:
        bit = pop(tape, p)
    tape.records[n] = (p << 1) | bit
    learned.certain[slot] = offset + (((bit << 16) - p) >> 4)
    return bit


@compiled
def _uncertain(
    decoding: bool, mixture: Mixture, b: int, k: int, n: int, base: int, distance: int,
    low: int, high: int, logit: int, certain: bool, r: int, c: int, known: Known,
    seen: NDArray[np.int64], learned: Learned, look: Look, scratch: Scratch, tape: Tape,
) -> tuple[int, int]:  # fmt: skip
    """Codes a coefficient's distance from its base; the number of decisions, and the distance.

    low, high: F at the base's edges; logit: of being the base; certain: that it is not is known.
    """
    bases, kept, logarithms = scratch.bases, scratch.kept, look.logarithms
    count = seen[b, _COUNT]
    by_count = BY_COUNT + min(count, N_COUNTS - 1) * N_NODES
    find_contexts(
        bases, known, look.buckets, r, c, k, _place(mixture, b, base, look.buckets), count,
        seen[b, _ZEROS], surprise(count, seen[b, _EXPECTED]),
    )  # fmt: skip
    size, sign, reached = abs(distance), 1, 0
    below, above, rest, further = low, _ONE - high, 0, 0
    node = 1 if certain else 0
    while reached <= _STEPS:
        value = k * N_VALUES + min(abs(base + sign * reached), N_VALUES - 1)
        if node == 0:
            bit = int(distance == 0)
        elif node == 1:
            for j in range(N_CONTEXTS):
                kept[j] = bases[j]
            find_sign_contexts(bases, known, r, c, k)
            logit = _logit(below, above, logarithms)
            bit = int(distance < 0)
        else:
            further = _from(mixture, b, base, sign, reached + 1)
            logit = _logit(further, rest - further, logarithms)
            bit = int(size > reached)
        bases[VALUE] = slot_of(VALUE, value)
        bit = decide(
            decoding, bit, logit, node, k * N_NODES + node,
            BY_LOGIT + range_of(logit) * N_NODES + node, by_count + node, value * N_NODES + node,
            learned, look, scratch, tape, n,
        )  # fmt: skip
        n += 1
        if node == 0:
            if bit:
                return n, 0
        elif node == 1:
            sign, reached = 1 - 2 * bit, 1
            rest = below if bit else above  # the mass from what is reached on
            for j in range(N_CONTEXTS):
                bases[j] = kept[j]
        else:
            if bit == 0:
                return n, sign * reached
            rest, reached = further, reached + 1
        node += 1
    return _far(decoding, mixture, b, n, base, sign, size, reached, rest, look, tape)


@compiled
def _place(mixture: Mixture, b: int, base: int, buckets: NDArray[np.int64]) -> int:
    """Where the mixture's mean lies, from the base on: one of 26 buckets."""
    mean = mixture.weights[0, b] * mixture.means[0, b]
    mean += mixture.weights[1, b] * mixture.means[1, b]
    mean += mixture.weights[2, b] * mixture.means[2, b]
    mean = np.floor((mean - np.float32(base)) * np.float32(16) + np.float32(0.5))
    place = int(min(max(mean, np.float32(-2047)), np.float32(2047)))
    if base == 0:
        return min(int(buckets[abs(place)]) >> 1, 12) + (13 if place < 0 else 0)
    return min(max(((place + 8) * 13) >> 4, 0), 12) + 13


@compiled
def _far(
    decoding: bool, mixture: Mixture, b: int, n: int, base: int, sign: int, size: int, reached: int,
    rest: int, look: Look, tape: Tape,
) -> tuple[int, int]:  # fmt: skip
    """Codes a distance that is known to reach so far, by the mixture alone."""
    top, width = rest, 2
    while width < 1 << _WIDEST:
        further = _from(mixture, b, base, sign, reached + width)
        logit = _logit(further, rest - further, look.logarithms)
        bit = _plain(decoding, int(size >= reached + width), logit, look, tape, n)
        n += 1
        if bit == 0:
            rest -= further
            break
        top, rest, reached, width = further, further, reached + width, 2 * width
    while width > 1:
        width >>= 1
        further = _from(mixture, b, base, sign, reached + width)
        nearer = top - further
        logit = _logit(rest - nearer, nearer, look.logarithms)
        bit = _plain(decoding, int(size >= reached + width), logit, look, tape, n)
        n += 1
        if bit:
            top, rest, reached = further, rest - nearer, reached + width
        else:
            rest = nearer
    return n, sign * reached


@compiled
def _plain(decoding: bool, bit: int, logit: int, look: Look, tape: Tape, n: int) -> int:
    """Codes a decision by a logit alone."""
    p = int(look.squash[logit + LIMIT])
    if decoding:
        bit = pop(tape, p)
    tape.records[n] = (p << 1) | bit
    return bit


@compiled
def _edge(mixture: Mixture, b: int, h: int) -> int:
    return edge(mixture.weights, mixture.means, mixture.inverse, b, h)


@compiled
def _from(mixture: Mixture, b: int, base: int, sign: int, distance: int) -> int:
    """The mixture's mass at a distance from the base, and further."""
    if sign > 0:
        return _ONE - _edge(mixture, b, base + distance)
    return _edge(mixture, b, base - distance + 1)


@compiled
def _logit(yes: int, no: int, logarithms: Int32s) -> int:
    """The logit of one mass against another; masses that vanish, or are rounded below 0, are 1."""
    return min(max(_logarithm(yes, logarithms) - _logarithm(no, logarithms), -LIMIT), LIMIT)


@compiled
def _logarithm(mass: int, logarithms: Int32s) -> int:
    """256 ln(mass), for masses up to 2^24."""
    shift = 0
    while mass >= 4096:
        mass >>= 1
        shift += 1
    return int(logarithms[max(mass, 1)]) + ((shift * 45426) >> 8)
