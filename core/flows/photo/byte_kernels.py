"""Convolutions of bytes, where the processor has instructions for them: four times as fast.

oneDNN's convolutions of 8-bit integers add up in 32 bits, which is exact, so they compute what
:class:`core.flows.photo.integer.IntegerConv` computes in float32. Some kernels for
older processors add pairs of products in 16 bits, which saturates: so they are taken only where a
test in this process found them exact, and everything else goes on in float32.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.arrays import Bytes, Float32
from core.compiled import compiled

#: The byte that stands for zero in what can be negative.
ZERO = 128

#: Sums of a layer to whose outputs something is added are multiples of 2^-15 or more.
MOST_SHIFT = 15


def as_bytes(x: Tensor) -> Tensor:
    """float32 rounded (halves up), clamped to -128 to 127, plus ZERO: uint8."""
    if x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last):
        read = torch.empty_like(x, dtype=torch.uint8)
        _as_bytes(_rows(x), _rows(read))
        return read
    return (x + (ZERO + 0.5)).clamp_(0, 255).to(torch.uint8)  # which cuts fractions off


@compiled
def _as_bytes(x: Float32, read: Bytes) -> None:
    count, channels = x.shape
    for i in range(count):
        for c in range(channels):
            read[i, c] = _byte(x[i, c])


@compiled
def _byte(x: np.float32) -> np.uint8:
    rounded = x + np.float32(ZERO + 0.5)
    return np.uint8(np.int32(min(max(rounded, np.float32(0)), np.float32(255))))


@compiled
def _add_gated(x: Float32, parts: Bytes, read: Bytes, opened: np.int32) -> None:
    count, channels = x.shape
    unit = np.float32(1) / np.float32(opened)
    for i in range(count):
        for c in range(channels):
            value = np.int32(parts[i, c]) - np.int32(ZERO)
            gate = np.int32(parts[i, channels + c]) - np.int32(ZERO)
            gate = min(max(gate, np.int32(0)), opened)
            y = x[i, c] + np.float32(value * gate) * unit
            x[i, c] = y
            read[i, c] = _byte(y)


def add_gated(x: Tensor, parts: Tensor, read: Tensor, gate_bits: int) -> None:
    """Adds gated values to the stream x and updates its bytes, both in place.

    x: (1, C, h, w) float32; parts: (1, 2 C, h, w) uint8, values and then gates, with ZERO added;
    read: (1, C, h, w) uint8, becomes :func:`as_bytes` of x; all in channels-last layout. A gate of
    2^gate_bits is open. Their product is exact; adding it to the stream rounds once, as IEEE 754
    says.
    """
    if x.device.type == "cpu":
        opened = np.int32(1 << gate_bits)
        _add_gated(_rows(x), _rows(parts), _rows(read), opened)
        return
    value, gate = (parts.float() - ZERO).chunk(2, 1)
    x.addcmul_(value, gate.clamp_(0, 1 << gate_bits), value=2.0**-gate_bits)
    read.copy_(as_bytes(x))


def _rows(x: Tensor) -> Any:
    """A view of (1, C, h, w) in channels-last layout, (h w, C)."""
    return x.permute(0, 2, 3, 1).view(-1, x.shape[1]).numpy()


class ByteConv:
    """A convolution of bytes by bytes, times 2^-shift, exact on any device.

    weight: (O, I, k, k) integers of -128 to 127; bias, scale: (O,) float32, the bias scaled
    already, scale = 2^-shift. Inputs are (1, I, h, w) uint8 in channels-last layout; ``zero`` is
    the byte that stands for zero in them.
    """

    def __init__(self, weight: Tensor, bias: Tensor, scale: Tensor) -> None:
        self.bias, self.padding = bias, weight.shape[-1] // 2
        self.weight = (weight * scale.view(-1, 1, 1, 1)).contiguous(
            memory_format=torch.channels_last
        )
        self.kernel = _Kernel(weight, bias, scale) if available() else None

    def exact(self, x: Tensor, zero: int = 0) -> Tensor:
        """(1, O, h, w) multiples of 2^-shift, float32.

        One at a time: from 16 on, torch without oneDNN takes NNPACK, whose Winograd kernels are
        not exact (docs/exactness.md).
        """
        if x.shape[0] != 1:
            raise ValueError(f"{x.shape[0]} inputs at a time; one is exact everywhere")
        if self.kernel and x.device.type == "cpu":
            return self.kernel.exact(x, zero)
        return F.conv2d(x.float() - zero, self.weight, self.bias, padding=self.padding)

    def rounded(self, x: Tensor, zero: int = 0, after: int = 0) -> Tensor:
        """(1, O, h, w) uint8: rounded, halves to even, ``after`` added, and clamped to 0 to 255."""
        if self.kernel and x.device.type == "cpu" and x.shape[0] == 1:
            return self.kernel.rounded(x, zero, after)
        return self.exact(x, zero).round_().add_(after).clamp_(0, 255).to(torch.uint8)

    def to(self, device: torch.device) -> None:
        self.weight, self.bias = self.weight.to(device), self.bias.to(device)


class _Kernel:
    """oneDNN's convolution of bytes; as :class:`ByteConv`.

    Adding ``after`` is exact for shifts of at most MOST_SHIFT, since what is not clamped then fits
    the 24 bits of float32.
    """

    def __init__(self, weight: Tensor, bias: Tensor, scale: Tensor) -> None:
        self.padding = [weight.shape[-1] // 2] * 2
        self.bias, self.scale = bias, scale
        self.zeros = torch.zeros(len(scale), dtype=torch.int32)
        self.weight = weight.to(torch.int8)
        self.packed: dict[int, Tensor] = {}  # by the byte that stands for zero

    def exact(self, x: Tensor, zero: int) -> Tensor:
        return self._convolved(x, zero, 0, torch.float32)

    def rounded(self, x: Tensor, zero: int, after: int) -> Tensor:
        return self._convolved(x, zero, after, torch.uint8)

    def _convolved(self, x: Tensor, zero: int, after: int, kind: torch.dtype) -> Tensor:
        ops = torch.ops.onednn
        once = [1, 1]
        if zero not in self.packed:
            self.packed[zero] = ops.qconv_prepack(
                self.weight, self.scale, 1.0, zero, once, self.padding, once, 1, None
            )
        result: Tensor = ops.qconv2d_pointwise(
            x, 1.0, zero, self.packed[zero], self.scale, self.zeros, self.bias, once,
            self.padding, once, 1, 1.0, after, kind, "none", [], "",
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

    for side, zero, after in ((3, ZERO, 0), (1, 0, ZERO), (1, 0, 0)):
        weight = integers(-128, 127, channels, channels, side, side)
        weight[0], weight[1] = 127, -128  # what saturates first
        scale = 2.0 ** -integers(0, MOST_SHIFT, channels)
        bias = integers(-9000, 9000, channels) * scale
        weight[2:4], scale[2:4] = 0, 0.5
        bias[2], bias[3] = 2.5, 3.5  # halves go to even
        x = integers(0, 255, 1, channels, size, size)
        x[..., : size // 2] = 255 * (x[..., : size // 2] > 127)
        expected = F.conv2d(x - zero, weight * scale.view(-1, 1, 1, 1), bias, padding=side // 2)
        kernel = _Kernel(weight, bias, scale)
        given = x.to(torch.uint8).contiguous(memory_format=torch.channels_last)
        found = kernel.rounded(given, zero, after).float()
        if not torch.equal(found, (expected.round() + after).clamp(0, 255)):
            return False
        if not torch.equal(kernel.exact(given, zero), expected):
            return False
    return True
