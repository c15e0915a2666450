"""Convolutions of bytes, where the processor has instructions for them: four times as fast.

oneDNN's convolutions of 8-bit integers add up in 32 bits, which is exact, so they compute what
:class:`core.flows.integer.IntegerConv` computes in float32. Some kernels for older processors add
pairs of products in 16 bits, which saturates: so they are taken only where a test in this process
found them exact, and everything else goes on in float32.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

#: The byte that stands for zero in what can be negative.
ZERO = 128


def as_bytes(x: Tensor) -> Tensor:
    """float32 rounded, halves up, clamped to -128 to 127, with ZERO added: uint8."""
    return (x + (ZERO + 0.5)).clamp_(0, 255).to(torch.uint8)  # which cuts fractions off


class ByteConv:
    """A convolution of bytes by bytes, times 2^-shift.

    weight: (O, I, k, k) integers of -128 to 127; bias, scale: (O,) float32, the bias scaled
    already, scale = 2^-shift. Inputs are (1, I, h, w) uint8 in channels-last layout.
    """

    def __init__(self, weight: Tensor, bias: Tensor, scale: Tensor) -> None:
        self.padding = [weight.shape[-1] // 2] * 2
        self.bias, self.scale = bias, scale
        self.zeros = torch.zeros(len(scale), dtype=torch.int32)
        self.weight = weight.to(torch.int8)
        self.packed: dict[int, Tensor] = {}  # by the byte that stands for zero

    def exact(self, x: Tensor, zero: int = 0) -> Tensor:
        """(1, O, h, w) float32, not rounded. ``zero``: the byte that stands for zero in x."""
        return self._convolved(x, zero, torch.float32, "none", [])

    def rounded(self, x: Tensor, bound: int, zero: int = 0) -> Tensor:
        """(1, O, h, w) uint8, rounded, halves to even, and clamped to 0 to ``bound``."""
        return self._convolved(x, zero, torch.uint8, "hardtanh", [0, bound])

    def _convolved(
        self, x: Tensor, zero: int, kind: torch.dtype, after: str, arguments: list[int]
    ) -> Tensor:
        ops = torch.ops.onednn
        once = [1, 1]
        if zero not in self.packed:
            self.packed[zero] = ops.qconv_prepack(
                self.weight, self.scale, 1.0, zero, once, self.padding, once, 1, None
            )
        result: Tensor = ops.qconv2d_pointwise(
            x, 1.0, zero, self.packed[zero], self.scale, self.zeros, self.bias, once,
            self.padding, once, 1, 1.0, 0, kind, after, arguments, "",
        )  # fmt: skip
        return result


@functools.cache
def available() -> bool:
    """Whether byte kernels are here and exact: tried once, at the limits of what they are given."""
    try:
        return all(_exact(channels, size) for channels, size in ((16, 5), (80, 40), (96, 140)))
    except (AttributeError, RuntimeError, NotImplementedError):
        return False  # this torch has none, or not for this processor


def _exact(channels: int, size: int) -> bool:
    random = torch.Generator().manual_seed(channels)

    def integers(low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high + 1, shape, generator=random).float()

    for side, zero in ((3, ZERO), (1, 0)):
        weight = integers(-128, 127, channels, channels, side, side)
        weight[0], weight[1] = 127, -128  # what saturates first
        scale = 2.0 ** -integers(0, 12, channels)
        bias = integers(-9000, 9000, channels) * scale
        weight[2:4], scale[2:4] = 0, 0.5
        bias[2], bias[3] = 2.5, 3.5  # halves go to even
        x = integers(0, 255, 1, channels, size, size)
        x[..., : size // 2] = 255 * (x[..., : size // 2] > 127)
        expected = F.conv2d(x - zero, weight * scale.view(-1, 1, 1, 1), bias, padding=side // 2)
        conv = ByteConv(weight, bias, scale)
        given = x.to(torch.uint8).contiguous(memory_format=torch.channels_last)
        if not torch.equal(conv.exact(given, zero), expected):
            return False
        for bound in (64, 255):
            rounded = conv.rounded(given, bound, zero).float()
            if not torch.equal(rounded, expected.round().clamp(0, bound)):
                return False
    return True
