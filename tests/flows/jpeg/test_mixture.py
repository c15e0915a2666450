"""The mixtures of training: masses, and derivatives that are written down."""

from __future__ import annotations

import torch
from torch import Tensor

from core.flows.jpeg.mixture import COMPONENTS, LOG_SCALE_RANGE, N_OUTPUTS, bits


def parameters(n: int, f: int = 64) -> list[Tensor]:
    """Outputs, centres, leanings and usual scales."""
    torch.manual_seed(2)
    out = torch.randn(f, N_OUTPUTS, n) * 0.7
    return [out, torch.randn(f, n), torch.randn(f, n), torch.randn(f, n)]


def by_autograd(x: Tensor, out: Tensor, centre: Tensor, leaning: Tensor, usual: Tensor) -> Tensor:
    """The same in float64, derived by torch."""
    logits, offsets, scales = (out[:, i : i + COMPONENTS] for i in (0, 3, 6))
    mean = (centre + out[:, 9] * leaning)[:, None] + offsets * torch.exp2(usual)[:, None]
    inverse = torch.exp2(-(scales + usual[:, None]).clamp(*LOG_SCALE_RANGE))
    distance = -(x[:, None] - mean).abs()  # the same mass, and it keeps its precision
    mass = torch.sigmoid((distance + 0.5) * inverse) - torch.sigmoid((distance - 0.5) * inverse)
    return -torch.log2((torch.softmax(logits, 1) * mass.clamp_min(1e-20)).sum(1))


def test_bits_and_derivatives() -> None:
    n = 300
    given = [t.requires_grad_() for t in parameters(n)]
    x = torch.randint(-2, 3, (64, n)).float()
    found = bits(x, *given)
    exact = [t.detach().double().requires_grad_() for t in given]
    expected = by_autograd(x.double(), *exact)
    likely = (expected < 15).detach()  # what lies far outside is cut off
    (found * likely).sum().backward()
    (expected * likely).sum().backward()
    found, expected = found[likely], expected[likely]
    assert torch.allclose(found.double(), expected, atol=2e-4)
    for a, b in zip(given, exact, strict=True):
        assert a.grad is not None
        assert b.grad is not None
        assert torch.allclose(a.grad.double(), b.grad, atol=2e-4 * float(b.grad.abs().max()))


def test_masses_sum_to_one() -> None:
    out, centre, leaning, usual = parameters(20)
    total = torch.zeros(64, 20)
    for value in range(-400, 401):
        total += torch.exp2(-bits(torch.full((64, 20), float(value)), out, centre, leaning, usual))
    assert torch.allclose(total, torch.ones(()), atol=1e-3)
