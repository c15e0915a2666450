"""Compositional local bits-back (arXiv 1905.08500, section 3.4.3): steps coded one by one.

A flow is written down as what it is, a list of dequantization, transforms and prior;
:func:`compose` turns it into the steps of the chosen coder, and finds where steps can be fused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.arrays import Floats, Integers
from core.coding.coders import Coder
from core.coding.elementwise import (
    CellMap,
    Dequantize,
    Fused,
    GaussianTransform,
    ModularTransform,
    Step,
    UniformPrior,
)
from core.coding.stack import Stack

#: Bins of the dequantized grid to a pixel, as a power of two. The fused coder needs none.
GRID_BITS: Final = {Coder.FUSED: 0, Coder.MODULAR: 8, Coder.GAUSSIAN: 14}


@dataclass(frozen=True)
class Transform:
    """An elementwise map of a flow, apart from how it is coded."""

    map: CellMap


Part = Dequantize | Transform | UniformPrior


@dataclass(frozen=True)
class Composition:
    """Steps in the order from data to prior."""

    steps: tuple[Step, ...]

    def encode(self, stack: Stack, values: Integers) -> None:
        """Codes values (N,) onto the stack."""
        for step in self.steps:
            values = step.encode(stack, values)

    def decode(self, stack: Stack) -> Integers:
        """Takes the values (N,) off the stack again."""
        values = np.zeros(0, dtype=np.int64)
        for step in reversed(self.steps):
            values = step.decode(stack, values)
        return values


def compose(parts: Sequence[Part], coder: Coder) -> Composition:
    """The steps of a flow for a coder.

    Fusing replaces a dequantizer whose pixels go through one map straight to the prior; other
    transforms are coded by the modular transform.
    """
    steps: list[Step] = []
    bits = 0
    index = 0
    while index < len(parts):
        match list(parts[index : index + 3]):
            case [Dequantize(), Transform(map=m), UniformPrior(bits=k)] if (
                coder is Coder.FUSED and m.z_bits == k
            ):
                steps.append(Fused(m))
                index += 3
                continue
            case [Dequantize() as dequantize, *_]:
                bits = dequantize.bits
                steps.append(dequantize)
            case [Transform(map=m), *_]:
                steps.append(_TRANSFORMS[coder](m, bits))
                bits = m.z_bits
            case [UniformPrior() as prior, *_]:
                steps.append(prior)
        index += 1
    return Composition(tuple(steps))


_TRANSFORMS: Final[dict[Coder, Callable[[CellMap, int], Step]]] = {
    Coder.FUSED: ModularTransform,
    Coder.MODULAR: ModularTransform,
    Coder.GAUSSIAN: GaussianTransform,
}


def pixel_flow(cells: CellMap, coder: Coder) -> Composition:
    """The flow of a factored-out piece: pixels, dequantized, through one map to its prior."""
    return compose(
        [
            Dequantize(GRID_BITS[coder]),
            Transform(cells),
            UniformPrior(cells.z_bits, len(cells)),
        ],
        coder,
    )


#: Largest chunk: constriction holds the interpreter's lock for a chunk.
LARGEST_CHUNK: Final = 1 << 16

#: About the most bits a dimension that a chunk pops before it pushes.
_POPPED_BITS: Final = 32

#: How fast chunks may grow, as a power of two: exponents, stored in 3 bits.
GROWTH_EXPONENTS: Final = range(3, 11)


def chunks(count: int, n_coded: int, growth: int) -> Iterator[slice]:
    """Cuts of [0, count), from its end to its start, in the order of encoding.

    Each chunk pops before it pushes, so it needs the bits that earlier ones left. Chunks start at
    one dimension and grow to 2^-growth of the dimensions coded so far (n_coded before this piece).
    """
    stop = count
    while stop > 0:
        size = min(max(1, n_coded >> growth), LARGEST_CHUNK, stop)
        yield slice(stop - size, stop)
        stop -= size
        n_coded += size


def choose_growth(pieces: Iterable[tuple[CellMap, Integers]], n_bits: int) -> int:
    """The fastest growth of chunks at which these pieces pay for what they pop.

    pieces: cells and values, (N,) each, that are coded first, in this order; n_bits: already on
    the stack. The result is side information.
    """
    lengths = [
        (cells.z_bits - _log2(-np.subtract(*cells.bounds(values))))[::-1]
        for cells, values in pieces
    ]
    there = n_bits + np.cumsum(np.concatenate(lengths))
    popped = _POPPED_BITS * np.arange(1, len(there) + 1)
    mantissa, exponent = np.frexp((popped / there).max())
    exponent = int(exponent) - int(mantissa == 0.5)  # the smallest e with 2^e no less
    return min(max(exponent, GROWTH_EXPONENTS[0]), GROWTH_EXPONENTS[-1])


def _log2(widths: Integers) -> Floats:
    """log2 of integers, up to 0.09 too small, but the same everywhere: linear between powers.

    The result decides about bytes, so it cannot be the logarithm of a platform. Multiples of
    2^-24, of which any sum is exact.
    """
    mantissa, exponent = np.frexp(widths.astype(np.float64))
    result: Floats = exponent - 2 + 2 * mantissa
    return result
