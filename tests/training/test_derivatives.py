"""Derivatives that are written down are those that automatic differentiation finds."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.flows.photo.logistic import bits, log2_mass
from core.flows.photo.model import _AddGated


def mixtures(n: int, seed: int, reach: float = 4) -> tuple[Tensor, ...]:
    """Distances in scales of about 1, first, last, logits, log scales: K = 3, double."""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    first, last = torch.zeros(2, n, dtype=torch.bool)
    first[::3], last[1::3] = True, True
    return reach * draw(3, n), first, last, draw(3, n), 0.5 * draw(3, n)


def test_bits_of_a_mixture() -> None:
    distance, first, last, logits, log_scales = mixtures(9, seed=1)
    inputs = [t.requires_grad_() for t in (distance, logits, log_scales)]
    assert torch.autograd.gradcheck(
        lambda d, o, s: bits(d.clone(), first, last, o, s), inputs, eps=1e-6, atol=1e-6
    )


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), reach=st.sampled_from([0.5, 4, 20]))
def test_bits_are_those_of_the_form_that_others_use(seed: int, reach: float) -> None:
    distance, first, last, logits, log_scales = mixtures(30, seed, reach)
    distance = distance.clamp(-50, 50) * log_scales.exp()  # no further than masses are told apart
    x = torch.where(first, 0.0, torch.where(last, 255.0, 100.0)).double()
    grads = []
    for of in (
        lambda d, o, s: bits(d, first, last, o, s),
        lambda d, o, s: -log2_mass(x, o, x - d, s, dim=0),
    ):
        inputs = [t.clone().requires_grad_() for t in (distance, logits, log_scales)]
        lengths = of(*inputs)
        grads.append((lengths, *torch.autograd.grad(lengths.sum(), inputs)))
    for ours, theirs in zip(*grads, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-6, atol=1e-7)


def test_the_furthest_logistic_still_has_a_slope() -> None:
    far = torch.full((1, 1), 500.0, requires_grad=True)
    end = torch.zeros(1, dtype=torch.bool)
    length = bits(far, end, end, torch.zeros(1, 1), torch.zeros(1, 1))
    length.backward()
    assert math.isfinite(length.item())
    assert far.grad is not None
    assert float(far.grad) > 0


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gated_blocks(layout: torch.memory_format) -> None:
    random = torch.Generator().manual_seed(2)
    x = torch.randn(2, 3, 4, 2, generator=random, dtype=torch.float64).requires_grad_()
    gated = 3 * torch.randn(2, 6, 4, 2, generator=random, dtype=torch.float64)
    gate = gated[:, 3:]  # some of them shut, some open, none at the kinks
    assert (gate < -2).any()
    assert (gate > 2).any()
    assert (gate.abs() - 2).abs().min() > 1e-5
    gated = gated.contiguous(memory_format=layout).requires_grad_()
    assert torch.autograd.gradcheck(_AddGated.apply, (x, gated), eps=1e-6)
    expected = x + gated[:, :3] * (0.25 * gate + 0.5).clamp(0, 1)
    assert torch.allclose(_AddGated.apply(x, gated), expected)
