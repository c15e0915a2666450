"""Scans of progressive JPEGs are read (ITU-T T.81, annex G)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled
from core.images.jpeg.bits import (
    BUFFER,
    DONE,
    INTERVAL,
    JOINED,
    N_BITS,
    N_BREAKS,
    N_FAKE,
    N_PENDING,
    N_ZEROS,
    OVERLONG,
    POSITION,
    PREDICTIONS,
    RUN,
    RUN_IS_OWN,
    RUN_LENGTH,
    STUCK,
    UNIT,
    UNTIL_RESTART,
    Blocks,
    Bytes,
    Int,
    Integers,
    refill,
)
from core.images.jpeg.nonzero import has_ac
from core.images.jpeg.symbols import (
    DC_TABLE,
    SLOT,
    block_of,
    pass_restart,
    read_difference,
    read_magnitude,
    read_symbol,
)

#: The longest run of blocks that end.
MAX_RUN = 0x7FFF
#: libjpeg ends a run after a block that leaves more correction bits than these behind.
MAX_CORRECTIONS = 937


@compiled
def decode_dc(
    data: Bytes,
    state: Integers,
    plan: Integers,
    n_across: Int,
    unit_stop: Int,
    blocks: Blocks,
    look: NDArray[np.int16],
    limits: NDArray[np.int32],
    offsets: NDArray[np.int32],
    symbols: Bytes,
    low: Int,
    refining: bool,
    pads: Bytes,
    marks: Bytes,
) -> int:
    """Reads the DC coefficients of MCUs up to ``unit_stop``, down to bit ``low``."""
    position, buffer, n_bits = state[POSITION], state[BUFFER], state[N_BITS]
    n_fake, unit, until_restart = state[N_FAKE], state[UNIT], state[UNTIL_RESTART]
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
        for i in range(len(plan)):
            block = block_of(plan, i, row, column)
            position, buffer, n_bits, n_fake = refill(data, position, buffer, n_bits, n_fake)
            if refining:
                n_bits -= 1
                if n_bits < n_fake:
                    status = STUCK
                    break
                blocks[block, 0] |= (buffer >> n_bits & 1) << low
                continue
            value, n_bits, ok = read_difference(
                buffer, n_bits, look, limits, offsets, symbols, plan[i, DC_TABLE]
            )
            value += state[PREDICTIONS + plan[i, SLOT]]
            if not ok or n_bits < n_fake or value << low < -32768 or value << low > 32767:
                status = STUCK
                break
            state[PREDICTIONS + plan[i, SLOT]] = value
            blocks[block, 0] = value << low
        if status != DONE:
            break
        unit += 1
        until_restart -= 1
    state[POSITION], state[BUFFER], state[N_BITS] = position, buffer, n_bits
    state[N_FAKE], state[UNIT], state[UNTIL_RESTART] = n_fake, unit, until_restart
    return status


@compiled
def decode_ac(
    data: Bytes,
    state: Integers,
    base: Int,
    stride: Int,
    n_across: Int,
    unit_stop: Int,
    blocks: Blocks,
    words: Integers,
    order: Integers,
    first: Int,
    last: Int,
    low: Int,
    refining: bool,
    table: Int,
    look: NDArray[np.int16],
    limits: NDArray[np.int32],
    offsets: NDArray[np.int32],
    symbols: Bytes,
    zeros: Integers,
    breaks: Integers,
    pads: Bytes,
    marks: Bytes,
) -> int:
    """Reads coefficients ``first`` to ``last`` of the blocks of a component up to ``unit_stop``.

    ``zeros`` is as in the sequential scan. ``breaks`` takes the blocks before which a run of
    ends of blocks is broken off although it could go on, times 4, plus 1 where libjpeg breaks it
    too, because of its correction bits, plus 2 where jpegli does: it joins only blocks in which
    this scan has neither coefficients nor correction bits. ``state[OVERLONG]`` counts the blocks
    at which libjpeg would have broken a run that goes on, ``state[JOINED]`` those at which jpegli
    would have. A unit is a block; ``words`` (N, 16) int64 are the same memory as ``blocks``.
    """
    position, buffer, n_bits = state[POSITION], state[BUFFER], state[N_BITS]
    n_fake, unit, until_restart = state[N_FAKE], state[UNIT], state[UNTIL_RESTART]
    n_zeros, n_breaks = state[N_ZEROS], state[N_BREAKS]
    run, run_length, n_corrections = state[RUN], state[RUN_LENGTH], state[N_PENDING]
    run_is_own = state[RUN_IS_OWN]
    step = np.int64(1) << low
    status = DONE
    while unit < unit_stop:
        if until_restart == 0:
            after: Int = np.int64(-1)
            if run == 0:
                after = pass_restart(data, state, position, buffer, n_bits, n_fake, pads, marks)
            if after < 0:
                status = STUCK
                break
            position, buffer, n_bits, n_fake = after, 0, 0, 0
            until_restart = state[INTERVAL]
            run_length = np.int64(0)
        if run > 0 and not refining:
            skipped = min(run, unit_stop - unit, until_restart)
            run -= skipped
            unit += skipped
            until_restart -= skipped
            continue
        block = base + unit // n_across * stride + unit % n_across
        k = first
        n_trailing = n_symbols = 0
        is_break = False
        if run == 0:
            ended = False
            while k <= last:
                position, buffer, n_bits, n_fake = refill(data, position, buffer, n_bits, n_fake)
                symbol, n_bits = read_symbol(buffer, n_bits, look, limits, offsets, symbols, table)
                if symbol < 0:
                    status = STUCK
                    break
                zero_run, size = symbol >> 4, symbol & 15
                if size == 0 and zero_run < 15:
                    n_bits -= zero_run
                    run = (1 << zero_run) + (buffer >> n_bits & (1 << zero_run) - 1)
                    ended = True
                    break
                n_symbols += 1
                value: Int = np.int64(0)
                if size == 0:
                    n_trailing += 1
                else:
                    n_trailing = 0
                    value, n_bits = read_magnitude(buffer, n_bits, size)
                    value *= step
                if not refining:
                    k += zero_run
                    if (size and k > last) or value < -32768 or value > 32767:
                        status = STUCK
                        break
                else:
                    if size > 1:
                        status = STUCK
                        break
                    while k <= last:
                        known = np.int64(blocks[block, order[k]])
                        if known != 0:
                            if n_bits == 0:
                                position, buffer, n_bits, n_fake = refill(
                                    data, position, buffer, n_bits, n_fake
                                )
                            n_bits -= 1
                            if buffer >> n_bits & 1 and abs(known) & step == 0:
                                blocks[block, order[k]] += step if known > 0 else -step
                        else:
                            if zero_run == 0:
                                break
                            zero_run -= 1
                        k += 1
                    if size and k > last:
                        status = STUCK
                        break
                if size:
                    blocks[block, order[k]] = value
                k += 1
            if status != DONE or n_bits < n_fake:
                status = STUCK
                break
            if ended:
                if n_symbols == 0 and run_length > 0 and run_length < MAX_RUN:
                    is_break = True
                    breaks[n_breaks] = 4 * unit + (n_corrections > MAX_CORRECTIONS)
                    breaks[n_breaks] += 2 * run_is_own
                run_length = run
                n_corrections = np.int64(0)
            else:
                run_length = np.int64(0)
        if run > 0:
            n_before = n_corrections
            if refining and has_ac(blocks, words, block):
                if n_corrections > MAX_CORRECTIONS:
                    state[OVERLONG] += 1
                while k <= last:
                    known = np.int64(blocks[block, order[k]])
                    if known != 0:
                        if n_bits == 0:
                            position, buffer, n_bits, n_fake = refill(
                                data, position, buffer, n_bits, n_fake
                            )
                        n_bits -= 1
                        n_corrections += 1
                        if buffer >> n_bits & 1 and abs(known) & step == 0:
                            blocks[block, order[k]] += step if known > 0 else -step
                    k += 1
                if n_bits < n_fake:
                    status = STUCK
                    break
            run -= 1
            is_own = n_symbols > 0 or n_corrections > n_before
            state[JOINED] += is_own and run_length > 1
            run_is_own = np.int64(is_own and run_length == 1)
            if is_break:
                breaks[n_breaks] |= 2 * is_own
                n_breaks += 1
        if n_trailing:
            zeros[n_zeros, 0], zeros[n_zeros, 1] = unit, n_trailing
            n_zeros += 1
        unit += 1
        until_restart -= 1
    state[POSITION], state[BUFFER], state[N_BITS] = position, buffer, n_bits
    state[N_FAKE], state[UNIT], state[UNTIL_RESTART] = n_fake, unit, until_restart
    state[N_ZEROS], state[N_BREAKS] = n_zeros, n_breaks
    state[RUN], state[RUN_LENGTH], state[N_PENDING] = run, run_length, n_corrections
    state[RUN_IS_OWN] = run_is_own
    return status
