"""Variants of the photo model that were tried and rejected: the experiments of docs/model.md.

Each is a change of the float model, made in place, so that ``python -m core.training --variant``
trains it as it trains the model itself. A variant cannot be exported.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.flows.photo import interlace, logistic
from core.flows.photo.model import GatedBlock, Head, Photo, PhotoConfig, Rows

_ATTENDING_HEADS = 4
_SECOND_COMPONENTS = 4


def _independent(model: Photo) -> None:
    """No channel knows of another one of its pixel."""
    for head in _heads(model):
        head.register_forward_pre_hook(lambda _, given: (given[0], torch.zeros_like(given[1])))


def _linear(model: Photo) -> None:
    """A channel's means lean on the channels before, and nothing else does."""
    for head in _heads(model):
        for lean in head.lean:
            nn.init.zeros_(lean.weight)
            lean.weight.requires_grad_(False)


def _red_first(model: Photo) -> None:
    """Red takes green's place, as the first channel and as the one that colours differ from."""

    def bits(model: Photo, pictures: Tensor) -> Tensor:
        return Photo.bits(model, pictures[:, [1, 0, 2]])

    model.bits = MethodType(bits, model)  # type: ignore[method-assign]


def _dilated(model: Photo) -> None:
    """Every second block of a trunk reaches twice as far."""
    for level in model.levels:
        for trunk in level.trunks:
            for block in trunk[1::2]:
                block.conv.dilation = block.conv.padding = (2, 2)


def _wide_kernels(model: Photo) -> None:
    """5x5 instead of 3x3 in the blocks."""
    for block in _blocks(model):
        width = block.conv.out_channels
        block.conv = nn.Conv2d(width, width, 5, padding=2)


def _depthwise(model: Photo) -> None:
    """5x5 of each channel by itself, then 1x1, instead of 3x3."""
    for block in _blocks(model):
        block.conv = _Depthwise(block.conv.out_channels)


class _Depthwise(nn.Conv2d):
    """1x1 over a 5x5 convolution of each channel."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width, 1)
        self.each = nn.Conv2d(width, width, 5, padding=2, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.each(x))


class _FromCoarser(nn.Module):
    """The features of the coarser level's last phase, brought to a level's grid."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mixed = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.mixed.weight)
        nn.init.zeros_(self.mixed.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, size: torch.Size) -> Tensor:
        larger = F.interpolate(self.mixed(features), scale_factor=2.0, mode="nearest")
        return larger[..., : size[-2], : size[-1]]


def _coarser(model: Photo) -> None:
    """A level's first phase begins with the features of the coarser level."""
    width = model.config.width
    model.coarser = nn.ModuleList(_FromCoarser(width) for _ in model.levels)

    def bits(model: Photo, pictures: Tensor) -> Tensor:
        pyramid = interlace.pyramid(pictures)
        total = torch.full((len(pictures),), 8.0 * pyramid[-1][0].numel())
        features: Tensor | None = None
        for index in range(len(pyramid) - 2, -1, -1):
            own = min(index, len(model.levels) - 1)
            if features is not None:
                coarser: Any = model.coarser
                with torch.autocast("cpu", torch.bfloat16, enabled=model.training):
                    features = coarser[own](features, pyramid[index + 1].shape)
            found, features = model.levels[own].codelengths(pyramid[index], features)
            total = total + torch.stack([b.sum(1) for b in found]).sum(0)
        return total

    model.bits = MethodType(bits, model)  # type: ignore[method-assign]


class _Attention(nn.Module):
    """Self-attention over all positions, added to a trunk's features (Flow++, section 3.3)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.asked, self.given = nn.Conv2d(width, 3 * width, 1), nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.given.weight)
        nn.init.zeros_(self.given.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        n, width, height, columns = x.shape
        parts = self.asked(F.layer_norm(x.permute(0, 2, 3, 1), (width,)).permute(0, 3, 1, 2))
        shape = (n, 3, _ATTENDING_HEADS, width // _ATTENDING_HEADS, height * columns)
        query, key, value = parts.contiguous().view(shape).transpose(-1, -2).unbind(1)
        seen = F.scaled_dot_product_attention(query, key, value).transpose(-1, -2)
        return x + self.given(seen.reshape(n, width, height, columns))


def _attention(model: Photo) -> None:
    """Attention behind each trunk of the third set of weights: grids of 12x12 and less here."""
    for trunk in model.levels[-1].trunks:
        trunk.append(_Attention(model.config.width))


class _SecondHead(Head):
    """A head that also gives the mixtures of a second coupling."""

    def __init__(self, config: PhotoConfig) -> None:
        super().__init__(config)
        self.seconds = nn.ModuleList(
            Rows(config.head_width, 3 * _SECOND_COMPONENTS, 1) for _ in range(3)
        )
        for second in self.seconds:  # begins as the identity
            nn.init.normal_(second.weight, std=1e-3)  # type: ignore[arg-type]
            nn.init.zeros_(second.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, residual: Tensor) -> list[tuple[Tensor, ...]]:
        parameters = super().forward(features, residual)
        hidden = self.features(features).chunk(3, 1)
        for i, second in enumerate(self.seconds):
            h = hidden[i]
            if i:
                h = h + self.lean[i - 1](residual[:, :i] / 16)
            parameters[i] = (*parameters[i], *second(F.relu(h)).chunk(3))
        return parameters


def _second(model: Photo) -> None:
    """A second coupling over the first: mixtures of 4 logistics of the logit of what that gives.

    Trained and measured by a bound: the second's density at a place drawn from the first's cell.
    """
    for level in model.levels:
        for i in range(len(level.heads)):
            level.heads[i] = _SecondHead(model.config)
        level.bits_of = _second_bits


def _second_bits(x: Tensor, ends: list[Tensor], *mixtures: Tensor) -> Tensor:
    logits, offsets, log_scales, *second = mixtures
    first = logistic.bits(x - offsets, ends[0], ends[1], logits, log_scales)
    inverse, weights = torch.exp(-log_scales), torch.softmax(logits, 0)
    edges = [
        (weights * torch.sigmoid((x - offsets + half) * inverse)).sum(0) for half in (-0.5, 0.5)
    ]
    low = edges[0].masked_fill(ends[0], 0)
    high = edges[1].masked_fill(ends[1], 1)
    z = (low + (high - low) * torch.rand_like(low)).clamp(1e-6, 1 - 1e-6)
    position = torch.logit(z)
    heaviness, means, scales = second
    away = (position - means) * torch.exp(-scales)
    density = F.logsigmoid(away) + F.logsigmoid(-away) - scales
    log_density = torch.logsumexp(torch.log_softmax(heaviness, 0) + density, 0)
    of_logit = F.logsigmoid(position) + F.logsigmoid(-position)
    return first - (log_density - of_logit) / math.log(2)


VARIANTS: dict[str, Callable[[Photo], None]] = {
    "independent-channels": _independent,
    "linear-leaning": _linear,
    "red-first": _red_first,
    "dilated": _dilated,
    "5x5": _wide_kernels,
    "depthwise-5x5": _depthwise,
    "coarser-features": _coarser,
    "attention": _attention,
    "second-coupling": _second,
}


def multiply_adds_per_pixel(model: Photo) -> float:
    """Of a model as it is, counted on a picture of 96 x 96; attention's products too."""
    total = 0

    def count(module: Any, given: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += out.numel() * module.weight[0].numel()
        else:
            positions = out.shape[-2] * out.shape[-1]
            total += 2 * positions * out.numel()

    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | _Attention)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.no_grad():
        model.bits(torch.zeros(1, 3, 96, 96))
    for hook in hooks:
        hook.remove()
    return total / 96**2


def _heads(model: Photo) -> list[Head]:
    return [m for m in model.modules() if isinstance(m, Head)]


def _blocks(model: Photo) -> list[GatedBlock]:
    return [m for m in model.modules() if isinstance(m, GatedBlock)]
