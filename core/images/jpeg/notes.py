"""The notes of a scan as bytes: one zero for the number of scan headers skipped, and one for a
scan that is complete and padded with ones."""

from __future__ import annotations

import numpy as np

from core.images.frames import BodyReader, FrameError, number
from core.images.jpeg.bits import MAX_FILL, PAD_ONES, PAD_OTHER, PAD_ZEROS, Integers
from core.images.jpeg.markers import ScanHeader
from core.images.jpeg.plan import n_blocks_of_unit, n_restarts_of, size_of
from core.images.jpeg.scan import ScanNotes, usual_padding
from core.images.jpeg.stream import ScanRecipe

# Bits of the first number: what follows it, in this order.
_INCOMPLETE, _DROPPED, _ZERO_PADS, _PADS, _MARKS, _ZEROS, _BREAKS, _LONG_RUNS, _OWN_RUNS = (
    1 << i for i in range(9)
)


def write_notes(header: ScanHeader, scan: ScanRecipe) -> bytes:
    """The notes of a scan."""
    notes = scan.notes
    total, _ = size_of(header)
    pads = notes.pads
    usual = usual_padding(pads)
    odd_pads = np.flatnonzero(pads != usual)
    odd_marks = np.flatnonzero(notes.marks)
    flags, body = 0, bytearray()
    if notes.n_units < total:
        flags |= _INCOMPLETE
        body += number(total - notes.n_units)
    if scan.n_dropped:
        flags |= _DROPPED
        body += number(scan.n_dropped)
    if usual == PAD_ZEROS:
        flags |= _ZERO_PADS
    if not notes.as_libjpeg:
        flags |= _LONG_RUNS
    if not notes.joins_own:
        flags |= _OWN_RUNS
    for flag, places, values in (
        (_PADS, odd_pads, pads[odd_pads]),
        (_MARKS, odd_marks, notes.marks[odd_marks]),
        (_ZEROS, notes.zeros[:, 0], notes.zeros[:, 1]),
        (_BREAKS, notes.breaks, None),
    ):
        if len(places):
            flags |= flag
            body += number(len(places))
            body += b"".join(number(int(n)) for n in np.diff(places, prepend=-1) - 1)
            if values is not None:
                body += b"".join(number(int(n)) for n in values)
    return number(scan.n_skipped) + number(flags) + bytes(body)


def read_notes(reader: BodyReader, header: ScanHeader, n_skipped: int) -> ScanRecipe:
    """The notes of a scan, behind the number of skipped ones. Raises FrameError."""
    flags = reader.number()
    if flags >= 1 << 9:
        raise FrameError("notes of an unknown kind")
    total, _ = size_of(header)
    n_missing = reader.number() if flags & _INCOMPLETE else 0
    n_dropped = reader.number() if flags & _DROPPED else 0
    if n_missing >= total:
        raise FrameError("a scan without data")
    n_units = total - n_missing
    n_restarts = n_restarts_of(header, n_units)
    n_blocks = n_units * n_blocks_of_unit(header)
    pads = np.full(n_restarts + 1, PAD_ZEROS if flags & _ZERO_PADS else PAD_ONES, np.uint8)
    marks = np.zeros(n_restarts, np.uint8)
    if flags & _PADS:
        places = _places(reader, n_restarts + 1)
        pads[places] = _values(reader, len(places), 0, PAD_OTHER + 127)
    if flags & _MARKS:
        places = _places(reader, n_restarts)
        marks[places] = _values(reader, len(places), 0, MAX_FILL << 3 | 7)
    zeros = np.empty((0, 2), np.int64)
    if flags & _ZEROS:
        places = _places(reader, n_blocks)
        zeros = np.stack([places, _values(reader, len(places), 1, 4)], axis=1)
    breaks = _places(reader, n_blocks) if flags & _BREAKS else np.empty(0, np.int64)
    as_libjpeg, joins_own = not flags & _LONG_RUNS, not flags & _OWN_RUNS
    notes = ScanNotes(n_units, pads, marks, zeros, breaks, as_libjpeg, joins_own)
    return ScanRecipe(n_skipped, notes, n_dropped)


def _places(reader: BodyReader, stop: int) -> Integers:
    """Rising numbers below ``stop``."""
    places, last = [], -1
    for _ in range(reader.number()):
        last += reader.number() + 1
        if last >= stop:
            raise FrameError("a note on what a scan does not have")
        places.append(last)
    return np.array(places, np.int64)


def _values(reader: BodyReader, count: int, least: int, greatest: int) -> Integers:
    values = [reader.number() for _ in range(count)]
    if any(not least <= value <= greatest for value in values):
        raise FrameError("a note that makes no sense")
    return np.array(values, np.int64)
