"""Local bits-back coding of increasing maps between whole lines: the steps of a Flow++ coupling.

Values are integers: bin n of a grid of b bits stands for (n + 1/2) 2^-b, and a grid goes on
without end to both sides. Floating point decides only where cells have their edges. An edge is a
function of its own dimension's parameters alone, so both directions see the same cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.arrays import Floats, Integers
from core.coding.flowpp.monotone import MonotoneMap, Sigmoid
from core.coding.stack import Stack

_MORE_THAN_ONE = 1 + 2.0**-10
_FURTHEST = 1 << 40  # no cell lies further out

#: Searches take Newton's steps, from cell to cell, until a bracket is better halved.
_NEWTON_STEPS = 12


def values_of(bins: Integers, bits: int) -> Floats:
    """The centres of bins."""
    centres: Floats = np.ldexp(bins + 0.5, -bits)
    return centres


def bin_of(value: Floats, bits: int) -> Integers:
    """The bins that values lie in."""
    return np.floor(np.ldexp(value, bits)).astype(np.int64)


@dataclass(frozen=True)
class LineCells:
    """A map cut into cells of 2^cell_bits bins of y, linear in each. See ``Cells``.

    With ``may_be_flat`` a little more than one bin of z is added to each cell's image, and the
    map is as much less steep on the whole: so each cell keeps a bin, however flat the map is and
    however its last digits fall.
    """

    map: MonotoneMap
    y_bits: int
    z_bits: int
    cell_bits: int
    may_be_flat: bool = True

    def __len__(self) -> int:
        return len(self.map)

    def __getitem__(self, part: slice) -> LineCells:
        return replace(self, map=self.map[part])

    def edges(self, cells: Integers) -> Integers:
        y = np.ldexp(cells.astype(np.float64), self.cell_bits - self.y_bits)
        z = np.ldexp(self.map.forward(y), self.z_bits)
        if self.may_be_flat:
            z += cells * _MORE_THAN_ONE - z * 2.0**-self.cell_bits
        return np.floor(z).astype(np.int64)

    def bounds(self, cells: Integers) -> tuple[Integers, Integers]:
        return self.edges(cells), self.edges(cells + 1)

    def locate(self, z: Integers) -> tuple[Integers, Integers, Integers]:
        guess = self.map.guess(values_of(z, self.z_bits))
        return search(self, z, bin_of(guess, self.y_bits - self.cell_bits))


class SigmoidCells:
    """The sigmoid from [-limit, limit) onto [0, 1), all of it, the same in all dimensions.

    A table of cells of 2^cell_bits bins of y each; what lies beyond the limit has to be brought
    inside first, see ``Turns``.
    """

    def __init__(self, y_bits: int, z_bits: int, cell_bits: int, limit: int) -> None:
        self._half = limit << (y_bits - cell_bits)
        y = np.ldexp(np.arange(-self._half, self._half + 1.0), cell_bits - y_bits)
        widths = np.ldexp(np.diff(Sigmoid(len(y)).forward(y)), z_bits)
        flat = widths < 1  # each has one bin, which the others are the poorer by
        share = ((1 << z_bits) - flat.sum()) / widths[~flat].sum()
        bins = np.maximum(np.floor(widths * share), 1).astype(np.int64)
        bins[self._half] += (1 << z_bits) - bins.sum()
        self._edges = np.concatenate([[0], np.cumsum(bins)])

    def edges(self, cells: Integers) -> Integers:
        result: Integers = self._edges[cells + self._half]
        return result

    def bounds(self, cells: Integers) -> tuple[Integers, Integers]:
        return self.edges(cells), self.edges(cells + 1)

    def locate(self, z: Integers) -> tuple[Integers, Integers, Integers]:
        index = np.searchsorted(self._edges, z, side="right")
        return index - 1 - self._half, self._edges[index - 1], self._edges[index]


def search(cells: LineCells, z: Integers, start: Integers) -> tuple[Integers, Integers, Integers]:
    """The cell h with F(h) <= z < F(h + 1), F(h) and F(h + 1): (N,) -> three of (N,)."""
    h = np.clip(start, -_FURTHEST, _FURTHEST)
    lows, highs = np.full(len(z), -_FURTHEST), np.full(len(z), _FURTHEST)
    reach = 4
    step = 0
    while True:
        left, right = cells.bounds(h)
        below, above = z < left, z >= right
        wrong = below | above
        if not wrong.any():
            return h, left, right
        highs = np.where(below, h, highs)
        lows = np.where(above, h + 1, lows)
        newton = h + np.floor_divide(z - left, right - left)
        # Far from the aim a slope says little: no step is longer than the last few together.
        newton = np.clip(newton, h - reach, h + reach)
        if step >= _NEWTON_STEPS and step % 2:
            bounded = (lows > -_FURTHEST) & (highs < _FURTHEST)
            newton = np.where(bounded, (lows + highs) >> 1, newton)
        h = np.where(wrong, np.clip(newton, lows, highs - 1), h)
        reach = min(4 * reach, _FURTHEST)
        step += 1


@dataclass(frozen=True)
class Turns:
    """Brings values from the whole line to [-limit, limit), and keeps how far each had gone.

    Nearly all lie inside, which costs 0.0001 bits in all; what does not, some 30 bits each.
    """

    limit: int  # in bins, less than 2^40

    def encode(self, stack: Stack, values: Integers) -> Integers:
        turns = (values + self.limit) // (2 * self.limit)
        outside = np.flatnonzero(turns)
        stack.push_gaussian(turns[outside], np.zeros(len(outside)), np.ones(len(outside)))
        stack.push_bits(outside, len(values).bit_length())
        stack.push_gaussian([len(outside)], [0.0], [_SURE])
        return values - turns * (2 * self.limit)

    def decode(self, stack: Stack, values: Integers) -> Integers:
        count = int(stack.pop_gaussian([0.0], [_SURE])[0])
        outside = stack.pop_bits(count, len(values).bit_length())
        values = values.copy()
        turns = stack.pop_gaussian(np.zeros(count), np.ones(count))
        values[outside] += turns * (2 * self.limit)
        return values


_SURE = 2.0**-10  # of a grid step: the mean itself, all but certainly


@dataclass(frozen=True)
class LineGaussian:
    """z = f(y) by local bits-back coding as published (arXiv 1905.08500, section 3.4.1).

    Pops z under N(f(y), (sigma f'(y))^2) and pushes y under N(f^-1(z), sigma^2).
    """

    map: MonotoneMap
    y_bits: int
    z_bits: int
    sigma: float

    def encode(self, stack: Stack, values: Integers) -> Integers:
        z = stack.pop_gaussian(*self._forward(values))
        stack.push_gaussian(values, *self._backward(z))
        return z

    def decode(self, stack: Stack, values: Integers) -> Integers:
        y = stack.pop_gaussian(*self._backward(values))
        stack.push_gaussian(values, *self._forward(y))
        return y

    def _forward(self, y: Integers) -> tuple[Floats, Floats]:
        centre = values_of(y, self.y_bits)
        mean = np.ldexp(self.map.forward(centre), self.z_bits) - 0.5
        return mean, np.ldexp(self.sigma * self.map.derivative(centre), self.z_bits)

    def _backward(self, z: Integers) -> tuple[Floats, Floats]:
        y = self.map.inverse(values_of(z, self.z_bits))
        std = np.full(len(y), np.ldexp(self.sigma, self.y_bits))
        return np.ldexp(y, self.y_bits) - 0.5, std
