"""Local bits-back coding of one elementwise step, in its forms, under one interface.

A *step* turns the values above it (towards the pixels) into the values below it (towards the
prior), pushing and popping on a stack as it goes; ``decode`` undoes ``encode`` bit for bit, the
stack included. Three steps make up a flow that is coded dimension by dimension:

- ``Dequantize``  pixels x to y = x + u on a grid of S bins a pixel, u popped;
- a coder of the increasing map z = f(y): ``ModularTransform`` or ``GaussianTransform``;
- ``UniformPrior``  z is pushed, uniform on 2^k bins.

``Fused`` is all three at once.

A flow is given by its :class:`CellMap`. Here is the simplest one that compresses: pixels are 0 or
1, and the CDF maps the 0 to three quarters of the unit interval, on a grid of 2^24 bins:

>>> from core.coding.auxiliary import auxiliary_words
>>> class Mostly0:
...     n_cells, z_bits, edges = 2, 24, np.array([0, 3 << 22, 1 << 24])
...     def __init__(self, count): self.count = count
...     def __len__(self): return self.count
...     def bounds(self, cells): return self.edges[cells], self.edges[cells + 1]
...     def locate(self, z):
...         cells = np.searchsorted(self.edges, z, side="right") - 1
...         return cells, *self.bounds(cells)

A thousand zeros take 1000 log2(4/3) = 415.04 bits (whole bits are counted), a thousand ones 2000:

>>> def coded_bits(steps, values):
...     stack = Stack(auxiliary_words(2000))
...     before, z = stack.n_bits, values
...     for step in steps:
...         z = step.encode(stack, z)
...     n_bits = stack.n_bits - before
...     for step in reversed(steps):
...         z = step.decode(stack, z)
...     assert (z == values).all() and (stack.words() == auxiliary_words(2000)).all()
...     return n_bits
>>> zeros, ones = np.zeros(1000, np.int64), np.ones(1000, np.int64)
>>> coded_bits([Fused(Mostly0(1000))], zeros), coded_bits([Fused(Mostly0(1000))], ones)
(416, 2000)

Step by step they take as much. Each step pops before it pushes, up to 32 bits a
pixel here: hence chunks, and the fused form by default:

>>> dequantize, prior = Dequantize(8), UniformPrior(24, 1000)
>>> coded_bits([dequantize, ModularTransform(Mostly0(1000), 8), prior], zeros)
416
>>> dequantize = Dequantize(14)
>>> n_bits = coded_bits([dequantize, GaussianTransform(Mostly0(1000), 14), prior], zeros)
>>> 405 < n_bits < 425  # f is linear but for the edge of the cell, hence close to it
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.arrays import Floats, Integers
from core.coding.stack import EXACT_SIZE_BITS, PRECISION_BITS, Stack
from core.compiled import compiled


class Cells(Protocol):
    """Strictly increasing maps of N dimensions, linear inside cells of y.

    Dimension i maps cell edge h, an integer, to the integer F_i(h) on the grid of z. The image of
    each cell is at least one bin of z wide.
    """

    def bounds(self, cells: Integers, /) -> tuple[Integers, Integers]:
        """F(h) and F(h + 1) for one cell h a dimension: (N,) -> two of (N,)."""

    def locate(self, z: Integers, /) -> tuple[Integers, Integers, Integers]:
        """The cell h with F(h) <= z < F(h + 1), F(h) and F(h + 1): (N,) -> three of (N,)."""


class CellMap(Cells, Protocol):
    """Cells of a whole: h of [0, n_cells], F_i(0) = 0 and F_i(n_cells) = 2^z_bits."""

    @property
    def n_cells(self) -> int: ...

    @property
    def z_bits(self) -> int: ...

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> CellMap: ...


class Step(Protocol):
    """An invertible step of a code; ``decode`` undoes ``encode``, the stack included."""

    def encode(self, stack: Stack, values: Integers) -> Integers: ...

    def decode(self, stack: Stack, values: Integers) -> Integers: ...


#: Widths keep this many significant bits; at most 2^-15 of a cell is rounded off, unused.
SIGNIFICANT_BITS = 16

#: Widths below this are popped directly; wider ones by division, see :func:`pop_width`.
_NARROW = 1 << (PRECISION_BITS - EXACT_SIZE_BITS)


def significant(widths: Integers) -> Integers:
    """Widths rounded down to 16 significant bits, as pop_width and push_width code them."""
    unit, sizes, _ = _parted(widths)
    return sizes * unit


def pop_width(stack: Stack, widths: Integers) -> Integers:
    """Pops integers uniform on [0, significant(width)), exactly so for every width below 2^40.

    The coder's own uniform model rounds 2^24 / size down and gives the last symbol the rest:
    0.0005 bits are lost at a size of 2^13, and 0.75 at 10^7. So wide ranges are popped as
    v of 24 bits, of which r = v mod size is kept and the quotient pushed back.
    """
    unit, sizes, n_wide = _parted(widths)
    low = stack.pop_uniform(unit)
    v = stack.pop_bits(n_wide, PRECISION_BITS)
    high, quotients, ranges = _divided(v, sizes)
    stack.push_uniform(quotients, ranges)
    if n_wide < len(sizes):
        narrow = np.flatnonzero(sizes < _NARROW)
        high[narrow] = stack.pop_uniform(sizes.take(narrow))
    return high * unit + low


def push_width(stack: Stack, values: Integers, widths: Integers) -> None:
    """Undoes :func:`pop_width`."""
    unit, sizes, n_wide = _parted(widths)
    high, low = _digits(values, unit)
    if n_wide < len(sizes):
        narrow = np.flatnonzero(sizes < _NARROW)
        stack.push_uniform(high.take(narrow), sizes.take(narrow))
    ranges = _quotients(high, sizes, n_wide)
    quotients = stack.pop_uniform(ranges)
    stack.push_bits(_multiplied(quotients, high, sizes), PRECISION_BITS)
    stack.push_uniform(low, unit)


@compiled
def _parted(widths: Integers) -> tuple[Integers, Integers, int]:
    """Each width as a power of two times a size of 16 bits; and how many sizes are wide."""
    unit, sizes = np.empty_like(widths), np.empty_like(widths)
    n_wide = 0
    for i in range(len(widths)):
        shift = 0
        while widths[i] >> shift >= 1 << SIGNIFICANT_BITS:
            shift += 1
        unit[i], sizes[i] = 1 << shift, widths[i] >> shift
        n_wide += sizes[i] >= _NARROW
    return unit, sizes, n_wide


@compiled
def _digits(values: Integers, unit: Integers) -> tuple[Integers, Integers]:
    """Values as high digits times the unit, and low ones."""
    high, low = np.empty_like(values), np.empty_like(values)
    for i in range(len(values)):
        high[i] = np.uint64(values[i]) // np.uint64(unit[i])
        low[i] = values[i] - high[i] * unit[i]
    return high, low


@compiled
def _divided(v: Integers, sizes: Integers) -> tuple[Integers, Integers, Integers]:
    """v of 24 bits, one for each wide size, divided by it.

    The remainders, at the indices of the wide sizes; the quotients; the range of each quotient.
    """
    remainders = np.zeros_like(sizes)
    quotients, ranges = np.empty_like(v), np.empty_like(v)
    n = 0
    for i in range(len(sizes)):
        if sizes[i] >= _NARROW:
            size = np.uint32(sizes[i])
            quotients[n] = np.uint32(v[n]) // size
            remainders[i] = v[n] - quotients[n] * sizes[i]
            ranges[n] = _quotients_of(remainders[i], size)
            n += 1
    return remainders, quotients, ranges


@compiled
def _quotients_of(remainder: int, size: np.uint32) -> int:
    """The number of v of 24 bits that leave this remainder."""
    return int((np.uint32((1 << PRECISION_BITS) - 1 - remainder) + size) // size)


@compiled
def _quotients(remainders: Integers, sizes: Integers, n_wide: int) -> Integers:
    """The same for all wide sizes: (n_wide,)."""
    ranges = np.empty(n_wide, np.int64)
    n = 0
    for i in range(len(sizes)):
        if sizes[i] >= _NARROW:
            ranges[n] = _quotients_of(remainders[i], np.uint32(sizes[i]))
            n += 1
    return ranges


@compiled
def _multiplied(quotients: Integers, remainders: Integers, sizes: Integers) -> Integers:
    """The v of 24 bits that :func:`_divided` divided: (n_wide,)."""
    v = np.empty_like(quotients)
    n = 0
    for i in range(len(sizes)):
        if sizes[i] >= _NARROW:
            v[n] = quotients[n] * sizes[i] + remainders[i]
            n += 1
    return v


@dataclass(frozen=True)
class Dequantize:
    """y = S x + u with u uniform: the optimal dequantizer where f is linear inside a pixel."""

    bits: int  # log2 S

    def encode(self, stack: Stack, values: Integers) -> Integers:
        return (values << self.bits) | stack.pop_bits(len(values), self.bits)

    def decode(self, stack: Stack, values: Integers) -> Integers:
        stack.push_bits(values & ((1 << self.bits) - 1), self.bits)
        return values >> self.bits


@dataclass(frozen=True)
class ModularTransform:
    """z = f(y) by the modular scale transform (iFlow, Zhang et al. 2021): no gap, no inverse.

    For a cell of S bins of y and R of z: v = R o + r, with o the offset in the cell and r popped
    uniform on R; z lies floor(v / S) bins into the image of the cell, and v mod S is pushed.
    Costs log2 S - log2 R bits, exactly the change of the density.
    """

    map: Cells
    bits: int  # log2 S

    def encode(self, stack: Stack, values: Integers) -> Integers:
        cells = values >> self.bits
        low, high = self.map.bounds(cells)
        widths = high - low
        inside = values & ((1 << self.bits) - 1)
        v = significant(widths) * inside + pop_width(stack, widths)
        stack.push_bits(v & ((1 << self.bits) - 1), self.bits)
        return low + (v >> self.bits)

    def decode(self, stack: Stack, values: Integers) -> Integers:
        cells, low, high = self.map.locate(values)
        widths = high - low
        v = ((values - low) << self.bits) | stack.pop_bits(len(values), self.bits)
        inside, r = np.divmod(v, significant(widths))
        push_width(stack, r, widths)
        return (cells << self.bits) | inside


@dataclass(frozen=True)
class GaussianTransform:
    """z = f(y) by local bits-back coding as published (arXiv 1905.08500, section 3.4.1).

    Pops z under N(f(y), (sigma f'(y))^2), then pushes y under N(f^-1(z), sigma^2). Both lines are
    closed to circles: noise across one end comes in at the other, so every value has a code.
    """

    map: CellMap
    bits: int  # log2 of the grid's bins a cell of y
    sigma: float = 2.0**-11  # in cells; smaller, it falls below the grids, larger, f is not linear

    def encode(self, stack: Stack, values: Integers) -> Integers:
        mean, std = self._forward(values)
        z = stack.pop_gaussian(mean, std)
        # z may have left the circle's first turn; y is taken along by as many turns.
        turns = z >> self.map.z_bits
        z -= turns << self.map.z_bits
        y = values - turns * (self.map.n_cells << self.bits)
        stack.push_gaussian(y, *self._backward(z))
        return z

    def decode(self, stack: Stack, values: Integers) -> Integers:
        y = stack.pop_gaussian(*self._backward(values))
        turns, y = np.divmod(y, self.map.n_cells << self.bits)
        mean, std = self._forward(y)
        stack.push_gaussian(values - (turns << self.map.z_bits), mean, std)
        return y

    def _forward(self, y: Integers) -> tuple[Floats, Floats]:
        """f(y) and sigma f'(y) in bins of z. Plain IEEE arithmetic in a fixed order."""
        cells = y >> self.bits
        low, high = self.map.bounds(cells)
        widths = (high - low).astype(np.float64)
        # The centre of y's bin, and of z's: half a bin each.
        inside = ((y - (cells << self.bits)) + 0.5) * 2.0**-self.bits
        return low + widths * inside - 0.5, widths * self.sigma

    def _backward(self, z: Integers) -> tuple[Floats, Floats]:
        """f^-1(z) and sigma in bins of y."""
        cells, low, high = self.map.locate(z)
        widths = (high - low).astype(np.float64)
        y = (cells + ((z - low) + 0.5) / widths) * 2.0**self.bits - 0.5
        return y, np.full(len(z), self.sigma * 2.0**self.bits)


@dataclass(frozen=True)
class UniformPrior:
    """z has density 2^-k on 2^k bins, and is pushed; the last step of a flow."""

    bits: int
    count: int

    def encode(self, stack: Stack, values: Integers) -> Integers:
        stack.push_bits(values, self.bits)
        return values[:0]

    def decode(self, stack: Stack, values: Integers) -> Integers:
        return stack.pop_bits(self.count, self.bits)


@dataclass(frozen=True)
class Fused:
    """Dequantize, transform and prior in one: the limit of local bits-back as sigma goes to 0.

    Pops the offset r in the cell's image and pushes F(x) + r: one step of asymmetric numeral
    systems, with nothing borrowed on balance and no gap.
    """

    map: CellMap

    def encode(self, stack: Stack, values: Integers) -> Integers:
        low, high = self.map.bounds(values)
        stack.push_bits(low + pop_width(stack, high - low), self.map.z_bits)
        return values[:0]

    def decode(self, stack: Stack, values: Integers) -> Integers:
        z = stack.pop_bits(len(self.map), self.map.z_bits)
        cells, low, high = self.map.locate(z)
        push_width(stack, z - low, high - low)
        return cells
