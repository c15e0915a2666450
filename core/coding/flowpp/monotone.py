"""Increasing elementwise maps in float64, as local bits-back coding needs them.

A map holds the parameters of N dimensions and gives, for one value a dimension, its image, the
derivative and the inverse. NumPy computes each dimension by itself, the same way wherever in the
array it lies, so that encoder and decoder on one machine see the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from core.arrays import Floats, Integers

#: Logistics are followed this many scales out; further out they are flat, and float64 ends.
_FURTHEST = 700.0

#: Newton's method doubles the digits each time; what has not settled by then is bisected.
_NEWTON_STEPS = 50
_BISECTIONS = 80


class MonotoneMap(Protocol):
    """z = f(y), strictly increasing in exact arithmetic: (N,) float64 -> (N,) float64."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Self: ...

    def forward(self, y: Floats, /) -> Floats: ...

    def derivative(self, y: Floats, /) -> Floats: ...

    def inverse(self, z: Floats, /) -> Floats: ...

    def guess(self, z: Floats, /) -> Floats:
        """A cheap guess of the inverse, to start a search from."""


@dataclass(frozen=True)
class Affine:
    """z = scale y + shift; scale > 0."""

    scale: Floats
    shift: Floats

    def __len__(self) -> int:
        return len(self.scale)

    def __getitem__(self, part: slice) -> Affine:
        return Affine(self.scale[part], self.shift[part])

    def forward(self, y: Floats) -> Floats:
        return y * self.scale + self.shift

    def derivative(self, y: Floats) -> Floats:
        return self.scale

    def inverse(self, z: Floats) -> Floats:
        return (z - self.shift) / self.scale

    guess = inverse


@dataclass(frozen=True)
class Logit:
    """z = logit(low + slope y), the input processing of Flow++."""

    count: int
    low: float
    slope: float

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, part: slice) -> Logit:
        return Logit(len(range(*part.indices(self.count))), self.low, self.slope)

    def forward(self, y: Floats) -> Floats:
        p = self.low + self.slope * y
        return np.log(p) - np.log1p(-p)

    def derivative(self, y: Floats) -> Floats:
        p = self.low + self.slope * y
        return self.slope / (p * (1 - p))

    def inverse(self, z: Floats) -> Floats:
        return (_sigmoid(z) - self.low) / self.slope

    guess = inverse


@dataclass(frozen=True)
class Sigmoid:
    """z = 1 / (1 + exp(-y)), the end of the dequantizer."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, part: slice) -> Sigmoid:
        return Sigmoid(len(range(*part.indices(self.count))))

    def forward(self, y: Floats) -> Floats:
        return _sigmoid(y)

    def derivative(self, y: Floats) -> Floats:
        return _sigmoid(y) * _sigmoid(-y)

    def inverse(self, z: Floats) -> Floats:
        return np.log(z) - np.log1p(-z)

    guess = inverse


@dataclass(frozen=True)
class MixtureLogit:
    """z = exp(log_a) logit(sum_k pi_k sigmoid((x - mu_k) / s_k)) + b, with x = scale y + shift.

    The whole elementwise chain of a Flow++ coupling (arXiv 1902.00275, section 3.2), with the
    normalisation before it. weights pi, means mu, inverse_scales 1/s: (N, K); the rest (N,).
    """

    weights: Floats
    means: Floats
    inverse_scales: Floats
    log_a: Floats
    b: Floats
    before: Affine

    @classmethod
    def of_parameters(
        cls,
        logits: Floats,
        means: Floats,
        log_scales: Floats,
        log_a: Floats,
        b: Floats,
        before: Affine,
    ) -> MixtureLogit:
        """From the outputs of a coupling's network: (N, K) three times, then (N,)."""
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return cls(weights, means, np.exp(-log_scales), log_a, b, before)

    def __len__(self) -> int:
        return len(self.log_a)

    def __getitem__(self, part: slice) -> MixtureLogit:
        return MixtureLogit(
            self.weights[part],
            self.means[part],
            self.inverse_scales[part],
            self.log_a[part],
            self.b[part],
            self.before[part],
        )

    def forward(self, y: Floats) -> Floats:
        below, above, _ = self._masses(self.before.forward(y))
        return (np.log(below) - np.log(above)) * np.exp(self.log_a) + self.b

    def derivative(self, y: Floats) -> Floats:
        below, above, density = self._masses(self.before.forward(y))
        return density / (below * above) * np.exp(self.log_a) * self.before.scale

    def inverse(self, z: Floats) -> Floats:
        """Newton's method on the logit, kept inside a bracket; then bisection."""
        target = (z - self.b) * np.exp(-self.log_a)
        # The quantile of a mixture lies between those of its logistics.
        quantiles = self.means + target[:, None] / self.inverse_scales
        low, high = quantiles.min(-1), quantiles.max(-1)
        x = (self.weights * quantiles).sum(-1)
        open_ = np.arange(len(self))
        for step in range(_NEWTON_STEPS + _BISECTIONS):
            part = self if len(open_) == len(self) else self._at(open_)
            below, above, density = part._masses(x[open_])
            error = np.log(below) - np.log(above) - target[open_]
            low[open_] = np.where(error < 0, x[open_], low[open_])
            high[open_] = np.where(error > 0, x[open_], high[open_])
            middle = 0.5 * (low[open_] + high[open_])
            if step < _NEWTON_STEPS:
                with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                    new = x[open_] - error * (below * above) / density
                inside = (new >= low[open_]) & (new <= high[open_])
                new = np.where(inside, new, middle)
            else:
                new = middle
            settled = np.abs(new - x[open_]) <= 1e-15 * (1 + np.abs(new))
            x[open_] = np.where(error == 0, x[open_], new)
            open_ = open_[~(settled | (error == 0))]
            if not len(open_):
                break
        return self.before.inverse(x)

    def guess(self, z: Floats) -> Floats:
        target = (z - self.b) * np.exp(-self.log_a)
        quantiles = self.means + target[:, None] / self.inverse_scales
        return self.before.inverse((self.weights * quantiles).sum(-1))

    def _at(self, index: Integers) -> MixtureLogit:
        return MixtureLogit(
            self.weights[index],
            self.means[index],
            self.inverse_scales[index],
            self.log_a[index],
            self.b[index],
            Affine(self.before.scale[index], self.before.shift[index]),
        )

    def _masses(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Mass below x, mass above it, and the density: each exact to its own last digits."""
        t = (x[:, None] - self.means) * self.inverse_scales
        tail = np.exp(-np.minimum(np.abs(t), _FURTHEST))
        large = self.weights / (1 + tail)  # the mass on the mean's side
        small = large * tail
        right = t > 0
        below = np.where(right, large, small).sum(-1)
        above = np.where(right, small, large).sum(-1)
        density = (small / (1 + tail) * self.inverse_scales).sum(-1)
        return below, above, density


def _sigmoid(y: Floats) -> Floats:
    tail = np.exp(-np.minimum(np.abs(y), _FURTHEST))
    return np.where(y > 0, 1.0, tail) / (1 + tail)
