"""Layers on integers, which float32 computes exactly in any order.

Weights and inputs are integers; for each output sum |w| A + |b| < 2^24, where A is the bound of the
inputs. So no partial sum rounds, whatever kernel multiplies the matrices, and neither does a
product with 2^-shift (docs/exactness.md, section 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import ModelError

Float32 = NDArray[np.float32]

EXACT_BOUND: Final = 1 << 24
#: Largest absolute value of a weight: pairs of products of bytes then fit 16 bits.
WEIGHT_BOUND: Final = 64
#: Largest shift.
MOST_SHIFT: Final = 20
#: Bounds of what layers read: of the stream, of what a ReLU leaves, of coefficients.
READ_BOUND, HIDDEN_BOUND, BYTE_BOUND = 128, 255, 127
#: Hidden units, and bytes of coefficients and of tables, that are 1 in training.
HIDDEN_UNIT, BYTE_UNIT = 32, 32
#: What is read of the stream, and what the stream itself counts, that are 1 in training.
READ_UNIT: Final = 16
STREAM_UNIT: Final = 256
#: Of the stream itself; what lies beyond is cut off.
STREAM_BOUND: Final = 1 << 15
#: Bits of the stream behind those that are read.
READ_SHIFT: Final = 4


class IntegerLayer:
    """A matrix of integers times 2^-shift: (N, I) integers -> (N, O) multiples of 2^-shift."""

    def __init__(
        self, weight: Tensor, bias: Tensor, shift: Tensor, input_bound: int, name: str
    ) -> None:
        """Raises ModelError if a sum could leave what float32 holds.

        weight: (O, I) int8; bias: (O,) int32; shift: (O,) int8.
        """
        check(weight, bias, shift, [input_bound] * weight.shape[1], name)
        scale = torch.exp2(-shift.float())
        self.matrix = (weight.float() * scale[:, None]).T.contiguous()
        self.bias = bias.float() * scale

    def __call__(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x, self.matrix)


def check(weight: Tensor, bias: Tensor, shift: Tensor, bounds: list[int], name: str) -> None:
    """Raises ModelError if a layer of one bound for each input breaks the rules."""
    w = weight.to(torch.int64).abs()
    total = w @ torch.tensor(bounds) + bias.to(torch.int64).abs()
    if bool((total >= EXACT_BOUND).any()):
        raise ModelError(f"sums of {name} may leave the integers that float32 holds")
    if bool((w > WEIGHT_BOUND).any()):
        raise ModelError(f"{name} has weights above {WEIGHT_BOUND}")
    if bool(((shift < 0) | (shift > MOST_SHIFT)).any()):
        raise ModelError(f"{name} has shifts outside of 0 to {MOST_SHIFT}")


def rounded(x: Tensor) -> Tensor:
    """To the nearest integers, halves up; in place."""
    return x.add_(0.5).floor_()


def relu(x: Tensor) -> Tensor:
    """What a ReLU leaves: 0 to 255; in place."""
    return rounded(x).clamp_(0, HIDDEN_BOUND)


def added(stream: Tensor, x: Tensor) -> Tensor:
    """The stream with x, rounded, added; in place."""
    return stream.add_(rounded(x)).clamp_(-STREAM_BOUND, STREAM_BOUND - 1)


def read(stream: Tensor) -> Tensor:
    """The bytes of a stream that layers read."""
    return rounded(stream * 2.0**-READ_SHIFT).clamp_(-READ_BOUND, READ_BOUND - 1)


def layer(tensors: Mapping[str, Tensor], name: str, input_bound: int) -> IntegerLayer:
    """The layer of that name in a model file; kernels are flattened to (O, positions * I)."""
    try:
        weight, bias, shift = (tensors[f"{name}.{part}"] for part in ("weight", "bias", "shift"))
    except KeyError as error:
        raise ModelError(f"the model lacks {error.args[0]}") from error
    return IntegerLayer(weight.flatten(1), bias, shift, input_bound, name)
