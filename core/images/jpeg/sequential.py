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
    refill,
)
from core.images.jpeg.nonzero import lowest
from core.images.jpeg.symbols import (
    AC_TABLE,
    DC_TABLE,
    MAX_BLOCK_BYTES,
    SLOT,
    block_of,
    pass_restart,
    put_difference,
    put_restart,
    read_difference,
    read_magnitude,
    read_symbol,
)


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
            after = pass_restart(data, state, position, buffer, n_bits, n_fake, pads, marks)
            if after < 0:
                status = STUCK
                break
            position, buffer, n_bits, n_fake = after, 0, 0, 0
            until_restart = state[INTERVAL]
        row, column = unit // n_across, unit % n_across
        zeros_before = n_zeros
        for i in range(n_blocks):
            block = block_of(plan, i, row, column)
            # The difference of the DC coefficient.
            position, buffer, n_bits, n_fake = refill(data, position, buffer, n_bits, n_fake)
            value, n_bits, ok = read_difference(
                buffer, n_bits, look, limits, offsets, symbols, plan[i, DC_TABLE]
            )
            value += state[PREDICTIONS + plan[i, SLOT]]
            if not ok or value < -32768 or value > 32767:
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
                symbol, n_bits = read_symbol(buffer, n_bits, look, limits, offsets, symbols, table)
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
                value, n_bits = read_magnitude(buffer, n_bits, size)
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
                blocks[block_of(plan, i, row, column)] = 0
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
            position = put_restart(out, state, position, buffer, n_bits, pads, marks)
            n_bits = np.int64(0)
            until_restart = state[INTERVAL]
        row, column = unit // n_across, unit % n_across
        for i in range(n_blocks):
            block = block_of(plan, i, row, column)
            value = np.int64(blocks[block, 0])
            difference = value - state[PREDICTIONS + plan[i, SLOT]]
            state[PREDICTIONS + plan[i, SLOT]] = value
            if n_bits > 24:
                position, n_bits = drain(out, position, buffer, n_bits)
            buffer, n_bits, ok = put_difference(
                buffer, n_bits, difference, sizes, codes, lengths, plan[i, DC_TABLE]
            )
            if not ok:
                status = STUCK
                break
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
