"""A decision's probability from a network's and from what was learned in several contexts.

The network's probability is a logit. Each context has an offset that its decisions so far would
have liked to be added to it, found by Newton's steps: the error over the information that there
was, sum p (1 - p). Offsets and the logit are weighted by weights that learn online (Mahoney's
logistic mixing), and two last tables correct the result. All arithmetic is on integers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.coding.jpeg.decisions import Tape, pop
from core.coding.jpeg.logistic import LIMIT, tables
from core.compiled import compiled

Int32s = NDArray[np.int32]

# --- layout: all of it is part of the format -------------------------------------------------

#: Contexts, then the network's logit, then a constant.
N_CONTEXTS = 14
N_INPUTS = 16

#: Decisions of a coefficient: zero, sign, six steps of the magnitude.
N_NODES = 8

#: Ranges of the network's logit, each with an offset of its own.
N_RANGES = 4
_FAR = 400

#: Values of each context: of a position in the block, or of all.
SIZES = np.array(
    [*(64 * np.array([1, 36, 60, 8, 36, 100, 100, 64, 26, 26, 64, 49])), 800, 640], np.int64
)
STARTS = np.cumsum([0, *(SIZES * N_NODES * N_RANGES)])
N_SLOTS = int(STARTS[-1])

#: Sets of weights: by position, by the network's logit, by how many coefficients are not zero.
N_LOGITS, N_COUNTS = 12, 8
BY_LOGIT = 64 * N_NODES
BY_COUNT = BY_LOGIT + N_LOGITS * N_NODES
N_SETS = BY_COUNT + N_COUNTS * N_NODES

#: Points of a row of the last tables. Rows of the first are by position, of the second by value.
N_POINTS = 26
N_VALUES = 64
N_ROWS, N_VALUE_ROWS = 64 * N_NODES, 64 * N_VALUES * N_NODES

#: Near-certain zeros: ranges of their logit from CERTAIN on, of 64 each.
CERTAIN, N_CERTAIN = 1000, 32

#: Offsets are in 2^-8 of a logit's unit, no more than this.
_MOST = 1 << 19

#: Information is in units of 2^-8; as much as this is there before anything was seen.
BEFORE, MOST_INFORMATION = 1024, 65535

#: Steps of the weights of a position, in units of 2^-20, and of those that positions share; steps
#: of a table, of 2^-10.
_RATE, _SHARED_RATE, _TABLE_RATE = 6, 2, 20


class Learned(NamedTuple):
    """What a component's decisions teach; it starts as training left it."""

    offsets: Int32s  # (N_SLOTS, 2): an offset, and the information that it rests on
    weights: Int32s  # (N_SETS, N_INPUTS), in units of 2^-16
    table: Int32s  # (N_ROWS * N_POINTS,): probabilities
    values: Int32s  # (N_VALUE_ROWS * N_POINTS,)
    certain: Int32s  # (64 * N_CERTAIN,): offsets of near-certain zeros


class Look(NamedTuple):
    """What the kernel looks up."""

    squash: Int32s  # (2 LIMIT + 1,): probability of a logit
    buckets: NDArray[np.int64]
    steps: Int32s  # (MOST_INFORMATION // 16 + 1,): 2^24 / information
    logarithms: Int32s  # (4096,): 256 ln i


def looked_up() -> Look:
    """The tables. They follow from integer arithmetic alone."""
    look = tables()
    information = 16 * np.arange(MOST_INFORMATION // 16 + 1)
    steps = ((1 << 24) // (information + BEFORE)).astype(np.int32)
    return Look(look.squash, look.buckets, steps, _logarithms())


def _logarithms() -> Int32s:
    """256 ln i for i from 1 to 4095, rounded; at 0 stands 0."""
    found, total = np.zeros(4096, np.int32), 0  # in units of 2^-64
    for i in range(1, 4096):
        found[i] = (256 * total + (1 << 63)) >> 64
        # ln((i + 1) / i) = 2 (y + y^3 / 3 + y^5 / 5 ...), y = 1 / (2 i + 1)
        power, square, k = (1 << 64) // (2 * i + 1), (2 * i + 1) ** 2, 1
        while power:
            total += 2 * power // k
            power, k = power // square, k + 2
    return found


class Scratch(NamedTuple):
    """Room for a decision."""

    bases: NDArray[np.int64]  # (N_CONTEXTS,): where the contexts' slots begin
    kept: NDArray[np.int64]  # (N_CONTEXTS,): the same, while those of the sign are used
    slots: NDArray[np.int64]  # (N_CONTEXTS,)
    inputs: Int32s  # (N_INPUTS,)


@compiled
def decide(
    decoding: bool, bit: int, logit: int, node: int, first: int, second: int, third: int,
    value: int, learned: Learned, look: Look, scratch: Scratch, tape: Tape, n: int,
) -> int:  # fmt: skip
    """Predicts decision number n, codes it, and learns from it; the decision.

    logit: the network's; scratch.bases: the slots of its contexts' values; first to third: its
    sets of weights, the first being its row of the first table; value: its row of the second.
    """
    offsets, weights = learned.offsets, learned.weights
    slots, inputs, squash = scratch.slots, scratch.inputs, look.squash
    at = node * N_RANGES + (int(logit > 0) if abs(logit) < _FAR else 2 + int(logit > 0))
    for j in range(N_CONTEXTS):
        slots[j] = scratch.bases[j] + at
        inputs[j] = offsets[slots[j], 0] >> 8
    inputs[N_CONTEXTS] = logit
    n_inputs = weights.shape[1]  # N_INPUTS; as a variable, it lets the compiler use vectors
    total = 0
    for j in range(n_inputs):
        weight = np.int32(np.int32(weights[first, j] + weights[second, j]) + weights[third, j])
        total += int(weight) * int(inputs[j])
    place = min(max(total >> 16, -LIMIT), LIMIT) + LIMIT
    mixed = int(squash[place])
    # The last tables, between two of their points.
    scaled = (place * ((N_POINTS - 2) << 12)) // (2 * LIMIT + 1)
    inside = scaled & 4095
    by_node, by_value = first * N_POINTS + (scaled >> 12), value * N_POINTS + (scaled >> 12)
    refined = learned.table[by_node] * (4096 - inside) + learned.table[by_node + 1] * inside
    refined += learned.values[by_value] * (4096 - inside) + learned.values[by_value + 1] * inside
    p = min(max((2 * mixed + (refined >> 12) + 2) >> 2, 1), 65535)
    if decoding:
        bit = pop(tape, p)
    tape.records[n] = (p << 1) | bit
    target = bit << 16
    by_node, by_value = by_node + (inside >= 2048), by_value + (inside >= 2048)
    learned.table[by_node] += ((target - learned.table[by_node]) * _TABLE_RATE) >> 10
    learned.values[by_value] += ((target - learned.values[by_value]) * _TABLE_RATE) >> 10
    error = np.int32((target - mixed) * _RATE >> 8)
    shared = np.int32((target - mixed) * _SHARED_RATE >> 8)
    for j in range(n_inputs):
        weights[first, j] += np.int32(np.int32(np.int32(inputs[j] * error) + np.int32(2048)) >> 12)
    for j in range(n_inputs):
        step = np.int32(np.int32(np.int32(inputs[j] * shared) + np.int32(2048)) >> 12)
        weights[second, j] += step
        weights[third, j] += step
    for j in range(N_CONTEXTS):
        offset, known = int(offsets[slots[j], 0]), int(offsets[slots[j], 1])
        alone = int(squash[min(max(logit + (offset >> 8), -LIMIT), LIMIT) + LIMIT])
        offset += ((target - alone) * int(look.steps[known >> 4]) + (1 << 15)) >> 16
        offsets[slots[j], 0] = min(max(offset, -_MOST), _MOST)
        information = known + ((alone * (65536 - alone)) >> 24)
        offsets[slots[j], 1] = min(information, MOST_INFORMATION)
    return bit
