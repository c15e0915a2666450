"""What scans of all kinds share: blocks of an MCU, symbols, magnitudes, restarts (T.81, annex F).

Compiled loops call these; :mod:`core.images.jpeg.bits` says how they keep their bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.compiled import inlined
from core.images.jpeg.bits import (
    N_RESTARTS,
    PREDICTIONS,
    Bytes,
    Int,
    Integers,
    read_restart,
    write_restart,
)
from core.images.jpeg.huffman import LOOK_BITS, LOOK_MASK, long_code

#: The columns of a plan, one row for each block of an MCU: the component's first block, blocks
#: from one row to the next, rows and columns of blocks an MCU, this block's row and column in it,
#: the component's slot, its DC and AC table.
BASE, STRIDE, V, H, DOWN, ACROSS, SLOT, DC_TABLE, AC_TABLE = range(9)

#: No block takes more bytes: 64 times 32 bits, each byte stuffed.
MAX_BLOCK_BYTES = 520


@inlined
def block_of(plan: Integers, i: Int, row: Int, column: Int) -> Int:
    """Where block ``i`` of an MCU stands among all blocks."""
    down = row * plan[i, V] + plan[i, DOWN]
    block: Int = plan[i, BASE] + down * plan[i, STRIDE] + column * plan[i, H] + plan[i, ACROSS]
    return block


@inlined
def read_symbol(
    buffer: Int,
    n_bits: Int,
    look: NDArray[np.int16],
    limits: NDArray[np.int32],
    offsets: NDArray[np.int32],
    symbols: Bytes,
    table: Int,
) -> tuple[Int, Int]:
    """The next symbol, -1 where no code fits: (symbol, n_bits)."""
    entry = np.int64(look[table, buffer >> n_bits - LOOK_BITS & LOOK_MASK])
    symbol: Int = entry & 255
    n_bits -= entry >> 8
    if entry == 0:
        symbol, length = long_code(buffer, n_bits, limits, offsets, symbols, table)
        n_bits -= length
    return symbol, n_bits


@inlined
def read_magnitude(buffer: Int, n_bits: Int, size: Int) -> tuple[Int, Int]:
    """The number that the next ``size`` bits stand for, at least one: (value, n_bits)."""
    n_bits -= size
    value: Int = buffer >> n_bits & (1 << size) - 1
    if value < 1 << size - 1:
        value -= (1 << size) - 1
    return value, n_bits


@inlined
def read_difference(
    buffer: Int,
    n_bits: Int,
    look: NDArray[np.int16],
    limits: NDArray[np.int32],
    offsets: NDArray[np.int32],
    symbols: Bytes,
    table: Int,
) -> tuple[Int, Int, bool]:
    """The difference of a DC coefficient: (value, n_bits, whether its code is valid)."""
    size, n_bits = read_symbol(buffer, n_bits, look, limits, offsets, symbols, table)
    if size == 0:
        return np.int64(0), n_bits, True
    if size < 0 or size > 15:
        return np.int64(0), n_bits, False
    value, n_bits = read_magnitude(buffer, n_bits, size)
    return value, n_bits, True


@inlined
def pass_restart(
    data: Bytes,
    state: Integers,
    position: Int,
    buffer: Int,
    n_bits: Int,
    n_fake: Int,
    pads: Bytes,
    marks: Bytes,
) -> Int:
    """Reads a restart, notes what it is like, and forgets the predictions: position or -1."""
    index = state[N_RESTARTS]
    position, padding, mark = read_restart(data, position, buffer, n_bits, n_fake, index)
    if position >= 0:
        pads[index], marks[index] = padding, mark
        state[N_RESTARTS] += 1
        state[PREDICTIONS : PREDICTIONS + 4] = 0
    return position


@inlined
def put_restart(
    out: Bytes,
    state: Integers,
    position: Int,
    buffer: Int,
    n_bits: Int,
    pads: Bytes,
    marks: Bytes,
) -> Int:
    """Writes the restart that :func:`pass_restart` read: the position."""
    index = state[N_RESTARTS]
    state[N_RESTARTS] += 1
    state[PREDICTIONS : PREDICTIONS + 4] = 0
    return write_restart(out, position, buffer, n_bits, pads[index], marks[index], index)


@inlined
def put_difference(
    buffer: Int,
    n_bits: Int,
    difference: Int,
    sizes: Bytes,
    codes: Integers,
    lengths: Integers,
    table: Int,
) -> tuple[Int, Int, bool]:
    """Puts a difference of DC into the buffer: (buffer, n_bits, whether there is a code)."""
    size = np.int64(sizes[np.abs(difference)])
    if lengths[table, size] == 0:
        return buffer, n_bits, False
    if difference < 0:
        difference += (1 << size) - 1
    buffer = (buffer << lengths[table, size] | codes[table, size]) << size | difference
    return buffer, n_bits + lengths[table, size] + size, True
