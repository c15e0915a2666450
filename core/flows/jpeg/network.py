"""The integer form of a network: features of blocks along wavefronts.

Wave w has the blocks (r, c) with c + 2 r = w. What a block's layers read of its neighbours is in
the three waves before, so that the features of four waves are all that is kept: those of wave w - 1
for the left (same row) and above right (the row above), of w - 2 above, of w - 3 above left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.compiled import compiled
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
from core.flows.jpeg.products import Packed, multiply, packed, padded, padded_rows

Int8 = NDArray[np.int8]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Float32 = NDArray[np.float32]

_SLOTS = 4

#: Rows of blocks of what is given that are computed at once.
_BAND = 32


class Residual(NamedTuple):
    """stream + second(ReLU(first(read)))."""

    first: Packed
    second: Packed


class Sparse(NamedTuple):
    """A layer whose inputs are mostly zero: whole numbers in float32, which holds them exactly."""

    rows: Float32  # (I, O)
    bias: Int32
    shift: Int32
    half: Int32


class Layers(NamedTuple):
    """What is computed for each block of a wave."""

    embed: Sparse
    blocks: tuple[Residual, ...]
    gather: Packed
    near: Sparse
    mix: Residual
    features: Packed  # of the head, without its bias


@dataclass(frozen=True)
class IntegerHead:
    """What gives coefficients their hidden units, and these their mixtures."""

    scale: Float32  # (H,): 2^-shift of hidden units
    earlier: Float32  # (128, H) times that: parts of the coefficients before
    local: Float32  # (N_LOCAL, H) times that
    bias: Float32  # (H,) times that
    starts: NDArray[np.int64]  # (65,): where the hidden units of each coefficient begin
    outputs: Float32  # (N_OUTPUTS, H), before learning
    output_bias: Float32  # (64, N_OUTPUTS)


class IntegerNet:
    """The integer form of :class:`core.flows.jpeg.model.Net`.

    tensors: as :mod:`core.training.jpeg_export` writes them, without the kind's name.
    """

    def __init__(self, config: NetConfig, tensors: Mapping[str, Tensor]) -> None:
        self.config = config
        self.table_in = layer(tensors, "table_in", BYTE_BOUND)
        self.table_out = layer(tensors, "table_out", HIDDEN_BOUND)
        self.head, features = _head(config, tensors)
        self.layers = Layers(
            embed=_sparse(tensors, "embed"),
            blocks=tuple(_residual(tensors, f"blocks.{i}") for i in range(config.blocks)),
            gather=_packed(tensors, "gather", READ_BOUND),
            near=_sparse(tensors, "near"),
            mix=_residual(tensors, "mix"),
            features=features,
        )
        self._given: list[tuple[IntegerLayer, IntegerLayer]] = []
        if config.n_given:
            self._given_in = layer(tensors, "given_in", BYTE_BOUND)
            self._given_out = layer(tensors, "given_out", READ_BOUND)
            for i in range(config.given_blocks):
                first = layer(tensors, f"given.{i}.first", READ_BOUND)
                self._given.append((first, layer(tensors, f"given.{i}.second", HIDDEN_BOUND)))
        numbers = {name: tensors[name].numpy() for name in _NUMBERS}
        self.multipliers: Int32 = numbers["multipliers"]
        self.exponent: Int32 = numbers["exponent"]
        self.usual_log: Int32 = numbers["usual_log"]
        self.from_known = tensors["from_known"].T.double().contiguous()
        self.from_block = np.ascontiguousarray(numbers["from_block"].T.astype(np.float64))

    def table_biases(self, log_table: NDArray[np.int64], second: bool) -> tuple[Int32, Int32]:
        """What a table adds to the stream of known blocks and to that of the next: (W,) each.

        log_table: (64,) bytes of its logarithms; second: whether it is the second chroma component.
        """
        given = np.append(log_table, 32 * second).astype(np.float32)
        found = self.table_out(relu(self.table_in(torch.from_numpy(given)[None])))
        first, last = rounded(found)[0].to(torch.int32).numpy().reshape(2, -1)
        return first, last

    def given_streams(self, planes: list[Int8]) -> tuple[Int32, Int32]:
        """What components that are known as a whole add to each block's streams.

        planes: bytes (R, C, 64) of each. Two of (R, C, W): for the stream of known blocks, and for
        that of the next; both empty where nothing is given to such a network.
        """
        width = self.config.width
        if not self.config.n_given:
            return np.zeros((0, 0, width), dtype=np.int32), np.zeros((0, 0, width), dtype=np.int32)
        rows, columns, _ = planes[0].shape
        first, last = np.empty((2, rows, columns, width), dtype=np.int32)
        for band, stream in self._given_bands(planes, rows, columns):
            first[band] = stream.numpy()
            seen = read(stream).view(-1, width)
            last[band] = rounded(self._given_out(seen)).view(stream.shape).numpy()
        return first, last

    def _given_bands(
        self, planes: list[Int8], rows: int, columns: int
    ) -> Iterator[tuple[slice, Tensor]]:
        """Streams of bands of rows: with as many more around as layers reach, then without."""
        width, reach = self.config.width, len(self._given)
        for start in range(0, rows, _BAND):
            stop = min(rows, start + _BAND)
            outer = slice(max(0, start - reach), min(rows, stop + reach))
            n = outer.stop - outer.start
            seen = torch.zeros(n * columns, 128 * self.config.n_given)
            for i, plane in enumerate(planes):
                signed = torch.from_numpy(plane[outer].reshape(-1, 64)).float()
                seen[:, 128 * i : 128 * i + 64] = signed.clamp_min(0)
                seen[:, 128 * i + 64 : 128 * i + 128] = (-signed).clamp_min(0)
            stream = added(torch.zeros(n * columns, width), self._given_in(seen))
            for layers in self._given:
                padded_ = torch.zeros(n + 2, columns + 2, width)
                padded_[1:-1, 1:-1] = read(stream).view(n, columns, width)
                around = torch.cat(
                    [padded_[i : i + n, j : j + columns] for i in range(3) for j in range(3)], 2
                )
                hidden = relu(layers[0](around.view(n * columns, -1)))
                added(stream, layers[1](hidden))
            inner = slice(start - outer.start, stop - outer.start)
            yield slice(start, stop), stream.view(n, columns, width)[inner]


_NUMBERS = ("multipliers", "exponent", "usual_log", "from_known", "from_block")


def _packed(tensors: Mapping[str, Tensor], name: str, input_bound: int) -> Packed:
    weight, bias, shift = (tensors[f"{name}.{part}"] for part in ("weight", "bias", "shift"))
    weight = weight.flatten(1)
    check(weight, bias, shift, [input_bound] * weight.shape[1], name)
    return packed(weight.numpy(), bias.numpy(), shift.numpy())


def _residual(tensors: Mapping[str, Tensor], name: str) -> Residual:
    return Residual(
        _packed(tensors, f"{name}.first", READ_BOUND),
        _packed(tensors, f"{name}.second", HIDDEN_BOUND),
    )


def _sparse(tensors: Mapping[str, Tensor], name: str) -> Sparse:
    whole = _packed(tensors, name, BYTE_BOUND)
    weight = tensors[f"{name}.weight"].float()
    n = len(weight)
    rows = weight.T.contiguous().numpy()
    return Sparse(rows, whole.bias[:n], whole.shift[:n], whole.half[:n])


def _head(config: NetConfig, tensors: Mapping[str, Tensor]) -> tuple[IntegerHead, Packed]:
    weight, bias, shift = (tensors[f"head.{part}"] for part in ("weight", "bias", "shift"))
    width = config.width
    bounds = [READ_BOUND] * width + [BYTE_BOUND] * (128 + N_LOCAL)
    check(weight, bias, shift, bounds, "head")
    scale = torch.exp2(-shift.float())
    scaled = (weight[:, width:].float() * scale[:, None]).T.contiguous()
    sizes = [h for n, h in zip(GROUPS, config.hidden, strict=True) for _ in range(n)]
    head = IntegerHead(
        scale=scale.numpy(),
        earlier=scaled[:128].numpy(),
        local=scaled[128:].numpy(),
        bias=(bias.float() * scale).numpy(),
        starts=np.cumsum([0, *sizes]),
        outputs=tensors["head.outputs"].T.contiguous().numpy(),
        output_bias=tensors["head.output_bias"].numpy(),
    )
    return head, packed(weight[:, :width].numpy(), bias.numpy(), shift.numpy())


class Streams(NamedTuple):
    """What is kept of a component's waves, and room for the one at hand."""

    seen: Int16  # (blocks + 1, _SLOTS, R + 1, W): what layers read; row r at r + 1
    around: Int16  # (n, 5 W)
    narrow: Int16  # (n, W)
    sums: Int32  # (n, W, padded)
    stream: Int32  # (n, W, padded)
    head: Int32  # (n, H, padded)
    scratch: Float32  # (W,)
    known_bias: Int32  # (W,) of the table
    next_bias: Int32
    given_known: Int32  # (R, C, W), or empty
    given_next: Int32


def new_streams(
    net: IntegerNet,
    rows: int,
    columns: int,
    biases: tuple[Int32, Int32],
    given: tuple[Int32, Int32],
) -> Streams:
    """biases: of the table; given: of what is known as a whole."""
    width, n = net.config.width, padded_rows(min(rows, (columns + 1) // 2))

    def whole(*shape: int) -> Int32:
        return np.zeros(shape, dtype=np.int32)

    def narrow(*shape: int) -> Int16:
        return np.zeros(shape, dtype=np.int16)

    return Streams(
        seen=narrow(len(net.layers.blocks) + 1, _SLOTS, rows + 1, width),
        around=narrow(n, 5 * width),
        narrow=narrow(n, width),
        sums=whole(n, padded(width)),
        stream=whole(n, padded(width)),
        head=whole(n, padded(len(net.head.bias))),
        scratch=np.zeros(width, dtype=np.float32),
        known_bias=biases[0],
        next_bias=biases[1],
        given_known=given[0],
        given_next=given[1],
    )


@compiled
def hidden_of(
    layers: Layers, streams: Streams, wave: int, first: int, last: int, near: Int8,
    bias: Float32, scale: Float32, hidden: Float32,
) -> None:  # fmt: skip
    """Sums of the hidden units of a wave's blocks, from all waves before it.

    The wave's rows are ``first`` to before ``last``, n of them; near: (n, 4) bytes of the DCs
    nearby. bias: (H,) of the units, hidden: (n, H) is filled.
    """
    n, stream = last - first, streams.stream
    width = len(streams.next_bias)
    _look_around(streams, len(layers.blocks), wave, first, n)
    # The block itself is not known: the layer has no weights for what is last around it.
    multiply(streams.around, n, layers.gather, streams.sums)
    gather, sparse = layers.gather, layers.near
    for b in range(n):
        acc = streams.scratch
        for o in range(width):
            acc[o] = np.float32(0)
        for i in range(4):
            byte = near[b, i]
            if byte:
                _add(acc, sparse.rows[i if byte > 0 else 4 + i], byte)
        sums, found = streams.sums[b], stream[b]
        for o in range(width):
            seen = (sums[o] + gather.bias[o] + gather.half[o]) >> gather.shift[o]
            close = (np.int32(acc[o]) + sparse.bias[o] + sparse.half[o]) >> sparse.shift[o]
            found[o] = seen + close + streams.next_bias[o]
        if len(streams.given_next):
            more = streams.given_next[first + b, wave - 2 * (first + b)]
            for o in range(width):
                found[o] += more[o]
        for o in range(width):
            found[o] = min(max(found[o], -32768), 32767)
    _read(stream, n, width, streams.narrow)
    _residual_of(layers.mix, streams, streams.narrow, n, width)
    _read(stream, n, width, streams.narrow)
    multiply(streams.narrow, n, layers.features, streams.head)
    for b in range(n):
        sums, found_units = streams.head[b], hidden[b]
        for i in range(len(bias)):
            found_units[i] = np.float32(sums[i]) * scale[i] + bias[i]


@compiled
def put_wave(
    layers: Layers, streams: Streams, wave: int, first: int, last: int, signed: Int8
) -> None:
    """Takes in the blocks of a wave: (n, 64) bytes of their coefficients."""
    n, stream, sparse = last - first, streams.stream, layers.embed
    width = len(streams.known_bias)
    slot = wave % _SLOTS
    for b in range(n):
        acc, found = streams.scratch, stream[b]
        for o in range(width):
            acc[o] = np.float32(0)
        for k in range(64):
            byte = signed[b, k]
            if byte:
                _add(acc, sparse.rows[k if byte > 0 else 64 + k], byte)
        for o in range(width):
            seen = (np.int32(acc[o]) + sparse.bias[o] + sparse.half[o]) >> sparse.shift[o]
            found[o] = seen + streams.known_bias[o]
        if len(streams.given_known):
            more = streams.given_known[first + b, wave - 2 * (first + b)]
            for o in range(width):
                found[o] += more[o]
        for o in range(width):
            found[o] = min(max(found[o], -32768), 32767)
    depth = 0  # blocks are a tuple of any length, which compiled loops cannot enumerate
    streams.seen[:, slot] = 0
    _read(stream, n, width, streams.seen[0, slot, first + 1 :])
    for block in layers.blocks:
        _look_around(streams, depth, wave, first, n)
        _residual_of(block, streams, streams.around, n, width)
        depth += 1  # noqa: SIM113
        _read(stream, n, width, streams.seen[depth, slot, first + 1 :])


@compiled
def _look_around(streams: Streams, depth: int, wave: int, first: int, n: int) -> None:
    """What is read of above left, above, above right, left and the block itself."""
    seen = streams.seen[depth]
    width = seen.shape[2]
    for b in range(n):
        found, row = streams.around[b], first + 1 + b
        for i in range(5):
            back = 3 - i if i < 3 else 4 - i  # waves: 3, 2, 1, 1, 0
            part = seen[(wave - back) % _SLOTS, row - 1 if i < 3 else row]
            target = found[i * width : (i + 1) * width]
            for o in range(width):
                target[o] = part[o]


@compiled
def _residual_of(block: Residual, streams: Streams, seen: Int16, n: int, width: int) -> None:
    """Adds a residual block to the stream."""
    sums, hidden = streams.sums, streams.narrow
    multiply(seen, n, block.first, sums)
    layer = block.first
    for b in range(n):
        row, units = sums[b], hidden[b]
        for o in range(width):
            unit = (row[o] + layer.bias[o] + layer.half[o]) >> layer.shift[o]
            units[o] = min(max(unit, 0), 255)
    multiply(hidden, n, block.second, sums)
    layer = block.second
    for b in range(n):
        row, stream = sums[b], streams.stream[b]
        for o in range(width):
            more = (row[o] + layer.bias[o] + layer.half[o]) >> layer.shift[o]
            stream[o] = min(max(stream[o] + more, -32768), 32767)


@compiled
def _read(stream: Int32, n: int, width: int, found: Int16) -> None:
    """The bytes of a stream that layers read."""
    for b in range(n):
        row, units = stream[b], found[b]
        for o in range(width):
            units[o] = min(max((row[o] + 8) >> 4, -128), 127)


@compiled
def _add(sums: Float32, weights: Float32, byte: int) -> None:
    size = np.float32(abs(np.int64(byte)))
    for i in range(len(sums)):
        sums[i] += weights[i] * size


def span(wave: int, rows: int, columns: int) -> tuple[int, int]:
    """The rows of the blocks of a wave: from the first to before the last."""
    return max(0, (wave - columns + 2) // 2), min(rows, wave // 2 + 1)


def n_waves(rows: int, columns: int) -> int:
    """Of a component of rows * columns blocks."""
    return columns + 2 * (rows - 1)
