"""Scans of progressive JPEGs are written (ITU-T T.81, annex G).

Where the standard leaves a choice, libjpeg's is taken: runs of ends of blocks are as long as they
can be, but end after a block that leaves too many correction bits behind. What a file does
otherwise has been noted by :mod:`core.images.jpeg.progressive`.
"""

from __future__ import annotations

import numpy as np

from core.compiled import compiled
from core.images.jpeg.bits import (
    BUFFER,
    DONE,
    FULL,
    INTERVAL,
    N_BITS,
    N_BREAKS,
    N_PENDING,
    N_ZEROS,
    POSITION,
    PREDICTIONS,
    RUN,
    STUCK,
    UNIT,
    UNTIL_RESTART,
    Blocks,
    Bytes,
    Int,
    Integers,
    Masks,
    drain,
)
from core.images.jpeg.nonzero import lowest
from core.images.jpeg.progressive import MAX_RUN
from core.images.jpeg.symbols import (
    DC_TABLE,
    MAX_BLOCK_BYTES,
    SLOT,
    block_of,
    put_difference,
    put_restart,
)

#: Correction bits that can wait for the end of a run.
MAX_PENDING = 63 * (MAX_RUN + 2)


@compiled
def encode_dc(
    out: Bytes,
    state: Integers,
    plan: Integers,
    n_across: Int,
    unit_stop: Int,
    max_bytes: Int,
    blocks: Blocks,
    sizes: Bytes,
    codes: Integers,
    lengths: Integers,
    low: Int,
    refining: bool,
    pads: Bytes,
    marks: Bytes,
) -> int:
    """Writes the DC coefficients of MCUs up to ``unit_stop``, down to bit ``low``."""
    position, buffer, n_bits = state[POSITION], state[BUFFER], state[N_BITS]
    unit, until_restart = state[UNIT], state[UNTIL_RESTART]
    full = len(out) - len(plan) * 16 - 64
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
        for i in range(len(plan)):
            block = block_of(plan, i, row, column)
            if n_bits > 24:
                position, n_bits = drain(out, position, buffer, n_bits)
            value = np.int64(blocks[block, 0]) >> low
            if refining:
                buffer = buffer << 1 | value & 1
                n_bits += 1
                continue
            difference = value - state[PREDICTIONS + plan[i, SLOT]]
            state[PREDICTIONS + plan[i, SLOT]] = value
            buffer, n_bits, ok = put_difference(
                buffer, n_bits, difference, sizes, codes, lengths, plan[i, DC_TABLE]
            )
            if not ok:
                status = STUCK
                break
        if status != DONE:
            break
        unit += 1
        until_restart -= 1
    position, n_bits = drain(out, position, buffer, n_bits)
    state[POSITION], state[BUFFER], state[N_BITS] = position, buffer, n_bits
    state[UNIT], state[UNTIL_RESTART] = unit, until_restart
    return status


@compiled
def encode_ac(
    out: Bytes,
    state: Integers,
    base: Int,
    stride: Int,
    n_across: Int,
    unit_stop: Int,
    max_bytes: Int,
    is_end: bool,
    blocks: Blocks,
    masks: Masks,
    order: Integers,
    first: Int,
    last: Int,
    low: Int,
    refining: bool,
    table: Int,
    sizes: Bytes,
    codes: Integers,
    lengths: Integers,
    zeros: Integers,
    breaks: Integers,
    max_corrections: Int,
    joins_own: bool,
    pending: Bytes,
    pads: Bytes,
    marks: Bytes,
) -> int:
    """Writes coefficients ``first`` to ``last`` of the blocks of a component up to ``unit_stop``.

    ``breaks`` has the blocks before which a run is broken off; it and ``zeros`` end with a place
    that no block has. A run ends after a block that leaves more than ``max_corrections`` behind,
    and, unless it ``joins_own``, before and after one in which this scan has anything.
    ``pending`` (MAX_PENDING,) keeps the correction bits of a run. The last run is written with
    ``is_end``.
    """
    position, buffer, n_bits = state[POSITION], state[BUFFER], state[N_BITS]
    unit, until_restart = state[UNIT], state[UNTIL_RESTART]
    n_zeros, n_breaks = state[N_ZEROS], state[N_BREAKS]
    run, n_pending = state[RUN], state[N_PENDING]
    full = len(out) - 2 * MAX_BLOCK_BYTES
    band = (~np.uint64(0) << np.uint64(first)) & (~np.uint64(0) >> np.uint64(63 - last))
    status = DONE
    while unit < unit_stop:
        if position + n_pending // 4 > full or position > max_bytes:
            status = FULL
            break
        if until_restart == 0:
            position, buffer, n_bits, ok = _end_run(
                out, position, buffer, n_bits, run, pending, n_pending, codes, lengths, table
            )
            if not ok:
                status = STUCK
                break
            run, n_pending = np.int64(0), np.int64(0)
            position = put_restart(out, state, position, buffer, n_bits, pads, marks)
            n_bits = np.int64(0)
            until_restart = state[INTERVAL]
        block = base + unit // n_across * stride + unit % n_across
        n_extra = np.int64(0)
        if zeros[n_zeros, 0] == unit:
            n_extra = zeros[n_zeros, 1]
            n_zeros += 1
        # The last coefficient that this scan makes other than zero.
        end = first - 1
        mask = masks[block] & band
        is_own = n_extra > 0
        rest = mask
        while rest:
            k = lowest(rest)
            rest &= rest - np.uint64(1)
            magnitude = abs(np.int64(blocks[block, order[k]])) >> low
            is_own |= magnitude > 0
            if magnitude == 1 or (magnitude > 1 and not refining):
                end = k
            elif magnitude == 0:
                mask &= ~(np.uint64(1) << np.uint64(k))
        must_end = end >= first or n_extra > 0 or (is_own and not joins_own)
        if breaks[n_breaks] == unit:
            must_end = True
            n_breaks += 1
        if must_end and run > 0:
            position, buffer, n_bits, ok = _end_run(
                out, position, buffer, n_bits, run, pending, n_pending, codes, lengths, table
            )
            if not ok:
                status = STUCK
                break
            run, n_pending = np.int64(0), np.int64(0)
        own = n_pending  # where the correction bits of this block begin
        zero_run, behind = np.int64(0), first
        while mask or behind <= last:
            k = last + 1  # the end of the band
            if mask:
                k = lowest(mask)
                mask &= mask - np.uint64(1)
            zero_run += k - behind
            behind = k + 1
            while zero_run > 15 and (k <= end or n_extra > 0):
                position, buffer, n_bits = _symbol(
                    out, position, buffer, n_bits, 0xF0, codes, lengths, table
                )
                position, buffer, n_bits = _bits(
                    out, position, buffer, n_bits, pending, own, n_pending
                )
                n_pending = own
                zero_run -= 16
                n_extra -= k > end
            if k > last:
                break
            value = np.int64(blocks[block, order[k]])
            magnitude = abs(value) >> low
            if refining and magnitude > 1:
                pending[n_pending] = magnitude & 1
                n_pending += 1
                continue
            size = np.int64(1) if refining else np.int64(sizes[magnitude])
            symbol = zero_run << 4 | size
            if lengths[table, symbol] == 0:
                status = STUCK
                break
            position, buffer, n_bits = _symbol(
                out, position, buffer, n_bits, symbol, codes, lengths, table
            )
            code = np.int64(value > 0) if refining else magnitude
            if value < 0 and not refining:
                code = (1 << size) - 1 - magnitude
            buffer = buffer << size | code
            n_bits += size
            zero_run = np.int64(0)
            position, buffer, n_bits = _bits(out, position, buffer, n_bits, pending, own, n_pending)
            n_pending = own
        if status != DONE:
            break
        if n_extra > 0:  # a run of zeros past the end of the block
            position, buffer, n_bits = _symbol(
                out, position, buffer, n_bits, 0xF0, codes, lengths, table
            )
            position, buffer, n_bits = _bits(out, position, buffer, n_bits, pending, own, n_pending)
            n_pending = own
            zero_run = np.int64(0)
        if zero_run > 0 or n_pending > own:
            run += 1
            if run == MAX_RUN or n_pending > max_corrections or (is_own and not joins_own):
                position, buffer, n_bits, ok = _end_run(
                    out, position, buffer, n_bits, run, pending, n_pending, codes, lengths, table
                )
                if not ok:
                    status = STUCK
                    break
                run, n_pending = np.int64(0), np.int64(0)
        unit += 1
        until_restart -= 1
    if is_end and status == DONE:
        position, buffer, n_bits, ok = _end_run(
            out, position, buffer, n_bits, run, pending, n_pending, codes, lengths, table
        )
        run, n_pending = np.int64(0), np.int64(0)
    position, n_bits = drain(out, position, buffer, n_bits)
    state[POSITION], state[BUFFER], state[N_BITS] = position, buffer, n_bits
    state[UNIT], state[UNTIL_RESTART] = unit, until_restart
    state[N_ZEROS], state[N_BREAKS] = n_zeros, n_breaks
    state[RUN], state[N_PENDING] = run, n_pending
    return status


@compiled
def _end_run(
    out: Bytes,
    position: Int,
    buffer: Int,
    n_bits: Int,
    run: Int,
    pending: Bytes,
    n_pending: Int,
    codes: Integers,
    lengths: Integers,
    table: Int,
) -> tuple[Int, Int, Int, bool]:
    """Writes a run of ends of blocks, if there is one, and its correction bits."""
    if run == 0:
        return position, buffer, n_bits, True
    size = np.int64(0)
    while run >> size + 1:
        size += 1
    symbol = size << 4
    if lengths[table, symbol] == 0:
        return position, buffer, n_bits, False
    position, buffer, n_bits = _symbol(out, position, buffer, n_bits, symbol, codes, lengths, table)
    buffer = buffer << size | run & (1 << size) - 1
    n_bits += size
    position, buffer, n_bits = _bits(out, position, buffer, n_bits, pending, 0, n_pending)
    return position, buffer, n_bits, True


@compiled
def _symbol(
    out: Bytes,
    position: Int,
    buffer: Int,
    n_bits: Int,
    symbol: Int,
    codes: Integers,
    lengths: Integers,
    table: Int,
) -> tuple[Int, Int, Int]:
    """Writes the code of a symbol; 16 bits more have room: (position, buffer, n_bits)."""
    if n_bits > 24:
        position, n_bits = drain(out, position, buffer, n_bits)
    buffer = buffer << lengths[table, symbol] | codes[table, symbol]
    return position, buffer, n_bits + lengths[table, symbol]


@compiled
def _bits(
    out: Bytes, position: Int, buffer: Int, n_bits: Int, pending: Bytes, start: Int, stop: Int
) -> tuple[Int, Int, Int]:
    """Writes bits that waited: (position, buffer, n_bits)."""
    for i in range(start, stop):
        if n_bits > 40:
            position, n_bits = drain(out, position, buffer, n_bits)
        buffer = buffer << 1 | np.int64(pending[i])
        n_bits += 1
    return position, buffer, n_bits
