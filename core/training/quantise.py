"""From a trained model to the integers that archives are coded by.

Every activation has a power of two as its unit, channel by channel (:mod:`core.training.rounding`).
Every weight is an integer times a power of two of its output channel, the finest that the bounds of
:mod:`core.flows.photo.integer` allow. What is lost is measured and written into the model's card.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.flows.photo import interlace
from core.flows.photo.byte_kernels import MOST_SHIFT
from core.flows.photo.integer import (
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
)
from core.flows.photo.model import GatedBlock, Head, Level, Photo, scaled_context
from core.training.rounding import BYTE_BOUND, Exponents, Ranges, exponents_of, observed

WEIGHT_BOUND = 511
_LARGEST = {torch.int8: BYTE_BOUND, torch.int16: WEIGHT_BOUND}

_LEAST_SHARE = 0.01  # of the mean square of inputs, for one that is nearly always 0


def quantise(model: Photo, crops: Tensor, exponents: Exponents | None = None) -> dict[str, Tensor]:
    """Integer tensors of a model, for :class:`core.flows.photo.integer.IntegerPhoto`.

    crops: (N, 3, H, W) uint8, photographs that show what values activations take. exponents: of the
    units that the model was trained with, if it was.
    """
    exponents = exponents or exponents_of(model, crops)
    ranges = observed(model, crops, lambda ranges: _watch(model, ranges))
    layers: dict[str, Tensor] = {}
    for i, level in enumerate(model.levels):
        for name, tensor in _level(level, f"{i}", exponents, ranges).items():
            layers[f"levels.{i}.{name}"] = tensor
    return layers


def _watch(model: Photo, ranges: Ranges) -> list[torch.utils.hooks.RemovableHandle]:
    """The inputs of the last layers of heads."""

    def given(name: str) -> Callable[..., None]:
        return lambda module, given: ranges.see(name, given[0])

    return [
        out.register_forward_pre_hook(given(f"{i}.heads.{j}.{k}"))
        for i, level in enumerate(model.levels)
        for j, head in enumerate(level.heads)
        for k, out in enumerate(head.outputs)
    ]


def _steps(inputs: list[Tensor], exponents: Tensor) -> Tensor:
    """How far a head learns by each of its inputs and by its bias: (C + 1,) float32.

    As if all inputs were of one size, but for those that are nearly always 0. inputs: samples,
    (C, some) each. In units of the integers x 2^e.
    """
    squares = torch.cat(inputs, 1).square().mean(1)
    squares = torch.cat([squares, torch.ones(1)])
    sizes = (squares + _LEAST_SHARE * squares.mean()).sqrt()
    return (torch.cat([-exponents, torch.zeros(1)]).exp2() / sizes).float()


def _level(level: Level, prefix: str, exponents: Exponents, ranges: Ranges) -> dict[str, Tensor]:
    stream = exponents[f"{prefix}.stream"]
    layers: dict[str, Tensor] = {}
    for i, stem in enumerate(level.stems):
        # What the context's integers are multiplied by before the float model sees them.
        unit = scaled_context(torch.ones(1, interlace.CONTEXT_CHANNELS[i], 1, 1)).flatten()
        _layer(layers, f"stems.{i}", stem, unit, stream.exp2(), STREAM_BOUND, torch.int8)
    for i, trunk in enumerate(level.trunks):
        for j, block in enumerate(trunk):
            hidden = exponents[f"{prefix}.trunks.{i}.{j}"]
            _block(layers, f"trunks.{i}.{j}", block, stream, hidden)
    for i, head in enumerate(level.heads):
        units = [ranges.exponents(f"{prefix}.heads.{i}.{j}", 0, HEAD_BOUND) for j in range(3)]
        _head(layers, f"heads.{i}", head, stream, units)
        for j in range(3):
            inputs = ranges.samples[f"{prefix}.heads.{i}.{j}"]
            layers[f"heads.{i}.steps.{j}"] = _steps(inputs, units[j])
    return layers


def _block(
    layers: dict[str, Tensor], name: str, block: GatedBlock, stream: Tensor, hidden: Tensor
) -> None:
    assert block.conv.bias is not None
    assert block.gated.bias is not None
    inputs, outputs = (-hidden).exp2(), hidden.exp2()
    weight = _scaled_weight(block.conv.weight, (-stream).exp2(), outputs)
    bias = block.conv.bias * outputs
    shift = _shift([(weight, STREAM_BOUND, BYTE_BOUND)], bias)
    _store(layers, f"{name}.conv", weight, bias, shift, torch.int8)
    value, gate = block.gated.weight.chunk(2)
    value_bias, gate_bias = block.gated.bias.chunk(2)
    opened = torch.full((len(gate),), float(1 << GATE_BITS))
    for part, w, b, units in (
        ("value", value, value_bias, stream.exp2()),
        ("gate", gate * 0.25, gate_bias * 0.25 + 0.5, opened),
    ):
        weight, bias = _scaled_weight(w, inputs, units), b * units
        shift = _shift([(weight, HIDDEN_BOUND, BYTE_BOUND)], bias).clamp_max(MOST_SHIFT)
        _store(layers, f"{name}.{part}", weight, bias, shift, torch.int8)


def _head(
    layers: dict[str, Tensor], name: str, head: Head, stream: Tensor, hidden: list[Tensor]
) -> None:
    assert head.features.bias is not None
    features = head.features.weight.chunk(3)
    biases = head.features.bias.chunk(3)
    for i in range(3):
        outputs = hidden[i].exp2()
        weight = _scaled_weight(features[i], (-stream).exp2(), outputs)
        terms = [(weight, STREAM_BOUND, BYTE_BOUND)]
        if i:
            lean = _scaled_weight(head.lean[i - 1].weight, torch.full((i,), 1 / 16), outputs)
            terms.append((lean, INPUT_BOUND, WEIGHT_BOUND))
        # Both are summed before the floor, so they share the power of two.
        shift = _shift(terms, biases[i] * outputs)
        if i:
            _store(layers, f"{name}.lean.{i - 1}", lean, None, shift)
        _store(layers, f"{name}.features.{i}", weight, biases[i] * outputs, shift, torch.int8)
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
    kind: torch.dtype = torch.int16,
) -> None:
    assert conv.bias is not None
    weight, bias = _scaled_weight(conv.weight, inputs, outputs), conv.bias * outputs
    shift = _shift([(weight, bound, _LARGEST[kind])], bias)
    _store(layers, name, weight, bias, shift, kind)


def _scaled_weight(weight: Tensor, inputs: Tensor, outputs: Tensor) -> Tensor:
    """Weights that take integers of units ``inputs`` to integers of units ``outputs``."""
    return weight.detach() * inputs.view(1, -1, 1, 1) * outputs.view(-1, 1, 1, 1)


def _shift(terms: list[tuple[Tensor, int, int]], bias: Tensor) -> Tensor:
    """The largest power of two, for each output, whose integers stay within all bounds: (O,).

    terms: the weights that are summed, each with the bound of its inputs and its own.
    """
    shift = torch.zeros(len(bias))
    for candidate in range(1, 20):
        factor = 2.0**candidate
        partial = (bias * factor).abs() + 1
        fits = torch.ones(len(bias), dtype=torch.bool)
        for weight, inputs, largest in terms:
            scaled = (weight * factor).abs()
            partial = partial + scaled.round().sum((1, 2, 3)) * inputs
            fits &= scaled.amax((1, 2, 3)) <= largest  # before it is rounded, as in training
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
    largest = _LARGEST[kind]
    rounded = (weight * factor.view(-1, 1, 1, 1)).round().clamp(-largest, largest)
    layers[f"{name}.weight"] = rounded.to(kind).contiguous()
    total = torch.zeros(len(weight)) if bias is None else (bias * factor).round()
    layers[f"{name}.bias"] = total.to(torch.int32)
    layers[f"{name}.shift"] = shift.to(torch.int8)
