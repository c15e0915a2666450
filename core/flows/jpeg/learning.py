"""The last layer of a head goes on learning while a component is coded.

As with photographs (:mod:`core.flows.photo.learning`), it takes a step of Adam (Kingma and Ba,
ICLR 2015) after some blocks, to make those likelier. Encoder and decoder take the same steps after
the same blocks: all is + - * / and the square root of IEEE float32, elementwise, and sums over
blocks in their order.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled

Float32 = NDArray[np.float32]

#: Length of a step, in units of what the layer was trained in. It rises in the first steps, and
#: falls with the square root of their number.
RATE: Final = 0.003
_RISING: Final = 4
_SLOWING: Final = 16
# Decay of Adam's averages of the gradient and of its square.
_MOMENTUM: Final = np.float32(0.9)
_SQUARES: Final = np.float32(0.995)
_LEAST: Final = np.float32(2.0**-20)

#: Blocks between two steps, at least; a step is taken after a whole wave.
BLOCKS: Final = 32


class Learner:
    """Adam's state of one component's last layer; weights and gradients are the caller's arrays."""

    def __init__(self, weights: list[Float32], gradients: list[Float32]) -> None:
        self._weights, self._gradients = weights, gradients
        self._averages = [np.zeros_like(w) for w in weights]
        self._squares = [np.zeros_like(w) for w in weights]
        self._n_steps, self._blocks = 0, 0
        self._left, self._left_of_squares = np.float32(1), np.float32(1)

    def seen(self, n: int) -> None:
        """n more blocks are in the gradients: a step, if these are enough."""
        self._blocks += n
        if self._blocks < BLOCKS:
            return
        self._n_steps += 1
        self._left *= _MOMENTUM
        self._left_of_squares *= _SQUARES
        rising = min(1.0, self._n_steps / _RISING)
        rate = np.float32(RATE * rising / math.sqrt(1 + self._n_steps / _SLOWING))
        for weights, gradient, average, squares in zip(
            self._weights, self._gradients, self._averages, self._squares, strict=True
        ):
            _adam(
                gradient.reshape(-1), average.reshape(-1), squares.reshape(-1),
                weights.reshape(-1), np.float32(1 / self._blocks), rate,
                np.float32(1) / (np.float32(1) - self._left),
                np.float32(1) / (np.float32(1) - self._left_of_squares),
            )  # fmt: skip
        self._blocks = 0


@compiled
def _adam(
    gradient: Float32, average: Float32, squares: Float32, weights: Float32,
    part: np.float32, rate: np.float32, scale: np.float32, scale_of_squares: np.float32,
) -> None:  # fmt: skip
    """A step; the gradient is 0 afterwards."""
    one = np.float32(1)
    for i in range(len(weights)):
        g = gradient[i] * part
        average[i] = average[i] * _MOMENTUM + g * (one - _MOMENTUM)
        squares[i] = squares[i] * _SQUARES + g * g * (one - _SQUARES)
        size = np.sqrt(squares[i] * scale_of_squares) + _LEAST
        weights[i] -= rate * (average[i] * scale / size)
        gradient[i] = np.float32(0)
