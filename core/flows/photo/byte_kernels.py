"""Convolutions of bytes by the fastest kernels that are exact on this machine.

There are three kinds, which compute the same:

- oneDNN's convolutions of 8-bit integers, where the processor has instructions for them: four
  times as fast as floats. They add up in 32 bits, which is exact. Some kernels for older processors
  add pairs of products in 16 bits, which saturates.
- Convolutions in float32, exact by the bounds of :class:`core.flows.photo.integer.IntegerConv`
  unless a library takes an algorithm that does not add up these products, such as Winograd's.
- Loops over 32-bit integers of our own: slow, and exact everywhere.

The first two are compared with sums in int64 once in each process, and used where they are equal.
"""

from __future__ import annotations

import functools
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.arrays import Bytes, Float32, Int32, Integers
from core.compiled import compiled

#: The byte that stands for zero in what can be negative.
ZERO = 128

#: Sums of a layer to whose outputs something is added are multiples of 2^-15 or more.
MOST_SHIFT = 15


class Kernels(StrEnum):
    """How networks are computed, the fastest first. The values are for display."""

    BYTES = "8-bit integers"
    FLOATS = "float32"
    INTEGERS = "32-bit integers, slow"


@functools.cache
def exact_kernels() -> tuple[Kernels, ...]:
    """The kernels that are exact on the processor, the fastest first. INTEGERS always are."""
    found = [k for k in (Kernels.BYTES, Kernels.FLOATS) if _is_exact(k)]
    return (*found, Kernels.INTEGERS)


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


def _as_floats(x: Tensor, zero: int) -> Tensor:
    """Bytes less the byte that stands for zero, float32."""
    if x.device.type != "cpu":
        return x.float() - zero
    x = x.contiguous(memory_format=torch.channels_last)
    found = torch.empty_like(x, dtype=torch.float32)
    _less_zero(_rows(x), np.float32(zero), _rows(found))
    return found


@compiled
def _less_zero(x: Bytes, zero: np.float32, found: Float32) -> None:
    count, channels = x.shape
    for i in range(count):
        for c in range(channels):
            found[i, c] = np.float32(x[i, c]) - zero


def _as_rounded_bytes(x: Tensor, after: int) -> Tensor:
    """float32 rounded (halves to even), ``after`` added, and clamped to 0 to 255: uint8."""
    if x.device.type != "cpu":
        return x.round_().add_(after).clamp_(0, 255).to(torch.uint8)
    x = x.contiguous(memory_format=torch.channels_last)
    found = torch.empty_like(x, dtype=torch.uint8)
    _rounded(_rows(x), np.float32(after), _rows(found))
    return found


@compiled
def _rounded(x: Float32, after: np.float32, found: Bytes) -> None:
    count, channels = x.shape
    for i in range(count):
        for c in range(channels):
            value = min(max(np.rint(x[i, c]) + after, np.float32(0)), np.float32(255))
            found[i, c] = np.uint8(np.int32(value))


@compiled
def _add_gated(
    x: Float32, parts: Bytes, read: Bytes, top: int, left: int, opened: np.int32
) -> None:
    height, width, _ = parts.shape
    channels = x.shape[2]
    unit = np.float32(1) / np.float32(opened)
    for row in range(height):
        for column in range(width):
            at = np.uint64(top + row), np.uint64(left + column)
            for c in range(channels):
                value = np.int32(parts[row, column, c]) - np.int32(ZERO)
                gate = np.int32(parts[row, column, channels + c]) - np.int32(ZERO)
                gate = min(max(gate, np.int32(0)), opened)
                y = x[at[0], at[1], c] + np.float32(value * gate) * unit
                x[at[0], at[1], c] = y
                read[at[0], at[1], c] = _byte(y)


def add_gated(
    x: Tensor, parts: Tensor, read: Tensor, where: tuple[slice, ...], gate_bits: int
) -> None:
    """Adds gated values to a part of the stream x and updates its bytes, both in place.

    x: (1, C, H, W) float32; where: slices of x that make (1, C, h, w); parts: (1, 2 C, h, w) uint8,
    values and then gates, with ZERO added; read: (1, C, H, W) uint8, becomes :func:`as_bytes` of x;
    all in channels-last layout. A gate of 2^gate_bits is open. Their product is exact; adding it to
    the stream rounds once, as IEEE 754 says.
    """
    if x.device.type == "cpu":
        opened = np.int32(1 << gate_bits)
        stream, gated, changed = (y.permute(0, 2, 3, 1)[0].numpy() for y in (x, parts, read))
        _add_gated(stream, gated, changed, where[2].start, where[3].start, opened)
        return
    value, gate = (parts.float() - ZERO).chunk(2, 1)
    x[where].addcmul_(value, gate.clamp_(0, 1 << gate_bits), value=2.0**-gate_bits)
    read[where] = as_bytes(x[where])


def _rows(x: Tensor) -> Any:
    """A view of (1, C, h, w) in channels-last layout, (h w, C)."""
    return x.permute(0, 2, 3, 1).view(-1, x.shape[1]).numpy()


class ByteConv:
    """A convolution of bytes by bytes, times 2^-shift, exact on any device.

    weight: (O, I, k, k) integers of -128 to 127; bias, scale: (O,) float32, the bias scaled
    already, scale = 2^-shift. Inputs are (1, I, h, w) uint8 in channels-last layout; ``zero`` is
    the byte that stands for zero in them. ``kernels`` may be changed at any time; other devices
    than the processor always take float32.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, scale: Tensor, kernels: Kernels | None = None
    ) -> None:
        self.kernels = kernels or exact_kernels()[0]
        self.bias, self.padding = bias, weight.shape[-1] // 2
        self.weight = (weight * scale.view(-1, 1, 1, 1)).contiguous(
            memory_format=torch.channels_last
        )
        self._parts = weight, bias, scale

    def exact(self, x: Tensor, zero: int = 0) -> Tensor:
        """(1, O, h, w) multiples of 2^-shift, float32.

        One input at a time: from 16 on, torch without oneDNN takes NNPACK, whose Winograd kernels
        are not exact (docs/exactness.md).
        """
        if x.shape[0] != 1:
            raise ValueError(f"{x.shape[0]} inputs at a time; one is exact everywhere")
        if x.device.type == "cpu" and self.kernels is Kernels.BYTES:
            return self._bytes.exact(x, zero)
        if x.device.type == "cpu" and self.kernels is Kernels.INTEGERS:
            return self._integers.exact(x, zero)
        given = _as_floats(x, zero)
        if self.padding:
            return F.conv2d(given, self.weight, self.bias, padding=self.padding)
        # A product of matrices, for which torch's convolution would rearrange both in memory.
        rows = given.permute(0, 2, 3, 1)
        matrix = self.weight.flatten(1).T
        found = torch.addmm(self.bias, rows.reshape(-1, len(matrix)), matrix)
        return found.view(*rows.shape[:3], -1).permute(0, 3, 1, 2)

    def rounded(self, x: Tensor, zero: int = 0, after: int = 0) -> Tensor:
        """(1, O, h, w) uint8: rounded, halves to even, ``after`` added, and clamped to 0 to 255."""
        if x.device.type == "cpu" and x.shape[0] == 1:
            if self.kernels is Kernels.BYTES:
                return self._bytes.rounded(x, zero, after)
            if self.kernels is Kernels.INTEGERS:
                return self._integers.rounded(x, zero, after)
        return _as_rounded_bytes(self.exact(x, zero), after)

    def to(self, device: torch.device) -> None:
        self.weight, self.bias = self.weight.to(device), self.bias.to(device)

    @cached_property
    def _bytes(self) -> _ByteKernel:
        return _ByteKernel(*self._parts)

    @cached_property
    def _integers(self) -> _IntegerKernel:
        return _IntegerKernel(*self._parts)


class _ByteKernel:
    """oneDNN's convolution of bytes; as :class:`ByteConv`.

    Adding ``after`` is exact for shifts of at most MOST_SHIFT, since values that are not clamped
    then fit the 24 bits of float32.
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


class _IntegerKernel:
    """A convolution in 32-bit integers; as :class:`ByteConv`."""

    def __init__(self, weight: Tensor, bias: Tensor, scale: Tensor) -> None:
        by_input = weight.to(torch.int32).permute(2, 3, 1, 0)  # (k, k, I, O)
        self.weight = np.ascontiguousarray(by_input.numpy())
        self.bias, self.scale = bias.numpy(), scale.numpy()

    def exact(self, x: Tensor, zero: int) -> Tensor:
        total = self._total(x, zero)
        found = np.empty(total.shape, np.float32)
        _scaled(total, self.scale, self.bias, found)
        return torch.from_numpy(found)[None].permute(0, 3, 1, 2)

    def rounded(self, x: Tensor, zero: int, after: int) -> Tensor:
        total = self._total(x, zero)
        found = np.empty(total.shape, np.uint8)
        _scaled_and_rounded(total, self.scale, self.bias, np.float32(after), found)
        return torch.from_numpy(found)[None].permute(0, 3, 1, 2)

    def _total(self, x: Tensor, zero: int) -> Int32:
        given = np.ascontiguousarray(x.permute(0, 2, 3, 1)[0].numpy())
        total = np.zeros((*given.shape[:2], self.weight.shape[-1]), np.int32)
        _convolve(given, np.int32(zero), self.weight, total)
        return total


@compiled
def _convolve(x: Bytes, zero: np.int32, weight: Int32, total: Int32) -> None:
    """Sums of products: x (h, w, I), weight (k, k, I, O), total (h, w, O), which is 0 at first."""
    height, width, n_inputs = x.shape
    side, n_outputs = len(weight), weight.shape[3]
    reach = side // 2
    for row in range(height):
        for column in range(width):
            for i in range(max(0, reach - row), min(side, height + reach - row)):
                for j in range(max(0, reach - column), min(side, width + reach - column)):
                    for c in range(n_inputs):
                        value = np.int32(x[row + i - reach, column + j - reach, c]) - zero
                        for o in range(n_outputs):
                            total[row, column, o] += value * weight[i, j, c, o]


@compiled
def _scaled(total: Int32, scale: Float32, bias: Float32, found: Float32) -> None:
    """Both terms and their sum are multiples of the scale below 2^24 of it, so nothing rounds."""
    for row in range(total.shape[0]):
        for column in range(total.shape[1]):
            for o in range(total.shape[2]):
                found[row, column, o] = np.float32(total[row, column, o]) * scale[o] + bias[o]


@compiled
def _scaled_and_rounded(
    total: Int32, scale: Float32, bias: Float32, after: np.float32, found: Bytes
) -> None:
    for row in range(total.shape[0]):
        for column in range(total.shape[1]):
            for o in range(total.shape[2]):
                value = np.float32(total[row, column, o]) * scale[o] + bias[o]
                value = np.rint(value) + after
                found[row, column, o] = np.uint8(min(max(value, np.float32(0)), np.float32(255)))


# Are they exact?

#: Channels, height and width of the pictures that kernels are tried on.
_TRIED = ((16, 5), (80, 40), (96, 140))

#: Positions of a picture at which outputs are compared.
_COMPARED = 200


def _is_exact(kernels: Kernels) -> bool:
    """Whether kernels are here and equal sums in int64, at the limits of their inputs."""
    try:
        return all(_is_exact_on(kernels, channels, size) for channels, size in _TRIED)
    except (AttributeError, RuntimeError, NotImplementedError):
        return False  # this torch has none, or not for this processor


def _is_exact_on(kernels: Kernels, channels: int, size: int) -> bool:
    random = np.random.default_rng(channels)
    shape = (channels, channels)
    for side, zero, after in ((3, ZERO, 0), (1, 0, ZERO), (1, 0, 0)):
        weight = random.integers(-128, 128, (*shape, side, side))
        weight[0], weight[1] = 127, -128  # the first to saturate
        shift = random.integers(0, MOST_SHIFT + 1, channels)
        bias = random.integers(-9000, 9001, channels)
        weight[2:4], shift[2:4], bias[2:4] = 0, 1, (5, 7)  # 2.5 and 3.5: halves go to even
        x = random.integers(0, 256, (size, size, channels))
        x[: size // 2] = 255 * (x[: size // 2] > 127)
        at = random.integers(0, size, (2, _COMPARED))
        at[:, :4] = (0, 0, size - 1, size - 1), (0, size - 1, 0, size - 1)
        total = _sums(x - zero, weight, at) + bias
        given = torch.from_numpy(x.astype(np.uint8))[None].permute(0, 3, 1, 2)
        scale = torch.from_numpy(np.ldexp(np.float32(1), -shift))
        conv = ByteConv(
            torch.from_numpy(weight).float(), torch.from_numpy(bias).float() * scale, scale, kernels
        )
        found = conv.exact(given, zero)[0].numpy()[:, at[0], at[1]].T
        if not np.array_equal(found, np.ldexp(total.astype(np.float64), -shift)):
            return False
        whole, rest = total >> shift, total & ((1 << shift) - 1)
        twice = 2 * rest - (1 << shift)
        whole += (twice > 0) | ((twice == 0) & (whole & 1 == 1))
        found = conv.rounded(given, zero, after)[0].numpy()[:, at[0], at[1]].T
        if not np.array_equal(found, np.clip(whole + after, 0, 255)):
            return False
    return True


def _sums(x: Integers, weight: Integers, at: Integers) -> Integers:
    """Outputs of a convolution in int64 at some positions: x (h, w, I), at (2, P) -> (P, O)."""
    side = weight.shape[-1]
    padded = np.pad(x, ((side // 2,) * 2, (side // 2,) * 2, (0, 0)))
    patches = np.stack(
        [padded[at[0] + i, at[1] + j] for i in range(side) for j in range(side)], axis=1
    )
    by_patch = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight))
    total: Integers = patches.reshape(len(patches), -1) @ by_patch
    return total
