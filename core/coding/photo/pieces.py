"""Pieces as the encoder keeps them until it pushes them, in as little memory as possible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.arrays import Int32, Integers
from core.coding.coders import EXACT_CODERS, Coder
from core.flows.photo.cdf import N_CELLS, Z_BITS, MixtureCdf, theoretical_bits
from core.flows.photo.colours import ShapedCells


@dataclass(frozen=True)
class KnownCells:
    """The cells of N pixels that are known, as a CellMap: F(x) and F(x + 1), int32 (N,) each.

    All that the exact coders need of a distribution, in an eighth of its memory.
    """

    low: Int32
    high: Int32
    n_cells: int = N_CELLS
    z_bits: int = Z_BITS

    def __len__(self) -> int:
        return len(self.low)

    def __getitem__(self, part: slice) -> KnownCells:
        return KnownCells(self.low[part], self.high[part])

    def bounds(self, cells: Integers) -> tuple[Integers, Integers]:
        return self.low.astype(np.int64), self.high.astype(np.int64)

    def locate(self, z: Integers) -> tuple[Integers, Integers, Integers]:
        raise NotImplementedError("the encoder of an exact coder locates nothing")


@dataclass(frozen=True)
class EncodedPiece:
    """What the encoder keeps of a piece until it pushes it: its distributions and pixels (N,)."""

    cells: KnownCells | MixtureCdf | ShapedCells
    values: Integers
    theoretical_bits: float

    @classmethod
    def of(cls, cells: MixtureCdf | ShapedCells, values: Integers, coder: Coder) -> EncodedPiece:
        """Of distributions and pixels (N,)."""
        low, high = cells.bounds(values)
        bits = float(theoretical_bits(low, high).sum())
        if coder not in EXACT_CODERS:
            return cls(cells, values, bits)
        return cls(KnownCells(low.astype(np.int32), high.astype(np.int32)), values, bits)
