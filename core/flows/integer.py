"""Networks that compute on integers, so that every machine computes the same.

Activations and weights are integers. For each output channel the sum of |weight| times the
largest activation, bias included, stays below 2^24, so that every partial sum, in whatever order a
library takes it, is an integer that float32 holds exactly. Between layers stand a multiplication
by a power of two (folded into the weights, which leaves it exact), a rounding and a clamp. In the
trunk all of these integers fit a byte, so that processors with instructions for bytes may take
those (:mod:`core.flows.byte_kernels`). See docs/exactness.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Concatenate, ParamSpec, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import ModelError
from core.flows import byte_kernels
from core.flows.photo import PhotoConfig

#: Partial sums stay below this in absolute value; float32 holds every integer up to it.
EXACT_BOUND = 1 << 24

# Largest absolute values of activations. Inputs are differences of 8-bit values.
INPUT_BOUND = 255
STREAM_BOUND = 128  # the residual stream as a block reads it, -128 to 127
HIDDEN_BOUND = 255  # between the two layers of a block, not negative
READ_BITS = 2  # fractional bits of the stream as a head reads it
READ_BOUND = 1023  # the same, in units of 2^-READ_BITS
HEAD_BOUND = 1023  # between the two layers of a head, not negative
GATE_BITS = 6  # a gate of 2^6 is open
VALUE_BITS = 2  # fractional bits of what is added to the stream, before its gate

# Units of the mixture parameters that a head computes.
LOGIT_UNIT = 16  # a natural unit of the logits
MEAN_UNIT = 64  # a pixel level
LEAN_UNIT = 64  # a factor of 1 on an earlier channel's residual
LOG_SCALE_UNIT = 16  # a factor of 2 of the scale
LOG_SCALE_RANGE = (-69, 115)  # scales from 0.05 to 146 levels
MEAN_RANGE = (-(1 << 15), 1 << 15)
LEAN_RANGE = (-512, 512)

#: Networks are evaluated in squares of this side, small enough for a processor's caches.
BLOCK = 128


P = ParamSpec("P")
Found = TypeVar("Found")


class IntegerConv:
    """A convolution on integers followed by a multiplication by 2^-shift, without the rounding.

    weight: (O, I, k, k) int8 or int16; bias: (O,) int32; shift: (O,) of 0 to 23. input_bound:
    largest absolute input. Raises ModelError where a partial sum could leave what float32 holds
    exactly.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, shift: Tensor, input_bound: int, name: str
    ) -> None:
        weight, bias, shift = (t.to(torch.int64) for t in (weight, bias, shift))
        self.bound = weight.abs().sum((1, 2, 3)) * input_bound + bias.abs()
        if bool((self.bound >= EXACT_BOUND).any()) or bool(((shift < 0) | (shift > 23)).any()):
            raise ModelError(f"layer {name} of the model does not compute exactly in float32")
        self.scale = torch.ldexp(torch.ones(len(shift)), -shift.float())
        self.weight = (weight * self.scale.view(-1, 1, 1, 1).double()).float()
        self.weight = self.weight.contiguous(memory_format=torch.channels_last)
        self.bias = (bias * self.scale.double()).float()
        self.padding = weight.shape[-1] // 2

    def __call__(self, x: Tensor) -> Tensor:
        """(1, I, h, w) integers -> (1, O, h, w) multiples of 2^-shift, float32.

        One at a time: from 16 on, torch without oneDNN takes NNPACK, whose Winograd kernels are
        not exact (docs/exactness.md).
        """
        if x.shape[0] != 1:
            raise ValueError(f"{x.shape[0]} inputs at a time; one is exact everywhere")
        return F.conv2d(x, self.weight, self.bias, padding=self.padding)

    def to(self, device: torch.device) -> None:
        self.weight, self.bias = self.weight.to(device), self.bias.to(device)

    @property
    def output_bound(self) -> float:
        """Largest absolute value after the multiplication by 2^-shift."""
        return float((self.bound * self.scale.double()).max())


class IntegerHead:
    """The integer form of :class:`core.flows.photo.Head`, but for its last layer.

    That one goes on learning: :mod:`core.flows.learning` computes it, from ``outputs``. ``steps``:
    for each channel how far it learns by each of its inputs, the bias last, (H + 1,) float32.
    """

    def __init__(
        self,
        config: PhotoConfig,
        conv: Callable[[str, int], IntegerConv],
        tensor: Callable[[str], Tensor],
    ) -> None:
        self.components, self.n_hidden = config.components, config.head_width
        self.features = [conv(f"features.{i}", READ_BOUND) for i in range(3)]
        self.lean = [conv(f"lean.{i}", INPUT_BOUND) for i in range(2)]
        self.outputs = [conv(f"outputs.{i}", HEAD_BOUND) for i in range(3)]
        self.steps = [tensor(f"steps.{i}") for i in range(3)]
        for features, lean in zip(self.features[1:], self.lean, strict=True):
            if not torch.equal(features.scale, lean.scale) or bool(
                (features.bound + lean.bound >= EXACT_BOUND).any()
            ):
                raise ModelError("a head of the model does not compute exactly in float32")

    def hidden(self, features: Tensor, n_channels: int) -> Tensor:
        """The layer before the last, without what it leans on: (N, C) -> (n_channels * H, N).

        Not rounded yet. As a product, so that what each unit gives lies side by side.
        """
        stream = (features * 2.0**READ_BITS).round_().clamp_(-READ_BOUND, READ_BOUND)
        layers = self.features[:n_channels]
        weight = torch.cat([layer.weight.flatten(1) for layer in layers])
        bias = torch.cat([layer.bias for layer in layers])
        return torch.addmm(bias[:, None], weight, stream.T)


class IntegerBlock:
    """The integer form of :class:`core.flows.photo.GatedBlock`."""

    def __init__(self, conv: Callable[[str, int], IntegerConv]) -> None:
        self.conv = conv("conv", STREAM_BOUND)
        self.value = conv("value", HIDDEN_BOUND)
        self.gate = conv("gate", HIDDEN_BOUND)
        if self.value.output_bound * (1 << GATE_BITS) >= EXACT_BOUND:
            raise ModelError("a gate of the model does not compute exactly in float32")
        layers = (self.conv, self.value, self.gate)
        self.bytes = (
            [byte_kernels.ByteConv(a.weight / a.scale.view(-1, 1, 1, 1), a.bias, a.scale)
             for a in layers] if byte_kernels.available() else None
        )  # fmt: skip

    def __call__(self, x: Tensor) -> Tensor:
        """The stream after the block; x, the stream before it, is changed in place.

        value times gate is exact; adding it to the stream rounds once, as IEEE 754 says.
        """
        by_bytes = self.bytes and x.device.type == "cpu"
        value, gate = self._by_bytes(x) if by_bytes else self._by_floats(x)
        return x.addcmul_(value.round_(), gate, value=2.0 ** -(GATE_BITS + VALUE_BITS))

    def _by_floats(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = (
            self.conv(byte_kernels.as_bytes(x).float() - byte_kernels.ZERO)
            .round_()
            .clamp_(0, HIDDEN_BOUND)
        )
        return self.value(hidden), self.gate(hidden).round_().clamp_(0, 1 << GATE_BITS)

    def _by_bytes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        assert self.bytes is not None
        conv, value, gate = self.bytes
        hidden = conv.rounded(byte_kernels.as_bytes(x), HIDDEN_BOUND, byte_kernels.ZERO)
        return value.exact(hidden), gate.rounded(hidden, 1 << GATE_BITS).float()


class IntegerLevel:
    """The integer form of :class:`core.flows.photo.Level`."""

    def __init__(
        self,
        config: PhotoConfig,
        conv: Callable[[str, int], IntegerConv],
        tensor: Callable[[str], Tensor],
    ) -> None:
        self.stems = [conv(f"stems.{i}", INPUT_BOUND) for i in range(3)]
        self.trunks = [
            [IntegerBlock(_prefixed(conv, f"trunks.{i}.{j}.")) for j in range(n)]
            for i, n in enumerate(config.blocks)
        ]
        self.heads = [
            IntegerHead(config, _prefixed(conv, f"heads.{i}."), _prefixed(tensor, f"heads.{i}."))
            for i in range(3)
        ]

    def features(
        self,
        phase: int,
        context: Tensor,
        before: Tensor | None,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """The trunk's features for a phase: (1, 17, h, w) -> (1, C, h, w).

        before: the features of the phase before. check: called every few milliseconds, and may
        raise to stop the work. Evaluated in squares with as much margin as the
        convolutions reach, which changes nothing: each output depends on the same integers.
        """
        height, width = context.shape[-2:]
        reach = 1 + len(self.trunks[phase])
        channels = self.stems[phase].weight.shape[0]
        result = torch.empty(
            (1, channels, height, width),
            device=context.device,
            memory_format=torch.channels_last,
        )
        for outer, inner, target in _squares(height, width, reach):
            check()
            x = self.stems[phase](context[outer])
            if before is not None:
                x += before[outer]
            for block in self.trunks[phase]:
                x = block(x)
            result[target] = x[inner]
        return result


class IntegerPhoto:
    """The integer form of :class:`core.flows.photo.Photo`.

    tensors: for each layer its weight, bias and shift, and the steps of heads, as
    :mod:`core.training.quantise` writes them.
    """

    def __init__(self, config: PhotoConfig, tensors: Mapping[str, Tensor]) -> None:
        def tensor(name: str) -> Tensor:
            try:
                return tensors[name]
            except KeyError as error:
                raise ModelError(f"the model lacks {error.args[0]}") from error

        def conv(name: str, input_bound: int) -> IntegerConv:
            weight, bias, shift = (tensor(f"{name}.{part}") for part in ("weight", "bias", "shift"))
            self._layers.append(IntegerConv(weight, bias, shift, input_bound, name))
            return self._layers[-1]

        self._layers: list[IntegerConv] = []
        self.config = config
        self.levels = [
            IntegerLevel(config, _prefixed(conv, f"levels.{i}."), _prefixed(tensor, f"levels.{i}."))
            for i in range(config.weight_sets)
        ]

    def level(self, index: int) -> IntegerLevel:
        """The networks of a level, 0 the finest."""
        return self.levels[min(index, len(self.levels) - 1)]

    def to(self, device: torch.device) -> IntegerPhoto:
        for layer in self._layers:
            layer.to(device)
        return self

    @property
    def largest_partial_sum(self) -> int:
        """The worst case over all layers; below 2^24."""
        return int(max(int(layer.bound.max()) for layer in self._layers))


def _prefixed(
    find: Callable[Concatenate[str, P], Found], prefix: str
) -> Callable[Concatenate[str, P], Found]:
    """What finds layers or tensors by name, for the names below a prefix."""

    def found(name: str, /, *args: P.args, **kwargs: P.kwargs) -> Found:
        return find(prefix + name, *args, **kwargs)

    return found


def _squares(
    height: int, width: int, reach: int
) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...], tuple[slice, ...]]]:
    """Squares that cover a picture: with margins, the inner part of that, and where it belongs."""
    every = slice(None)
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            bottom, right = min(top + BLOCK, height), min(left + BLOCK, width)
            outer_top, outer_left = max(0, top - reach), max(0, left - reach)
            yield (
                (
                    every,
                    every,
                    slice(outer_top, min(height, bottom + reach)),
                    slice(outer_left, min(width, right + reach)),
                ),
                (
                    every,
                    every,
                    slice(top - outer_top, bottom - outer_top),
                    slice(left - outer_left, right - outer_left),
                ),
                (every, every, slice(top, bottom), slice(left, right)),
            )
