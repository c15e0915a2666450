"""The ``jpeg`` model: quantised DCT coefficients of one component, given those already known.

Blocks are transformed in raster order, so that a decoder can go along wavefronts: a block depends
on those to the left, above, above left and above right of it (a PixelCNN over blocks, van den Oord
et al. 2016, with two thirds of its mask). A trunk reads known blocks; its features, and the
coefficients of the block that come before, give each coefficient a mixture of logistics, as a
coupling of Flow++ (Ho et al. 2019) that is transformed once and leaves the flow.

This module is the differentiable model, which training uses. Files are coded by its integer form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.flows.jpeg.mixture import COMPONENTS, N_OUTPUTS, bits

#: Units of what layers read and of what ReLUs leave, and the bytes that they are cut off at.
READ_UNIT: Final = 16
HIDDEN_UNIT: Final = 32
#: Bytes of coefficients are 32 to 1 of the float model; those of log2 of a table, 32, too.
BYTE_UNIT: Final = 32
#: Largest absolute value of a weight: pairs of products then fit 16 bits.
WEIGHT_BOUND: Final = 64

#: Bytes about each coefficient that its own hidden units are given.
N_LOCAL: Final = 13


@dataclass(frozen=True)
class NetConfig:
    """Sizes of the network of a kind of component."""

    width: int = 96  # channels of the trunk
    blocks: int = 5  # residual blocks over known blocks of coefficients
    hidden: tuple[int, int, int] = (32, 24, 16)  # units a coefficient: first 16, next 16, last 32
    n_given: int = 0  # components that are known as a whole
    given_blocks: int = 0  # residual blocks over those
    table_width: int = 48  # hidden units of what reads the table

    @property
    def n_hidden(self) -> int:
        """Hidden units of a block's head."""
        return sum(n * h for n, h in zip(GROUPS, self.hidden, strict=True))


#: Coefficients with equally many hidden units.
GROUPS: Final = (16, 16, 32)


@dataclass
class Given:
    """A component that is known as a whole, at the resolution of the one that is coded."""

    bytes_: Tensor  # (B, R, C, 64) int8
    values: Tensor  # (B, R, C, 64) float32: dequantised; DC relative to its reference
    relative: Tensor  # (B, R, C, 6) float32: as in component_bytes


@dataclass
class Batch:
    """Crops of a component."""

    x: Tensor  # (B, R, C, 64) float32: quantised coefficients
    table: Tensor  # (B, 64) float32
    own: Given
    near: Tensor  # (B, R, C, 4) int8
    given: list[Given]  # none, or what a second chroma component knows; may lack the last


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, unit: float, low: float, high: float) -> Tensor:
        y = (x * unit).add_(0.5).floor_()
        ctx.save_for_backward((y >= low) & (y <= high))
        return y.clamp_(low, high).div_(unit)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (inside,) = ctx.saved_tensors
        return gradient * inside, None, None, None


class _RoundedWeight(torch.autograd.Function):
    """Weights (O, ...) of 7 bits times a power of two of their output."""

    @staticmethod
    def forward(ctx: Any, w: Tensor) -> Tensor:
        largest = w.flatten(1).abs().amax(1).clamp_min(1e-6)
        unit = torch.exp2(torch.floor(torch.log2(WEIGHT_BOUND / largest)))
        unit = unit.view(-1, *[1] * (w.dim() - 1))
        return (w * unit).round_().div_(unit)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class Rounding:
    """Whether a net rounds as its integer form does."""

    def __init__(self) -> None:
        self.on = False

    def read(self, x: Tensor) -> Tensor:
        """What a layer reads of the stream."""
        return _Rounded.apply(x, READ_UNIT, -128, 127) if self.on else x

    def relu(self, x: Tensor) -> Tensor:
        """What a ReLU leaves."""
        return _Rounded.apply(x, HIDDEN_UNIT, 0, 255) if self.on else F.relu(x)

    def weight(self, w: Tensor) -> Tensor:
        return _RoundedWeight.apply(w) if self.on else w


def _parts(signed: Tensor) -> Tensor:
    """(..., n) int8 -> (..., 2 n) float32: positive and negative parts."""
    x = signed.float().div_(BYTE_UNIT)
    return torch.cat([x.clamp_min(0), (-x).clamp_min_(0)], -1)


class CausalConv(nn.Module):
    """A convolution over known blocks: left, above left, above, above right, and itself if told."""

    def __init__(self, inputs: int, outputs: int, itself: bool, rounding: Rounding) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (2, 3))
        self.rounding = rounding
        mask = torch.ones(1, 1, 2, 3)
        mask[..., 1, 2] = 0
        mask[..., 1, 1] = float(itself)
        self.mask: Tensor
        self.register_buffer("mask", mask, persistent=False)
        nn.init.normal_(self.conv.weight, std=1.0 / math.sqrt((4 + itself) * inputs))
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (1, 1, 1, 0))
        weight = self.rounding.weight(self.conv.weight * self.mask)
        return F.conv2d(x, weight, self.conv.bias)


class Linear(nn.Module):
    """A 1x1 layer over channels (B, I, R, C), or a 3x3 one."""

    def __init__(
        self, inputs: int, outputs: int, rounding: Rounding, std: float = 1.0, side: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, side, padding=side // 2)
        self.rounding = rounding
        nn.init.normal_(self.conv.weight, std=std / math.sqrt(inputs * side * side))
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        weight = self.rounding.weight(self.conv.weight)
        bias = self.conv.bias
        if self.conv.kernel_size != (1, 1):
            return F.conv2d(x, weight, bias, padding=self.conv.padding)
        assert bias is not None
        n, _, rows, columns = x.shape
        product = torch.matmul(weight.flatten(1), x.reshape(n, -1, rows * columns))
        return (product + bias[:, None]).view(n, -1, rows, columns)


class Residual(nn.Module):
    """x + 1x1(ReLU(first(x)))."""

    def __init__(self, width: int, first: nn.Module, rounding: Rounding) -> None:
        super().__init__()
        self.first, self.second = first, Linear(width, width, rounding, 0.3)
        self.rounding = rounding

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.rounding.relu(self.first(self.rounding.read(x))))


class Head(nn.Module):
    """Mixture parameters of 64 coefficients, each given the features and those before it."""

    def __init__(self, config: NetConfig, rounding: Rounding) -> None:
        super().__init__()
        self.config, self.rounding = config, rounding
        n = config.n_hidden
        sizes = [h for count, h in zip(GROUPS, config.hidden, strict=True) for _ in range(count)]
        owner = torch.repeat_interleave(torch.arange(64), torch.tensor(sizes))  # of hidden units
        before = (torch.arange(64) < owner[:, None]).float()
        self.before: Tensor
        self.register_buffer("before", torch.cat([before, before], 1), persistent=False)
        self.features = nn.Parameter(torch.randn(n, config.width) / math.sqrt(config.width))
        self.earlier = nn.Parameter(torch.randn(n, 128) * 0.1)
        self.local = nn.Parameter(torch.randn(n, N_LOCAL) * 0.2)
        self.bias = nn.Parameter(torch.zeros(n))
        self.outputs = nn.ParameterList(
            torch.randn(count, N_OUTPUTS, h) * 0.02
            for count, h in zip(GROUPS, config.hidden, strict=True)
        )
        biases = torch.zeros(64, N_OUTPUTS)
        biases[:, COMPONENTS : 2 * COMPONENTS] = torch.tensor([-0.05, 0.0, 0.05])
        biases[:, 2 * COMPONENTS : 3 * COMPONENTS] = torch.tensor([-4.0, -2.5, -1.0])
        self.output_bias = nn.Parameter(biases)

    def forward(self, features: Tensor, earlier: Tensor, local: Tensor) -> Tensor:
        """(C, N), (128, N) and (64, N_LOCAL, N) -> (64, N_OUTPUTS, N)."""
        width = self.config.width
        if self.rounding.on:
            joint = torch.cat(
                [self.features / READ_UNIT, (self.earlier * self.before) / BYTE_UNIT,
                 self.local / BYTE_UNIT], 1,
            )  # fmt: skip  # one power of two for all that is summed
            joint = self.rounding.weight(joint)
            of_features = joint[:, :width] * READ_UNIT
            of_earlier = joint[:, width : width + 128] * BYTE_UNIT
            of_local = joint[:, width + 128 :] * BYTE_UNIT
        else:
            of_features, of_earlier, of_local = (
                self.features,
                self.earlier * self.before,
                self.local,
            )
        hidden = torch.addmm(self.bias[:, None], of_features, features)
        hidden = hidden.addmm(of_earlier, earlier)
        found = []
        unit = first = 0
        for count, h, weight in zip(GROUPS, self.config.hidden, self.outputs, strict=True):
            units, mine = slice(unit, unit + count * h), slice(first, first + count)
            part = torch.baddbmm(
                hidden[units].view(count, h, -1), of_local[units].view(count, h, -1), local[mine]
            )
            part = self.rounding.relu(part)
            found.append(torch.baddbmm(self.output_bias[mine, :, None], weight, part))
            unit, first = units.stop, mine.stop
        return torch.cat(found)


class Net(nn.Module):
    """The network of a kind of component: luma, or chroma given luma and what else is known."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        self.rounding = r = Rounding()
        w = config.width
        self.embed = Linear(128, w, r)
        self.table_in = Linear(65, config.table_width, r)
        self.table_out = Linear(config.table_width, 2 * w, r, 0.3)
        self.blocks = nn.Sequential(
            *(Residual(w, CausalConv(w, w, True, r), r) for _ in range(config.blocks))
        )
        self.gather = CausalConv(w, w, False, r)
        self.near = Linear(8, w, r)
        self.mix = Residual(w, Linear(w, w, r), r)
        self.head = Head(config, r)
        n_given = config.n_given
        if n_given:
            self.given_in = Linear(128 * n_given, w, r)
            self.given = nn.Sequential(
                *(Residual(w, Linear(w, w, r, side=3), r) for _ in range(config.given_blocks))
            )
            self.given_out = Linear(w, w, r)
        # Linear predictions, of values in units of what is usual.
        self.from_known = nn.Parameter(torch.zeros(64, 4 * 64 + 3 * 64 * n_given))
        self.from_block = nn.Parameter(torch.zeros(64, 64))
        self.lean_left = nn.Parameter(torch.zeros(64, 64))
        self.lean_above = nn.Parameter(torch.zeros(64, 64))
        self.exponent = nn.Parameter(torch.full((64,), 0.9))
        self.usual: Tensor  # of dequantised coefficients, and of their DC's differences
        self.register_buffer("usual", torch.ones(64))
        self.given_usual: Tensor
        self.register_buffer("given_usual", torch.ones(max(n_given, 1), 64))
        self.triangle: Tensor
        self.register_buffer("triangle", torch.ones(64, 64).tril(-1), persistent=False)

    def linear_parameters(self) -> list[Tensor]:
        """Those that are trained at a smaller rate."""
        return [self.from_known, self.from_block, self.lean_left, self.lean_above]

    def known_values(self, batch: Batch) -> Tensor:
        """What is predicted from: (N, 4 * 64 + 3 * 64 * n_given), in units of what is usual."""
        parts = _around(batch.own, self.usual)
        for i in range(self.config.n_given):
            if i < len(batch.given):
                given, usual = batch.given[i], self.given_usual[i]
                parts.append(given.values / usual)
                parts += _around(given, usual)[:2]
            else:
                parts += [torch.zeros_like(parts[0])] * 3
        return torch.cat(parts, -1).flatten(0, 2)

    def bits(self, batch: Batch) -> Tensor:
        """Theoretical codelength of each coefficient in bits: (64, B R C)."""
        n, rows, columns, _ = batch.x.shape
        count = n * rows * columns
        known = self.known_values(batch)
        own = batch.own.values.flatten(0, 2) / self.usual
        steps = self.usual / batch.table  # (B, 64): quantised steps to what is usual
        steps = steps[:, None, None].expand(n, rows, columns, 64).reshape(count, 64).T.contiguous()
        centre = self.from_known @ known.T
        centre = centre.addmm(self.from_block * self.triangle, own.T) * steps
        first = (batch.own.relative[..., 0] / batch.table[:, :1, None]).flatten()
        centre = torch.cat([centre[:1] + first, centre[1:]])
        leaning = (self.lean_left @ known[:, :64].T - self.lean_above @ known[:, 64:128].T) * steps
        usual = self.exponent[:, None] * steps.log2()

        parts = _parts(batch.own.bytes_)
        features = self.features(batch, parts)
        features = features.permute(1, 0, 2, 3).reshape(self.config.width, count)
        earlier = parts.view(count, 128).T
        local = self.local(batch).permute(1, 2, 0).contiguous()
        out = self.head(self.rounding.read(features), earlier, local)
        x = batch.x.reshape(count, 64).T.contiguous()
        return bits(x, out, centre, leaning, usual)

    def features(self, batch: Batch, parts: Tensor) -> Tensor:
        """(B, W, R, C) of the block that comes next, from all before it."""
        w = self.config.width
        read = self.rounding.read
        table = (batch.table.log2() * 8).round_().clamp_max_(127).div_(BYTE_UNIT)
        second = torch.full((len(table), 1), float(len(batch.given) == 2))
        table = torch.cat([table, second], 1)[:, :, None, None]
        biases = self.table_out(self.rounding.relu(self.table_in(table)))
        x = self.embed(parts.permute(0, 3, 1, 2)) + biases[:, :w]
        if self.config.n_given:
            seen = [_parts(given.bytes_) for given in batch.given]
            seen += [torch.zeros_like(seen[0])] * (self.config.n_given - len(seen))
            given = self.given(self.given_in(torch.cat(seen, -1).permute(0, 3, 1, 2)))
            x = x + given
        x = self.blocks(x)
        near = _parts(batch.near).permute(0, 3, 1, 2)
        p = self.gather(read(x)) + self.near(near) + biases[:, w:]
        if self.config.n_given:
            p = p + self.given_out(read(given))
        return self.mix(p)

    def local(self, batch: Batch) -> Tensor:
        """(N, 64, N_LOCAL): of each coefficient, what its own hidden units are given."""
        own = batch.own.bytes_.float()
        near = batch.near.float()
        n, rows, columns, _ = own.shape
        padded = F.pad(own, (0, 0, 2, 2, 2, 0))

        def at(row: int, column: int) -> Tensor:
            return padded[:, 2 + row : 2 + row + rows, 2 + column : 2 + column + columns]

        around = [at(0, -1), at(-1, 0), at(-1, -1), at(-1, 1)]
        around = [
            torch.cat([near[..., i : i + 1], known[..., 1:]], -1) for i, known in enumerate(around)
        ]
        left, above = around[:2]
        given = [g.bytes_.float() for g in batch.given] + [torch.zeros_like(own)] * 2
        log_table = (batch.table.log2() * 8).round_().clamp_max_(127)
        fixed = log_table[:, None, None].expand(n, rows, columns, 64)
        found = [
            left.clamp_min(0), (-left).clamp_min_(0), above.clamp_min(0), (-above).clamp_min_(0),
            around[2].abs(), around[3].abs(), at(0, -2).abs(), at(-2, 0).abs(),
            given[0].clamp_min(0), (-given[0]).clamp_min_(0),
            given[1].clamp_min(0), (-given[1]).clamp_min_(0),
            fixed,
        ]  # fmt: skip
        return torch.stack(found, -1).div_(BYTE_UNIT).flatten(0, 2)


def _around(given: Given, usual: Tensor) -> list[Tensor]:
    """Values of CAUSAL in units of what is usual, DCs relative to the block's reference."""
    values = given.values
    padded = F.pad(values, (0, 0, 1, 1, 1, 0))
    rows, columns = values.shape[1:3]
    found = []
    for i, (row, column) in enumerate(((0, -1), (-1, 0), (-1, -1), (-1, 1))):
        part = padded[:, 1 + row : 1 + row + rows, 1 + column : 1 + column + columns]
        part = torch.cat([given.relative[..., 2 + i : 3 + i], part[..., 1:]], -1)
        found.append(part / usual)
    return found


@dataclass(frozen=True)
class JpegConfig:
    """Sizes of a model of JPEG files."""

    luma: NetConfig = NetConfig()
    chroma: NetConfig = NetConfig(width=64, blocks=3, hidden=(24, 16, 8), n_given=2, given_blocks=1)


class Jpeg(nn.Module):
    """The networks for luma and for chroma."""

    def __init__(self, config: JpegConfig) -> None:
        super().__init__()
        self.config = config
        self.luma, self.chroma = Net(config.luma), Net(config.chroma)
