"""The integer form of a network: features of blocks along wavefronts.

Wave w has the blocks (r, c) with c + 2 r = w. What a block's layers read of its neighbours is in
the three waves before, so that the features of four waves are all that is kept: those of wave w - 1
for the left (same row) and above right (the row above), of w - 2 above, of w - 3 above left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.flows.jpeg.layers import (
    BYTE_BOUND,
    HIDDEN_BOUND,
    READ_BOUND,
    IntegerLayer,
    added,
    check,
    layer,
    read,
    relu,
    rounded,
)
from core.flows.jpeg.model import GROUPS, N_LOCAL, NetConfig

_SLOTS = 4


@dataclass(frozen=True)
class Residual:
    """stream + second(ReLU(first(read)))."""

    first: IntegerLayer
    second: IntegerLayer

    def add_to(self, stream: Tensor, seen: Tensor) -> None:
        """seen: what the first layer is given, (N, I)."""
        added(stream, self.second(relu(self.first(seen))))


@dataclass(frozen=True)
class IntegerHead:
    """What gives coefficients their hidden units, and these their mixtures."""

    features: Tensor  # (W, H) float32, times 2^-shift as all here
    earlier: NDArray[np.float32]  # (128, H): positive and negative parts of coefficients before
    local: NDArray[np.float32]  # (N_LOCAL, H)
    bias: NDArray[np.float32]  # (H,)
    starts: NDArray[np.int64]  # (65,): where the hidden units of each coefficient begin
    outputs: NDArray[np.float32]  # (N_OUTPUTS, H), before learning
    output_bias: NDArray[np.float32]  # (64, N_OUTPUTS)


class IntegerNet:
    """The integer form of :class:`core.flows.jpeg.model.Net`.

    tensors: as :mod:`core.training.jpeg_export` writes them, without the kind's name.
    """

    def __init__(self, config: NetConfig, tensors: Mapping[str, Tensor]) -> None:
        self.config = config
        self.embed = layer(tensors, "embed", BYTE_BOUND)
        self.table_in = layer(tensors, "table_in", BYTE_BOUND)
        self.table_out = layer(tensors, "table_out", HIDDEN_BOUND)
        self.blocks = [_residual(tensors, f"blocks.{i}") for i in range(config.blocks)]
        self.gather = layer(tensors, "gather", READ_BOUND)
        self.near = layer(tensors, "near", BYTE_BOUND)
        self.mix = _residual(tensors, "mix")
        self.given: list[Residual] = []
        if config.n_given:
            self.given_in = layer(tensors, "given_in", BYTE_BOUND)
            self.given = [_residual(tensors, f"given.{i}") for i in range(config.given_blocks)]
            self.given_out = layer(tensors, "given_out", READ_BOUND)
        self.head = _head(config, tensors)
        numbers = {name: tensors[name].numpy() for name in _NUMBERS}
        self.multipliers: NDArray[np.int32] = numbers["multipliers"]
        self.exponent: NDArray[np.int32] = numbers["exponent"]
        self.usual_log: NDArray[np.int32] = numbers["usual_log"]
        self.from_known = tensors["from_known"].T.double().contiguous()
        self.from_block = np.ascontiguousarray(numbers["from_block"].T.astype(np.float64))

    def table_biases(self, log_table: NDArray[np.int64], second: bool) -> tuple[Tensor, Tensor]:
        """What a table adds to the stream of known blocks and to that of the next: (W,) each.

        log_table: (64,) bytes of its logarithms; second: whether it is the second chroma component.
        """
        given = np.append(log_table, 32 * second).astype(np.float32)
        found = self.table_out(relu(self.table_in(torch.from_numpy(given)[None])))
        first, last = rounded(found)[0].chunk(2)
        return first, last

    def given_stream(self, planes: list[NDArray[np.int8]]) -> Tensor:
        """(R, C, W): what is known of the components that are known as a whole.

        planes: bytes (R, C, 64) of each.
        """
        rows, columns, _ = planes[0].shape
        width = self.config.width
        seen = torch.zeros(rows * columns, 128 * self.config.n_given)
        for i, plane in enumerate(planes):
            parts(torch.from_numpy(plane.reshape(-1, 64)), seen[:, 128 * i : 128 * i + 128])
        stream = added(torch.zeros(rows * columns, width), self.given_in(seen))
        for block in self.given:
            padded = torch.zeros(rows + 2, columns + 2, width)
            padded[1:-1, 1:-1] = read(stream).view(rows, columns, width)
            around = torch.cat(
                [padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)], 2
            )
            block.add_to(stream, around.view(rows * columns, -1))
        return stream.view(rows, columns, width)


_NUMBERS = ("multipliers", "exponent", "usual_log", "from_known", "from_block")


def _residual(tensors: Mapping[str, Tensor], name: str) -> Residual:
    return Residual(
        layer(tensors, f"{name}.first", READ_BOUND), layer(tensors, f"{name}.second", HIDDEN_BOUND)
    )


def _head(config: NetConfig, tensors: Mapping[str, Tensor]) -> IntegerHead:
    weight, bias, shift = (tensors[f"head.{part}"] for part in ("weight", "bias", "shift"))
    width = config.width
    bounds = [READ_BOUND] * width + [BYTE_BOUND] * (128 + N_LOCAL)
    check(weight, bias, shift, bounds, "head")
    scale = torch.exp2(-shift.float())
    scaled = (weight.float() * scale[:, None]).T.contiguous()
    sizes = [h for n, h in zip(GROUPS, config.hidden, strict=True) for _ in range(n)]
    return IntegerHead(
        features=scaled[:width].contiguous(),
        earlier=scaled[width : width + 128].numpy(),
        local=scaled[width + 128 :].numpy(),
        bias=(bias.float() * scale).numpy(),
        starts=np.cumsum([0, *sizes]),
        outputs=tensors["head.outputs"].T.contiguous().numpy(),
        output_bias=tensors["head.output_bias"].numpy(),
    )


def parts(signed: Tensor, found: Tensor) -> Tensor:
    """Positive and negative parts of bytes (N, n), side by side in found (N, 2 n) float32."""
    n = signed.shape[1]
    found[:, :n] = signed
    found[:, n:] = -found[:, :n]
    return found.clamp_min_(0)


class WaveFeatures:
    """Streams of a component's blocks, wave after wave.

    given: (R, C, W) stream of what is known as a whole, if anything is.
    """

    def __init__(
        self,
        net: IntegerNet,
        rows: int,
        columns: int,
        biases: tuple[Tensor, Tensor],
        given: Tensor | None,
    ) -> None:
        self.net, self.rows, self.columns, self.biases = net, rows, columns, biases
        self.given = given
        width, depth = net.config.width, len(net.blocks) + 1
        # What layers read: row r of the component is row r + 1, so that there is one above.
        self.seen = torch.zeros(depth, _SLOTS, rows + 1, width)
        n = min(rows, (columns + 1) // 2)
        self.around = torch.empty(n, 5 * width)
        self.inputs = torch.empty(n, 128)

    def before(self, wave: int, near: Tensor) -> Tensor:
        """Features of the blocks of a wave, (n, W), from all waves before it.

        near: (n, 8) parts of the DCs nearby.
        """
        first, last = span(wave, self.rows, self.columns)
        net, n = self.net, last - first
        around = self._around(len(net.blocks), wave, first, last)
        width = net.config.width
        stream = rounded(net.gather(around[:, : 4 * width]))
        stream += rounded(net.near(near))
        stream += self.biases[1]
        if self.given is not None:
            rows = torch.arange(first, last)
            stream += rounded(net.given_out(read(self.given[rows, wave - 2 * rows])))
        stream.clamp_(-(1 << 15), (1 << 15) - 1)
        net.mix.add_to(stream, read(stream))
        assert len(stream) == n
        return read(stream)

    def put(self, wave: int, signed: Tensor) -> None:
        """Takes in the blocks of a wave: (n, 64) int8, their bytes."""
        first, last = span(wave, self.rows, self.columns)
        net, slot = self.net, wave % _SLOTS
        stream = rounded(net.embed(parts(signed, self.inputs[: last - first])))
        stream += self.biases[0]
        if self.given is not None:
            rows = torch.arange(first, last)
            stream += self.given[rows, wave - 2 * rows]
        stream.clamp_(-(1 << 15), (1 << 15) - 1)
        for i, block in enumerate([*net.blocks, None]):
            here = self.seen[i, slot]
            here.zero_()
            here[first + 1 : last + 1] = read(stream)
            if block is not None:
                block.add_to(stream, self._around(i, wave, first, last))

    def _around(self, depth: int, wave: int, first: int, last: int) -> Tensor:
        """What is read of above left, above, above right, left and the block itself: (n, 5 W)."""
        seen, width = self.seen[depth], self.net.config.width
        found = self.around[: last - first]
        for i, (back, up) in enumerate(((3, 1), (2, 1), (1, 1), (1, 0), (0, 0))):
            part = seen[(wave - back) % _SLOTS, first + 1 - up : last + 1 - up]
            found[:, i * width : (i + 1) * width] = part
        return found


def span(wave: int, rows: int, columns: int) -> tuple[int, int]:
    """The rows of the blocks of a wave: from the first to before the last."""
    return max(0, (wave - columns + 2) // 2), min(rows, wave // 2 + 1)


def n_waves(rows: int, columns: int) -> int:
    """Of a component of rows * columns blocks."""
    return columns + 2 * (rows - 1)
