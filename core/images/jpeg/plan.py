"""Which blocks a scan goes through, in which order, and with which tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from core.images.jpeg.bits import Integers
from core.images.jpeg.huffman import HuffmanTables, stacked
from core.images.jpeg.markers import Frame, ScanHeader


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the blocks of a frame's components stand in one array (N, 64)."""

    bases: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    n_blocks: int

    def with_rows(self, rows: Sequence[int]) -> Layout:
        """The layout of components that have so many rows of blocks."""
        ends = list(accumulate(r * c for r, c in zip(rows, self.columns, strict=True)))
        return Layout((0, *ends[:-1]), tuple(rows), self.columns, ends[-1])


@dataclass(frozen=True, eq=False)
class Plan:
    """A scan's blocks of one MCU, with the columns that :mod:`core.images.jpeg.symbols` names; how
    many units make a row, and how many there are; its tables."""

    blocks: Integers
    n_across: int
    n_units: int
    tables: HuffmanTables


def layout_of(frame: Frame) -> Layout:
    """Where the blocks of a frame stand, all MCUs complete."""
    if len(frame.components) == 1:
        sizes = [frame.size_in_blocks(0)]
    else:
        sizes = [(frame.mcus_down * c.v, frame.mcus_across * c.h) for c in frame.components]
    rows, columns = zip(*sizes, strict=True)
    return Layout((), (), columns, 0).with_rows(rows)


def is_regular(header: ScanHeader) -> bool:
    """Whether this is a kind of scan that can be taken apart."""
    first, last, low = header.first, header.last, header.low
    if header.frame.kind in (0, 1):
        return True
    if header.frame.kind != 2 or low > 13:
        return False
    if first == 0:
        return last == 0
    return first <= last <= 63 and len(header.components) == 1


def size_of(header: ScanHeader) -> tuple[int, int]:
    """How many units a scan has, and how many of them make a row."""
    frame = header.frame
    if len(header.components) > 1:
        return frame.mcus_across * frame.mcus_down, frame.mcus_across
    rows, columns = frame.size_in_blocks(header.components[0])
    return rows * columns, columns


def n_restarts_of(header: ScanHeader, n_units: int) -> int:
    """How many restarts are among the first ``n_units`` units."""
    return max(0, n_units - 1) // header.interval if header.interval else 0


def n_blocks_of_unit(header: ScanHeader) -> int:
    """Blocks of an MCU."""
    if len(header.components) == 1:
        return 1
    components = [header.frame.components[i] for i in header.components]
    return sum(c.h * c.v for c in components)


def plan_of(header: ScanHeader, layout: Layout) -> Plan:
    """Raises ValueError where a table is invalid."""
    rows = []
    interleaved = len(header.components) > 1
    for slot, component in enumerate(header.components):
        c = header.frame.components[component]
        v, h = (c.v, c.h) if interleaved else (1, 1)
        tables = header.dc_tables[slot], 4 + header.ac_tables[slot]
        for down in range(v):
            for across in range(h):
                base, stride = layout.bases[component], layout.columns[component]
                rows.append((base, stride, v, h, down, across, slot, *tables))
    used = {row[-2] for row in rows} | {row[-1] for row in rows}
    specs = [header.huffman[i] if i in used else None for i in range(8)]
    n_units, n_across = size_of(header)
    return Plan(np.array(rows, np.int64), n_across, n_units, stacked(specs))
