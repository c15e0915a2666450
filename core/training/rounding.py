"""Training that knows how its networks will be rounded.

The integer networks (:mod:`core.flows.photo.integer`) read activations as bytes and have weights of
a byte. Once a model is far enough, it goes on training with the same rounding in its forward pass,
and with gradients that pass straight through it where nothing is cut off (Bengio et al. 2013;
Jacob et al., CVPR 2018). What rounding costs is then mostly learned away.

Every activation has a power of two as its unit, channel by channel: the one that leaves the
smallest error of rounding and cutting off on sample crops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from core.flows.photo import interlace
from core.flows.photo.integer import GATE_BITS, HIDDEN_BOUND, STREAM_BOUND
from core.flows.photo.model import Level, Photo, scaled_context

#: Largest absolute value of a weight that is a byte.
BYTE_BOUND = 127

_SAMPLED = 512  # positions of each activation that are kept, of each batch of crops
_FINER = 4  # units that are tried, each half of the one before

#: log2 of an activation's units, (C,) each: streams by level, hidden layers by block.
Exponents = Mapping[str, Tensor]


class Ranges:
    """The values that each activation takes, by name, channel by channel."""

    def __init__(self) -> None:
        self.largest: dict[str, Tensor] = {}  # absolute, (C,)
        self.samples: dict[str, list[Tensor]] = {}  # (C, some)

    def see(self, name: str, x: Tensor) -> None:
        values = x.detach().float().transpose(0, 1).flatten(1)
        largest = values.abs().amax(1)
        self.largest[name] = torch.maximum(self.largest.get(name, largest), largest)
        step = max(1, values.shape[1] // _SAMPLED)
        self.samples.setdefault(name, []).append(values[:, step // 2 :: step].clone())

    def exponents(self, name: str, low: int, high: int) -> Tensor:
        """The e of each channel for which x 2^e, rounded and clamped, has the smallest mean error.

        Finer units than the largest value allows are tried, which clip what is rare. The mean of
        squares would let what is rare decide: it lost twice as much.
        """
        widest = torch.floor(torch.log2(high / self.largest[name].clamp_min(1e-4)))
        x = torch.cat(self.samples[name], 1)
        tried = widest + torch.arange(_FINER).view(-1, 1)
        errors = [
            ((x * unit[:, None]).round().clamp(low, high) / unit[:, None] - x).abs().mean(1)
            for unit in tried.exp2()
        ]
        best = torch.stack(errors).argmin(0, keepdim=True)
        return tried.gather(0, best)[0]


def observed(
    model: Photo, crops: Tensor, hooks: Callable[[Ranges], list[torch.utils.hooks.RemovableHandle]]
) -> Ranges:
    """Ranges of the hooked activations on crops, (N, 3, H, W) uint8."""
    ranges = Ranges()
    handles = hooks(ranges)
    model.eval()
    with torch.no_grad():
        for batch in crops.split(8):
            model.bits(batch.float())
    for handle in handles:
        handle.remove()
    return ranges


def exponents_of(model: Photo, crops: Tensor) -> Exponents:
    """Units for a model that has none yet, from crops (N, 3, H, W) uint8."""

    def hooks(ranges: Ranges) -> list[torch.utils.hooks.RemovableHandle]:
        return [h for i, level in enumerate(model.levels) for h in _watch(level, f"{i}", ranges)]

    ranges = observed(model, crops, hooks)
    return {
        name: ranges.exponents(name, *_bounds(name.endswith("stream"))) for name in ranges.largest
    }


def _bounds(stream: bool) -> tuple[int, int]:
    return (-STREAM_BOUND, STREAM_BOUND - 1) if stream else (0, HIDDEN_BOUND)


def _watch(level: Level, prefix: str, ranges: Ranges) -> list[torch.utils.hooks.RemovableHandle]:
    def output(name: str) -> Callable[..., None]:
        return lambda module, given, out: ranges.see(name, out)

    def given(name: str) -> Callable[..., None]:
        return lambda module, given: ranges.see(name, given[0])

    stream = f"{prefix}.stream"
    hooks = [stem.register_forward_hook(output(stream)) for stem in level.stems]
    for i, trunk in enumerate(level.trunks):
        hooks.append(trunk.register_forward_pre_hook(given(stream)))
        for j, block in enumerate(trunk):
            hooks.append(block.register_forward_hook(output(stream)))
            hooks.append(block.gated.register_forward_pre_hook(given(f"{prefix}.trunks.{i}.{j}")))
    return hooks


def add_rounding(model: Photo, exponents: Exponents) -> None:
    """Makes a model round as its integer form will; its weights stay the same tensors."""
    opened = torch.full((model.config.width,), GATE_BITS - 2.0)  # of a gate, before / 4 + 1/2
    for i, level in enumerate(model.levels):
        stream = exponents[f"{i}.stream"]
        for phase, stem in enumerate(level.stems):
            unit = scaled_context(torch.ones(1, interlace.CONTEXT_CHANNELS[phase], 1, 1))
            level.stems[phase] = RoundedConv(stem, -unit.flatten().log2(), *_bounds(True))
        values_and_gates = torch.cat([stream, opened])
        for j, trunk in enumerate(level.trunks):
            for k, block in enumerate(trunk):
                hidden = exponents[f"{i}.trunks.{j}.{k}"]
                block.conv = RoundedConv(block.conv, stream, *_bounds(True))
                block.gated = RoundedConv(block.gated, hidden, *_bounds(False), values_and_gates)
        for head in level.heads:
            head.features = RoundedConv(head.features, stream, *_bounds(True))


class RoundedConv(nn.Conv2d):
    """A convolution of bytes by weights of a byte; its results are bytes, too, if units are given.

    exponents: log2 of the inputs' units, (I,); low, high: their bounds in units. results: exponents
    of the outputs, (O,), which are bounded as the stream is.
    """

    def __init__(
        self,
        conv: nn.Conv2d,
        exponents: Tensor,
        low: int,
        high: int,
        results: Tensor | None = None,
    ) -> None:
        side, padding = conv.kernel_size[0], int(conv.padding[0])
        super().__init__(conv.in_channels, conv.out_channels, side, padding=padding, device="meta")
        self.weight, self.bias = conv.weight, conv.bias
        self.units, self.low, self.high = exponents.exp2().view(-1, 1, 1), low, high
        self.results = None if results is None else results.exp2().view(-1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = _Rounded.apply(x, self.units, self.low, self.high)
        y = self._conv_forward(x, self._rounded_weight(), self.bias)
        return y if self.results is None else _Rounded.apply(y, self.results, *_bounds(True))

    def _rounded_weight(self) -> Tensor:
        with torch.no_grad():
            # In units of the inputs, an output's weights are multiples of a power of two.
            weight = self.weight / self.units
            largest = weight.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
            unit = torch.floor(torch.log2(BYTE_BOUND / largest)).exp2_()
            rounded = (weight * unit).round_().div_(unit).mul_(self.units)
            rounded -= self.weight
        return self.weight + rounded


class _Rounded(torch.autograd.Function):
    """x rounded to multiples of 1 / units and clamped; the slope is 1 where nothing is cut off.

    Were it 1 there, too, what is cut off could grow without end: that run diverged.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, units: Tensor, low: int, high: int) -> Tensor:
        units = units.to(x.dtype)
        y = x * units
        ctx.save_for_backward(y)
        ctx.bounds = low, high
        return y.round().clamp_(low, high).div_(units)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (y,) = ctx.saved_tensors
        inside = torch.ops.aten.hardtanh_backward(gradient, y, *ctx.bounds)
        return inside, None, None, None
