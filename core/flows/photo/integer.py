"""Networks that compute on integers, so that every machine computes the same.

Activations and weights are integers. For each output channel the sum of |weight| times the
largest activation, bias included, stays below 2^24: every partial sum, in any order, is an integer
that float32 holds exactly. Between layers stand a multiplication
by a power of two (folded into the weights, which leaves it exact), a rounding and a clamp. In the
trunk all of these integers fit a byte, so that processors with instructions for bytes may take
those (:mod:`core.flows.photo.byte_kernels`). See docs/exactness.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

from core.errors import ModelError
from core.flows.photo import byte_kernels
from core.flows.photo.byte_kernels import MOST_SHIFT, ZERO, ByteConv, Kernels
from core.flows.photo.model import PhotoConfig
from core.flows.photo.squares import Slices, Square, for_each, squares

#: Partial sums stay below this in absolute value; float32 holds every integer up to it.
EXACT_BOUND = 1 << 24

# Largest absolute values of activations.
INPUT_BOUND = 255  # the inputs of a lean: differences of 8-bit values
STREAM_BOUND = 128  # the residual stream as it is read, -128 to 127; the context, cut off there
HIDDEN_BOUND = 255  # between the two layers of a block, not negative
HEAD_BOUND = 1023  # between the two layers of a head, not negative
GATE_BITS = 6  # a gate of 2^6 is open

# Units of the mixture parameters that a head computes.
LOGIT_UNIT = 16  # a natural unit of the logits
MEAN_UNIT = 64  # a pixel level
LEAN_UNIT = 64  # a factor of 1 on an earlier channel's residual
LOG_SCALE_UNIT = 16  # a factor of 2 of the scale
LOG_SCALE_RANGE = (-69, 115)  # scales from 0.05 to 146 levels
MEAN_RANGE = (-(1 << 15), 1 << 15)
LEAN_RANGE = (-512, 512)

P = ParamSpec("P")
Found = TypeVar("Found")


class IntegerConv:
    """The integers of a convolution and of a multiplication by 2^-shift behind it.

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
        self.integers = weight.float()
        self.scale = torch.ldexp(torch.ones(len(shift)), -shift.float())
        self.weight = self.integers * self.scale.view(-1, 1, 1, 1)  # a power of two: still exact
        self.bias = (bias * self.scale.double()).float()


def _side_by_side(*layers: IntegerConv) -> ByteConv:
    """Convolutions of the same bytes."""
    parts = [(layer.integers, layer.bias, layer.scale) for layer in layers]
    weight, bias, scale = (torch.cat(same) for same in zip(*parts, strict=True))
    return ByteConv(weight, bias, scale)


class IntegerHead:
    """The integer form of :class:`core.flows.photo.model.Head`, but for its last layer.

    The last layer learns while coding: :mod:`core.flows.photo.learning` computes it from
    ``outputs``. ``steps``: for each channel the learning rates of its inputs, the bias last,
    (H + 1,) float32.
    """

    def __init__(
        self,
        config: PhotoConfig,
        conv: Callable[[str, int], IntegerConv],
        tensor: Callable[[str], Tensor],
    ) -> None:
        self.components, self.n_hidden = config.components, config.head_width
        features = [conv(f"features.{i}", STREAM_BOUND) for i in range(3)]
        self.lean = [conv(f"lean.{i}", INPUT_BOUND) for i in range(2)]
        self.outputs = [conv(f"outputs.{i}", HEAD_BOUND) for i in range(3)]
        self.steps = [tensor(f"steps.{i}") for i in range(3)]
        for layer, lean in zip(features[1:], self.lean, strict=True):
            if not torch.equal(layer.scale, lean.scale) or bool(
                (layer.bound + lean.bound >= EXACT_BOUND).any()
            ):
                raise ModelError("a head of the model does not compute exactly in float32")
        self.features = {n: _side_by_side(*features[:n]) for n in (1, 3)}  # by channels coded

    def hidden(self, read: Tensor, n_channels: int) -> Tensor:
        """The layer before the last, without the lean and before rounding.

        read: (N, C) uint8, the stream's bytes. Result: (N, n_channels, H) float32.
        """
        layer = self.features[n_channels]
        found = layer.exact(read[None, None].permute(0, 3, 1, 2), ZERO)
        return found.permute(0, 2, 3, 1).reshape(len(read), n_channels, self.n_hidden)


class IntegerBlock:
    """The integer form of :class:`core.flows.photo.model.GatedBlock`."""

    def __init__(self, conv: Callable[[str, int], IntegerConv]) -> None:
        value, gate = conv("value", HIDDEN_BOUND), conv("gate", HIDDEN_BOUND)
        if min(float(layer.scale.min()) for layer in (value, gate)) < 2.0**-MOST_SHIFT:
            raise ModelError("a block of the model does not compute exactly in float32")
        self.conv, self.gated = (
            _side_by_side(conv("conv", STREAM_BOUND)),
            _side_by_side(value, gate),
        )

    def add_to(self, x: Tensor, read: Tensor, part: Slices) -> None:
        """Applies the block to a part of the stream x and of its bytes, in place.

        x: (1, C, h, w) float32; read: the same, uint8, :func:`byte_kernels.as_bytes` of x; both in
        channels-last layout. Nothing is known beyond the part, so its outermost positions are right
        only at the border of a picture.
        """
        given = read[part].contiguous(memory_format=torch.channels_last)
        hidden = self.conv.rounded(given, ZERO)
        byte_kernels.add_gated(x, self.gated.rounded(hidden, after=ZERO), read, part, GATE_BITS)


class IntegerLevel:
    """The integer form of :class:`core.flows.photo.model.Level`; ``threads`` squares at a time."""

    def __init__(
        self,
        config: PhotoConfig,
        conv: Callable[[str, int], IntegerConv],
        tensor: Callable[[str], Tensor],
        threads: int,
    ) -> None:
        self.threads, self.width = threads, config.width
        self.stems = [_side_by_side(conv(f"stems.{i}", STREAM_BOUND)) for i in range(3)]
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
    ) -> tuple[Tensor, Tensor]:
        """The trunk's stream for a phase, and its bytes: (1, 17, h, w) -> two of (1, C, h, w).

        before: the stream of the phase before. check: called every few milliseconds, may raise to
        stop the work. Evaluated in squares with the margin that the convolutions reach, which
        changes nothing: each output depends on the same integers.
        """
        given = byte_kernels.as_bytes(context)
        given = given.contiguous(memory_format=torch.channels_last)
        height, width = context.shape[-2:]
        shape = (1, self.width, height, width)
        stream, bytes_read = (
            torch.empty(shape, dtype=kind, device=context.device, memory_format=torch.channels_last)
            for kind in (torch.float32, torch.uint8)
        )

        def evaluate(square: Square) -> None:
            x = self.stems[phase].exact(given[square.outer], ZERO)
            if before is not None:
                x += before[square.outer]
            read = byte_kernels.as_bytes(x)
            for left, block in zip(range(n_blocks, 0, -1), self.trunks[phase], strict=True):
                block.add_to(x, read, square.within(left))  # what this and later blocks reach
            stream[square.target], bytes_read[square.target] = x[square.inner], read[square.inner]

        n_blocks = len(self.trunks[phase])
        parts = squares(height, width, 1 + n_blocks, self.threads)
        for_each(evaluate, parts, self.threads, check)
        return stream, bytes_read


class IntegerPhoto:
    """The integer form of :class:`core.flows.photo.model.Photo`.

    tensors: for each layer its weight, bias and shift, and the steps of heads, as
    :mod:`core.training.quantise` writes them. threads: squares of a picture that are computed at a
    time.
    """

    def __init__(
        self, config: PhotoConfig, tensors: Mapping[str, Tensor], threads: int = 1
    ) -> None:
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
        self.config, self.threads = config, threads
        self.levels = [
            IntegerLevel(
                config,
                _prefixed(conv, f"levels.{i}."),
                _prefixed(tensor, f"levels.{i}."),
                threads,
            )
            for i in range(config.weight_sets)
        ]

    def level(self, index: int) -> IntegerLevel:
        """The networks of a level, 0 the finest."""
        return self.levels[min(index, len(self.levels) - 1)]

    def to(self, device: torch.device) -> IntegerPhoto:
        for layer in self._convolutions():
            layer.to(device)
        return self

    @property
    def kernels(self) -> Kernels:
        """The kernels that compute on the processor."""
        return self.level(0).stems[0].kernels

    def use(self, kernels: Kernels) -> None:
        """Computes by other kernels from now on. No walk may be under way."""
        for layer in self._convolutions():
            layer.kernels = kernels

    def _convolutions(self) -> Iterator[ByteConv]:
        for level in self.levels:
            yield from level.stems
            for block in (block for trunk in level.trunks for block in trunk):
                yield from (block.conv, block.gated)
            for head in level.heads:
                yield from head.features.values()

    @property
    def largest_partial_sum(self) -> int:
        """The worst case over all layers; below 2^24."""
        return int(max(int(layer.bound.max()) for layer in self._layers))


def _prefixed(
    find: Callable[Concatenate[str, P], Found], prefix: str
) -> Callable[Concatenate[str, P], Found]:
    """The same look-up by name, for names below a prefix."""

    def found(name: str, /, *args: P.args, **kwargs: P.kwargs) -> Found:
        return find(prefix + name, *args, **kwargs)

    return found
