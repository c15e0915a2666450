"""Couplings: one half of an image tells by which mixtures the other half is transformed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from core.flows.flowpp.bijections import Bijection
from core.flows.flowpp.config import FlowPPConfig
from core.flows.flowpp.mixture import MixtureParameters
from core.flows.flowpp.networks import Block, Conv, GatedConv, concat_elu, position_embedding
from core.flows.flowpp.splits import Split

#: Standard deviation of what a coupling's network computes at first.
OUTPUT_SCALE = 0.1


class CouplingNetwork(nn.Module):
    """Convolution, blocks, convolution."""

    def __init__(
        self, config: FlowPPConfig, shape: tuple[int, int, int], in_dequantizer: bool
    ) -> None:
        super().__init__()
        width, dropout = config.width, config.dropout
        heads = config.heads if config.dequantizer_attention or not in_dequantizer else 0
        context = config.context_width if in_dequantizer else 0
        # Published weights have one even where no attention reads it.
        self.position = position_embedding(width, shape)
        self.first = Conv(shape[0], width)
        self.blocks: Any = nn.ModuleList(
            Block(GatedConv(width, dropout, context), width, heads, dropout)
            for _ in range(config.dequantizer_blocks if in_dequantizer else config.blocks)
        )
        self.last_elu = config.last_elu
        inputs = 2 * width if config.last_elu else width
        self.last = Conv(inputs, shape[0] * config.parameters_per_channel, OUTPUT_SCALE)

    def forward(self, x: Tensor, context: Tensor | None) -> Tensor:
        """(N, H, W, C), context (N, H, W, c) -> (N, H, W, C (2 + 3K))."""
        x = self.first(x)
        for block in self.blocks:
            x = block(x, self.position, context)
        return self.last(concat_elu(x) if self.last_elu else x)


class Coupling(Bijection):
    """Transforms one half by mixtures of logistics that a network computes from the other."""

    def __init__(
        self,
        config: FlowPPConfig,
        split: Split,
        shape: tuple[int, int, int],
        in_dequantizer: bool = False,
    ) -> None:
        super().__init__()
        self.split = split
        self.smallest_log_scale = config.smallest_log_scale
        self.outputs = config.parameters_per_channel
        self.network = CouplingNetwork(config, split.half_shape(shape), in_dequantizer)

    def parameters_of(self, cf: Tensor, context: Tensor | None = None) -> MixtureParameters:
        """The maps of the transformed half, given the conditioning half (N, C, H, W)."""
        if context is not None:
            context = context.permute(0, 2, 3, 1)
        out = self.network(cf.permute(0, 2, 3, 1), context)
        out = out.unflatten(-1, (cf.shape[1], self.outputs)).permute(0, 3, 1, 2, 4)
        logits, means, log_scales = out[..., 2:].chunk(3, -1)
        if self.smallest_log_scale is not None:
            log_scales = log_scales.clamp_min(self.smallest_log_scale)
        return MixtureParameters(torch.tanh(out[..., 0]), out[..., 1], logits, means, log_scales)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        cf, ef = self.split.split(x)
        z, log_slope = self.parameters_of(cf, context).forward(ef)
        return self.split.merge(cf, z), log_slope.flatten(1).sum(1)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        cf, ef = self.split.split(z)
        return self.split.merge(cf, self.parameters_of(cf, context).inverse(ef))
