"""Binary decisions on the stack, and what they take: compiled, for the kernels of both levels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled

#: What a decision of probability p / 2^16 costs, in bits.
BITS_OF = 16 - np.log2(np.maximum(np.arange(65537), 1.0))


class Tape(NamedTuple):
    """The decisions in order, and where a decoder takes them from."""

    records: NDArray[np.uint32]  # (N,): twice the probability of 1, plus the decision
    ends: NDArray[np.int64]  # (blocks,): how many decisions there are up to a block's end
    words: NDArray[np.uint32]  # the stack below its head
    head: NDArray[np.uint64]  # (2,): the upper two words, as one; how many words are below it


@compiled
def pop(tape: Tape, p: int) -> int:
    """Takes a decision of probability p / 2^16 off the stack, as constriction does."""
    state = tape.head[0]
    split = np.uint64((65536 - p) << 8)
    quantile = state & np.uint64(0xFFFFFF)
    if quantile >= split:
        bit = 1
        state = (state >> np.uint64(24)) * np.uint64(p << 8) + (quantile - split)
    else:
        bit = 0
        state = (state >> np.uint64(24)) * split + quantile
    if state < np.uint64(1 << 32) and tape.head[1] > np.uint64(0):
        tape.head[1] -= np.uint64(1)
        state = (state << np.uint64(32)) | np.uint64(tape.words[tape.head[1]])
    tape.head[0] = state
    return bit


@compiled
def push_decisions(
    records: NDArray[np.uint32], words: NDArray[np.uint32], head: NDArray[np.uint64]
) -> None:
    """Pushes decisions, the last one first, so that they come off in order.

    ``words`` has room for one more word a decision; ``head`` is as in :class:`Tape`.
    """
    state, n = head[0], head[1]
    for i in range(len(records) - 1, -1, -1):
        record = np.uint64(records[i])
        p, bit = record >> np.uint64(1), record & np.uint64(1)
        zero = (np.uint64(65536) - p) << np.uint64(8)
        low = zero if bit else np.uint64(0)
        size = p << np.uint64(8) if bit else zero
        if state >> np.uint64(40) >= size:
            words[n] = state & np.uint64(0xFFFFFFFF)
            n += np.uint64(1)
            state >>= np.uint64(32)
        state = ((state // size) << np.uint64(24)) | (low + state % size)
    head[0], head[1] = state, n


@compiled
def block_bits(
    records: NDArray[np.uint32],
    ends: NDArray[np.int64],
    first: int,
    stop: int,
    bits_of: NDArray[np.float64],
    bits: NDArray[np.float32],
) -> float:
    """What blocks took, from their decisions: to ``bits``, one a block; and their sum."""
    total, at = 0.0, 0
    for block in range(first, stop):
        taken = 0.0
        while at < ends[block]:
            p = records[at] >> np.uint32(1)
            taken += bits_of[p if records[at] & np.uint32(1) else np.uint32(65536) - p]
            at += 1
        bits[block] = taken
        total += taken
    return total
