"""Muon: momentum whose step has all directions of a weight matrix equally long.

Keller Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; the length of
the step is that of Liu et al. 2025 (arXiv 2502.16982, section 2.2), as long as Adam's would be, so
that one learning rate serves both. Convolutions are matrices of outputs by all their inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

#: Coefficients of the Newton-Schulz iteration that takes singular values to about 1.
_QUINTIC = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5

#: Root mean square of a step in units of the learning rate, as Adam's usually is.
_STEP_RMS = 0.2


class Muon(torch.optim.Optimizer):
    """For weights of hidden layers: (O, I, ...) tensors, seen as matrices (O, I * ...).

    Others (first and last layers, biases) belong to AdamW. weights: by the number of matrices in
    one, if its layer computes several at once, such as a value and its gate; the outputs are
    divided evenly among them.
    """

    def __init__(
        self, weights: Mapping[int, Sequence[Tensor]], lr: float, momentum: float = 0.95
    ) -> None:
        groups = [{"params": list(w), "n_matrices": n} for n, w in weights.items()]
        super().__init__(groups, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step; matrices of the same shape go through the iteration together."""
        assert closure is None, "the gradient is that of the last backward pass"
        shapes: dict[tuple[int, ...], list[tuple[Tensor, Tensor, float]]] = {}
        for group in self.param_groups:
            for weight in group["params"]:
                for matrix, ahead in self._directions(
                    weight, group["n_matrices"], group["momentum"]
                ):
                    shapes.setdefault(tuple(ahead.shape), []).append((matrix, ahead, group["lr"]))
        for (rows, columns), same in shapes.items():
            steps = orthogonalised(torch.stack([ahead for _, ahead, _ in same]))
            length = _STEP_RMS * max(rows, columns) ** 0.5
            for (matrix, _, lr), step in zip(same, steps, strict=True):
                matrix.sub_(step.view(matrix.shape), alpha=lr * length)

    def _directions(self, weight: Tensor, n: int, momentum: float) -> list[tuple[Tensor, Tensor]]:
        """A weight's matrices, each with its momentum (Nesterov's form) as (rows, columns)."""
        assert weight.grad is not None
        state: dict[str, Any] = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        average = state["momentum"]
        average.lerp_(weight.grad, 1 - momentum)
        ahead = weight.grad.lerp(average, momentum)
        parts = zip(weight.chunk(n), ahead.chunk(n), strict=True)
        return [(matrix, part.flatten(1)) for matrix, part in parts]


def orthogonalised(matrices: Tensor) -> Tensor:
    """(N, R, C) -> about U V' of each one's singular value decomposition U S V'."""
    a, b, c = _QUINTIC
    x = matrices
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2)
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-20)
    for _ in range(_ITERATIONS):
        gram = x @ x.transpose(1, 2)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.transpose(1, 2) if tall else x
