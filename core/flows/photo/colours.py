"""The second stage: what is known of a picture's colours reshapes distributions of red and blue.

A network that sees differences of neighbours cannot know which exact colours a picture has. Yet
decoders of JPEG, WebP or Photo CD compute colours from rounded luma and chroma, so that, given
green and red, only one in four values of blue is possible at all, and the exact chroma of a pixel
follows almost from its neighbours'. This stage multiplies the mass of each value by what it knows,
and divides by the sum. It is one more elementwise, monotone step of the flow, so every coder of
local bits-back takes it as it is.

Encoder and decoder update the same statistics after each block of pixels, none in between: all
values of a piece are shaped at once. Everything is integers, or IEEE + - * / and square roots in
the order in which they are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from core.arrays import Float32, Int32, Integers, Pixels
from core.compiled import compiled
from core.flows.photo.cdf import N_CELLS, Z_BITS, MixtureCdf
from core.flows.photo.chroma import ChromaPrediction
from core.flows.photo.shaping import (
    JPEG_COLOURS,
    REACH,
    count_blue,
    count_red,
    n_of_ycc,
    shape_by_chroma,
    shape_by_counts,
)
from core.flows.photo.windows import EDGES, WINDOW, bounds, locate, windows

#: Smaller levels than this, in rows or columns, are coded by their mixtures alone.
SMALLEST_SIDE: Final = 8

#: A tile is of YCC if at least this share of its pixels has a colour that JPEG's integers reach.
_YCC_SHARE: Final = 0.9

#: A tile repeats its colours if it has fewer different ones than this share of its pixels.
_REPEATED_SHARE: Final = 0.4

#: The share of the counts' distribution in the mixture with the network's, at first and at most.
_FIRST_TRUST: Final = 0.5
_TRUST_RANGE: Final = (0.02, 0.98)
_TRUST_RATE: Final = 2.0


class ColourMode(IntEnum):
    """What is known of a tile's colours; two bits of its header."""

    PLAIN = 0  #: nothing
    YCC = 1  #: they come from JPEG's luma and chroma, by the integers of libjpeg
    REPEATED = 2  #: they are few, and come again


def colour_mode(pixels: Pixels) -> ColourMode:
    """The encoder's choice for a tile, (H, W, C) uint8."""
    if pixels.shape[2] != 3 or min(pixels.shape[:2]) < SMALLEST_SIDE:
        return ColourMode.PLAIN
    colours = pixels.reshape(-1, 3)
    if n_of_ycc(colours, JPEG_COLOURS.reachable) >= _YCC_SHARE * len(colours):
        return ColourMode.YCC
    packed = colours.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    if len(np.unique(packed)) < _REPEATED_SHARE * len(colours):
        return ColourMode.REPEATED
    return ColourMode.PLAIN


@dataclass(frozen=True)
class ShapedCells:
    """Distributions of N values: edges inside of a window, a mixture's outside of it.

    first: (N,) int64, the window's first value; plain: (N, EDGES) int32 in [0, 2^24], the mixture's
    edges over the window; edges: the same, shaped.
    """

    mixture: MixtureCdf
    first: Integers
    plain: Int32
    edges: Int32
    n_cells: int = N_CELLS
    z_bits: int = Z_BITS

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, part: slice) -> ShapedCells:
        return ShapedCells(self.mixture[part], self.first[part], self.plain[part], self.edges[part])

    def bounds(self, cells: Integers) -> tuple[Integers, Integers]:
        """F(h) and F(h + 1) for one cell h of each dimension: (N,) -> two of (N,)."""
        low, high = np.empty((2, len(cells)), dtype=np.int64)
        bounds(
            *self.mixture.arrays(), self.mixture.first, self.first, self.edges,
            np.ascontiguousarray(cells), low, high,
        )  # fmt: skip
        return low, high

    def locate(self, z: Integers) -> tuple[Integers, Integers, Integers]:
        """The cell h with F(h) <= z < F(h + 1), F(h) and F(h + 1): (N,) -> three of (N,)."""
        cells, low, high = np.empty((3, len(z)), dtype=np.int64)
        locate(
            *self.mixture.arrays(), self.mixture.first, self.first, self.edges,
            np.ascontiguousarray(z), cells, low, high,
        )  # fmt: skip
        return cells, low, high


class Colours:
    """The statistics of one tile's colours, as they grow from block to block."""

    def __init__(self, mode: ColourMode) -> None:
        self.mode = mode
        self._level = self._phase = -1
        self._active = False
        self._planes: Integers
        self._chroma: dict[tuple[int, int], ChromaPrediction] = {}
        self._trust: dict[tuple[int, int, int], float] = {}
        if mode is ColourMode.REPEATED:
            self._counts = _Counts()

    def begin(self, level: int, phase: int, picture: Float32) -> None:
        """Starts a phase of a level, 0 the finest, whose picture (3, H, W) is known before it."""
        self._level, self._phase = min(level, 2), phase
        self._active = self.mode is not ColourMode.PLAIN and min(picture.shape[1:]) >= SMALLEST_SIDE
        if self._active and self.mode is ColourMode.YCC:
            key = self._level, phase
            if key not in self._chroma:
                self._chroma[key] = ChromaPrediction(phase, REACH)
            self._chroma[key].begin(picture)

    def shape(
        self, i: int, mixture: MixtureCdf, span: slice, before: Integers
    ) -> MixtureCdf | ShapedCells:
        """The distributions of the i-th channel of a block: green, red, blue.

        span: the block's positions in its phase; before: (i, N), the channels that are known.
        """
        if not self._active or i == 0:
            return mixture
        first = np.empty(len(mixture), dtype=np.int64)
        plain, edges = np.empty((2, len(mixture), EDGES), dtype=np.int32)
        windows(*mixture.arrays(), first, plain)
        if self.mode is ColourMode.YCC:
            chroma = self._chroma[self._level, self._phase]
            blue, red = chroma.predict(span)
            of_blue, of_red = chroma.weights(i)
            shape_by_chroma(first, plain, before, blue, red, of_blue, of_red, JPEG_COLOURS, edges)
        else:
            counts = self._counts
            trust = np.float32(self._trust.get((self._level, self._phase, i), _FIRST_TRUST))
            shape_by_counts(
                first, plain, before, counts.red, counts.blue, counts.red_less_green,
                counts.blue_less_green, trust, edges,
            )  # fmt: skip
        return ShapedCells(mixture, first, plain, edges)

    def observe(
        self, i: int, cells: MixtureCdf | ShapedCells, span: slice, values: Integers
    ) -> None:
        """Takes in a block's values up to the i-th channel, (i + 1, N), once they are known.

        cells: what :meth:`shape` returned for the i-th.
        """
        if not isinstance(cells, ShapedCells):
            return
        if self.mode is ColourMode.YCC:
            if i == 2:
                self._chroma[self._level, self._phase].observe(values)
            return
        key = self._level, self._phase, i
        trust = self._trust.get(key, _FIRST_TRUST)
        slope = _slope(cells.first, cells.plain, cells.edges, values[i], trust)
        self._trust[key] = min(max(trust + slope, _TRUST_RANGE[0]), _TRUST_RANGE[1])
        self._counts.add(i, values)


class _Counts:
    """How often each colour came, and each difference of channels; counts end at 255."""

    def __init__(self) -> None:
        self.red = np.zeros((256, 257), dtype=np.uint8)  # by green
        self.blue = np.zeros((256, 256, 257), dtype=np.uint8)  # by green and red
        self.red_less_green = np.zeros(512, dtype=np.int32)
        self.blue_less_green = np.zeros((511, 512), dtype=np.int32)  # by red less green

    def add(self, i: int, values: Integers) -> None:
        if i == 1:
            count_red(values, self.red, self.red_less_green)
        else:
            count_blue(values, self.blue, self.blue_less_green)


@compiled
def _slope(first: Integers, plain: Int32, edges: Int32, values: Integers, trust: float) -> float:
    """A step of the trust t along the mean slope of log((1 - t) p + t q), of its log odds.

    The values (N,) that came had the mass p without the second stage and t q + (1 - t) p with it.
    """
    total = 0.0
    for i in range(len(values)):
        j = values[i] - first[i]
        if 0 <= j < WINDOW:  # elsewhere the two are the same
            mixed = float(edges[i, j + 1] - edges[i, j])
            alone = float(plain[i, j + 1] - plain[i, j])
            total += (mixed - alone) / (trust * mixed)
    return _TRUST_RATE * trust * (1 - trust) * total / max(len(values), 1)
