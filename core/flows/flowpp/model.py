"""Whole models: a dequantizer, a flow and a standard normal prior."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from core.flows.flowpp.bijections import (
    Bijection,
    Flow,
    Logit,
    Normalise,
    Pointwise,
    Sigmoid,
    Squeeze,
    Swap,
)
from core.flows.flowpp.config import FlowPPConfig
from core.flows.flowpp.coupling import Coupling
from core.flows.flowpp.networks import Block, Conv, GatedConv, concat_elu, position_embedding
from core.flows.flowpp.splits import SPLITS, StripeSplit


class ContextNetwork(nn.Module):
    """Shows the image to the dequantizer: its halves side by side, through gated convolutions."""

    def __init__(self, config: FlowPPConfig) -> None:
        super().__init__()
        width, dropout = config.context_width, config.dropout
        heads = config.heads if config.context_attention else 0
        shape = StripeSplit().half_shape(config.image_shape)
        self.position = position_embedding(width, shape) if heads else None
        self.first = Conv(6, width)
        self.blocks: Any = nn.ModuleList(
            Block(
                GatedConv(width, dropout, wide_gate=True),
                width, heads, dropout, config.context_norm,
            )
            for _ in range(config.context_blocks)
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) of [0, 255] -> (N, 2 width, H, W / 2), as all couplings want it."""
        halves = StripeSplit().split(images / 256 - 0.5)
        x = self.first(torch.cat(halves, 1).permute(0, 2, 3, 1))
        for block in self.blocks:
            x = block(x, self.position)
        return concat_elu(x).permute(0, 3, 1, 2)


class Dequantizer(nn.Module):
    """Standard normal noise becomes a place within each pixel, in (0, 1), as the image suggests."""

    def __init__(self, config: FlowPPConfig) -> None:
        super().__init__()
        self.context = ContextNetwork(config)
        layers: list[Bijection] = []
        for count in config.dequantizer_runs:
            layers += _run(config, "stripe", count, config.image_shape, in_dequantizer=True)
        self.flow = Flow([*layers, Sigmoid()])


class FlowPP(nn.Module):
    """A model of images (N, 3, size, size): integers from 0 to 255 as floating-point numbers."""

    def __init__(self, config: FlowPPConfig) -> None:
        super().__init__()
        self.config = config
        self.dequantizer = Dequantizer(config)
        self.flow = Flow(_main_layers(config))

    def dequantize(self, x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
        """u in (0, 1) made of standard normal noise, and log2 q(u | x) of each image, (N,)."""
        u, log_det = self.dequantizer.flow(eps, self.dequantizer.context(x))
        return u, _log2_normal(eps) - log_det / math.log(2)

    def log2_dequantization(self, u: Tensor, x: Tensor) -> Tensor:
        """log2 q(u | x) of each image, (N,), for a given u in (0, 1)."""
        context = self.dequantizer.context(x)
        eps = self.dequantizer.flow.inverse(u, context)
        return _log2_normal(eps) - self.dequantizer.flow(eps, context)[1] / math.log(2)

    def log2_likelihood(self, y: Tensor) -> Tensor:
        """log2 p(y) of each dequantized image: (N, 3, H, W) of [0, 256] -> (N,)."""
        z, log_det = self.flow(y)
        return _log2_normal(z) + log_det / math.log(2)

    def bits(self, images: Tensor) -> Tensor:
        """Theoretical codelength of each image for one u that is drawn by chance: (N,)."""
        u, log2_q = self.dequantize(images, torch.randn_like(images))
        return log2_q - self.log2_likelihood(images + u)

    @torch.no_grad()
    def initialise(self, images: Tensor) -> None:
        """Sets layers one after the other so that the values of a batch are normalised."""

        def first(module: Any, arguments: tuple[Any, ...]) -> None:
            module.initialise(arguments[0])

        layers = [module for module in self.modules() if hasattr(module, "initialise")]
        hooks = [layer.register_forward_pre_hook(first) for layer in layers if layer is not self]
        self.bits(images)
        for hook in hooks:
            hook.remove()


def _run(
    config: FlowPPConfig,
    kind: str,
    count: int,
    shape: tuple[int, int, int],
    in_dequantizer: bool = False,
) -> Iterator[Bijection]:
    """Couplings whose halves change places each time, each after its normalisation."""
    for i in range(count):
        split = SPLITS[kind](second=i % 2 == 1)
        yield Normalise(split, shape)
        if config.pointwise:
            yield Pointwise(split, shape)
        yield Coupling(config, split, shape, in_dequantizer)
    if count % 2:
        yield Swap(SPLITS[kind]())


def _main_layers(config: FlowPPConfig) -> Iterator[Bijection]:
    yield Logit()
    channels, height, width = config.image_shape
    for kind, count in config.layout:
        if kind == "squeeze":
            for _ in range(count):
                yield Squeeze()
                channels, height, width = 4 * channels, height // 2, width // 2
        else:
            yield from _run(config, kind, count, (channels, height, width))


def _log2_normal(x: Tensor) -> Tensor:
    """log2 of the standard normal density of each image: (N, ...) -> (N,)."""
    squares = x.square().flatten(1).sum(1)
    return -0.5 * (squares + x[0].numel() * math.log(2 * math.pi)) / math.log(2)
