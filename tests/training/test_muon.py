"""Muon: steps that are as long in all directions of a matrix."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.flows.photo.model import Photo
from core.training.muon import Muon, orthogonalised
from tests.training.small_runs import TINY


def matrices(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(5, 8, 20), (5, 20, 8), (3, 16, 16)])
def test_singular_values_come_near_one_and_vectors_stay(shape: tuple[int, ...]) -> None:
    given = matrices(*shape)
    found = orthogonalised(1e-3 * given)
    assert found.shape == given.shape
    values = torch.linalg.svdvals(found)
    assert values.max() < 1.3
    assert values.quantile(0.1) > 0.6  # the smallest of a square matrix may start near 0
    u, _, v = torch.linalg.svd(given, full_matrices=False)
    turned = u.mT @ found @ v.mT  # diagonal, if both have the same vectors
    assert (turned - torch.diag_embed(torch.diagonal(turned, dim1=1, dim2=2))).abs().max() < 1e-3


def test_nothing_becomes_nothing() -> None:
    assert not orthogonalised(torch.zeros(2, 4, 6)).any()


def stepped(weight: Tensor, gradients: list[Tensor], n: int) -> Tensor:
    weight = weight.clone().requires_grad_()
    optimiser = Muon({n: [weight]}, lr=0.1)
    for gradient in gradients:
        weight.grad = gradient
        optimiser.step()
    return weight.detach()


def test_matrices_of_a_weight_are_divided() -> None:
    """Value and gate, or three channels' features: each is a matrix of its own."""
    weight, gradients = matrices(12, 5, 3, 3), [matrices(12, 5, 3, 3, seed=i) for i in (2, 3)]
    for n in (1, 2, 3):
        parts = [
            stepped(w, g, 1)
            for w, *g in zip(weight.chunk(n), *(g.chunk(n) for g in gradients), strict=True)
        ]
        assert torch.allclose(stepped(weight, gradients, n), torch.cat(parts), atol=1e-6)
    one, two = (stepped(weight, gradients, n) for n in (1, 2))
    assert not torch.allclose(one, two, atol=1e-3)


def test_steps_are_as_long_as_adam_s_would_be() -> None:
    weight, gradient = torch.zeros(10, 40), matrices(10, 40)
    for scale in (1e-6, 1.0, 1e4):
        step = stepped(weight, [scale * gradient], 1)
        assert float(step.square().mean().sqrt()) == pytest.approx(0.2 * 0.1, rel=0.15)
        assert (step * gradient).sum() < 0


def test_it_trains_all_that_lies_between_first_and_last_layers() -> None:
    model = Photo(TINY)
    chosen = {id(w): n for n, weights in model.hidden_weights().items() for w in weights}
    for name, parameter in model.named_parameters():
        hidden = name.endswith("weight") and any(p in name for p in ("trunks", "features"))
        assert (id(parameter) in chosen) == hidden, name
        if hidden:
            n = chosen[id(parameter)]
            assert n == {"conv": 1, "gated": 2, "features": 3}[name.split(".")[-2]]
            assert len(parameter) % n == 0
