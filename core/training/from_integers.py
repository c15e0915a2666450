"""A float model of a model file, so that training can go on where an exported model stands.

The integers leave open in what unit a channel of the stream or of a hidden layer was trained; any
power of two gives the same function. It is chosen so that weights are about as large as new ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from core.flows.photo import interlace
from core.flows.photo.file import read_photo_file
from core.flows.photo.integer import (
    GATE_BITS,
    LEAN_UNIT,
    LOG_SCALE_UNIT,
    LOGIT_UNIT,
    MEAN_UNIT,
)
from core.flows.photo.model import GatedBlock, Head, Photo, scaled_context

#: Norm that all weights of an output have together, roughly.
_NORM = 0.7


def begin_with(model: Photo, path: Path) -> None:
    """Gives a model the weights of a model file, whose blocks it may have more of.

    Blocks that the file lacks add nothing to the stream at first. Raises ModelError where the file
    is none, and ValueError where the other sizes differ.
    """
    file = read_photo_file(path.read_bytes())
    sizes = ("width", "head_width", "components", "weight_sets")
    if any(getattr(file.config, name) != getattr(model.config, name) for name in sizes):
        raise ValueError(f"{path} holds a model of other sizes: {file.config}")
    if any(a > b for a, b in zip(file.config.blocks, model.config.blocks, strict=True)):
        raise ValueError(f"{path} holds a model of more blocks: {file.config.blocks}")
    with torch.no_grad():
        for i, level in enumerate(model.levels):
            layers = _Layers(file.tensors, f"levels.{i}.")
            stream = _stems(level.stems, layers)
            for phase, trunk in enumerate(level.trunks):
                for j, block in enumerate(trunk):
                    name = f"trunks.{phase}.{j}."
                    if j < file.config.blocks[phase]:
                        _block(block, layers.below(name), stream)
                    else:
                        block.gated.weight.chunk(2)[0].zero_()
                        block.gated.bias.chunk(2)[0].zero_()
            for phase, head in enumerate(level.heads):
                _head(head, layers.below(f"heads.{phase}."), stream)


class _Layers:
    """Layers of a file as what they compute on integers: weights and biases times 2^-shift."""

    def __init__(self, tensors: Mapping[str, Tensor], prefix: str) -> None:
        self._tensors, self._prefix = tensors, prefix

    def below(self, name: str) -> _Layers:
        return _Layers(self._tensors, self._prefix + name)

    def __call__(self, name: str) -> tuple[Tensor, Tensor]:
        weight, bias, shift = (
            self._tensors[f"{self._prefix}{name}.{part}"].float()
            for part in ("weight", "bias", "shift")
        )
        scale = (-shift).exp2()
        return weight * scale.view(-1, 1, 1, 1), bias * scale


def _unit(*weights: Tensor) -> Tensor:
    """The power of two of each output, (O,), that divides its weights to about the usual norm."""
    norm = torch.stack([w.flatten(1).norm(dim=1) for w in weights]).mean(0).clamp_min(1e-6)
    return torch.log2(norm / _NORM).round().exp2()


def _set(layer: nn.Conv2d, weight: Tensor, bias: Tensor, outputs: Tensor) -> None:
    assert layer.bias is not None
    layer.weight.copy_(weight / outputs.view(-1, 1, 1, 1))
    layer.bias.copy_(bias / outputs)


def _stems(stems: nn.ModuleList, layers: _Layers) -> Tensor:
    """Sets the stems; returns the stream's unit: integers to 1 of the float model, (C,)."""
    found = []
    for i, channels in enumerate(interlace.CONTEXT_CHANNELS):
        weight, bias = layers(f"stems.{i}")
        found.append((weight / scaled_context(torch.ones(1, channels, 1, 1)), bias))
    stream = _unit(*(weight for weight, _ in found))
    for stem, (weight, bias) in zip(stems, found, strict=True):
        assert isinstance(stem, nn.Conv2d)
        _set(stem, weight, bias, stream)
    return stream


def _block(block: GatedBlock, layers: _Layers, stream: Tensor) -> None:
    weight, bias = layers("conv")
    weight = weight * stream.view(1, -1, 1, 1)
    hidden = _unit(weight)
    _set(block.conv, weight, bias, hidden)
    value, value_bias = layers("value")
    gate, gate_bias = layers("gate")
    opened = float(1 << GATE_BITS)
    weight = torch.cat([value, gate]) * hidden.view(1, -1, 1, 1)
    bias = torch.cat([value_bias, gate_bias - opened / 2])
    outputs = torch.cat([stream, torch.full((len(gate),), opened / 4)])
    _set(block.gated, weight, bias, outputs)


def _head(head: Head, layers: _Layers, stream: Tensor) -> None:
    assert head.features.bias is not None
    parts = zip(head.features.weight.chunk(3), head.features.bias.chunk(3), strict=True)
    for i, (of_weight, of_bias) in enumerate(parts):
        weight, bias = layers(f"features.{i}")
        weight = weight * stream.view(1, -1, 1, 1)
        hidden = _unit(weight)
        of_weight.copy_(weight / hidden.view(-1, 1, 1, 1))
        of_bias.copy_(bias / hidden)
        if i:  # scaled as the features are, with which it is summed
            lean = layers(f"lean.{i - 1}")[0]
            head.lean[i - 1].weight.copy_(lean * 16 / hidden.view(-1, 1, 1, 1))
        weight, bias = layers(f"outputs.{i}")
        units = [LOGIT_UNIT, 2 * MEAN_UNIT, LOG_SCALE_UNIT / math.log(2), LEAN_UNIT]
        counts = torch.tensor([head.components] * 3 + [i])
        outputs = torch.tensor(units).repeat_interleave(counts)
        _set(head.outputs[i], weight * hidden.view(1, -1, 1, 1), bias, outputs)
