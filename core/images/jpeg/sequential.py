"""Scans of sequential JPEGs, baseline and extended, Huffman coded (ITU-T T.81, annex F)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled
from core.images.jpeg.bits import (
    BUFFER,
    DONE,
    FULL,
    INTERVAL,
    N_BITS,
    N_FAKE,
    N_RESTARTS,
    N_ZEROS,
    POSITION,
    PREDICTIONS,
    STUCK,
    UNIT,
    UNTIL_RESTART,
    Blocks,
    Bytes,
    Int,
    Integers,
    Masks,
    drain,
    read_restart,
    refill,
    write_restart,
)
from core.images.jpeg.huffman import LOOK_BITS, LOOK_MASK, long_code
from core.images.jpeg.nonzero import lowest

#: The columns of a plan, one row for each block of an MCU: the component's first block, blocks
#: from one row to the next, rows and columns of blocks an MCU, this block's row and column in it,
#: the component's slot, its DC and AC table.
BASE, STRIDE, V, H, DOWN, ACROSS, SLOT, DC_TABLE, AC_TABLE = range(9)

#: No block takes more bytes: 64 times 32 bits, each byte stuffed.
MAX_BLOCK_BYTES = 520


@compiled
def decode_sequential(
    data: Bytes,
    state: Integers,
    plan: Integers,
    n_across: Int,
    unit_stop: Int,
    blocks: Blocks,
    order: Integers,
    look: NDArray[np.int16],
    limits: NDArray[np.int32],
    offsets: NDArray[np.int32],
    symbols: Bytes,
    zeros: Integers,
    pads: Bytes,
    marks: Bytes,
) -> int:
    """Reads MCUs up to ``unit_stop`` into ``blocks`` (N, 64), all zeros so far.

    ``n_across`` MCUs make a row. ``zeros`` (M, 2) takes the blocks, by their place in the scan,
    that have runs of 16 zeros after their last coefficient, and how many; ``pads`` and ``marks``
    what precedes each restart, and is it. Returns DONE, or STUCK at ``state[UNIT]``.
    """
    position, buffer, n_bits = state[POSITION], state[BUFFER], state[N_BITS]
    n_fake, unit, until_restart = state[N_FAKE], state[UNIT], state[UNTIL_RESTART]
    n_zeros = state[N_ZEROS]
    n_blocks = len(plan)
    status = DONE
    while unit < unit_stop and status == DONE:
        if until_restart == 0:
            index = state[N_RESTARTS]
            after, padding, mark = read_restart(data, position, buffer, n_bits, n_fake, index)
            if after < 0:
                status = STUCK
                break
            pads[index], marks[index] = padding, mark
            state[N_RESTARTS] += 1
            position, buffer, n_bits, n_fake = after, 0, 0, 0
            until_restart = state[INTERVAL]
            state[PREDICTIONS : PREDICTIONS + 4] = 0
        row, column = unit // n_across, unit % n_across
        zeros_before = n_zeros
        for i in range(n_blocks):
            block = (
                plan[i, BASE]
                + (row * plan[i, V] + plan[i, DOWN]) * plan[i, STRIDE]
                + column * plan[i, H]
                + plan[i, ACROSS]
            )
            # The difference of the DC coefficient.
            position, buffer, n_bits, n_fake = refill(data, position, buffer, n_bits, n_fake)
            table = plan[i, DC_TABLE]
            entry = np.int64(look[table, buffer >> n_bits - LOOK_BITS & LOOK_MASK])
            size: Int = entry & 255
            n_bits -= entry >> 8
            if entry == 0:
                size, length = long_code(buffer, n_bits, limits, offsets, symbols, table)
                n_bits -= length
            if size < 0 or size > 15:
                status = STUCK
                break
            value = np.int64(0)
            if size > 0:
                n_bits -= size
                value = buffer >> n_bits & (1 << size) - 1
                if value < 1 << size - 1:
                    value -= (1 << size) - 1
            value += state[PREDICTIONS + plan[i, SLOT]]
            if value < -32768 or value > 32767:
                status = STUCK
                break
            state[PREDICTIONS + plan[i, SLOT]] = value
            blocks[block, 0] = value
            # The AC coefficients.
            table = plan[i, AC_TABLE]
            n_trailing = 0
            k: Int = 1
            while k < 64:
                if n_bits < 32:
                    position, buffer, n_bits, n_fake = refill(
                        data, position, buffer, n_bits, n_fake
                    )
                entry = np.int64(look[table, buffer >> n_bits - LOOK_BITS & LOOK_MASK])
                symbol: Int = entry & 255
                n_bits -= entry >> 8
                if entry == 0:
                    symbol, length = long_code(buffer, n_bits, limits, offsets, symbols, table)
                    n_bits -= length
                    if symbol < 0:
                        status = STUCK
                        break
                size = symbol & 15
                if size == 0:
                    if symbol == 0:
                        break
                    if symbol != 0xF0:
                        status = STUCK
                        break
                    k += 16
                    n_trailing += 1
                    continue
                k += symbol >> 4
                if k > 63:
                    status = STUCK
                    break
                n_bits -= size
                value = buffer >> n_bits & (1 << size) - 1
                if value < 1 << size - 1:
                    value -= (1 << size) - 1
                blocks[block, order[k]] = value
                n_trailing = 0
                k += 1
            if status != DONE or n_bits < n_fake:
                status = STUCK
                break
            if n_trailing:
                zeros[n_zeros, 0], zeros[n_zeros, 1] = unit * n_blocks + i, n_trailing
                n_zeros += 1
        if status != DONE:
            n_zeros = zeros_before
            for i in range(n_blocks):
                block = (
                    plan[i, BASE]
                    + (row * plan[i, V] + plan[i, DOWN]) * plan[i, STRIDE]
                    + column * plan[i, H]
                    + plan[i, ACROSS]
                )
                blocks[block] = 0
            break
        unit += 1
        until_restart -= 1
    state[POSITION], state[BUFFER], state[N_BITS] = position, buffer, n_bits
    state[N_FAKE], state[UNIT], state[UNTIL_RESTART] = n_fake, unit, until_restart
    state[N_ZEROS] = n_zeros
    return status


@compiled
def encode_sequential(
    out: Bytes,
    state: Integers,
    plan: Integers,
    n_across: Int,
    unit_stop: Int,
    max_bytes: Int,
    blocks: Blocks,
    masks: Masks,
    order: Integers,
    sizes: Bytes,
    codes: Integers,
    lengths: Integers,
    zeros: Integers,
    pads: Bytes,
    marks: Bytes,
) -> int:
    """Writes MCUs up to ``unit_stop`` as :func:`decode_sequential` read them.

    ``sizes`` (65536,) has the number of bits of each magnitude; ``zeros`` ends with a place that
    no block has. Returns DONE, STUCK where a symbol has no code, or FULL, also
    once there are more than ``max_bytes``.
    """
    position, buffer, n_bits = state[POSITION], state[BUFFER], state[N_BITS]
    unit, until_restart, n_zeros = state[UNIT], state[UNTIL_RESTART], state[N_ZEROS]
    n_blocks = len(plan)
    full = len(out) - n_blocks * MAX_BLOCK_BYTES - 64
    status = DONE
    while unit < unit_stop and status == DONE:
        if position > full or position > max_bytes:
            status = FULL
            break
        if until_restart == 0:
            index = state[N_RESTARTS]
            position = write_restart(
                out, position, buffer, n_bits, pads[index], marks[index], index
            )
            state[N_RESTARTS] += 1
            n_bits = np.int64(0)
            until_restart = state[INTERVAL]
            state[PREDICTIONS : PREDICTIONS + 4] = 0
        row, column = unit // n_across, unit % n_across
        for i in range(n_blocks):
            block = (
                plan[i, BASE]
                + (row * plan[i, V] + plan[i, DOWN]) * plan[i, STRIDE]
                + column * plan[i, H]
                + plan[i, ACROSS]
            )
            table = plan[i, DC_TABLE]
            value = np.int64(blocks[block, 0])
            difference = value - state[PREDICTIONS + plan[i, SLOT]]
            state[PREDICTIONS + plan[i, SLOT]] = value
            size = np.int64(sizes[abs(difference)])
            if lengths[table, size] == 0:
                status = STUCK
                break
            if difference < 0:
                difference += (1 << size) - 1
            if n_bits > 24:
                position, n_bits = drain(out, position, buffer, n_bits)
            buffer = (buffer << lengths[table, size] | codes[table, size]) << size | difference
            n_bits += lengths[table, size] + size
            table = plan[i, AC_TABLE]
            last: Int = 0
            mask = masks[block] & ~np.uint64(1)
            while mask:
                k = lowest(mask)
                mask &= mask - np.uint64(1)
                run = k - last - 1
                last = k
                if n_bits > 24:
                    position, n_bits = drain(out, position, buffer, n_bits)
                while run > 15:
                    if lengths[table, 0xF0] == 0:
                        status = STUCK
                    buffer = buffer << lengths[table, 0xF0] | codes[table, 0xF0]
                    n_bits += lengths[table, 0xF0]
                    position, n_bits = drain(out, position, buffer, n_bits)
                    run -= 16
                value = np.int64(blocks[block, order[k]])
                size = np.int64(sizes[abs(value)])
                symbol = run << 4 | size
                if lengths[table, symbol] == 0 or size > 15:
                    status = STUCK
                if value < 0:
                    value += (1 << size) - 1
                buffer = (buffer << lengths[table, symbol] | codes[table, symbol]) << size | value
                n_bits += lengths[table, symbol] + size
            if zeros[n_zeros, 0] == unit * n_blocks + i:
                for _ in range(zeros[n_zeros, 1]):
                    position, n_bits = drain(out, position, buffer, n_bits)
                    buffer = buffer << lengths[table, 0xF0] | codes[table, 0xF0]
                    n_bits += lengths[table, 0xF0]
                    last += 16
                n_zeros += 1
            if last < 63:
                if lengths[table, 0] == 0:
                    status = STUCK
                if n_bits > 24:
                    position, n_bits = drain(out, position, buffer, n_bits)
                buffer = buffer << lengths[table, 0] | codes[table, 0]
                n_bits += lengths[table, 0]
            if status != DONE:
                break
        if status != DONE:
            break
        unit += 1
        until_restart -= 1
    position, n_bits = drain(out, position, buffer, n_bits)
    state[POSITION], state[BUFFER], state[N_BITS] = position, buffer, n_bits
    state[UNIT], state[UNTIL_RESTART], state[N_ZEROS] = unit, until_restart, n_zeros
    return status
