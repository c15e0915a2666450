"""Blocks of coefficients as binary decisions, each predicted, coded and learned from.

One compiled function goes through the blocks of a component, in the encoder and in the decoder
alike: where the encoder knows what to decide, the decoder takes the decision off the stack. All
arithmetic is on integers.

A block is taken apart in this order: the number of nonzero coefficients of the interior (both
frequencies above zero), and the interior in zigzag order until they are used up; the same for the
first row and the first column; the DC coefficient last, as its difference from a prediction by
all others. A coefficient is: whether it is zero; its sign; the length of its magnitude in unary;
the magnitude's bits below the first.

Each decision has a probability from each of several contexts (adaptive counters), mixed in the
logistic domain by weights that learn online (Mahoney, "Adaptive Weighing of Context Models for
Lossless Data Compression", 2005), and refined by a last table of its own. Contexts rest on two
linear predictions of each coefficient from known ones: its *centre*, which learned what
continuity across block borders means, and its *scale*, the magnitude to be expected.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.coding.jpeg.decisions import Tape, pop
from core.coding.jpeg.logistic import LARGEST_MAGNITUDE, LIMIT, Tables
from core.compiled import compiled

Int32s = NDArray[np.int32]

# --- layout: all of it is part of the format -------------------------------------------------

#: Inputs of a mixture: contexts, then a constant, then zeros up to a multiple of 8.
N_CONTEXTS = 12
N_INPUTS = 16

#: Decisions of a coefficient: zero, sign, eight for the length of its magnitude, bits.
N_NODES = 32
_SIGN, _LENGTH = 1, 1  # the length's first decision is node 2
_MAX_LENGTH_NODE = 8

#: Values that each context of a coefficient can take; the last ones are common to all positions.
SIZES = np.array([26, 117, 72, 36, 60, 64, 63, 96, 49, 100, 416, 1620], np.int64)
N_BY_POSITION = 10

#: Values of contexts of counts: of the interior, then of the first row and column.
INTERIOR_VALUES, EDGE_VALUES = 256, 512
_INTERIOR_NODES, _EDGE_NODES = 64, 16

#: Where each context's counters begin.
COEFFICIENT_STARTS = np.cumsum(
    [0, *(SIZES * N_NODES * np.where(np.arange(N_CONTEXTS) < N_BY_POSITION, 64, 1))]
)
INTERIOR_START = int(COEFFICIENT_STARTS[-1])
EDGE_START = INTERIOR_START + N_CONTEXTS * INTERIOR_VALUES * _INTERIOR_NODES
N_COUNTERS = EDGE_START + N_CONTEXTS * EDGE_VALUES * _EDGE_NODES

#: Sets of weights: by position or count, by scale, by what is left.
_COUNT_SETS = _INTERIOR_NODES + _EDGE_NODES
BY_SCALE = 64 * N_NODES + _COUNT_SETS
BY_LEFT = BY_SCALE + 26 * N_NODES
N_SETS = BY_LEFT + 16 * N_NODES

#: Rows of the last table, and points of each.
N_ROWS, N_POINTS = BY_SCALE, 26

#: Known values that centre and scale are predicted from.
N_CENTRE, N_SCALE = 39, 18

#: Bits of a fraction in the weights of centre and scale.
FRACTION_BITS = 11

#: The interior in zigzag order, the first row, the first column, the DC coefficient.
ORDER = np.array(
    [
        *(9, 10, 17, 25, 18, 11, 12, 19, 26, 33, 41, 34, 27, 20, 13, 14),
        *(21, 28, 35, 42, 49, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44),
        *(51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63),
        *(1, 2, 3, 4, 5, 6, 7, 8, 16, 24, 32, 40, 48, 56, 0),
    ],
    np.int64,
)
_ROW, _COLUMN, _DC = 49, 56, 63

#: Dequantised coefficients are cut off here before anything is predicted from them.
BOUND = (1 << 14) - 1

#: More decisions than a block can take.
MAX_DECISIONS = 2200

#: How fast a model learns: observations that a counter remembers; steps of the weights of a
#: position, in units of 2^-20, and of those that positions share; steps of the table, 2^-10.
MEMORY, RATE, SHARED_RATE, TABLE_RATE = range(4)


class Model(NamedTuple):
    """What a component is predicted by. Counters, weights and table learn as it is coded."""

    centre: Int32s  # (64, N_CENTRE), in units of 2^-FRACTION_BITS
    scale: Int32s  # (64, N_SCALE)
    counters: NDArray[np.uint32]  # (N_COUNTERS,): a probability of 22 bits, a count of 10
    weights: Int32s  # (N_SETS, N_INPUTS), in units of 2^-16
    table: Int32s  # (N_ROWS * N_POINTS,): probabilities
    learning: NDArray[np.int64]  # (4,): MEMORY, RATE, SHARED_RATE, TABLE_RATE


class Plane(NamedTuple):
    """A component: what is coded, what else is known of the same places, and the last rows."""

    levels: NDArray[np.int16]  # (R, C, 64): the quantised coefficients
    quantiser: NDArray[np.int64]  # (64,): none is zero
    inverse: NDArray[np.int64]  # (64,): 2^32 / quantiser
    luma: Int32s  # (R, C, 64) or empty: another component on this one's grid, dequantised
    chroma: NDArray[np.int16]  # (R, C, 64) or empty: the first chroma component's levels
    chroma_quantiser: NDArray[np.int64]
    values: Int32s  # (3, C + 4, 64): dequantised coefficients of the last rows of blocks
    columns: Int32s  # the same with each block transposed
    coded: Int32s  # (3, C + 4, 64): levels as they were coded: of DC, the difference
    errors: Int32s  # (3, C + 4, 64): how far off the centres were
    counts: Int32s  # (3, C + 4, 3): nonzero coefficients of interior, row and column


@compiled
def code_blocks(
    decoding: bool, first: int, stop: int, plane: Plane, model: Model, look: Tables, tape: Tape
) -> tuple[int, int]:
    """Codes blocks from one on, in raster order; the block to go on with, and the decisions made.

    Stops before ``stop``, or when ``tape.records`` might not take another block. In a decoder,
    ``plane.levels`` is zero from the first block on, and becomes what was coded.
    """
    n_columns = plane.levels.shape[1]
    slots, inputs = np.zeros(N_CONTEXTS, np.uint32), np.zeros(N_INPUTS, np.int32)
    inputs[N_CONTEXTS] = 256
    bases = np.zeros(N_CONTEXTS, np.int64)
    luma, chroma = np.zeros(64, np.int32), np.zeros(64, np.int32)
    seen = np.zeros(N_SCALE, np.int64)
    n = 0
    block = first
    while block < stop and n + MAX_DECISIONS <= len(tape.records):
        row, column = block // n_columns, block % n_columns
        if column == 0:
            plane.values[row % 3] = 0
            plane.columns[row % 3] = 0
            plane.coded[row % 3] = 0
            plane.errors[row % 3] = 0
            plane.counts[row % 3] = 0
        n_luma, n_chroma = 0, 0
        if len(plane.luma):
            for k in range(64):
                luma[k] = plane.luma[row, column, k]
                n_luma += k > 0 and 2 * abs(luma[k]) > plane.quantiser[k]
        if len(plane.chroma):
            for k in range(64):
                level = int(plane.chroma[row, column, k])
                chroma[k] = min(max(level * plane.chroma_quantiser[k], -BOUND), BOUND)
                n_chroma += k > 0 and level != 0
        n = _code_block(
            decoding, row, column, n, n_luma, n_chroma, plane, model, look, tape,
            slots, inputs, bases, luma, chroma, seen,
        )  # fmt: skip
        tape.ends[block] = n
        block += 1
    return block, n


@compiled
def _code_block(
    decoding: bool,
    row: int,
    column: int,
    n: int,
    n_luma: int,
    n_chroma: int,
    plane: Plane,
    model: Model,
    look: Tables,
    tape: Tape,
    slots: NDArray[np.uint32],
    inputs: Int32s,
    bases: NDArray[np.int64],
    luma: Int32s,
    chroma: Int32s,
    seen: NDArray[np.int64],
) -> int:
    """Codes a block; the number of decisions made so far."""
    here, above, higher = row % 3, (row + 2) % 3, (row + 1) % 3
    at = column + 2
    levels = plane.levels
    values, columns, coded = plane.values, plane.columns, plane.coded
    errors, counts = plane.errors, plane.counts
    buckets = look.buckets
    left, n_interior = 0, 0
    last, before_last = 0, 0  # magnitudes of the coefficients before
    energy, expected = 0, 0  # what was seen of the block, and what had been expected
    for i in range(64):
        if i in (0, _ROW, _COLUMN):
            part = 0 if i == 0 else (1 if i == _ROW else 2)
            left = 0
            if not decoding:
                for j in range(i, _ROW if i == 0 else i + 7):
                    left += levels[row, column, ORDER[j]] != 0
            if i == 0:
                _interior_contexts(bases, counts, here, above, higher, at, n_luma, n_chroma)
                start, n_nodes = 0, _INTERIOR_NODES
            else:
                _edge_contexts(
                    bases, counts, here, above, higher, at, part, n_interior,
                    levels, row, column, luma, chroma, plane.quantiser,
                )  # fmt: skip
                start, n_nodes = _INTERIOR_NODES + 8 * (part - 1), 8
            node, shift = 1, 5 if i == 0 else 2
            while node < n_nodes:
                for j in range(N_CONTEXTS):
                    slots[j] = bases[j] + node
                set_ = 64 * N_NODES + start + node
                bit = _decide(
                    decoding, (left >> shift) & 1, n, slots, inputs,
                    set_, BY_SCALE, BY_LEFT, set_, model, look, tape,
                )  # fmt: skip
                n += 1
                node, shift = 2 * node + bit, shift - 1
            left = node - n_nodes
            counts[here, at, part] = left
            n_interior = left if i == 0 else n_interior
            last = 0
        if i < _DC and left == 0:
            continue
        k = ORDER[i]
        places = (_ROW if i < _ROW else (_COLUMN if i < _COLUMN else _DC)) - i
        step, inverse = plane.quantiser[k], plane.inverse[k]
        centre = _centre(model.centre, values, columns, here, above, higher, at, k, luma, chroma)
        _see(seen, values, errors, here, above, at, higher, k, luma, chroma, centre, step)
        scale = 0
        for j in range(N_SCALE):
            scale += int(model.scale[k, j]) * int(seen[j])
        # Both in sixteenths of the quantiser's step.
        scale = ((max(scale, 0) >> (FRACTION_BITS - 4)) * inverse) >> 32
        place = (abs(centre) * inverse) >> 28
        error = (
            ((8 * seen[16] + 4 * seen[17]) * inverse) >> 32
            if k > 0
            else (8 * (seen[0] + seen[1]) * inverse) >> 32
        )
        predicted = 0
        if i == _DC:
            predicted = (place + 8) >> 4
            place -= predicted << 4
            if centre < 0:
                place, predicted = -place, -predicted
        elif centre < 0:
            place = -place
        by_scale = buckets[min(scale, LARGEST_MAGNITUDE)]
        by_place = buckets[min(abs(place), LARGEST_MAGNITUDE)] >> 1
        by_error = buckets[min(error, LARGEST_MAGNITUDE)]
        west, north = coded[here, at - 1, k], coded[above, at, k]
        by_west, by_north = _six(abs(west)), _six(abs(north))
        near = 2 * seen[8] + seen[9] + seen[10] if k > 0 else seen[8] >> 2
        near = (near * inverse) >> 33
        ratio = _ratio(energy, expected)
        by_luma = buckets[min((8 * abs(luma[k]) * inverse) >> 32, LARGEST_MAGNITUDE)]
        by_chroma = buckets[min((8 * abs(chroma[k]) * inverse) >> 32, LARGEST_MAGNITUDE)]
        third = min(by_scale // 3, 8)

        bases[0] = by_scale
        bases[1] = by_place * 9 + third
        bases[2] = (left if left < 6 else 6 + min((left - 6) >> 2, 5)) * 6 + min(by_scale >> 2, 5)
        bases[3] = by_west * 6 + by_north
        bases[4] = _ten(near) * 6 + (_six(places) if i < _ROW else min(places, 5))
        bases[5] = ratio * 8 + min(third, 7)
        bases[6] = min(by_error // 3, 8) * 7 + min(by_place >> 1, 6)
        bases[7] = min(n_interior >> 2, 11) * 8 + ratio
        bases[8] = (
            _six(abs(coded[above, at - 1, k]) + abs(coded[above, at + 1, k])) * 7
            + _six(abs(coded[here, at - 2, k]) + abs(coded[higher, at, k]))
        )  # fmt: skip
        if len(plane.luma):
            bases[9] = min(by_luma >> 1, 9) * 10 + min(by_chroma >> 1, 9)
        else:
            around = seen[6] + seen[7] if k > 0 else (seen[6] + seen[7]) >> 3
            bases[9] = _ten((around * inverse) >> 33) * 10 + _ten(abs(west) + abs(north))
        bases[10] = by_scale * 16 + by_place
        bases[11] = (
            (min(left, 19) * 9 + min(places >> 2, 8)) * 3 + min(last, 2)
        ) * 3 + min(before_last, 2)  # fmt: skip
        _place(bases, k)
        first = k * N_NODES
        second = BY_SCALE + by_scale * N_NODES
        third_set = BY_LEFT + (min(left, 7) + (0 if i < _ROW else 8)) * N_NODES

        level = int(levels[row, column, k]) - predicted
        nonzero = 1
        if i == _DC or left < places:
            for j in range(N_CONTEXTS):
                slots[j] = bases[j]
            nonzero = 1 - _decide(
                decoding, 1 if level == 0 else 0, n, slots, inputs,
                first, second, third_set, first, model, look, tape,
            )  # fmt: skip
            n += 1
        magnitude = 0
        if nonzero:
            signed = place >= 0
            _sign_contexts(
                slots, signed, by_scale, by_place, by_error, west, north,
                coded[above, at - 1, k], coded[above, at + 1, k], by_luma, luma[k],
                by_chroma, chroma[k], values, here, at,
            )  # fmt: skip
            for j in range(N_CONTEXTS):
                position = k * SIZES[j] if j < N_BY_POSITION else 0
                slots[j] = COEFFICIENT_STARTS[j] + (position + slots[j]) * N_NODES + _SIGN
            negative = _decide(
                decoding, 1 if level < 0 else 0, n, slots, inputs,
                first + _SIGN, second + _SIGN, third_set + _SIGN, first + _SIGN,
                model, look, tape,
            )  # fmt: skip
            n += 1
            # From here on the centre counts along the sign.
            along = -place if negative else place
            by_place = buckets[min(abs(along), LARGEST_MAGNITUDE)] >> 1
            bases[1] = (by_place if along >= 0 else 0) * 9 + third
            bases[2] = 0
            bases[6] = min(by_error // 3, 8) * 7 + (min(by_place >> 1, 6) if along >= 0 else 0)
            bases[10] = by_scale * 16 + (by_place if along >= 0 else 13 + min(by_place >> 2, 2))
            for j in (1, 2, 6, 10):
                position = k * SIZES[j] if j < N_BY_POSITION else 0
                bases[j] = COEFFICIENT_STARTS[j] + (position + bases[j]) * N_NODES

            known = abs(level)
            length = 1
            while length < 16:
                node = _LENGTH + min(length, _MAX_LENGTH_NODE)
                for j in range(N_CONTEXTS):
                    slots[j] = bases[j] + node
                longer = _decide(
                    decoding, 1 if known >> length else 0, n, slots, inputs,
                    first + node, second + node, third_set + node, first + node,
                    model, look, tape,
                )  # fmt: skip
                n += 1
                if longer == 0:
                    break
                length += 1
            magnitude = 1
            for j in range(length - 2, -1, -1):
                node = _bit_node(length, length - 2 - j, magnitude)
                for t in range(N_CONTEXTS):
                    slots[t] = bases[t] + node
                # Where the centre lies in the range that is left.
                inside = 4 * (along - (magnitude << (j + 5))) >> (j + 5)
                inside = min(max(inside, -4), 8) + 4
                slots[1] = COEFFICIENT_STARTS[1] + node + (
                    (k * SIZES[1] + inside * 9 + min(by_error // 3, 8)) * N_NODES
                )  # fmt: skip
                slots[10] = COEFFICIENT_STARTS[10] + node + (inside * 32 + by_error) * N_NODES
                bit = _decide(
                    decoding, (known >> j) & 1, n, slots, inputs,
                    first + node, second + node, third_set + node, first + node,
                    model, look, tape,
                )  # fmt: skip
                n += 1
                magnitude = 2 * magnitude + bit
            level = -magnitude if negative else magnitude
            if i < _DC:
                left -= 1
        else:
            level = 0
        if i < _DC:
            energy, expected = energy + magnitude, expected + scale
        before_last, last = last, magnitude
        whole = level + predicted
        if decoding:
            levels[row, column, k] = whole
        value = min(max(whole * step, -BOUND), BOUND)
        values[here, at, k] = value
        columns[here, at, 8 * (k & 7) + (k >> 3)] = value
        coded[here, at, k] = level
        errors[here, at, k] = min(abs(value - centre), BOUND)
    return n


# --- predictions -----------------------------------------------------------------------------


@compiled
def _centre(
    weights: Int32s,
    values: Int32s,
    columns: Int32s,
    here: int,
    above: int,
    higher: int,
    at: int,
    k: int,
    luma: Int32s,
    chroma: Int32s,
) -> int:
    """What a coefficient is expected to be, dequantised, cut off at BOUND.

    From the coefficients of its row in the block and in the one to the left, of its column in the
    block and in the one above; those of its frequency in other blocks and components.
    """
    row, column = k & 56, 8 * (k & 7)
    total = 0
    for j in range(8):
        total += (
            int(weights[k, j]) * int(values[here, at - 1, row + j])
            + int(weights[k, 8 + j]) * int(columns[above, at, column + j])
            + int(weights[k, 16 + j]) * int(values[here, at, row + j])
            + int(weights[k, 24 + j]) * int(columns[here, at, column + j])
        )
    total += int(weights[k, 32]) * int(luma[k]) + int(weights[k, 33]) * int(chroma[k])
    total += int(weights[k, 34]) * int(values[above, at - 1, k])
    total += int(weights[k, 35]) * int(values[above, at + 1, k])
    total += int(weights[k, 36]) * int(values[here, at - 2, k])
    total += int(weights[k, 37]) * int(values[higher, at, k])
    if k > 0:
        total += int(weights[k, 38]) * int(values[here, at, k ^ 9])
    return min(max(total >> FRACTION_BITS, -BOUND), BOUND)


@compiled
def _see(
    seen: NDArray[np.int64],
    values: Int32s,
    errors: Int32s,
    here: int,
    above: int,
    at: int,
    higher: int,
    k: int,
    luma: Int32s,
    chroma: Int32s,
    centre: int,
    step: int,
) -> None:
    """What the magnitude of a coefficient is predicted from: (N_SCALE,)."""
    left = at - 1
    seen[15] = step
    if k == 0:
        corner = values[above, at - 1, 0]
        seen[0], seen[1] = errors[here, at - 1, 0], errors[above, at, 0]
        seen[2], seen[3] = errors[above, at - 1, 0], errors[above, at + 1, 0]
        seen[4] = abs(values[here, left, 0] - values[above, at, 0])
        seen[5] = abs(corner - values[above, at, 0]) + abs(corner - values[here, left, 0])
        for j in range(6, 9):
            seen[j] = 0
        seen[12], seen[13] = 0, 0
        for j in range(1, 64):
            seen[6] += abs(values[here, left, j])
            seen[7] += abs(values[above, at, j])
            seen[8] += abs(values[here, at, j])
            seen[12] += abs(chroma[j])
            seen[13] += abs(luma[j])
        seen[9], seen[10] = (
            abs(values[here, at, 1]) + abs(values[here, at, 8]),
            abs(values[here, at, 9]),
        )
        seen[11] = abs(centre - ((values[here, left, 0] + values[above, at, 0]) >> 1))
        seen[14] = abs(values[here, at, 16]) + abs(values[here, at, 2])
        seen[16], seen[17] = 0, 0
        return
    u, v = k & 7, k >> 3
    seen[0], seen[1] = abs(values[here, left, k]), abs(values[above, at, k])
    seen[2], seen[3] = abs(values[above, at - 1, k]), abs(values[above, at + 1, k])
    seen[4], seen[5] = abs(values[here, at - 2, k]), abs(values[higher, at, k])
    for j in range(6, 12):
        seen[j] = 0
    if u > 1:
        seen[6] += abs(values[here, left, k - 1])
        seen[7] += abs(values[above, at, k - 1])
        seen[8] += abs(values[here, at, k - 1])
        seen[11] += abs(values[here, at, k - 2])
    if u < 7:
        seen[6] += abs(values[here, left, k + 1])
        seen[7] += abs(values[above, at, k + 1])
        seen[10] += abs(values[here, at, k + 1])
    if v > 1:
        seen[6] += abs(values[here, left, k - 8])
        seen[7] += abs(values[above, at, k - 8])
        seen[8] += abs(values[here, at, k - 8])
        seen[11] += abs(values[here, at, k - 16])
    if v < 7:
        seen[6] += abs(values[here, left, k + 8])
        seen[7] += abs(values[above, at, k + 8])
        seen[10] += abs(values[here, at, k + 8])
    if u > 0 and v > 0:
        seen[9] = abs(values[here, at, k - 9])
    else:  # of the first row or column: its neighbour in the interior
        seen[9] = abs(values[here, at, k + 8 if v == 0 else k + 1])
    seen[12], seen[13], seen[14] = abs(luma[k]), abs(chroma[k]), abs(centre)
    seen[16] = errors[here, at - 1, k] + errors[above, at, k]
    seen[17] = errors[above, at - 1, k] + errors[above, at + 1, k]


# --- contexts --------------------------------------------------------------------------------


@compiled
def _interior_contexts(
    bases: NDArray[np.int64],
    counts: Int32s,
    here: int,
    above: int,
    higher: int,
    at: int,
    n_luma: int,
    n_chroma: int,
) -> None:
    """Contexts of how many coefficients of the interior are nonzero."""
    w, n = counts[here, at - 1, 0], counts[above, at, 0]
    nw, ne = counts[above, at - 1, 0], counts[above, at + 1, 0]
    ww, nn = counts[here, at - 2, 0], counts[higher, at, 0]
    bases[0] = (3 * w + 3 * n + nw + ne) >> 1
    bases[1] = _ten(w) * 10 + _ten(n)
    bases[2] = w + n
    bases[3] = w
    bases[4] = n
    bases[5] = _ten(ne) * 10 + _ten(nw)
    bases[6] = _ten(ww) * 10 + _ten(nn)
    bases[7] = min(abs(w - n), 15) * 10 + _ten(ne)
    bases[8] = (n_chroma >> 1) * 8 + min(n_luma >> 2, 7)
    edges = counts[here, at - 1, 1] + counts[here, at - 1, 2]
    bases[9] = _ten(edges) * 10 + _ten(counts[above, at, 1] + counts[above, at, 2])
    bases[10] = min((w + n + ne + nw + ww + nn) >> 1, 149)
    bases[11] = min(n_luma, 24) * 10 + _ten((w + n) >> 1)
    for j in range(N_CONTEXTS):
        bases[j] = INTERIOR_START + (j * INTERIOR_VALUES + bases[j]) * _INTERIOR_NODES


@compiled
def _edge_contexts(
    bases: NDArray[np.int64],
    counts: Int32s,
    here: int,
    above: int,
    higher: int,
    at: int,
    part: int,
    n_interior: int,
    levels: NDArray[np.int16],
    row: int,
    column: int,
    luma: Int32s,
    chroma: Int32s,
    quantiser: NDArray[np.int64],
) -> None:
    """Contexts of how many coefficients of the first row or column are nonzero."""
    w, n = counts[here, at - 1, part], counts[above, at, part]
    nw, ne = counts[above, at - 1, part], counts[above, at + 1, part]
    ww, nn = counts[here, at - 2, part], counts[higher, at, part]
    other = counts[here, at, 1] if part == 2 else 0
    stride = 1 if part == 1 else 8
    across = 9 - stride
    diagonal, beside, n_luma, n_chroma = 0, 0, 0, 0
    for j in range(1, 8):
        if levels[row, column, 9 * j] != 0:
            diagonal |= 1 << (j - 1)
        if levels[row, column, across + stride * j] != 0:
            beside += 1 + (j == 1) + 2 * (j == 7)
        n_luma += 2 * abs(luma[stride * j]) > quantiser[stride * j]
        n_chroma += chroma[stride * j] != 0
    bases[0] = n_interior * 8 + other
    bases[1] = (w * 8 + n) * 8 + other
    bases[2] = _ten(n_interior) * 40 + w + n + nw + ne
    bases[3] = w * 50 + n_interior
    bases[4] = n * 50 + n_interior
    bases[5] = (ne * 8 + nw) * 8 + min(_ten(n_interior), 7)
    bases[6] = (ww * 8 + nn) * 8 + other
    bases[7] = diagonal
    bases[8] = beside * 10 + _ten(n_interior)
    bases[9] = (n_luma * 8 + n_chroma) * 8 + other
    bases[10] = beside * 16 + w + n
    bases[11] = other
    for j in range(N_CONTEXTS):
        value = j * EDGE_VALUES + bases[j]
        bases[j] = EDGE_START + value * _EDGE_NODES + 8 * (part - 1)


@compiled
def _sign_contexts(
    slots: NDArray[np.uint32],
    ahead: bool,
    by_scale: int,
    by_place: int,
    by_error: int,
    west: int,
    north: int,
    north_west: int,
    north_east: int,
    by_luma: int,
    luma: int,
    by_chroma: int,
    chroma: int,
    values: Int32s,
    here: int,
    at: int,
) -> None:
    """Contexts of the sign of a coefficient."""
    place = by_place if ahead else 13 + by_place
    half = min(by_place >> 1, 6) * 2 + (not ahead)
    w, n, c, y = _side(west), _side(north), _side(chroma), _side(luma)
    slots[0] = place
    slots[1] = (w * 3 + n) * 3 + c
    slots[2] = (_side(north_west) * 3 + _side(north_east)) * 3 + y
    slots[3] = c * 3 + y
    slots[4] = half * 4 + min(by_error >> 2, 3)
    slots[5] = min(by_chroma >> 2, 4) * 3 + c
    slots[6] = half * 4 + min(by_scale >> 2, 3)
    slots[7] = (n * 3 + _side(values[here, at, 9])) * 3 + _side(values[here, at, 10])
    slots[8] = (w * 3 + _side(values[here, at, 9])) * 3 + _side(values[here, at, 17])
    slots[9] = min(by_luma >> 1, 9) * 3 + y
    slots[10] = place * 16 + min(by_scale >> 1, 15)
    slots[11] = place * 26 + by_error


@compiled
def _place(bases: NDArray[np.int64], k: int) -> None:
    """Values of a coefficient's contexts become the places of their first counters."""
    for j in range(N_BY_POSITION):
        bases[j] = COEFFICIENT_STARTS[j] + (k * SIZES[j] + bases[j]) * N_NODES
    for j in range(N_BY_POSITION, N_CONTEXTS):
        bases[j] = COEFFICIENT_STARTS[j] + bases[j] * N_NODES


@compiled
def _bit_node(length: int, done: int, magnitude: int) -> int:
    """The node of a magnitude's next bit, after so many of them."""
    path = (1 << done) - 1 + magnitude - (1 << done)
    if length <= 4:
        return (10 if length == 2 else (11 if length == 3 else 14)) + path
    if done < 2:
        return (21 if length == 5 else 24) + path
    return 27 + min(done - 2, 2)


@compiled
def _ratio(energy: int, expected: int) -> int:
    """How the magnitudes seen so far compare with those expected: 8 buckets."""
    ratio = (64 * energy + 32) // (expected + 32)
    if ratio >= 7:
        return 5 + (ratio >= 10) + (ratio >= 16)
    return max(ratio - 1, 0) if ratio < 5 else 4


@compiled
def _side(x: int) -> int:
    return 1 if x > 0 else (2 if x < 0 else 0)


@compiled
def _six(x: int) -> int:
    """Six buckets of a magnitude: 0, 1, 2, to 4, to 8, more."""
    return x if x < 3 else 3 + (x > 4) + (x > 8)


@compiled
def _ten(x: int) -> int:
    """Ten buckets of a magnitude: 0 to 4, to 6, to 10, to 18, to 34, more."""
    return x if x < 5 else 5 + (x > 6) + (x > 10) + (x > 18) + (x > 34)


# --- one decision ----------------------------------------------------------------------------


@compiled
def _decide(
    decoding: bool,
    bit: int,
    n: int,
    slots: NDArray[np.uint32],
    inputs: Int32s,
    set_1: int,
    set_2: int,
    set_3: int,
    row: int,
    model: Model,
    look: Tables,
    tape: Tape,
) -> int:
    """Predicts a decision, codes it as number n, and learns from it; the decision."""
    counters, weights, table = model.counters, model.weights, model.table
    for j in range(N_CONTEXTS):
        inputs[j] = look.stretch[counters[slots[j]] >> np.uint32(20)]
    # No views of arrays in this file's inner loops: each one counts references atomically.
    n_inputs = weights.shape[1]  # N_INPUTS; as a variable, it lets the compiler use vectors
    total = 0
    for j in range(n_inputs):
        total += int(
            np.int32(np.int32(weights[set_1, j] + weights[set_2, j]) + weights[set_3, j])
        ) * int(inputs[j])
    logit = min(max(total >> 16, -LIMIT), LIMIT) + LIMIT
    mixed = int(look.squash[logit])
    # The last table, between two of its points.
    scaled = (logit * ((N_POINTS - 2) << 12)) // (2 * LIMIT + 1)
    point = row * N_POINTS + (scaled >> 12)
    inside = scaled & 4095
    refined = (table[point] * (4096 - inside) + table[point + 1] * inside) >> 12
    p = min(max((3 * mixed + refined + 2) >> 2, 1), 65535)
    if decoding:
        bit = pop(tape, p)
    tape.records[n] = (p << 1) | bit
    target = bit << 16
    nearest = point + (inside >= 2048)
    table[nearest] += ((target - table[nearest]) * model.learning[TABLE_RATE]) >> 10
    error = np.int32((target - mixed) * model.learning[RATE] >> 8)
    shared = np.int32((target - mixed) * model.learning[SHARED_RATE] >> 8)
    for j in range(n_inputs):
        x = inputs[j]
        weights[set_1, j] += np.int32(np.int32(np.int32(x * error) + np.int32(2048)) >> 12)
    for j in range(n_inputs):
        step = np.int32(np.int32(np.int32(inputs[j] * shared) + np.int32(2048)) >> 12)
        weights[set_2, j] += step
        weights[set_3, j] += step
    for j in range(N_CONTEXTS):
        counter = int(np.int64(counters[slots[j]]))
        count, probability = counter & 1023, counter >> 10
        probability += (((bit << 22) - probability) * int(look.rates[count])) >> 16
        probability = min(probability, (1 << 22) - 1)
        count = count + 1 if count < model.learning[MEMORY] else count
        counters[slots[j]] = (probability << 10) | count
    return bit
