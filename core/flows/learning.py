"""The last layer of each head goes on learning while a picture is coded.

Photographs differ from those that a model was trained on: by the camera's or the scanner's noise,
by what earlier programs did to them. So the layer that gives a phase's mixtures takes a step of
Adam (Kingma and Ba, ICLR 2015) after each block of pixels, to make those pixels likelier: dynamic
evaluation (Krause et al., ICML 2018). Encoder and decoder take the same steps after the same
pixels; nothing is stored.

The same steps to the last bit: what is computed elementwise is + - * / and the square root of IEEE
754, in the order in which it is written; what is summed over pixels are integers that float64 holds
exactly, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.flows.cdf import N_CELLS, Float32, Integers, MixtureCdf, Tables
from core.flows.compiled import compiled
from core.flows.integer import (
    HEAD_BOUND,
    LEAN_RANGE,
    LEAN_UNIT,
    LOG_SCALE_RANGE,
    LOG_SCALE_UNIT,
    LOGIT_UNIT,
    MEAN_RANGE,
    MEAN_UNIT,
    IntegerHead,
)

Float64 = NDArray[np.float64]

#: Length of a step, in units of what the layer was trained in; it falls as 1 / sqrt(1 + n / 8).
RATE: Final = 0.002
_SLOWING: Final = 8

# Decay of Adam's averages of the gradient and of its square.
_MOMENTUM: Final = 0.5
_SQUARES: Final = 0.999

#: Pixels of a channel between two steps.
BLOCK: Final = 1024

#: Weights are multiples of 2^-20 below 2^11, so that sums over 2^10 inputs below 2^10 are exact.
_WEIGHT_UNIT: Final = 2.0**20
_WEIGHT_BOUND: Final = 2.0**11
_LOGIT_RANGE: Final = (-(1 << 15), 1 << 15)

# Gradients are rounded to integers: in these units, and up to this size. That of a leaning is the
# sum of up to 2^5 of them times a pixel's difference; times inputs below 2^10, over a block: 2^51.
_OF_LOGIT: Final = np.float32(2.0**12)
_OF_MEAN: Final = np.float32(2.0**10)
_OF_SCALE: Final = np.float32(2.0**2)
_GRADIENT_BOUND: Final = 2.0**18
_LEAST_MASS: Final = np.float32(2.0**-24)


class LearningHead:
    """The output layers of one phase's head, as they change from block to block."""

    def __init__(self, head: IntegerHead, n_channels: int, tables: Tables) -> None:
        self._tables, self._k = tables, head.components
        n_hidden = head.n_hidden
        shape = (n_channels, 3 * self._k + n_channels - 1, n_hidden + 1)
        self._weights = np.zeros(shape)  # the last input is 1: the bias
        self._steps = np.zeros(shape)
        units = [LOGIT_UNIT, 2 * MEAN_UNIT, LOG_SCALE_UNIT / 0.6931471805599453, LEAN_UNIT]
        rows = np.repeat(units, [self._k, self._k, self._k, n_channels - 1]) * RATE
        for i in range(n_channels):
            output = head.outputs[i]
            n = len(output.bias)
            self._weights[i, :n, :-1] = output.weight.flatten(1).cpu().numpy()
            self._weights[i, :n, -1] = output.bias.cpu().numpy()
            self._steps[i, :n] = rows[:n, None] * head.steps[i].numpy()
        nothing = np.zeros((n_hidden, 0), dtype=np.float32)
        self._lean = [nothing, *(lean.weight.flatten(1).cpu().numpy() for lean in head.lean)]
        self._average, self._squares = np.zeros(shape), np.zeros(shape)
        self._n_steps, self._left, self._left_of_squares = 0, 1.0, 1.0
        self._inputs = np.ones((n_channels, n_hidden + 1, BLOCK))  # of the block at hand

    def mixtures(
        self, i: int, hidden: Float32, residual: Float32
    ) -> tuple[Float32, Float32, Float32]:
        """Parameters of the mixtures of a block's i-th channel, each (K, n) integers in float32.

        hidden: (H, n), the layer before without its lean; residual: (i, n), what the channels
        before lie above their predictions. Means are relative to the prediction.
        """
        inputs = self._inputs[i, :, : hidden.shape[1]]
        _rounded(hidden, self._lean[i], residual, inputs)
        k = self._k
        out = self._weights[i, : 3 * k + i] @ inputs
        logits, means, log_scales = np.empty((3, k, hidden.shape[1]), dtype=np.float32)
        _clamped(out, residual, logits, means, log_scales)
        return logits, means, log_scales

    def learn(self, cdfs: Sequence[MixtureCdf], pixels: Integers, residual: Float32) -> None:
        """Takes a step after a block: its distributions, and its pixels, both channel by channel.

        pixels: (C, n); residual: (C, n), how far they lie above their predictions.
        """
        n_channels, n = pixels.shape
        gradient = np.zeros((n_channels, self._weights.shape[1], n))
        for i, cdf in enumerate(cdfs):
            _gradient(
                cdf.means, cdf.inverse_scales, cdf.weights, self._tables.sigmoid,
                self._tables.inverse_scale, np.float32(self._tables.mean_unit), pixels[i],
                residual[:i], gradient[i],
            )  # fmt: skip
        of_weights = gradient @ self._inputs[..., :n].transpose(0, 2, 1) / n
        self._n_steps += 1
        self._left *= _MOMENTUM
        self._left_of_squares *= _SQUARES
        self._average += (of_weights - self._average) * (1 - _MOMENTUM)
        self._squares += (of_weights * of_weights - self._squares) * (1 - _SQUARES)
        size = np.sqrt(self._squares / (1 - self._left_of_squares)) + 2.0**-10
        direction = self._average / (1 - self._left) / size
        rate = 1 / np.sqrt(1 + self._n_steps / _SLOWING)
        weights = self._weights - direction * self._steps * rate
        np.clip(weights, -_WEIGHT_BOUND, _WEIGHT_BOUND, out=weights)
        self._weights = np.rint(weights * _WEIGHT_UNIT) / _WEIGHT_UNIT


# Inner loops go along rows, one operation after the other, so that they become vector instructions.


@compiled
def _rounded(hidden: Float32, lean: Float32, residual: Float32, inputs: Float64) -> None:
    """The hidden layer, as the last one reads it: what it leans on added, rounded, clamped."""
    n_hidden, count = hidden.shape
    for h in range(n_hidden):
        row = inputs[h]
        for i in range(count):
            row[i] = hidden[h, i]
        for j in range(len(residual)):
            slope = lean[h, j]
            for i in range(count):
                row[i] += slope * residual[j, i]
        for i in range(count):
            row[i] = min(max(np.rint(row[i]), 0.0), float(HEAD_BOUND))


@compiled
def _clamped(
    out: Float64, residual: Float32, logits: Float32, means: Float32, log_scales: Float32
) -> None:
    """What the last layer gives, (3 K + i, n), as integers in their ranges."""
    n_components, count = logits.shape
    leaning = np.zeros(count)
    for j in range(len(residual)):
        for i in range(count):
            leaning[i] += _between(out[3 * n_components + j, i], LEAN_RANGE) * residual[j, i]
    for k in range(n_components):
        for i in range(count):
            logits[k, i] = _between(out[k, i], _LOGIT_RANGE)
        for i in range(count):
            means[k, i] = _between(out[n_components + k, i], MEAN_RANGE) + leaning[i]
        for i in range(count):
            log_scales[k, i] = _between(out[2 * n_components + k, i], LOG_SCALE_RANGE)


@compiled
def _between(x: float, ends: tuple[int, int]) -> float:
    """Rounded, halves to even, and clamped."""
    return min(max(np.rint(x), float(ends[0])), float(ends[1]))


@compiled
def _gradient(
    means: Float32,
    inverse_scales: Float32,
    weights: Float32,
    sigmoid: Float32,
    scale_table: Float32,
    unit: np.float32,
    pixels: Integers,
    residual: Float32,
    gradient: Float64,
) -> None:
    """Of -log mass by what the last layer gives, rounded to integers: (3 K + i, n).

    A component's mass is weight (s(u) - s(l)) for the edges l and u of a pixel's cell, the slope of
    the logistic s is s (1 - s). float32 throughout.
    """
    n_components, count = means.shape
    one, middle = np.float32(1), np.float32(len(sigmoid) // 2)
    low = np.empty(n_components, dtype=np.float32)
    high, below, up_to = np.empty_like(low), np.empty_like(low), np.empty_like(low)
    for i in range(count):
        at = np.float32(pixels[i]) * unit
        total = np.float32(0)
        for k in range(n_components):
            place = (at - unit / np.float32(2) - means[k, i]) * inverse_scales[k, i]
            low[k] = min(max(place, -middle), middle)
            below[k] = sigmoid[np.int64(low[k] + middle)]
            place = (at + unit / np.float32(2) - means[k, i]) * inverse_scales[k, i]
            high[k] = min(max(place, -middle), middle)
            up_to[k] = sigmoid[np.int64(high[k] + middle)]
            if pixels[i] == 0:
                below[k] = np.float32(0)
            if pixels[i] == N_CELLS - 1:
                up_to[k] = one
            total += weights[k, i] * (up_to[k] - below[k])
        total = max(total, _LEAST_MASS)
        of_means = 0.0
        for k in range(n_components):
            share = weights[k, i] * (up_to[k] - below[k]) / total
            heavy = weights[k, i] / total
            slope_below = below[k] * (one - below[k])
            slope_up_to = up_to[k] * (one - up_to[k])
            of_mean = (slope_up_to - slope_below) * heavy * inverse_scales[k, i]
            of_scale = (high[k] * slope_up_to - low[k] * slope_below) * heavy
            if inverse_scales[k, i] == scale_table[0] or inverse_scales[k, i] == scale_table[-1]:
                of_scale = np.float32(0)  # where a scale is clamped, it has no slope
            gradient[k, i] = _integer((weights[k, i] - share) * _OF_LOGIT)
            gradient[n_components + k, i] = _integer(of_mean * _OF_MEAN)
            gradient[2 * n_components + k, i] = _integer(of_scale * _OF_SCALE)
            of_means += gradient[n_components + k, i]
        for j in range(len(residual)):
            gradient[3 * n_components + j, i] = of_means * residual[j, i]


@compiled
def _integer(x: np.float32) -> float:
    return min(max(float(np.rint(x)), -_GRADIENT_BOUND), _GRADIENT_BOUND)
