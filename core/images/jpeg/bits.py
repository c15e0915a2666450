"""Bits of entropy-coded data, read and written by compiled loops (ITU-T T.81, F.1.2.3, F.2.2.5).

The loops keep the position, a buffer whose lowest ``n_bits`` bits count, and that number in
local variables. Between two calls these live in an array ``state`` of int64, by the indices
below.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Blocks = NDArray[np.int16]
Masks = NDArray[np.uint64]
#: A number in a compiled loop: always 64 bits there.
Int = int | np.int64

#: Places in ``state``; from PREDICTIONS on, four DC predictions.
POSITION, BUFFER, N_BITS, N_FAKE, UNIT, UNTIL_RESTART, INTERVAL, N_RESTARTS = range(8)
RUN, N_PENDING, N_ZEROS, N_BREAKS, RUN_LENGTH, RUN_IS_OWN, OVERLONG, JOINED = range(8, 16)
PREDICTIONS = 16
STATE_SIZE = 20

#: What a loop says when it returns: its last unit is done, the next one cannot be, or the room
#: for what it writes is too small for certain to hold the next one.
DONE, STUCK, FULL = 0, 1, 2

#: Padding before a marker: all ones, all zeros, or 2 + the bits; NO_PADDING where none are needed.
PAD_ONES, PAD_ZEROS, PAD_OTHER, NO_PADDING = 0, 1, 2, 255
#: More fill bytes before a restart marker are no part of a scan.
MAX_FILL = 30

_NEVER = 2**62


def new_state(position: int, interval: int) -> Integers:
    """The state at the start of a scan, or of what follows a restart marker."""
    state = np.zeros(STATE_SIZE, np.int64)
    state[POSITION], state[INTERVAL] = position, interval
    state[UNTIL_RESTART] = interval or _NEVER
    return state


@compiled
def refill(
    data: Bytes, position: Int, buffer: Int, n_bits: Int, n_fake: Int
) -> tuple[Int, Int, Int, Int]:
    """At least 49 bits in the buffer. Zeros, counted by ``n_fake``, stand for those past a marker
    or the end."""
    stop = len(data)
    while n_bits <= 48:
        byte: Int = np.int64(0)
        if position >= stop:
            n_fake += 8
        else:
            byte = np.int64(data[position])
            if byte != 0xFF:
                position += 1
            elif position + 1 < stop and data[position + 1] == 0:
                position += 2
            else:
                byte = np.int64(0)
                n_fake += 8
        buffer = buffer << 8 | byte
        n_bits += 8
    return position, buffer, n_bits, n_fake


@compiled
def read_restart(
    data: Bytes, position: Int, buffer: Int, n_bits: Int, n_fake: Int, index: Int
) -> tuple[Int, Int, Int]:
    """Padding and restart marker ``index``: (position after it or -1, padding, mark).

    The mark is the number of fill bytes before the marker, times 8, plus the marker's number
    less the expected one, modulo 8.
    """
    n_left = n_bits - n_fake
    if n_left < 0 or n_left > 7:
        return -1, 0, 0
    padding = padding_code(buffer >> n_fake, n_left)
    n_fill = 0
    while position + 1 < len(data) and data[position] == 0xFF and data[position + 1] == 0xFF:
        position += 1
        n_fill += 1
    if n_fill > MAX_FILL or position + 1 >= len(data) or data[position] != 0xFF:
        return -1, 0, 0
    code = np.int64(data[position + 1])
    if code < 0xD0 or code > 0xD7:
        return -1, 0, 0
    return position + 2, padding, n_fill << 3 | (code - 0xD0 - index) & 7


@compiled
def padding_code(bits: Int, n_bits: Int) -> Int:
    """What is noted of the ``n_bits`` lowest bits, at most 7, that pad a byte."""
    if n_bits == 0:
        return NO_PADDING
    ones = (1 << n_bits) - 1
    bits &= ones
    if bits == ones:
        return PAD_ONES
    return PAD_ZEROS if bits == 0 else PAD_OTHER + bits


@compiled
def drain(out: Bytes, at: Int, buffer: Int, n_bits: Int) -> tuple[Int, Int]:
    """Writes whole bytes of the buffer, zeros stuffed after 0xFF: (at, n_bits)."""
    while n_bits >= 8:
        n_bits -= 8
        byte = buffer >> n_bits & 255
        out[at] = byte
        at += 1
        if byte == 255:
            out[at] = 0
            at += 1
    return at, n_bits


@compiled
def pad(out: Bytes, at: Int, buffer: Int, n_bits: Int, padding: Int) -> Int:
    """Writes what is in the buffer, padded to a byte."""
    at, n_bits = drain(out, at, buffer, n_bits)
    if n_bits:
        n_missing = 8 - n_bits
        ones = (1 << n_missing) - 1
        bits: Int = np.int64(0)
        if padding >= PAD_OTHER:
            bits = np.int64(padding - PAD_OTHER)
        elif padding == PAD_ONES:
            bits = np.int64(ones)
        bits &= ones
        at, n_bits = drain(out, at, buffer << n_missing | bits, 8)
    return at


@compiled
def write_restart(
    out: Bytes, at: Int, buffer: Int, n_bits: Int, padding: Int, mark: Int, index: Int
) -> Int:
    """Padding and restart marker ``index``, as :func:`read_restart` noted them."""
    at = pad(out, at, buffer, n_bits, padding)
    for _ in range(mark >> 3):
        out[at] = 0xFF
        at += 1
    out[at] = 0xFF
    out[at + 1] = 0xD0 + (index + mark & 7)
    return at + 2
