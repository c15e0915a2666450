"""The networks of Flow++: gated convolutions and gated attention, residual, layer-normalised.

Inside, everything is (N, H, W, C), so that layer norms, 1x1 convolutions and attention need no
copies, and 3x3 convolutions find their memory channels last.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Gates open little at first, so that a block is near the identity.
GATE_SCALE = 0.1


class Conv(nn.Module):
    """A 3x3 convolution whose outputs have the standard deviation ``scale`` at first."""

    def __init__(self, inputs: int, outputs: int, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        weight = 0.05 * torch.randn(outputs, inputs, 3, 3)
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def initialise(self, x: Tensor) -> None:
        _normalise_outputs(self, self.forward(x))  # no hook of this layer is run

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, inputs) -> (N, H, W, outputs)."""
        out = F.conv2d(x.permute(0, 3, 1, 2), self.weight, self.bias, padding=1)
        return out.permute(0, 2, 3, 1)


class Dense(nn.Module):
    """A 1x1 convolution whose outputs have the standard deviation ``scale`` at first."""

    def __init__(self, inputs: int, outputs: int, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(0.05 * torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def initialise(self, x: Tensor) -> None:
        _normalise_outputs(self, self.forward(x))  # no hook of this layer is run

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, inputs) -> (N, H, W, outputs)."""
        return F.linear(x, self.weight, self.bias)


def _normalise_outputs(layer: Conv | Dense, out: Tensor) -> None:
    variance, mean = torch.var_mean(out.flatten(0, -2), 0, unbiased=False)
    gain = layer.scale * (variance + 1e-8).rsqrt()
    layer.weight.mul_(gain.view(-1, *[1] * (layer.weight.dim() - 1)))
    layer.bias.copy_((layer.bias - mean) * gain)


def concat_elu(x: Tensor) -> Tensor:
    """ELU of x and of -x: twice the channels."""
    return F.elu_(torch.cat((x, -x), -1))


def _gated(x: Tensor) -> Tensor:
    return F.glu(x, -1)  # the first half of the channels, times the sigmoid of the second


class GatedConv(nn.Module):
    """Residual block of a convolution, which may see a context, and a gate, 3x3 or 1x1."""

    def __init__(self, width: int, dropout: float, context: int = 0, wide_gate: bool = False):
        super().__init__()
        self.conv = Conv(2 * width, width)
        self.context = Dense(2 * context, width) if context else None
        self.dropout = nn.Dropout(dropout)
        self.gate: Any = (Conv if wide_gate else Dense)(2 * width, 2 * width, GATE_SCALE)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        h = self.conv(concat_elu(x))
        if self.context is not None:
            h = h + self.context(context)
        return x + _gated(self.gate(self.dropout(concat_elu(h))))


class GatedAttention(nn.Module):
    """Residual block of self-attention over all positions."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = Dense(width, 3 * width)
        self.dropout = nn.Dropout(dropout)
        self.gate = Dense(width, 2 * width, GATE_SCALE)

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        """x: (N, H, W, C); position: (C, H, W)."""
        n, h, w, c = x.shape
        seen = self.query_key_value(x + position.permute(1, 2, 0))
        seen = seen.view(n, h * w, 3, self.heads, c // self.heads)
        query, key, value = seen.permute(2, 0, 3, 1, 4).unbind(0)  # (N, heads, H W, C / heads)
        out = F.scaled_dot_product_attention(query, key, value)
        out = out.transpose(1, 2).reshape(n, h, w, c)
        return x + _gated(self.gate(self.dropout(out)))


class Block(nn.Module):
    """A gated convolution and, unless there are no heads, gated attention, each with its norm."""

    def __init__(self, conv: GatedConv, width: int, heads: int, dropout: float, norm: bool = True):
        super().__init__()
        self.conv = conv
        self.conv_norm: Any = nn.LayerNorm(width) if norm else nn.Identity()
        self.attention = GatedAttention(width, heads, dropout) if heads else None
        self.attention_norm: Any = nn.LayerNorm(width) if heads else nn.Identity()

    def forward(self, x: Tensor, position: Tensor | None, context: Tensor | None = None) -> Tensor:
        x = self.conv_norm(self.conv(x, context))
        if self.attention is not None:
            x = self.attention_norm(self.attention(x, position))
        return x


def position_embedding(width: int, shape: tuple[int, int, int]) -> nn.Parameter:
    """What tells attention where it is: (width, H, W)."""
    return nn.Parameter(0.01 * torch.randn(width, *shape[1:]))
