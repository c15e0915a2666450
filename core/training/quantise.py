"""From a trained model to the integers that archives are coded by.

Every activation gets a power of two as its unit, channel by channel: the one that leaves the
smallest error of rounding and clipping on sample crops. Every weight is an integer times a power of
two of its output channel, the finest that the bounds of :mod:`core.flows.integer` allow. No
retraining; what is lost is measured and written into the model's card.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.flows import interlace
from core.flows.integer import (
    EXACT_BOUND,
    GATE_BITS,
    HEAD_BOUND,
    HIDDEN_BOUND,
    INPUT_BOUND,
    LEAN_UNIT,
    LOG_SCALE_UNIT,
    LOGIT_UNIT,
    MEAN_UNIT,
    READ_BITS,
    READ_BOUND,
    STREAM_BOUND,
    VALUE_BITS,
)
from core.flows.photo import GatedBlock, Head, Level, Photo, scaled_context

WEIGHT_BOUND = 511
BYTE_BOUND = 127  # of weights in the trunk

_SAMPLED = 512  # positions of each activation that are kept, of each batch of crops
_LEAST_SHARE = 0.01  # of the mean square of inputs, for one that is nearly always 0
_FINER = 4  # units that are tried, each half of the one before


class _Ranges:
    """What values each activation takes, by name, channel by channel."""

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

    def steps(self, name: str, exponents: Tensor) -> Tensor:
        """How far a head learns by each of its inputs and by its bias: (C + 1,) float32.

        As if all inputs were of one size, but for those that are nearly always 0. In units of the
        integers x 2^e.
        """
        squares = torch.cat(self.samples[name], 1).square().mean(1)
        squares = torch.cat([squares, torch.ones(1)])
        sizes = (squares + _LEAST_SHARE * squares.mean()).sqrt()
        return (torch.cat([-exponents, torch.zeros(1)]).exp2() / sizes).float()


def quantise(model: Photo, crops: Tensor) -> dict[str, Tensor]:
    """Integer tensors of a model, for :class:`core.flows.integer.IntegerPhoto`.

    crops: (N, 3, H, W) uint8, photographs that show what values activations take.
    """
    ranges = _Ranges()
    hooks = [h for i, level in enumerate(model.levels) for h in _watch(level, f"{i}", ranges)]
    model.eval().requires_grad_(False)
    with torch.no_grad():
        for batch in crops.split(8):
            model.bits(batch.float())
    for hook in hooks:
        hook.remove()
    layers: dict[str, Tensor] = {}
    for i, level in enumerate(model.levels):
        for name, tensor in _level(level, f"{i}", ranges).items():
            layers[f"levels.{i}.{name}"] = tensor
    return layers


def _watch(level: Level, prefix: str, ranges: _Ranges) -> list[torch.utils.hooks.RemovableHandle]:
    hooks = []

    def output(name: str, relu: bool) -> Callable[..., None]:
        return lambda module, args, out: ranges.see(name, out.relu() if relu else out)

    def given(name: str) -> Callable[..., None]:
        return lambda module, args: ranges.see(name, args[0])

    for stem in level.stems:
        hooks.append(stem.register_forward_hook(output(f"{prefix}.stream", False)))
    for i, trunk in enumerate(level.trunks):
        hooks.append(trunk.register_forward_pre_hook(given(f"{prefix}.stream")))
        for j, block in enumerate(trunk):
            hooks.append(block.register_forward_hook(output(f"{prefix}.stream", False)))
            name = f"{prefix}.trunks.{i}.{j}"
            hooks.append(block.conv.register_forward_hook(output(name, True)))
    for i, head in enumerate(level.heads):
        for j, out in enumerate(head.outputs):
            hooks.append(out.register_forward_pre_hook(given(f"{prefix}.heads.{i}.{j}")))
    return hooks


def _level(level: Level, prefix: str, ranges: _Ranges) -> dict[str, Tensor]:
    stream = ranges.exponents(f"{prefix}.stream", -STREAM_BOUND, STREAM_BOUND - 1)
    layers: dict[str, Tensor] = {}
    for i, stem in enumerate(level.stems):
        # What the context's integers are multiplied by before the float model sees them.
        unit = scaled_context(torch.ones(1, interlace.CONTEXT_CHANNELS[i], 1, 1)).flatten()
        _layer(layers, f"stems.{i}", stem, unit, stream.exp2(), INPUT_BOUND)
    for i, trunk in enumerate(level.trunks):
        for j, block in enumerate(trunk):
            hidden = ranges.exponents(f"{prefix}.trunks.{i}.{j}", 0, HIDDEN_BOUND)
            _block(layers, f"trunks.{i}.{j}", block, stream, hidden)
    for i, head in enumerate(level.heads):
        units = [ranges.exponents(f"{prefix}.heads.{i}.{j}", 0, HEAD_BOUND) for j in range(3)]
        _head(layers, f"heads.{i}", head, stream, units)
        for j in range(3):
            layers[f"heads.{i}.steps.{j}"] = ranges.steps(f"{prefix}.heads.{i}.{j}", units[j])
    return layers


def _block(
    layers: dict[str, Tensor], name: str, block: GatedBlock, stream: Tensor, hidden: Tensor
) -> None:
    assert block.conv.bias is not None
    assert block.gated.bias is not None
    inputs, outputs = (-hidden).exp2(), hidden.exp2()
    weight = _scaled_weight(block.conv.weight, (-stream).exp2(), outputs)
    bias = block.conv.bias * outputs
    shift = _shift([(weight, STREAM_BOUND)], bias, BYTE_BOUND)
    _store(layers, f"{name}.conv", weight, bias, shift, torch.int8)
    value, gate = block.gated.weight.chunk(2)
    value_bias, gate_bias = block.gated.bias.chunk(2)
    opened = torch.full((len(gate),), float(1 << GATE_BITS))
    for part, w, b, units in (
        ("value", value, value_bias, (stream + VALUE_BITS).exp2()),
        ("gate", gate * 0.25, gate_bias * 0.25 + 0.5, opened),
    ):
        weight, bias = _scaled_weight(w, inputs, units), b * units
        shift = _shift([(weight, HIDDEN_BOUND)], bias, BYTE_BOUND)
        _store(layers, f"{name}.{part}", weight, bias, shift, torch.int8)


def _head(
    layers: dict[str, Tensor], name: str, head: Head, stream: Tensor, hidden: list[Tensor]
) -> None:
    assert head.features.bias is not None
    features = head.features.weight.chunk(3)
    biases = head.features.bias.chunk(3)
    for i in range(3):
        outputs = hidden[i].exp2()
        weight = _scaled_weight(features[i], (-stream - READ_BITS).exp2(), outputs)
        terms = [(weight, READ_BOUND)]
        if i:
            lean = _scaled_weight(head.lean[i - 1].weight, torch.full((i,), 1 / 16), outputs)
            terms.append((lean, INPUT_BOUND))
        # Both are summed before the floor, so they share the power of two.
        shift = _shift(terms, biases[i] * outputs)
        if i:
            _store(layers, f"{name}.lean.{i - 1}", lean, None, shift)
        _store(layers, f"{name}.features.{i}", weight, biases[i] * outputs, shift)
        units = torch.cat([
            torch.full((head.components,), float(LOGIT_UNIT)),
            torch.full((head.components,), 2.0 * MEAN_UNIT),
            torch.full((head.components,), LOG_SCALE_UNIT / math.log(2)),
            torch.full((i,), float(LEAN_UNIT)),
        ])  # fmt: skip
        _layer(
            layers, f"{name}.outputs.{i}", head.outputs[i], (-hidden[i]).exp2(), units, HEAD_BOUND
        )


def _layer(
    layers: dict[str, Tensor],
    name: str,
    conv: nn.Conv2d,
    inputs: Tensor,
    outputs: Tensor,
    bound: int,
) -> None:
    assert conv.bias is not None
    weight, bias = _scaled_weight(conv.weight, inputs, outputs), conv.bias * outputs
    _store(layers, name, weight, bias, _shift([(weight, bound)], bias))


def _scaled_weight(weight: Tensor, inputs: Tensor, outputs: Tensor) -> Tensor:
    """Weights that take integers of units ``inputs`` to integers of units ``outputs``."""
    return weight.detach() * inputs.view(1, -1, 1, 1) * outputs.view(-1, 1, 1, 1)


def _shift(terms: list[tuple[Tensor, int]], bias: Tensor, largest: int = WEIGHT_BOUND) -> Tensor:
    """The largest power of two, for each output, whose integers stay within all bounds: (O,).

    terms: the weights that are summed, each with the bound of its inputs. largest: bound of a
    weight.
    """
    shift = torch.zeros(len(bias))
    for candidate in range(1, 20):
        factor = 2.0**candidate
        partial = (bias * factor).abs() + 1
        fits = torch.ones(len(bias), dtype=torch.bool)
        for weight, inputs in terms:
            scaled = (weight * factor).round().abs()
            partial = partial + scaled.sum((1, 2, 3)) * inputs
            fits &= scaled.amax((1, 2, 3)) <= largest
        shift = torch.where(fits & (partial < EXACT_BOUND), float(candidate), shift)
    return shift


def _store(
    layers: dict[str, Tensor],
    name: str,
    weight: Tensor,
    bias: Tensor | None,
    shift: Tensor,
    kind: torch.dtype = torch.int16,
) -> None:
    """Rounds a layer; a bias of None is that of a sum whose other part has one."""
    factor = shift.exp2()
    largest = BYTE_BOUND if kind == torch.int8 else WEIGHT_BOUND
    rounded = (weight * factor.view(-1, 1, 1, 1)).round().clamp(-largest, largest)
    layers[f"{name}.weight"] = rounded.to(kind).contiguous()
    total = torch.zeros(len(weight)) if bias is None else (bias * factor).round()
    layers[f"{name}.bias"] = total.to(torch.int32)
    layers[f"{name}.shift"] = shift.to(torch.int8)
