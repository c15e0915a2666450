"""Mixtures of logistics over quantised coefficients, in floating point: the form for training."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.compiled import compiled

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

COMPONENTS: Final = 3
#: Of a coefficient: logits, offsets and log2 scales of each component, and how far to lean.
N_OUTPUTS: Final = 3 * COMPONENTS + 1
#: Smallest and largest log2 of a scale, in quantised steps.
LOG_SCALE_RANGE: Final = (-5.0, 10.0)

#: Blocks that a loop goes through at a time, so that what it notes stays in the nearest cache.
_TILE: Final = 256
#: exp of less than this is taken to be exp of this.
_FURTHEST: Final = np.float32(-50)
_LEAST_MASS: Final = np.float32(1e-20)
_LN2: Final = np.float32(math.log(2))
_LOG2E: Final = np.float32(1 / math.log(2))


def bits(x: Tensor, out: Tensor, centre: Tensor, leaning: Tensor, usual: Tensor) -> Tensor:
    """Bits of quantised coefficients x (64, N) float32 under their mixtures: (64, N).

    out: (64, N_OUTPUTS, N); centre, leaning: (64, N) in quantised steps: component k's mean is
    centre + lean * leaning + offset * 2^usual; usual: (64, N), log2 of a usual scale in steps,
    which is added to the log scales.
    """
    mass: Tensor = _Mass.apply(x, out, centre, leaning, usual)
    return -mass.log2()


class _Mass(torch.autograd.Function):
    """The mass of each coefficient, with its derivatives written down."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, out: Tensor, centre: Tensor, leaning: Tensor, usual: Tensor
    ) -> Tensor:
        x_, y, c, a, u = (t.detach().contiguous().numpy() for t in (x, out, centre, leaning, usual))
        n_coefficients, n = x.shape
        mass = np.empty((n_coefficients, n), dtype=np.float32)
        slopes = np.empty((N_OUTPUTS + 3, n_coefficients, n), dtype=np.float32)
        _masses(x_, y, c, a, u, mass, slopes)
        ctx.save_for_backward(torch.from_numpy(slopes), torch.from_numpy(mass))
        return torch.from_numpy(mass)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        slopes, mass = ctx.saved_tensors
        slopes = slopes * (gradient * mass)  # they are those of the logarithm
        out = slopes[:N_OUTPUTS].transpose(0, 1)
        return None, out, slopes[N_OUTPUTS], slopes[N_OUTPUTS + 1], slopes[N_OUTPUTS + 2]


@compiled
def _exp(x: Float32, found: Float32, powers: Int32, n: int) -> None:
    """found = exp(x) of n numbers from _FURTHEST to 80, to about 2^-22; not in place."""
    for i in range(n):
        y = max(x[i], _FURTHEST) * _LOG2E
        whole = np.floor(y + np.float32(0.5))
        z = (y - whole) * _LN2
        powers[i] = np.int32((whole + np.float32(127)) * np.float32(2**23))
        p = np.float32(1 / 720)
        p = p * z + np.float32(1 / 120)
        p = p * z + np.float32(1 / 24)
        p = p * z + np.float32(1 / 6)
        p = p * z + np.float32(0.5)
        p = p * z + np.float32(1)
        found[i] = p * z + np.float32(1)
    scale = powers.view(np.float32)
    for i in range(n):
        found[i] *= scale[i]


@compiled
def _component(
    distance: Float32, raw: Float32, share: Float32, of_mean: Float32, of_scale: Float32,
    t: Float32, e: Float32, inverse: Float32, upper: Float32, powers: Int32, n: int,
) -> None:  # fmt: skip
    """A logistic's mass, (n,), and the slopes of its logarithm by its mean and its log2 scale.

    distance: of the values from its mean; raw: its log2 scale. Each loop writes one array, so that
    it is compiled to vector instructions.
    """
    low, high = np.float32(LOG_SCALE_RANGE[0]), np.float32(LOG_SCALE_RANGE[1])
    one, half, none = np.float32(1), np.float32(0.5), np.float32(0)
    for i in range(n):
        upper[i] = -_LN2 * min(max(raw[i], low), high)
    _exp(upper, inverse, powers, n)
    for i in range(n):
        upper[i] = -inverse[i]
    _exp(upper, t, powers, n)
    for i in range(n):  # never above 0: the mass is the same on either side
        upper[i] = max((half - abs(distance[i])) * inverse[i], _FURTHEST)
    _exp(upper, e, powers, n)
    for i in range(n):
        et = e[i] * t[i]
        share[i] = max(e[i] * (one - t[i]) / ((one + e[i]) * (one + et)), _LEAST_MASS)
    for i in range(n):
        et = e[i] * t[i]
        slope = inverse[i] * (one / (one + e[i]) - et / (one + et))
        of_mean[i] = slope if distance[i] > none else -slope
    for i in range(n):
        et = e[i] * t[i]
        inner = inverse[i] * t[i] / max(one - t[i], np.float32(1e-7))
        lower = (upper[i] - inverse[i]) * (et / (one + et))
        of_scale[i] = _LN2 * (lower - upper[i] / (one + e[i]) - inner)
    for i in range(n):
        moving = raw[i] > low and raw[i] < high
        of_scale[i] = of_scale[i] if moving else none


@compiled
def _masses(
    x: Float32, out: Float32, centre: Float32, leaning: Float32, usual: Float32,
    mass: Float32, slopes: Float32,
) -> None:  # fmt: skip
    """Masses (F, N), and slopes (N_OUTPUTS + 3, F, N): the derivatives of their logarithm."""
    powers = np.empty(_TILE, dtype=np.int32)
    unit, mean, top, total, weights, scratch, raw = np.empty((7, _TILE), dtype=np.float32)
    t, e, inverse, upper = np.empty((4, _TILE), dtype=np.float32)
    weight, share, of_mean, of_scale = np.empty((4, COMPONENTS, _TILE), dtype=np.float32)
    n_coefficients, count = x.shape
    for f in range(n_coefficients):
        for start in range(0, count, _TILE):
            n = min(_TILE, count - start)
            here = slice(start, start + n)
            u, v, c, a = usual[f, here], x[f, here], centre[f, here], leaning[f, here]
            lean = out[f, 3 * COMPONENTS, here]
            for i in range(n):
                scratch[i] = _LN2 * u[i]
            _exp(scratch, unit, powers, n)
            for i in range(n):
                mean[i] = c[i] + lean[i] * a[i]
            first, second, third = out[f, 0, here], out[f, 1, here], out[f, 2, here]
            for i in range(n):
                top[i] = max(first[i], max(second[i], third[i]))
            total[:n] = np.float32(0)
            weights[:n] = np.float32(0)
            for k in range(COMPONENTS):
                logit, offset = out[f, k, here], out[f, COMPONENTS + k, here]
                log_scale, w, s = out[f, 2 * COMPONENTS + k, here], weight[k], share[k]
                for i in range(n):
                    scratch[i] = logit[i] - top[i]
                _exp(scratch, w, powers, n)
                for i in range(n):
                    weights[i] += w[i]
                for i in range(n):
                    scratch[i] = v[i] - mean[i] - offset[i] * unit[i]
                for i in range(n):
                    raw[i] = log_scale[i] + u[i]
                _component(
                    scratch, raw, s, of_mean[k], of_scale[k], t, e, inverse, upper, powers, n
                )
                for i in range(n):
                    s[i] *= w[i]
                for i in range(n):
                    total[i] += s[i]
            m = mass[f, here]
            for i in range(n):
                m[i] = total[i] / weights[i]
            of_centre, of_usual = slopes[N_OUTPUTS, f, here], slopes[N_OUTPUTS + 2, f, here]
            of_centre[:] = np.float32(0)
            of_usual[:] = np.float32(0)
            for k in range(COMPONENTS):
                w, s, by_mean, by_scale = weight[k], share[k], of_mean[k], of_scale[k]
                offset, found = out[f, COMPONENTS + k, here], slopes[k, f, here]
                for i in range(n):
                    s[i] /= total[i]
                for i in range(n):
                    found[i] = s[i] - w[i] / weights[i]
                for i in range(n):
                    by_mean[i] *= s[i]
                for i in range(n):
                    of_centre[i] += by_mean[i]
                found = slopes[COMPONENTS + k, f, here]
                for i in range(n):
                    found[i] = by_mean[i] * unit[i]
                found = slopes[2 * COMPONENTS + k, f, here]
                for i in range(n):
                    found[i] = s[i] * by_scale[i]
                for i in range(n):
                    of_usual[i] += found[i] + by_mean[i] * unit[i] * offset[i] * _LN2
            found = slopes[3 * COMPONENTS, f, here]
            for i in range(n):
                found[i] = of_centre[i] * a[i]
            found = slopes[N_OUTPUTS + 1, f, here]
            for i in range(n):
                found[i] = of_centre[i] * lean[i]
