"""The last layer of each head goes on learning while a picture is coded.

Photographs differ from those that a model was trained on: by the camera's or the scanner's noise,
by what earlier programs did to them. So the layer that gives a phase's mixtures takes a step of
Adam (Kingma and Ba, ICLR 2015) after each block of pixels, to make those pixels likelier: dynamic
evaluation (Krause et al., ICML 2018). Encoder and decoder take the same steps after the same
pixels; nothing is stored.

The same steps to the last bit: what is computed elementwise is + - * / and the square root of IEEE
754, each one call of numpy; what is summed are integers that float64 holds exactly, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.flows.cdf import N_CELLS, Float32, Integers, MixtureCdf, Tables, sum_in_order
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

#: Weights are multiples of 2^-20 below 2^11, so that sums over 2^6 inputs below 2^10 are exact.
_WEIGHT_UNIT: Final = 2.0**20
_WEIGHT_BOUND: Final = 2.0**11
_LOGIT_BOUND: Final = 2.0**15

# Gradients are rounded to integers: in these units, and up to this size.
_OF_LOGIT: Final = np.float32(2.0**12)
_OF_MEAN: Final = np.float32(2.0**10)
_OF_SCALE: Final = np.float32(2.0**2)
_GRADIENT_BOUND: Final = 2.0**20
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
        self._lean = [lean.weight.flatten(1).cpu().numpy() for lean in head.lean]
        self._average, self._squares = np.zeros(shape), np.zeros(shape)
        self._n_steps, self._left, self._left_of_squares = 0, 1.0, 1.0
        self._inputs: list[Float64] = []

    def mixtures(
        self, i: int, hidden: Float32, residual: Float32
    ) -> tuple[Float32, Float32, Float32]:
        """Parameters of the mixtures of a block's i-th channel, each (K, n) integers in float32.

        hidden: (H, n), the layer before without its lean; residual: (i, n), what the channels
        before lie above their predictions. Means are relative to the prediction.
        """
        inputs = np.ones((len(hidden) + 1, hidden.shape[1]))
        if i:
            hidden = hidden + self._lean[i - 1] @ residual
        np.clip(np.rint(hidden), 0, HEAD_BOUND, out=inputs[:-1])
        if not i:
            self._inputs = []
        self._inputs.append(inputs)
        k = self._k
        out = np.rint(self._weights[i, : 3 * k + i] @ inputs)
        means = np.clip(out[k : 2 * k], *MEAN_RANGE)
        for leaning, earlier in zip(out[3 * k :], residual, strict=True):
            means += np.clip(leaning, *LEAN_RANGE) * earlier
        logits = np.clip(out[:k], -_LOGIT_BOUND, _LOGIT_BOUND)
        log_scales = np.clip(out[2 * k : 3 * k], *LOG_SCALE_RANGE)
        return (
            logits.astype(np.float32),
            means.astype(np.float32),
            log_scales.astype(np.float32),
        )

    def learn(self, cdfs: Sequence[MixtureCdf], pixels: Integers, residual: Float32) -> None:
        """Takes a step after a block: its distributions, and its pixels, both channel by channel.

        pixels: (C, n); residual: (C, n), how far they lie above their predictions.
        """
        gradient = self._gradient(cdfs, pixels, residual)
        n = pixels.shape[1]
        of_weights = gradient @ np.stack(self._inputs).transpose(0, 2, 1) / n
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

    def _gradient(
        self, cdfs: Sequence[MixtureCdf], pixels: Integers, residual: Float32
    ) -> Float64:
        """Of -log mass by the layer's outputs, as integers: (C, 3 K + C - 1, n)."""
        means = np.stack([cdf.means for cdf in cdfs])
        inverse_scales = np.stack([cdf.inverse_scales for cdf in cdfs])
        weights = np.stack([cdf.weights for cdf in cdfs])
        x = pixels.astype(np.float32)[:, None]
        low, below = self._edge(x, means, inverse_scales)
        high, up_to = self._edge(x + 1, means, inverse_scales)
        np.copyto(below, 0, where=x == 0)
        np.copyto(up_to, 1, where=x == N_CELLS - 1)
        # A component's mass is weight (up_to - below); slopes of the logistic are s (1 - s).
        share = weights * (up_to - below)
        total = np.maximum(sum_in_order(share.transpose(1, 0, 2)), _LEAST_MASS)[:, None]
        share /= total
        heavy = weights / total
        slope_below, slope_up_to = below * (1 - below), up_to * (1 - up_to)
        low *= slope_below
        high *= slope_up_to
        slope_up_to -= slope_below
        slope_up_to *= heavy
        slope_up_to *= inverse_scales
        high -= low
        high *= heavy
        table = self._tables.inverse_scale  # where a scale is clamped, it has no slope
        high *= (inverse_scales < table[0]) & (inverse_scales > table[-1])
        n_channels, k, n = means.shape
        gradient = np.zeros((n_channels, 3 * k + n_channels - 1, n))
        for rows, of, unit in (
            (slice(0, k), np.subtract(weights, share), _OF_LOGIT),
            (slice(k, 2 * k), slope_up_to, _OF_MEAN),
            (slice(2 * k, 3 * k), high, _OF_SCALE),
        ):
            of *= unit
            np.rint(of, out=of)
            np.clip(of, -_GRADIENT_BOUND, _GRADIENT_BOUND, out=gradient[:, rows])
        for i in range(1, n_channels):
            of_mean = gradient[i, k : 2 * k].sum(0)
            for j in range(i):
                gradient[i, 3 * k + j] = of_mean * residual[j]
        return gradient

    def _edge(self, cells: Float32, means: Float32, inverse_scales: Float32) -> list[Float32]:
        """Table steps from each component's mean to a cell's edge, and the logistic CDF there."""
        unit = np.float32(self._tables.mean_unit)
        middle = np.float32(len(self._tables.sigmoid) // 2)
        place = cells * unit - unit / 2 - means
        place *= inverse_scales
        np.clip(place, -middle, middle, out=place)
        return [place, self._tables.sigmoid.take((place + middle).astype(np.int32))]
