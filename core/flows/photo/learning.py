"""The last layer of each head keeps learning while a picture is coded.

Photographs differ from those that a model was trained on: by the camera's or the scanner's noise,
by the processing of earlier programs. So the layer that gives a phase's mixtures takes a step of
Adam (Kingma and Ba, ICLR 2015) after each block of pixels, to make those pixels likelier: dynamic
evaluation (Krause et al., ICML 2018). Encoder and decoder take the same steps after the same
pixels; nothing is stored.

The steps are equal to the last bit. Elementwise arithmetic is + - * / and the square root of IEEE
754 in the order in which it is written; sums over pixels are sums of integers that float64 holds
exactly, in any order.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from core.arrays import Float32, Floats, Integers
from core.compiled import compiled
from core.flows.photo.cdf import N_CELLS, TILE, MixtureCdf, Tables
from core.flows.photo.integer import (
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

#: Length of a step, in units of what the layer was trained in. The n-th, counted from 1, has
#: min(1, n / 4) / sqrt(1 + n / 8) of it.
RATE: Final = 0.004
_RISING: Final = 4
_SLOWING: Final = 8

# Decay of Adam's averages of the gradient and of its square.
_MOMENTUM: Final = 0.5
_SQUARES: Final = 0.999

#: Pixels of a channel between two steps.
BLOCK: Final = 512

#: Weights are multiples of 2^-20 below 2^11, so that sums over 2^10 inputs below 2^10 are exact.
_WEIGHT_UNIT: Final = 2.0**20
_WEIGHT_BOUND: Final = 2.0**11
_LOGIT_RANGE: Final = (-(1 << 15), 1 << 15)

# Gradients are rounded to integers: in these units, and up to this size. That of a leaning is the
# sum of up to 2^5 of them times a pixel's difference; times inputs below 2^10, over a block: 2^50.
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
        self._lean = np.zeros((3, 2, n_hidden), dtype=np.float32)  # by the channels before
        for i, lean in enumerate(head.lean, 1):
            self._lean[i, :i] = lean.weight.flatten(1).T.numpy()
        self._average, self._squares = np.zeros(shape), np.zeros(shape)
        self._n_steps, self._left, self._left_of_squares = 0, 1.0, 1.0
        self._gradient = np.zeros(shape)  # summed over the block at hand
        self._inputs = np.ones((BLOCK, n_hidden + 1))  # of the channel at hand

    def mixtures(self, i: int, hidden: Float32, residual: Float32, centres: Float32) -> MixtureCdf:
        """The distributions of a block's i-th channel.

        hidden: (n, C, H), the layer before without its lean; residual: (i, n), what the channels
        before lie above their predictions; centres: (n,), this one's predictions.
        """
        n, k = len(hidden), self._k
        inputs = self._inputs[:n]
        _rounded(hidden, i, self._lean[i], residual, inputs)
        out = self._weights[i, : 3 * k + i] @ inputs.T
        logits, means, log_scales = np.empty((3, k, n), dtype=np.float32)
        _clamped(out, residual, centres, logits, means, log_scales)
        return MixtureCdf.of_parameters(logits, means, log_scales, self._tables)

    def observe(self, i: int, cdf: MixtureCdf, pixels: Integers, residual: Float32) -> None:
        """Adds the gradient of the pixels (n,) of the channel of the last :meth:`mixtures`.

        residual: (i, n), as given there.
        """
        n = len(pixels)
        gradient = np.empty((3 * self._k + i, n))
        _gradient(
            cdf.means, cdf.inverse_scales, cdf.weights, self._tables.sigmoid,
            self._tables.inverse_scale, np.float32(self._tables.mean_unit), pixels, residual,
            gradient,
        )  # fmt: skip
        self._gradient[i, : len(gradient)] = gradient @ self._inputs[:n]

    def step(self, n: int) -> None:
        """Takes a step after a block of n positions, all of whose channels were observed."""
        self._n_steps += 1
        self._left *= _MOMENTUM
        self._left_of_squares *= _SQUARES
        rate = min(1, self._n_steps / _RISING) / math.sqrt(1 + self._n_steps / _SLOWING)
        _adam(
            self._gradient, n, self._left, self._left_of_squares, rate,
            self._average, self._squares, self._steps, self._weights,
        )  # fmt: skip


@compiled
def _adam(
    total: Floats,
    n: int,
    left: float,
    left_of_squares: float,
    rate: float,
    average: Floats,
    squares: Floats,
    steps: Floats,
    weights: Floats,
) -> None:
    """One step of Adam; ``total`` is the sum of n gradients, all arrays (C, O, H + 1)."""
    for c in range(total.shape[0]):
        for o in range(total.shape[1]):
            for h in range(total.shape[2]):
                slope = total[c, o, h] / n
                average[c, o, h] += (slope - average[c, o, h]) * (1 - _MOMENTUM)
                squares[c, o, h] += (slope * slope - squares[c, o, h]) * (1 - _SQUARES)
                size = np.sqrt(squares[c, o, h] / (1 - left_of_squares)) + 2.0**-10
                direction = average[c, o, h] / (1 - left) / size
                weight = weights[c, o, h] - direction * steps[c, o, h] * rate
                weight = min(max(weight, -_WEIGHT_BOUND), _WEIGHT_BOUND)
                weights[c, o, h] = np.rint(weight * _WEIGHT_UNIT) / _WEIGHT_UNIT


# Inner loops run along rows with few operations each, so that LLVM can vectorise them.


@compiled
def _rounded(
    hidden: Float32, channel: int, lean: Float32, residual: Float32, inputs: Floats
) -> None:
    """The inputs of the last layer: the hidden layer plus its lean, rounded and clamped."""
    count, _, n_hidden = hidden.shape
    for i in range(count):
        first = residual[0, i] if channel > 0 else np.float32(0)
        second = residual[1, i] if channel > 1 else np.float32(0)
        for h in range(n_hidden):
            total = float(hidden[i, channel, h])
            total += lean[0, h] * first
            total += lean[1, h] * second
            inputs[i, h] = min(max(np.rint(total), 0.0), float(HEAD_BOUND))


@compiled
def _clamped(
    out: Floats,
    residual: Float32,
    centres: Float32,
    logits: Float32,
    means: Float32,
    log_scales: Float32,
) -> None:
    """The outputs of the last layer, (3 K + i, n), as integers in their ranges."""
    n_components, count = logits.shape
    leaning = np.empty(count)
    for i in range(count):
        leaning[i] = centres[i] * MEAN_UNIT
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
    gradient: Floats,
) -> None:
    """Of -log mass by what the last layer gives, rounded to integers: (3 K + i, n).

    A component's mass is weight (s(u) - s(l)) for the edges l and u of a pixel's cell, the slope of
    the logistic s is s (1 - s). float32 throughout.
    """
    n_components, count = means.shape
    one, middle = np.float32(1), np.float32(len(sigmoid) // 2)
    half = unit / np.float32(2)
    low = np.empty((n_components, TILE), dtype=np.float32)
    high, below, up_to = np.empty_like(low), np.empty_like(low), np.empty_like(low)
    at, total = np.empty(TILE, dtype=np.float32), np.empty(TILE, dtype=np.float32)
    of_means = np.empty(TILE)
    for start in range(0, count, TILE):
        size = min(TILE, count - start)
        for i in range(size):
            at[i] = np.float32(pixels[start + i]) * unit
            total[i] = np.float32(0)
            of_means[i] = 0.0
        for k in range(n_components):
            for i in range(size):
                inverse = inverse_scales[k, start + i]
                steps = (at[i] - half - means[k, start + i]) * inverse
                low[k, i] = min(max(steps, -middle), middle)
                steps = (at[i] + half - means[k, start + i]) * inverse
                high[k, i] = min(max(steps, -middle), middle)
            for i in range(size):
                below[k, i] = sigmoid[np.uint32(low[k, i] + middle)]
                up_to[k, i] = sigmoid[np.uint32(high[k, i] + middle)]
            for i in range(size):
                below[k, i] = np.float32(0) if pixels[start + i] == 0 else below[k, i]
                up_to[k, i] = one if pixels[start + i] == N_CELLS - 1 else up_to[k, i]
            for i in range(size):
                total[i] += weights[k, start + i] * (up_to[k, i] - below[k, i])
        for i in range(size):
            total[i] = max(total[i], _LEAST_MASS)
        for k in range(n_components):
            for i in range(size):
                weight, inverse = weights[k, start + i], inverse_scales[k, start + i]
                share = weight * (up_to[k, i] - below[k, i]) / total[i]
                heavy = weight / total[i]
                slope_below = below[k, i] * (one - below[k, i])
                slope_up_to = up_to[k, i] * (one - up_to[k, i])
                of_mean = (slope_up_to - slope_below) * heavy * inverse
                of_scale = (high[k, i] * slope_up_to - low[k, i] * slope_below) * heavy
                # Where a scale is clamped, it has no slope.
                clamped = inverse == scale_table[0] or inverse == scale_table[-1]
                of_scale = np.float32(0) if clamped else of_scale
                gradient[k, start + i] = _integer((weight - share) * _OF_LOGIT)
                mean_step = _integer(of_mean * _OF_MEAN)
                gradient[n_components + k, start + i] = mean_step
                of_means[i] += mean_step
                gradient[2 * n_components + k, start + i] = _integer(of_scale * _OF_SCALE)
        for j in range(len(residual)):
            for i in range(size):
                gradient[3 * n_components + j, start + i] = of_means[i] * residual[j, start + i]


@compiled
def _integer(x: np.float32) -> float:
    return min(max(float(np.rint(x)), -_GRADIENT_BOUND), _GRADIENT_BOUND)
