"""From a trained model to the integers that archives are coded by.

Every activation gets a power of two as its unit, channel by channel: the finest in which no value
seen on sample crops leaves its range (clipping a few outliers costs more than it gains, they are
what matters at edges). Every weight is an integer times a power of two of its output channel, the
finest that the bounds of :mod:`core.flows.integer` allow. No retraining; what is lost is measured
and written into the model's card.
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
    STREAM_BOUND,
    VALUE_BITS,
)
from core.flows.photo import GatedBlock, Head, Level, Photo, scaled_context

WEIGHT_BOUND = 511


class _Ranges:
    """The largest absolute value of each activation, by name, channel by channel: (C,)."""

    def __init__(self) -> None:
        self.largest: dict[str, Tensor] = {}

    def see(self, name: str, x: Tensor) -> None:
        largest = x.detach().float().abs().amax((0, 2, 3))
        self.largest[name] = torch.maximum(self.largest.get(name, largest), largest)

    def exponents(self, name: str, bound: int) -> Tensor:
        """The largest e of each channel for which no |x| 2^e was seen to exceed the bound."""
        return torch.floor(torch.log2(bound / self.largest[name].clamp_min(1e-4)))


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
    stream = ranges.exponents(f"{prefix}.stream", STREAM_BOUND)
    layers: dict[str, Tensor] = {}
    for i, stem in enumerate(level.stems):
        # What the context's integers are multiplied by before the float model sees them.
        unit = scaled_context(torch.ones(1, interlace.CONTEXT_CHANNELS[i], 1, 1)).flatten()
        _layer(layers, f"stems.{i}", stem, unit, (stream + VALUE_BITS).exp2(), INPUT_BOUND)
    for i, trunk in enumerate(level.trunks):
        for j, block in enumerate(trunk):
            hidden = ranges.exponents(f"{prefix}.trunks.{i}.{j}", HIDDEN_BOUND)
            _block(layers, f"trunks.{i}.{j}", block, stream, hidden)
    for i, head in enumerate(level.heads):
        units = [ranges.exponents(f"{prefix}.heads.{i}.{j}", HEAD_BOUND) for j in range(3)]
        _head(layers, f"heads.{i}", head, stream, units)
    return layers


def _block(
    layers: dict[str, Tensor], name: str, block: GatedBlock, stream: Tensor, hidden: Tensor
) -> None:
    _layer(layers, f"{name}.conv", block.conv, (-stream).exp2(), hidden.exp2(), STREAM_BOUND)
    assert block.gated.bias is not None
    value, gate = block.gated.weight.chunk(2)
    value_bias, gate_bias = block.gated.bias.chunk(2)
    inputs = (-hidden).exp2()
    opened = float(1 << GATE_BITS)
    parts = {f"{name}.value": (value, value_bias, (stream + VALUE_BITS).exp2())}
    parts[f"{name}.gate"] = (
        gate * 0.25,
        gate_bias * 0.25 + 0.5,
        torch.full((len(gate),), opened),
    )
    for part, (weight, bias, outputs) in parts.items():
        _rounded(layers, part, weight, bias, inputs, outputs, HIDDEN_BOUND)


def _head(
    layers: dict[str, Tensor], name: str, head: Head, stream: Tensor, hidden: list[Tensor]
) -> None:
    assert head.features.bias is not None
    features = head.features.weight.chunk(3)
    biases = head.features.bias.chunk(3)
    for i in range(3):
        outputs = hidden[i].exp2()
        weight = _scaled_weight(features[i], (-stream).exp2(), outputs)
        terms = [(weight, STREAM_BOUND)]
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
    _rounded(layers, name, conv.weight, conv.bias, inputs, outputs, bound)


def _rounded(
    layers: dict[str, Tensor],
    name: str,
    weight: Tensor,
    bias: Tensor,
    inputs: Tensor,
    outputs: Tensor,
    bound: int,
) -> None:
    scaled = _scaled_weight(weight, inputs, outputs)
    _store(layers, name, scaled, bias * outputs, _shift([(scaled, bound)], bias * outputs))


def _scaled_weight(weight: Tensor, inputs: Tensor, outputs: Tensor) -> Tensor:
    """Weights that take integers of units ``inputs`` to integers of units ``outputs``."""
    return weight.detach() * inputs.view(1, -1, 1, 1) * outputs.view(-1, 1, 1, 1)


def _shift(terms: list[tuple[Tensor, int]], bias: Tensor) -> Tensor:
    """The largest power of two, for each output, whose integers stay within all bounds: (O,).

    terms: the weights that are summed, each with the bound of its inputs.
    """
    shift = torch.zeros(len(bias))
    for candidate in range(1, 20):
        factor = 2.0**candidate
        partial = (bias * factor).abs() + factor
        fits = torch.ones(len(bias), dtype=torch.bool)
        for weight, bound in terms:
            scaled = (weight * factor).round().abs()
            partial = partial + scaled.sum((1, 2, 3)) * bound
            fits &= scaled.amax((1, 2, 3)) <= WEIGHT_BOUND
        shift = torch.where(fits & (partial < EXACT_BOUND), float(candidate), shift)
    return shift


def _store(
    layers: dict[str, Tensor], name: str, weight: Tensor, bias: Tensor | None, shift: Tensor
) -> None:
    """Rounds a layer; a bias of None is that of a sum whose other part rounds."""
    factor = shift.exp2()
    rounded = (weight * factor.view(-1, 1, 1, 1)).round().clamp(-WEIGHT_BOUND, WEIGHT_BOUND)
    layers[f"{name}.weight"] = rounded.to(torch.int16).contiguous()
    half = (factor / 2).floor()
    total = torch.zeros(len(weight)) if bias is None else (bias * factor).round() + half
    layers[f"{name}.bias"] = total.to(torch.int32)
    layers[f"{name}.shift"] = shift.to(torch.int8)
