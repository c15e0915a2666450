"""The data of one scan become coefficients, and data again.

A scan's recipe says what its coefficients and tables do not: how far it was read, how its bytes
were padded, and where its writer did otherwise than libjpeg would have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.control import CancelToken
from core.images.jpeg.bits import (
    BUFFER,
    DONE,
    FULL,
    JOINED,
    N_BITS,
    N_BREAKS,
    N_FAKE,
    N_RESTARTS,
    N_ZEROS,
    NO_PADDING,
    OVERLONG,
    PAD_ONES,
    PAD_ZEROS,
    POSITION,
    UNIT,
    Blocks,
    Bytes,
    Integers,
    Masks,
    new_state,
    pad,
    padding_code,
)
from core.images.jpeg.image import ZIGZAG
from core.images.jpeg.markers import ScanHeader
from core.images.jpeg.plan import Layout, n_blocks_of_unit, n_restarts_of, plan_of
from core.images.jpeg.progressive import MAX_CORRECTIONS, decode_ac, decode_dc
from core.images.jpeg.progressive_encoding import MAX_PENDING, encode_ac, encode_dc
from core.images.jpeg.sequential import decode_sequential, encode_sequential
from core.images.jpeg.symbols import AC_TABLE, BASE, MAX_BLOCK_BYTES, STRIDE

#: Blocks between two looks at the cancel token.
_BLOCKS_AT_ONCE = 2**15
_NOWHERE = 2**62  # a place that no block has

#: Number of bits of each magnitude.
_SIZES = np.array([n.bit_length() for n in range(2**16)], np.uint8)


@dataclass(frozen=True, eq=False)
class ScanNotes:
    """What a scan's coefficients and tables leave open.

    ``n_units`` MCUs (blocks, where a scan has one component) were read. ``pads`` and ``marks``
    (R + 1,) uint8 are the padding before each restart and at the end, and the restart markers.
    ``zeros`` (M, 2) int64 are blocks with zero runs after the last coefficient, and how many;
    ``breaks`` (M,) int64 blocks before which a run of ends of blocks is broken off, besides
    those that libjpeg breaks where ``as_libjpeg``, and jpegli unless it ``joins_own``.
    """

    n_units: int
    pads: Bytes
    marks: Bytes
    zeros: Integers
    breaks: Integers
    as_libjpeg: bool
    joins_own: bool


def decode_scan(
    data: Bytes,
    header: ScanHeader,
    layout: Layout,
    blocks: Blocks,
    max_units: int,
    cancel: CancelToken,
) -> tuple[ScanNotes, int]:
    """Reads a scan into ``blocks``: what else it holds, and about where its data end.

    ``data`` ends where the stream does. At most ``max_units`` units are read. Raises ValueError
    where a table is invalid, and Cancelled.
    """
    plan = plan_of(header, layout)
    tables, state = plan.tables, new_state(header.position, header.interval)
    base, stride, table = (int(plan.blocks[0, i]) for i in (BASE, STRIDE, AC_TABLE))
    reading = (tables.look, tables.limits, tables.offsets, tables.symbols)
    n_units = min(plan.n_units, max_units)
    step = max(1, _BLOCKS_AT_ONCE // len(plan.blocks))
    n_restarts = n_units // header.interval + 2 if header.interval else 2
    pads, marks = np.empty(n_restarts, np.uint8), np.empty(n_restarts, np.uint8)
    zeros = np.empty((step * len(plan.blocks) + 1, 2), np.int64)
    breaks = np.empty(step + 1, np.int64)
    all_zeros, all_breaks, n_notes = [], [], 0
    status = DONE
    while status == DONE and state[UNIT] < n_units:
        cancel.check()
        stop = min(int(state[UNIT]) + step, n_units)
        state[N_ZEROS] = state[N_BREAKS] = 0
        if header.frame.kind != 2:
            status = decode_sequential(
                *(data, state, plan.blocks, plan.n_across, stop, blocks, ZIGZAG, *reading),
                *(zeros, pads, marks),
            )
        elif header.first == 0:
            status = decode_dc(
                *(data, state, plan.blocks, plan.n_across, stop, blocks, *reading),
                *(header.low, header.high > 0, pads, marks),
            )
        else:
            status = decode_ac(
                data,
                state,
                base,
                stride,
                plan.n_across,
                stop,
                blocks,
                blocks.view(np.int64),
                ZIGZAG,
                header.first,
                header.last,
                header.low,
                header.high > 0,
                table,
                tables.look,
                tables.limits,
                tables.offsets,
                tables.symbols,
                zeros,
                breaks,
                pads,
                marks,
            )
        all_zeros.append(zeros[: state[N_ZEROS]].copy())
        all_breaks.append(breaks[: state[N_BREAKS]].copy())
        n_notes += int(state[N_ZEROS]) + int(np.sum(all_breaks[-1] & 3 == 0))
        if n_notes > 1024 + (int(state[POSITION]) - header.position) // 4:
            break  # its writer is too unlike libjpeg
    n_left = max(0, int(state[N_BITS] - state[N_FAKE])) & 7
    bits = int(state[BUFFER]) >> int(state[N_BITS]) - n_left
    pads = pads[: state[N_RESTARTS] + 1]
    is_complete = state[UNIT] == plan.n_units
    pads[-1] = padding_code(bits & (1 << n_left) - 1, n_left) if is_complete else NO_PADDING
    pads[pads == NO_PADDING] = usual_padding(pads)
    every_break = np.concatenate([*all_breaks, np.empty(0, np.int64)])
    as_libjpeg = not state[OVERLONG]
    joins_own = bool(state[JOINED]) or not np.any(every_break & 2)
    explained = 1 * as_libjpeg + 2 * (not joins_own)
    notes = ScanNotes(
        int(state[UNIT]),
        pads.copy(),
        marks[: state[N_RESTARTS]].copy(),
        np.concatenate([*all_zeros, np.empty((0, 2), np.int64)]),
        every_break[every_break & explained == 0] >> 2,
        as_libjpeg,
        joins_own,
    )
    # Of a scan that stops, the last restart marker may have no unit behind it.
    return up_to(notes, header, notes.n_units), int(state[POSITION])


def encode_scan(
    header: ScanHeader,
    notes: ScanNotes,
    layout: Layout,
    blocks: Blocks,
    masks: Masks,
    cancel: CancelToken,
    max_bytes: int = _NOWHERE,
) -> tuple[bytes, int]:
    """The data of a scan, and how many units are in them: fewer than the notes say where there
    are more than ``max_bytes``, or no code for the next one.

    ``masks`` are :func:`masks_of` ``blocks``. Raises ValueError where a table is invalid or the
    notes fit no such scan, and Cancelled.
    """
    plan = plan_of(header, layout)
    tables, state = plan.tables, new_state(0, header.interval)
    base, stride, table = (int(plan.blocks[0, i]) for i in (BASE, STRIDE, AC_TABLE))
    n_units = notes.n_units
    n_restarts = n_restarts_of(header, n_units)
    if n_units > plan.n_units or len(notes.pads) <= n_restarts or len(notes.marks) < n_restarts:
        raise ValueError("a scan's notes do not fit its header")
    zeros = np.concatenate([notes.zeros, [[_NOWHERE, 0]]]).astype(np.int64)
    breaks = np.append(notes.breaks, _NOWHERE).astype(np.int64)
    pending = np.empty(MAX_PENDING if header.high else 1, np.uint8)
    room = max(2, len(plan.blocks)) * MAX_BLOCK_BYTES + 64
    out = np.empty(n_units * len(plan.blocks) * 16 + room, np.uint8)
    max_corrections = MAX_CORRECTIONS if notes.as_libjpeg else _NOWHERE
    step = max(1, _BLOCKS_AT_ONCE // len(plan.blocks))
    status = DONE
    while status == DONE and state[UNIT] < n_units:
        cancel.check()
        stop = min(int(state[UNIT]) + step, n_units)
        if header.frame.kind != 2:
            status = encode_sequential(
                out,
                state,
                plan.blocks,
                plan.n_across,
                stop,
                max_bytes,
                blocks,
                masks,
                ZIGZAG,
                _SIZES,
                tables.codes,
                tables.lengths,
                zeros,
                notes.pads,
                notes.marks,
            )
        elif header.first == 0:
            status = encode_dc(
                out,
                state,
                plan.blocks,
                plan.n_across,
                stop,
                max_bytes,
                blocks,
                _SIZES,
                tables.codes,
                tables.lengths,
                header.low,
                header.high > 0,
                notes.pads,
                notes.marks,
            )
        else:
            status = encode_ac(
                out,
                state,
                base,
                stride,
                plan.n_across,
                stop,
                max_bytes,
                stop == n_units,
                blocks,
                masks,
                ZIGZAG,
                header.first,
                header.last,
                header.low,
                header.high > 0,
                table,
                _SIZES,
                tables.codes,
                tables.lengths,
                zeros,
                breaks,
                max_corrections,
                notes.joins_own,
                pending,
                notes.pads,
                notes.marks,
            )
        if status == FULL and state[POSITION] <= max_bytes:
            out = np.concatenate([out, np.empty(len(out) + MAX_PENDING // 4, np.uint8)])
            status = DONE
    end = int(state[POSITION])
    if status == DONE:
        padding = int(notes.pads[state[N_RESTARTS]])
        end = int(pad(out, end, int(state[BUFFER]), int(state[N_BITS]), padding))
    return out[:end].tobytes(), int(state[UNIT])


def usual_padding(pads: Bytes) -> int:
    """The commoner of zeros and ones."""
    return PAD_ZEROS if np.sum(pads == PAD_ZEROS) > np.sum(pads == PAD_ONES) else PAD_ONES


def up_to(notes: ScanNotes, header: ScanHeader, n_units: int) -> ScanNotes:
    """The notes of the first ``n_units`` units."""
    n_restarts, n_blocks = n_restarts_of(header, n_units), n_units * n_blocks_of_unit(header)
    return ScanNotes(
        n_units,
        notes.pads[: n_restarts + 1],
        notes.marks[:n_restarts],
        notes.zeros[notes.zeros[:, 0] < n_blocks],
        notes.breaks[notes.breaks < n_blocks],
        notes.as_libjpeg,
        notes.joins_own,
    )


def same_bytes(one: bytes, other: bytes) -> int:
    """How many bytes two strings have in common from their start."""
    n = min(len(one), len(other))
    if one[:n] == other[:n]:
        return n
    differing = np.frombuffer(one, np.uint8, n) != np.frombuffer(other, np.uint8, n)
    return int(differing.argmax())
