"""A binary arithmetic coder with adaptive probabilities, in integers.

One interval [low, high] of 32 bits is split in proportion to a probability of 16 bits; bytes on
which both ends agree leave at the top (Rissanen's coder without carries, as in Witten, Neal and
Cleary 1987). One object encodes or decodes, so that what is coded is described once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled
from core.images.deflate.standard import Bytes, Int, Integers

#: Places in ``state``.
LOW, HIGH, CODE, POSITION, DECODING = range(5)

#: A probability moves towards the bit by 1 / (n + 1.5) after n bits, at least by 1 / LIMIT.
_LIMIT = 120
_STEP = (65_536 / (np.arange(_LIMIT + 1) + 1.5)).astype(np.int64)
_LEAST, _MOST = 12, 65_536 - 12


class Coder(NamedTuple):
    """Probabilities of a one by context (uint16), how often each was seen, and the bytes.

    ``data`` is read, or written: the caller empties it often enough (see :data:`MAX_BYTES`).
    """

    chances: NDArray[np.uint16]
    counts: NDArray[np.uint8]
    data: Bytes
    state: Integers


def encoder(n_contexts: int, room: int) -> Coder:
    """A coder that writes into ``room`` bytes."""
    return _coder(n_contexts, np.zeros(room, np.uint8))


def decoder(n_contexts: int, data: bytes) -> Coder:
    """A coder that reads what another one wrote; behind the end it reads zeros."""
    coder = _coder(n_contexts, np.frombuffer(bytearray(data) + bytes(4), np.uint8))
    coder.state[DECODING] = 1
    coder.state[CODE] = int.from_bytes(coder.data[:4].tobytes(), "big")
    coder.state[POSITION] = 4
    return coder


def _coder(n_contexts: int, data: Bytes) -> Coder:
    state = np.zeros(5, np.int64)
    state[HIGH] = 2**32 - 1
    chances = np.full(n_contexts, 32_768, np.uint16)
    return Coder(chances, np.zeros(n_contexts, np.uint8), data, state)


def flushed(coder: Coder) -> bytes:
    """What an encoder has written since it was emptied."""
    written = coder.data[: coder.state[POSITION]].tobytes()
    coder.state[POSITION] = 0
    return written


def finished(coder: Coder) -> bytes:
    """The last bytes of an encoder: one that lies in the interval with zeros behind it."""
    return flushed(coder) + bytes([int(coder.state[HIGH]) >> 24])


@compiled
def decide(coder: Coder, context: Int, bit: Int) -> Int:
    """Encodes a bit, or decodes and returns it."""
    chances, counts, data, state = coder
    low, high = state[LOW], state[HIGH]
    chance = np.int64(chances[context])
    middle = low + ((high - low) * chance >> 16)
    decoding = state[DECODING] != 0
    if decoding:
        bit = np.int64(state[CODE] <= middle)
    count = np.int64(counts[context])
    if bit:
        high = middle
        chance += (65_536 - chance) * _STEP[count] >> 16
    else:
        low = middle + 1
        chance -= chance * _STEP[count] >> 16
    chances[context] = min(max(chance, _LEAST), _MOST)
    if count < _LIMIT:
        counts[context] = count + 1
    position = state[POSITION]
    while low >> 24 == high >> 24:
        if decoding:
            byte = np.int64(0)
            if position < len(data):
                byte = np.int64(data[position])
            state[CODE] = state[CODE] << 8 & 0xFFFFFFFF | byte
        else:
            data[position] = high >> 24
        position += 1
        low = low << 8 & 0xFFFFFFFF
        high = high << 8 & 0xFFFFFFFF | 255
    state[LOW], state[HIGH], state[POSITION] = low, high, position
    return bit


@compiled
def decide_bits(coder: Coder, context: Int, n_bits: Int, value: Int) -> Int:
    """A number of ``n_bits`` bits, the highest first: 2**n_bits contexts."""
    node: Int = np.int64(1)
    for place in range(n_bits - 1, -1, -1):
        node = node << 1 | decide(coder, context + node, value >> place & 1)
    return node - (1 << n_bits)


#: The contexts of :func:`decide_number`.
NUMBER_CONTEXTS = 32 * 4


@compiled
def decide_number(coder: Coder, context: Int, value: Int) -> Int:
    """A number from 0 to 2**31 - 2: its length in unary, then its bits (Elias's gamma code)."""
    value += 1
    n_bits: Int = np.int64(0)
    while n_bits < 31 and decide(coder, context + 4 * n_bits, np.int64(value >> n_bits + 1 > 0)):
        n_bits += 1
    out: Int = np.int64(1)
    for place in range(n_bits - 1, -1, -1):
        node = context + 4 * n_bits + 1 + min(n_bits - 1 - place, 2)
        out = out << 1 | decide(coder, node, value >> place & 1)
    return out - 1
