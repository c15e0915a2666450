"""The elementwise map of a coupling: the CDF of a mixture of logistics, through a logit.

All of it is computed on logarithms of what lies below and above x, so that it keeps its precision
where a mixture puts next to no mass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

#: Halvings and Newton steps together; each other step at least halves what is left.
_MOST_STEPS = 200


@dataclass(frozen=True)
class MixtureParameters:
    """Of each value one map z = y exp(log_a) + b with y = logit(CDF(x)).

    log_a, b: (N, C, H, W); of K components logits, means and natural log scales:
    (N, C, H, W, K).
    """

    log_a: Tensor
    b: Tensor
    logits: Tensor
    means: Tensor
    log_scales: Tensor

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z and log dz/dx of each value."""
        y, log_slope = _logit_and_log_slope(x, self)
        return y * self.log_a.exp() + self.b, log_slope + self.log_a

    def inverse(self, z: Tensor) -> Tensor:
        """The x that is taken to z."""
        return inverse((z - self.b) * (-self.log_a).exp(), self)


def mixture_logit(x: Tensor, parameters: MixtureParameters) -> Tensor:
    """y = logit(CDF(x)), without the affine part: (N, C, H, W) -> the same shape."""
    return _logit_and_log_slope(x, parameters)[0]


def log_derivative(x: Tensor, parameters: MixtureParameters) -> Tensor:
    """log dy/dx of :func:`mixture_logit`; log dz/dx is log_a more."""
    return _logit_and_log_slope(x, parameters)[1]


@torch.no_grad()
def inverse(y: Tensor, parameters: MixtureParameters) -> Tensor:
    """The x of ``mixture_logit(x) = y``, to rounding: Newton's steps, halvings where they fail.

    Each value is sought by itself, and only as long as it is not found.
    """
    shape = y.shape
    mixture = tuple(
        part.expand(*y.shape, -1).flatten(0, -2)
        for part in (parameters.logits, parameters.means, parameters.log_scales)
    )
    y = y.reshape(-1)
    # A mixture's CDF lies between the smallest and the largest of its components'.
    ends = mixture[1] + mixture[2].exp() * y.unsqueeze(-1)
    low, high = ends.amin(-1), ends.amax(-1)
    x = low + 0.5 * (high - low)
    last = high - low
    result = x.clone()
    places = torch.arange(len(y), device=y.device)
    rounding = 2 * torch.finfo(y.dtype).eps
    for _ in range(_MOST_STEPS):
        at, log_slope = _mixture_logit(x, *mixture)
        residual = at - y
        low = torch.where(residual < 0, x, low)
        high = torch.where(residual > 0, x, high)
        newton = x - residual * (-log_slope).exp()
        # Newton's step counts if it stays inside and halves the step; NaN is neither.
        trusted = (newton >= low) & (newton <= high) & (2 * (newton - x).abs() <= last)
        target = torch.where(trusted, newton, low + 0.5 * (high - low))
        last = (target - x).abs()
        # No better x exists, or y cannot tell it from this one.
        found = (last <= rounding * x.abs()) | (residual.abs() <= rounding * (1 + y.abs()))
        x = torch.where(found, x, target)
        result[places] = x
        sought = ~found
        if not bool(sought.any()):
            break
        places, x, y, low, high, last = (t[sought] for t in (places, x, y, low, high, last))
        mixture = tuple(part[sought] for part in mixture)
    return result.view(shape)


def _logit_and_log_slope(x: Tensor, parameters: MixtureParameters) -> tuple[Tensor, Tensor]:
    return _mixture_logit(x, parameters.logits, parameters.means, parameters.log_scales)


def _mixture_logit(
    x: Tensor, logits: Tensor, means: Tensor, log_scales: Tensor
) -> tuple[Tensor, Tensor]:
    """y and log dy/dx, with y = log CDF - log(1 - CDF), and so dy/dx = density / CDF (1 - CDF)."""
    log_weights = F.log_softmax(logits, -1)
    at = (x.unsqueeze(-1) - means) * (-log_scales).exp()
    log_below = log_weights + F.logsigmoid(at)
    log_above = log_below - at
    log_density = log_above + F.logsigmoid(at) - log_scales
    below, above, density = (
        torch.logsumexp(part, -1) for part in (log_below, log_above, log_density)
    )
    return below - above, density - below - above
