"""The photo model once more, written from docs/format.md in plain numpy.

Nothing is shared with core.flows but the file's tensors: it is what the fast one is held to. What
is a sum is computed in int64; the stream's additions and the learning step are single operations
of IEEE 754 arithmetic, float32 and float64.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

Array = Any  # of the kind that the comment beside it says
Tensors = dict[str, Any]

F32 = np.float32

ORDER = (1, 0, 2)  # green, red, blue
PHASES = ((1, 1), (0, 1), (1, 0))  # d, b, c: row and column in a block of 2 x 2

#: Positions between two steps of a head.
BLOCK = 512

#: Fractional bits of the weights of a head's last layer, as they are held here.
_FRACTION = 23

_RATE, _RISING, _SLOWING, _MOMENTUM, _SQUARES = 0.004, 4, 8, 0.5, 0.999


def conv(tensors: Tensors, name: str, x: Array) -> tuple[Array, Array]:
    """Sum of products and bias (O, h, w), and each output's shift, int64."""
    weight = tensors[f"{name}.weight"].astype(np.int64)
    bias = tensors[f"{name}.bias"].astype(np.int64)
    size = weight.shape[-1]
    height, width = x.shape[1:]
    padded = np.pad(x, ((0, 0), (size // 2, size // 2), (size // 2, size // 2)))
    total = np.broadcast_to(bias[:, None, None], (len(bias), height, width)).copy()
    for i in range(size):
        for j in range(size):
            part = padded[:, i : i + height, j : j + width]
            total += np.einsum("oc,chw->ohw", weight[:, :, i, j], part)
    return total, tensors[f"{name}.shift"].astype(np.int64)[:, None, None]


def rounded(total: Array, shift: Array) -> Array:
    """total / 2^shift, halves to even, in integers."""
    below = total >> shift
    rest = (total - (below << shift)) * 2
    one = np.int64(1) << shift
    return below + ((rest > one) | ((rest == one) & (below % 2 == 1)))


def layer(tensors: Tensors, name: str, x: Array) -> Array:
    return rounded(*conv(tensors, name, x))


def features(
    tensors: Tensors, level: int, phase: int, n_blocks: int, context: Array, before: Array
) -> Array:
    """The stream of a phase, (C, h, w) float32: context int64, the phase's before or None."""
    total, shift = conv(tensors, f"levels.{level}.stems.{phase}", context.clip(-128, 127))
    x = np.ldexp(total.astype(F32), -shift.astype(np.int32))
    if before is not None:
        x = x + before
    for block in range(n_blocks):
        name = f"levels.{level}.trunks.{phase}.{block}"
        hidden = layer(tensors, f"{name}.conv", read(x)).clip(0, 255)
        value = layer(tensors, f"{name}.value", hidden).clip(-128, 127)
        gate = layer(tensors, f"{name}.gate", hidden).clip(0, 64)
        x = x + (value * gate).astype(F32) / F32(64)
    return x


def read(stream: Array) -> Array:
    """What blocks and heads make of the stream: halves up, -128 to 127, int64."""
    return np.floor(stream + F32(128.5)).clip(0, 255).astype(np.int64) - 128


def hidden_layers(
    tensors: Tensors, level: int, phase: int, i: int, stream: Array
) -> tuple[Array, Array]:
    """The i-th channel's layer before the last, without its lean: sums (H, h, w), and shifts."""
    return conv(tensors, f"levels.{level}.heads.{phase}.features.{i}", read(stream))


class Learner:
    """The last layers of a phase's head, as they go from block to block."""

    def __init__(
        self, tensors: Tensors, level: int, phase: int, components: int, n_channels: int
    ) -> None:
        self.tensors, self.k = tensors, components
        self.name = f"levels.{level}.heads.{phase}"
        units = [16.0] * components + [128.0] * components
        units += [16 / 0.6931471805599453] * components + [64.0, 64.0]
        self.channels = []
        for i in range(n_channels):
            name = f"{self.name}.outputs.{i}"
            shift = tensors[f"{name}.shift"].astype(np.int64)[:, None]
            weight = tensors[f"{name}.weight"].astype(np.int64)[:, :, 0, 0]
            weight = np.concatenate([weight, tensors[f"{name}.bias"].astype(np.int64)[:, None]], 1)
            steps = tensors[f"{self.name}.steps.{i}"].astype(np.float64)
            rates = np.array(units[: len(weight)]) * _RATE
            self.channels.append(
                {
                    "weight": weight << _FRACTION - shift,
                    "steps": rates[:, None] * steps,
                    "average": np.zeros(weight.shape),
                    "squares": np.zeros(weight.shape),
                    "inputs": None,
                }
            )
        self.n_steps = 0
        self.left = self.left_of_squares = 1.0

    def mixture(
        self, i: int, hidden: Array, shift: Array, residual: Array
    ) -> tuple[Array, Array, Array]:
        """Logits, means relative to the prediction, log scales of n positions: (K, n) int64.

        hidden: the sums of :func:`hidden_layers`, (H, n); shift: (H, 1); residual: (i, n).
        """
        if i:
            lean = f"{self.name}.lean.{i - 1}"
            weight = self.tensors[f"{lean}.weight"].astype(np.int64)[:, :, 0, 0]
            assert np.array_equal(shift[:, 0], self.tensors[f"{lean}.shift"])
            hidden = hidden + weight @ residual
        inputs = rounded(hidden, shift).clip(0, 1023)
        inputs = np.concatenate([inputs, np.ones((1, inputs.shape[1]), np.int64)])
        channel, k = self.channels[i], self.k
        channel["inputs"] = inputs
        out = rounded(channel["weight"] @ inputs, np.int64(_FRACTION))
        means = out[k : 2 * k].clip(-(1 << 15), 1 << 15)
        for j in range(i):
            means = means + out[3 * k + j].clip(-512, 512) * residual[j]
        logits = out[:k].clip(-(1 << 15), 1 << 15)
        return logits, means, out[2 * k : 3 * k].clip(-69, 115)

    def learn(
        self, parameters: list[tuple[Array, Array, Array]], pixels: Array, residual: Array
    ) -> None:
        """A step after a block: logits, means and log scales of each channel; (C, n) int64."""
        self.n_steps += 1
        self.left *= _MOMENTUM
        self.left_of_squares *= _SQUARES
        rate = min(1, self.n_steps / _RISING) / np.sqrt(1 + self.n_steps / _SLOWING)
        for i, channel in enumerate(self.channels):
            gradient = self._gradient(*parameters[i], pixels[i], residual[:i])
            sums = gradient @ channel["inputs"].T
            mean = sums.astype(np.float64) / pixels.shape[1]
            channel["average"] += (mean - channel["average"]) * (1 - _MOMENTUM)
            channel["squares"] += (mean * mean - channel["squares"]) * (1 - _SQUARES)
            size = np.sqrt(channel["squares"] / (1 - self.left_of_squares)) + 2.0**-10
            direction = channel["average"] / (1 - self.left) / size
            weight = channel["weight"] / 2.0**_FRACTION - direction * channel["steps"] * rate
            weight = np.rint(weight.clip(-2048, 2048) * 2.0**20).astype(np.int64)
            channel["weight"] = weight << _FRACTION - 20

    def _gradient(
        self, logits: Array, means: Array, log_scales: Array, pixels: Array, residual: Array
    ) -> Array:
        """Of minus the logarithm of the mass by the layer's outputs, in its units: int64."""
        weights = mixture_weights(self.tensors, logits)
        scale_table = self.tensors["tables.inverse_scale"]
        sigmoid = self.tensors["tables.sigmoid"]
        scales = scale_table[log_scales + 69]
        ends = []
        for edge, beyond, end in ((pixels, 0, 0), (pixels + 1, 256, 1)):
            middle = F32(len(sigmoid) // 2)
            place = (64 * edge - 32 - means).astype(F32) * scales
            place = place.clip(-middle, middle)
            below = sigmoid[(place + middle).astype(np.int64)]
            ends.append((place, np.where(edge == beyond, F32(end), below)))
        (low, below), (high, up_to) = ends
        masses = weights * (up_to - below)
        total = masses[0]
        for mass in masses[1:]:
            total = total + mass
        total = np.maximum(total, F32(2.0**-24))
        heavy = weights / total
        slope, slope_below = up_to * (1 - up_to), below * (1 - below)
        of_logits = (weights - masses / total) * F32(2**12)
        of_means = (slope - slope_below) * heavy * scales * F32(2**10)
        of_scales = (high * slope - low * slope_below) * heavy * F32(4)
        clamped = (scales == scale_table[0]) | (scales == scale_table[-1])
        of_scales = np.where(clamped, F32(0), of_scales)
        assert of_logits.dtype == of_means.dtype == of_scales.dtype == np.float32
        three = [
            np.rint(g).clip(-(2**18), 2**18).astype(np.int64)
            for g in (of_logits, of_means, of_scales)
        ]
        leanings = three[1].sum(0) * residual
        return np.concatenate([*three, leanings])


def mixture_weights(tensors: Tensors, logits: Array) -> Array:
    """Of K components, (K, n) float32, which sum to about 1."""
    table = tensors["tables.weight"]
    weights = table[np.minimum(logits.max(0) - logits, len(table) - 1)]
    total = weights[0]
    for row in weights[1:]:
        total = total + row
    return weights / total


def shifted(x: Array, down: int, right: int) -> Array:
    """x[i + down, j + right], the border repeated."""
    rows = np.arange(x.shape[-2]) + down
    columns = np.arange(x.shape[-1]) + right
    x = x[:, rows.clip(0, x.shape[-2] - 1)]
    return x[:, :, columns.clip(0, x.shape[-1] - 1)]


def neighbours(phase: int, a: Array, d: Array) -> list[Array]:
    if phase == 0:
        return [a, shifted(a, 0, 1), shifted(a, 1, 0), shifted(a, 1, 1)]
    if phase == 1:
        return [a, shifted(a, 0, 1), d, shifted(d, -1, 0)]
    return [a, shifted(a, 1, 0), d, shifted(d, 0, -1)]


def pieces(
    tensors: Tensors,
    config: dict[str, Any],
    level: int,
    a: Array,
    height: int,
    width: int,
    channels: tuple[int, ...],
    size: int = BLOCK,
) -> Generator[tuple[tuple[Array, Array, Array], int, tuple[Array, Array]], Array, Array]:
    """A level's pieces: logits, means and log scales, channel, rows and columns; takes pixels.

    a: the coarser picture, (3, h, w) int64. Returns the picture, (3, height, width).
    """
    level = min(level, config["weight_sets"] - 1)
    picture = np.zeros((3, height, width), np.int64)
    picture[:, 0::2, 0::2] = a
    phases: list[Array] = []
    stream = None
    for phase, (row, column) in enumerate(PHASES):
        known = neighbours(phase, a, phases[0] if phases else None)
        mean = (sum(known) + 2) >> 2
        rows, columns = (height - row + 1) // 2, (width - column + 1) // 2
        target = mean.copy()
        if rows and columns:
            context = [*(n - mean for n in known), mean - 128, mean[0:1] - mean[1:2]]
            context.append(mean[2:3] - mean[1:2])
            if phase == 2:
                context.append(phases[1] - mean)
            stream = features(
                tensors, level, phase, config["blocks"][phase], np.concatenate(context), stream
            )
            sums = [hidden_layers(tensors, level, phase, i, stream) for i in range(len(channels))]
            learner = Learner(tensors, level, phase, config["components"], len(channels))
            places = np.arange(rows * columns)
            for part in np.split(places, places[size::size]):
                y, x = np.divmod(part, columns)
                pixels = np.empty((len(channels), len(part)), np.int64)
                residual = np.empty_like(pixels)
                told = []
                for i, channel in enumerate(channels):
                    hidden, shift = sums[i]
                    logits, means, log_scales = learner.mixture(
                        i, hidden[:, y, x], shift[:, 0], residual[:i]
                    )
                    centre = mean[channel, y, x]
                    told.append((logits, means + 64 * centre, log_scales))
                    pixels[i] = yield told[i], channel, (2 * y + row, 2 * x + column)
                    residual[i] = pixels[i] - centre
                learner.learn(told, pixels, residual)
                for i, channel in enumerate(ORDER):
                    target[channel, y, x] = pixels[min(i, len(channels) - 1)]
            picture[:, row::2, column::2] = target[:, :rows, :columns]
        phases.append(target)
    return picture
