"""How each layer of a Flow++ is coded by local bits-back: integers in, integers out.

A layer's values are bins of a grid, (N, C, H, W) int64. What a layer does to each dimension by
itself is coded by a step of :mod:`core.coding.flowpp.line`; permutations and the triangular parts
of 1x1 convolutions move integers to integers and cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
import torch
from torch import Tensor

from core.arrays import Floats, Integers
from core.coding.elementwise import ModularTransform, Step
from core.coding.flowpp import monotone
from core.coding.flowpp.line import LineCells, LineGaussian, SigmoidCells, Turns, values_of
from core.coding.flowpp.monotone import MixtureLogit, MonotoneMap
from core.coding.stack import Stack
from core.flows import flowpp

#: Values further out are so rare that each may cost some 50 bits.
_SIGMOID_LIMIT: Final = 13

#: Bins of a cell of an affine map, as a power of two: enough that widths are hardly rounded.
_AFFINE_CELL: Final = 8

#: A sigmoid's cells are 2^-4 wide, which costs 0.0001 bits a dimension.
_SIGMOID_CELLS: Final = 4


@dataclass(frozen=True)
class ModularCoder:
    """The modular coder: its grids, in bits below 1, and its cells, likewise.

    What a cell's width costs grows with its square; what a grid costs is borrowed bits.
    """

    noise_bits: int = 18
    pixel_bits: int = 20
    latent_bits: int = 22
    noise_cells: int = 4  # the dequantizer bends its noise gently
    mixture_cells: int = 8
    pixel_cells: int = 2

    fuses: Final = True

    def chunk(self, count: int) -> int:
        """How many of a layer's dimensions to code at a time.

        A step pops before it pushes, so what it has to find on the stack grows with its chunks; so
        does its speed.
        """
        return min(max(count // 4, 512), 8192)

    @property
    def of_noise(self) -> ModularCoder:
        """The coder of the dequantizer's flow."""
        return replace(self, mixture_cells=self.noise_cells)

    def step(self, map: MonotoneMap, y_bits: int, z_bits: int) -> Step:
        """The step that codes a map, (N,)."""
        match map:
            case monotone.Logit():
                cells = self.pixel_cells
            case MixtureLogit():
                cells = self.mixture_cells
            case _:
                cells = y_bits - _AFFINE_CELL  # linear however wide they are
        may_be_flat = isinstance(map, MixtureLogit)
        line = LineCells(map, y_bits, z_bits, y_bits - cells, may_be_flat)
        return ModularTransform(line, y_bits - cells)


@dataclass(frozen=True)
class PublishedCoder:
    """Every layer a Gaussian step of its own, with the constants of the paper's authors."""

    noise_bits: int = 32
    pixel_bits: int = 32
    latent_bits: int = 32
    sigma: float = 2.0**-14

    fuses: Final = False

    def chunk(self, count: int) -> int:
        """A layer is coded at once."""
        return count

    @property
    def of_noise(self) -> PublishedCoder:
        """The coder of the dequantizer's flow."""
        return self

    def step(self, map: MonotoneMap, y_bits: int, z_bits: int) -> Step:
        """The step that codes a map, (N,)."""
        return LineGaussian(map, y_bits, z_bits, self.sigma)


LayerCoder = ModularCoder | PublishedCoder


class LayerCode(Protocol):
    """An invertible layer between bins of grids."""

    def encode(self, stack: Stack, y: Tensor, context: Tensor | None) -> Tensor: ...

    def decode(self, stack: Stack, z: Tensor, context: Tensor | None) -> Tensor: ...


def flat(bins: Tensor) -> Integers:
    """All bins of a batch, (N C H W,)."""
    return bins.reshape(-1).cpu().numpy()


def tiled(constants: Tensor, count: int) -> Floats:
    """Constants (1, C, H, W) for each dimension of a batch, (count C H W,) float64."""
    return np.tile(constants.reshape(-1).double().cpu().numpy(), count)


StepOf = Callable[[slice], Step]


def encode_chunks(stack: Stack, bins: Tensor, step_of: StepOf, coder: LayerCoder) -> Tensor:
    """Sends bins through the step of each chunk: any shape, int64, the same shape back."""
    values = flat(bins)
    result = np.empty_like(values)
    for part in _chunks(len(values), coder):
        result[part] = step_of(part).encode(stack, values[part])
    return torch.from_numpy(result).view(bins.shape)


def decode_chunks(stack: Stack, bins: Tensor, step_of: StepOf, coder: LayerCoder) -> Tensor:
    """Undoes :func:`encode_chunks`."""
    values = flat(bins)
    result = np.empty_like(values)
    for part in reversed(_chunks(len(values), coder)):
        result[part] = step_of(part).decode(stack, values[part])
    return torch.from_numpy(result).view(bins.shape)


def _chunks(count: int, coder: LayerCoder) -> list[slice]:
    size = max(coder.chunk(count), 1)
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


class AffineCode:
    """z = scale y + shift, the same for each picture; scale, shift (1, C, H, W), scale > 0."""

    def __init__(self, scale: Tensor, shift: Tensor, bits: int, coder: LayerCoder) -> None:
        self.scale, self.shift, self.bits, self.coder = scale, shift, bits, coder

    def encode(self, stack: Stack, y: Tensor, context: Tensor | None) -> Tensor:
        return encode_chunks(stack, y, self._steps(len(y)), self.coder)

    def decode(self, stack: Stack, z: Tensor, context: Tensor | None) -> Tensor:
        return decode_chunks(stack, z, self._steps(len(z)), self.coder)

    def _steps(self, count: int) -> StepOf:
        whole = monotone.Affine(tiled(self.scale, count), tiled(self.shift, count))
        return lambda part: self.coder.step(whole[part], self.bits, self.bits)


class LogitCode:
    """The input processing, from the grid of pixels to that of latents."""

    def __init__(self, layer: flowpp.Logit, y_bits: int, z_bits: int, coder: LayerCoder) -> None:
        self._map = monotone.Logit(0, layer.SHIFT, layer.SCALE)
        self._y_bits, self._z_bits, self._coder = y_bits, z_bits, coder

    def encode(self, stack: Stack, y: Tensor, context: Tensor | None) -> Tensor:
        return encode_chunks(stack, y, self._step, self._coder)

    def decode(self, stack: Stack, z: Tensor, context: Tensor | None) -> Tensor:
        return decode_chunks(stack, z, self._step, self._coder)

    def _step(self, part: slice) -> Step:
        map_ = replace(self._map, count=part.stop - part.start)
        return self._coder.step(map_, self._y_bits, self._z_bits)


class SigmoidCode:
    """The end of the dequantizer, from the grid of latents to [0, 1) on that of pixels.

    Always modular: Gaussian noise around a value near 0 or 1 would leave the pixel.
    """

    def __init__(self, y_bits: int, z_bits: int, coder: LayerCoder) -> None:
        self._coder = coder
        cell_bits = y_bits - _SIGMOID_CELLS
        self._turns = Turns(_SIGMOID_LIMIT << y_bits)
        cells = SigmoidCells(y_bits, z_bits, cell_bits, _SIGMOID_LIMIT)
        self._transform = ModularTransform(cells, cell_bits)

    def encode(self, stack: Stack, y: Tensor, context: Tensor | None) -> Tensor:
        inside = torch.from_numpy(self._turns.encode(stack, flat(y))).view(y.shape)
        return encode_chunks(stack, inside, self._step, self._coder)

    def decode(self, stack: Stack, z: Tensor, context: Tensor | None) -> Tensor:
        inside = decode_chunks(stack, z, self._step, self._coder)
        return torch.from_numpy(self._turns.decode(stack, flat(inside))).view(z.shape)

    def _step(self, part: slice) -> Step:
        return self._transform


class PermutationCode:
    """Dimensions are permuted: nothing to code."""

    def __init__(self, layer: flowpp.Permutation) -> None:
        self._layer = layer

    def encode(self, stack: Stack, y: Tensor, context: Tensor | None) -> Tensor:
        return self._layer.permute(y)

    def decode(self, stack: Stack, z: Tensor, context: Tensor | None) -> Tensor:
        return self._layer.inverse(z)


class CouplingCode:
    """A mixture-of-logistics coupling: its network runs once, then its half is coded.

    scale, shift: an affine map, (1, C, H, W), that the dimensions still have before them.
    """

    def __init__(
        self, coupling: flowpp.Coupling, scale: Tensor, shift: Tensor, bits: int, coder: LayerCoder
    ) -> None:
        self.coupling, self.bits, self.coder = coupling, bits, coder
        self._scales, self._shifts = coupling.split.split(scale), coupling.split.split(shift)

    def encode(self, stack: Stack, y: Tensor, context: Tensor | None) -> Tensor:
        conditions, coded = self.coupling.split.split(y)
        z = encode_chunks(stack, coded, self._steps(conditions, context), self.coder)
        return self.coupling.split.merge(conditions, z)

    def decode(self, stack: Stack, z: Tensor, context: Tensor | None) -> Tensor:
        conditions, coded = self.coupling.split.split(z)
        y = decode_chunks(stack, coded, self._steps(conditions, context), self.coder)
        return self.coupling.split.merge(conditions, y)

    def _steps(self, conditions: Tensor, context: Tensor | None) -> StepOf:
        bits = self.bits
        values = torch.from_numpy(values_of(conditions.numpy(), bits))
        values = values * self._scales[0] + self._shifts[0]
        with torch.inference_mode():
            # The network sees float32, in the same batch and layout on both ways.
            network = self.coupling.parameters_of(_like(self.coupling, values), context)
        mixtures = [
            t.reshape(-1, t.shape[-1]).cpu().numpy()
            for t in (network.logits, network.means, network.log_scales)
        ]
        affine = [t.reshape(-1).cpu().numpy() for t in (network.log_a, network.b)]
        count = len(conditions)
        before = monotone.Affine(tiled(self._scales[1], count), tiled(self._shifts[1], count))

        def step(part: slice) -> Step:
            logits, means, log_scales = (t[part].astype(np.float64) for t in mixtures)
            log_a, b = (t[part].astype(np.float64) for t in affine)
            map_ = MixtureLogit.of_parameters(logits, means, log_scales, log_a, b, before[part])
            return self.coder.step(map_, bits, bits)

        return step


class MatrixCode:
    """1x1 convolutions of the two halves, made of shears, which move integers to integers.

    With W = P L D U and a scale S before it, W S = P (D S) B A, where B and A are triangular with
    ones on the diagonal: each adds to a channel a rounded sum of others, and the inverse takes it
    off again. What is left is affine: ``scale`` and ``shift``, (1, C, H, W), to be done later.
    (The paper codes these layers by their Jacobian, at each position.)
    """

    def __init__(self, layer: flowpp.Pointwise, scale: Tensor, shift: Tensor) -> None:
        self._split = layer.split
        matrices = (w.detach().double().cpu() for w in layer.matrices)
        halves = zip(matrices, layer.split.split(scale), layer.split.split(shift), strict=True)
        self._halves = [_Shears(w, s[0], t[0]) for w, s, t in halves]
        self.scale = layer.split.merge(*(half.scale[None] for half in self._halves))
        self.shift = layer.split.merge(*(half.shift[None] for half in self._halves))

    def encode(self, stack: Stack, y: Tensor, context: Tensor | None) -> Tensor:
        halves = zip(self._halves, self._split.split(y), strict=True)
        return self._split.merge(*(shears.forward(half) for shears, half in halves))

    def decode(self, stack: Stack, z: Tensor, context: Tensor | None) -> Tensor:
        halves = zip(self._halves, self._split.split(z), strict=True)
        return self._split.merge(*(shears.inverse(half) for shears, half in halves))


class _Shears:
    """W (S y + t) of one half, as scale * shears(y) + shift; W (C, C), S and t (C, H, W)."""

    def __init__(self, weight: Tensor, scale: Tensor, shift: Tensor) -> None:
        permutation, lower, upper = torch.linalg.lu(weight)
        diagonal = torch.diagonal(upper)
        upper = upper / diagonal[:, None]
        scaled = diagonal[:, None, None] * scale
        eye = torch.eye(len(weight), dtype=torch.float64)
        # (C, C, H, W): what each channel gets of each other one.
        self._upper = (upper - eye)[..., None, None] * scale[None] / scale[:, None]
        self._lower = (lower - eye)[..., None, None] * scaled[None] / scaled[:, None]
        self._order = permutation.argmax(1)  # row i of W comes from row order[i] of L D U
        self._back = torch.argsort(self._order)
        self._mirrored = (diagonal < 0)[:, None, None]
        self.scale = scaled.abs()[self._order]
        self.shift = torch.einsum("ij,jhw->ihw", weight, shift)

    def forward(self, y: Tensor) -> Tensor:
        y = y.clone()
        for i in range(y.shape[1]):  # what is added has not been changed yet
            y[:, i] += _sheared(y, self._upper[i])
        for i in reversed(range(y.shape[1])):
            y[:, i] += _sheared(y, self._lower[i])
        return torch.where(self._mirrored, -1 - y, y)[:, self._order]

    def inverse(self, z: Tensor) -> Tensor:
        y = z[:, self._back]
        y = torch.where(self._mirrored, -1 - y, y)
        for i in range(y.shape[1]):
            y[:, i] -= _sheared(y, self._lower[i])
        for i in reversed(range(y.shape[1])):
            y[:, i] -= _sheared(y, self._upper[i])
        return y


def _sheared(bins: Tensor, weights: Tensor) -> Tensor:
    """The rounded sum of weighted channels: (N, C, H, W), (C, H, W) -> (N, H, W)."""
    products = bins.double().contiguous() * weights  # one layout, so one order of summation
    return torch.round(products.sum(1)).long()


class NormalPrior:
    """Standard normal density on a grid, seen through an affine map before it, if there is one.

    shape: (C, H, W); scale, shift: (1, C, H, W).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        bits: int,
        scale: Tensor | None = None,
        shift: Tensor | None = None,
    ) -> None:
        nothing = torch.zeros(1, *shape, dtype=torch.float64)
        scale = nothing + 1 if scale is None else scale
        shift = nothing if shift is None else shift
        self._shape, self._bits = shape, bits
        self._mean = torch.ldexp(-shift / scale, torch.tensor(bits)) - 0.5
        self._std = torch.ldexp(1 / scale, torch.tensor(bits))

    def push(self, stack: Stack, z: Tensor) -> None:
        """Pushes (N, C, H, W) bins."""
        stack.push_gaussian(flat(z), tiled(self._mean, len(z)), tiled(self._std, len(z)))

    def pop(self, stack: Stack, count: int) -> Tensor:
        """Pops count pictures: (count, C, H, W) bins."""
        bins = stack.pop_gaussian(tiled(self._mean, count), tiled(self._std, count))
        return torch.from_numpy(bins).view(count, *self._shape)


def _like(module: torch.nn.Module, values: Tensor) -> Tensor:
    """Values as a module's network takes them, in one layout: another may round otherwise."""
    parameter = next(module.parameters())
    return values.contiguous().to(parameter.device, parameter.dtype)
