"""Black-box local bits-back coding (arXiv 1905.08500, Algorithm 1), for any differentiable flow.

The flow is only asked for values, inverses and gradients. Its whole Jacobian J at y makes the
noise: z is popped under N(f(y), sigma^2 J J^T), y is pushed under N(f^-1(z), sigma^2 I). With
J^T = Q R, the factor L = R^T of J J^T is triangular, and z is popped one dimension after the
other, each given those before it. Time grows with the cube of the number of dimensions, memory
with the square.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from core.arrays import Floats, Integers
from core.coding.flowpp.layers import NormalPrior, flat
from core.coding.flowpp.line import values_of
from core.coding.stack import Stack
from core.control import CancelToken
from core.flows.flowpp import Bijection

#: Told how many more rows of a Jacobian there are.
RowListener = Callable[[int], None]

#: Rows of a Jacobian that are computed at a time; at 32x32 one takes a sixth of a second of a core,
#: and more of them at a time are no faster.
_ROWS: Final = 2

#: Columns of a Jacobian that are made triangular at a time.
_PANEL: Final = 128


@dataclass(frozen=True)
class BlackBox:
    """The constants of Algorithm 1: grids in bits below 1, and sigma in units of y.

    Sigma in pixels is larger, by what the input processing makes of it.
    """

    noise_bits: int = 26
    pixel_bits: int = 22
    latent_bits: int = 28
    sigma: float = 2.0**-20
    pixel_sigma: float = 2.0**-14


class BlackBoxCode:
    """A flow between grids, (N, C, H, W) int64, coded image by image.

    The flow must compute in float64: float32 rounds what the grids tell apart.
    """

    def __init__(
        self,
        flow: Bijection,
        y_shape: tuple[int, ...],
        z_shape: tuple[int, ...],
        y_bits: int,
        z_bits: int,
        sigma: float,
        cancel: CancelToken | None = None,
        on_rows: RowListener | None = None,
    ) -> None:
        self._flow, self._sigma = flow, sigma
        self._y_bits, self._z_bits = y_bits, z_bits
        self._y_shape, self._z_shape = y_shape, z_shape
        self._cancel, self._on_rows = cancel, on_rows
        self.prior = NormalPrior(self._z_shape, z_bits)

    def encode(self, stack: Stack, y: Tensor, context: Tensor | None = None) -> Tensor:
        """Bins of y to bins of z."""
        z = [self._encode_one(stack, y[i : i + 1], _part(context, i)) for i in range(len(y))]
        return torch.cat(z)

    def decode(self, stack: Stack, z: Tensor, context: Tensor | None = None) -> Tensor:
        """Undoes :meth:`encode`, bit for bit."""
        order = reversed(range(len(z)))
        y = [self._decode_one(stack, z[i : i + 1], _part(context, i)) for i in order]
        return torch.cat(y[::-1])

    def _encode_one(self, stack: Stack, y: Tensor, context: Tensor | None) -> Tensor:
        mean, factor = self._linearised(y, context)
        z = torch.from_numpy(_TriangularNormal(mean, factor, self._cancel).pop(stack))
        z = z.view(1, *self._z_shape)
        stack.push_gaussian(flat(y), *self._backward(z, context))
        return z

    def _decode_one(self, stack: Stack, z: Tensor, context: Tensor | None) -> Tensor:
        y = torch.from_numpy(stack.pop_gaussian(*self._backward(z, context))).view(
            1, *self._y_shape
        )
        mean, factor = self._linearised(y, context)
        _TriangularNormal(mean, factor, self._cancel).push(stack, flat(z))
        return y

    def _linearised(self, y: Tensor, context: Tensor | None) -> tuple[Floats, Floats]:
        """f(y) and the triangular factor of its noise's covariance, in bins of z."""
        centre = torch.from_numpy(values_of(y.numpy(), self._y_bits))
        value, jacobian = jacobian_of(self._flow, centre, context, self._cancel, self._on_rows)
        upper = upper_factor(jacobian.T, self._cancel)
        factor = upper.T * torch.sign(torch.diagonal(upper))  # a positive diagonal
        mean = torch.ldexp(value.reshape(-1), torch.tensor(self._z_bits)) - 0.5
        return mean.numpy(), (factor * np.ldexp(self._sigma, self._z_bits)).numpy()

    def _backward(self, z: Tensor, context: Tensor | None) -> tuple[Floats, Floats]:
        """f^-1(z) and sigma, in bins of y."""
        with torch.inference_mode():
            y = self._flow.inverse(torch.from_numpy(values_of(z.numpy(), self._z_bits)), context)
        mean = np.ldexp(y.reshape(-1).numpy(), self._y_bits) - 0.5
        return mean, np.full(len(mean), np.ldexp(self._sigma, self._y_bits))


def jacobian_of(
    flow: Bijection,
    y: Tensor,
    context: Tensor | None,
    cancel: CancelToken | None = None,
    on_rows: RowListener | None = None,
) -> tuple[Tensor, Tensor]:
    """f(y) and its Jacobian at one y, (1, ...) float64: (1, ...) and (D, D).

    Row by row by automatic differentiation, some rows at a time as a batch of the same y.
    """
    rows = []
    count = y.numel()
    for first in range(0, count, _ROWS):
        if cancel is not None:
            cancel.check()
        n = min(_ROWS, count - first)
        inputs = y.expand(n, *y.shape[1:]).clone().requires_grad_()
        contexts = None if context is None else context.expand(n, *context.shape[1:]).clone()
        z = flow(inputs, contexts)[0].reshape(n, -1)
        picked = z[torch.arange(n), torch.arange(first, first + n)]
        (gradient,) = torch.autograd.grad(picked.sum(), inputs)
        rows.append(gradient.reshape(n, -1))
        if on_rows is not None:
            on_rows(n)
    with torch.inference_mode():
        value = flow(y, context)[0]
    return value, torch.cat(rows)


def upper_factor(matrix: Tensor, cancel: CancelToken | None = None) -> Tensor:
    """The upper triangular R of matrix = Q R: (D, D) -> (D, D), its diagonal of any sign.

    Panel by panel, so that it can be stopped: one call for 3,072 dimensions takes seconds. Each
    panel's Q is taken out of the columns behind it (modified Gram-Schmidt), whose R is as good as
    that of Householder's reflections; that its Q is less orthogonal does not matter here.
    """
    left = matrix.clone()
    upper = torch.zeros_like(matrix)
    for first in range(0, len(matrix), _PANEL):
        if cancel is not None:
            cancel.check()
        panel, behind = slice(first, first + _PANEL), slice(first + _PANEL, None)
        q, upper[panel, panel] = torch.linalg.qr(left[:, panel])
        upper[panel, behind] = q.T @ left[:, behind]
        left[:, behind] -= q @ upper[panel, behind]
    return upper


class _TriangularNormal:
    """Integers under N(mean, L L^T), popped in order, each given those before it.

    mean (D,), L (D, D) lower triangular with a positive diagonal; in bins.
    """

    def __init__(self, mean: Floats, factor: Floats, cancel: CancelToken | None) -> None:
        self._cancel = cancel
        self._mean, self._factor = mean, np.ascontiguousarray(factor)
        self._noise = np.zeros(len(mean))  # independent and standard normal, as far as known

    def pop(self, stack: Stack) -> Integers:
        z = np.zeros(len(self._mean), dtype=np.int64)
        for i in range(len(z)):
            mean, std = self._conditional(i)
            z[i] = stack.pop_gaussian([mean], [std])[0]
            self._noise[i] = (z[i] - mean) / std
        return z

    def push(self, stack: Stack, z: Integers) -> None:
        densities = []
        for i in range(len(z)):
            mean, std = self._conditional(i)
            densities.append((mean, std))
            self._noise[i] = (z[i] - mean) / std
        for i in reversed(range(len(z))):
            stack.push_gaussian(z[i : i + 1], densities[i][:1], densities[i][1:])

    def _conditional(self, i: int) -> tuple[float, float]:
        if self._cancel is not None:
            self._cancel.check()
        row = self._factor[i]
        return float(self._mean[i] + row[:i] @ self._noise[:i]), float(row[i])


def _part(context: Tensor | None, i: int) -> Tensor | None:
    return None if context is None else context[i : i + 1]
