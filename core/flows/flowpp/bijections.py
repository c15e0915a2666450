"""Invertible layers that need no network, and the composition of layers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.flows.flowpp.splits import Split

#: No gain of a normalisation is smaller.
SMALLEST_GAIN = 1e-10


class Bijection(nn.Module):
    """An invertible map of (N, C, H, W), which may depend on a context of the same N."""

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, and the natural logarithm of the Jacobian's determinant for each image, (N,)."""
        raise NotImplementedError

    def inverse(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """The x that :meth:`forward` takes to z."""
        raise NotImplementedError


class Flow(Bijection):
    """Bijections one after the other."""

    def __init__(self, layers: Iterable[Bijection]) -> None:
        super().__init__()
        self.layers: Any = nn.ModuleList(layers)  # Any: a ModuleList does not tell what it holds

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, log_det = layer(x, context)
            total = total + log_det
        return x, total

    def inverse(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        for layer in reversed(self.layers):
            z = layer.inverse(z, context)
        return z


class Logit(Bijection):
    """Pixels of [0, 256] to the whole line: logit(0.05 + 0.9 x / 256)."""

    SCALE, SHIFT = 0.9 / 256, 0.05

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        z = torch.logit(x * self.SCALE + self.SHIFT)
        return z, (math.log(self.SCALE) + _log_logit_derivative(z)).flatten(1).sum(1)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        return (torch.sigmoid(z) - self.SHIFT) / self.SCALE


class Sigmoid(Bijection):
    """The whole line to (0, 1)."""

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return torch.sigmoid(x), -_log_logit_derivative(x).flatten(1).sum(1)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        return torch.logit(z)


def _log_logit_derivative(z: Tensor) -> Tensor:
    """log of dz / dp for z = logit(p)."""
    return F.softplus(z) + F.softplus(-z)


class Permutation(Bijection):
    """A bijection that only moves values about."""

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.permute(x), x.new_zeros(len(x))

    def permute(self, x: Tensor) -> Tensor:
        """The values in their new places."""
        raise NotImplementedError


class Squeeze(Permutation):
    """Blocks of 2 x 2 positions become channels, row by row: (N, C, H, W) -> (N, 4C, H/2, W/2)."""

    def permute(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        blocks = x.permute(0, 2, 3, 1).reshape(n, h // 2, 2, w // 2, 2, c)
        squeezed = blocks.permute(0, 1, 3, 2, 4, 5).reshape(n, h // 2, w // 2, 4 * c)
        return squeezed.permute(0, 3, 1, 2)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        n, c, h, w = z.shape
        blocks = z.permute(0, 2, 3, 1).reshape(n, h, w, 2, 2, c // 4)
        spread = blocks.permute(0, 1, 3, 2, 4, 5).reshape(n, 2 * h, 2 * w, c // 4)
        return spread.permute(0, 3, 1, 2)


class Swap(Permutation):
    """The halves change places, as they do after an odd number of couplings."""

    def __init__(self, split: Split) -> None:
        super().__init__()
        self.split = split

    def permute(self, x: Tensor) -> Tensor:
        first, second = self.split.split(x)
        return self.split.merge(second, first)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        return self.permute(z)


class Normalise(Bijection):
    """A learned gain and bias for each value; at first those that normalise a batch.

    Halves have parameters of their own, conditioning half first, as published weights do.
    """

    def __init__(self, split: Split, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.split = split
        half = split.half_shape(shape)
        self.gains: Any = nn.ParameterList(torch.ones(half) for _ in range(2))
        self.biases: Any = nn.ParameterList(torch.zeros(half) for _ in range(2))

    @property
    def scale(self) -> Tensor:
        """Gains of the whole tensor: (1, C, H, W), positive."""
        cf, ef = (gain.clamp_min(SMALLEST_GAIN)[None] for gain in self.gains)
        return self.split.merge(cf, ef)

    @property
    def shift(self) -> Tensor:
        """Biases of the whole tensor: (1, C, H, W)."""
        cf, ef = (bias[None] for bias in self.biases)
        return self.split.merge(cf, ef)

    def initialise(self, x: Tensor) -> None:
        """Makes each value's mean over the batch 0, and its standard deviation 1."""
        for half, gain, bias in zip(self.split.split(x), self.gains, self.biases, strict=True):
            variance, mean = torch.var_mean(half, 0, unbiased=False)
            gain.copy_((variance + 1e-8).rsqrt())
            bias.copy_(-mean * gain)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        scale = self.scale
        return x * scale + self.shift, scale.log().sum().expand(len(x))

    def inverse(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        return (z - self.shift) / self.scale


class Pointwise(Bijection):
    """A 1x1 convolution of each half with an invertible matrix, near the identity at first."""

    def __init__(self, split: Split, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.split = split
        channels = split.half_shape(shape)[0]
        self.weights: Any = nn.ParameterList(
            torch.eye(channels) + 0.001 * torch.randn(channels, channels) for _ in range(2)
        )

    @property
    def matrices(self) -> tuple[Tensor, Tensor]:
        """W of the conditioning half and of the transformed half, (C, C) each: z = W x."""
        cf, ef = self.weights
        return cf, ef

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        halves = self.split.split(x)
        positions = halves[0].shape[2] * halves[0].shape[3]
        log_dets = [torch.linalg.slogdet(w.double())[1].to(x.dtype) for w in self.matrices]
        log_det = positions * (log_dets[0] + log_dets[1])
        return self._applied(halves, self.matrices), log_det.expand(len(x))

    def inverse(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        inverses = [torch.linalg.inv(w) for w in self.matrices]
        return self._applied(self.split.split(z), inverses)

    def _applied(self, halves: Iterable[Tensor], matrices: Iterable[Tensor]) -> Tensor:
        cf, ef = (
            F.linear(half.permute(0, 2, 3, 1), w).permute(0, 3, 1, 2)
            for half, w in zip(halves, matrices, strict=True)
        )
        return self.split.merge(cf, ef)
