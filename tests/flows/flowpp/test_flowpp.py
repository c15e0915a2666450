"""Flow++ models: every layer is a bijection whose determinant is that of its Jacobian."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.flows.flowpp import (
    CIFAR10,
    IMAGENET32,
    IMAGENET64,
    PUBLISHED,
    Bijection,
    ChannelSplit,
    Coupling,
    Flow,
    FlowPP,
    FlowPPConfig,
    Logit,
    MixtureParameters,
    Normalise,
    Pointwise,
    Sigmoid,
    Split,
    Squeeze,
    StripeSplit,
    Swap,
    inverse,
    log_derivative,
    mixture_logit,
    small,
)

Shape = tuple[int, int, int]

SPLITS = [kind(second) for kind in (StripeSplit, ChannelSplit) for second in (False, True)]


def tiny(config: FlowPPConfig, size: int = 8) -> FlowPPConfig:
    return small(config, width=8, blocks=1, components=3, size=size)


@functools.cache
def model(name: str, size: int = 8) -> FlowPP:
    """A small model in double precision whose every parameter matters."""
    torch.manual_seed(5)
    made = FlowPP(tiny(PUBLISHED[name], size)).double()
    made.initialise(images(16, size))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
    return made.eval().requires_grad_(False)


def images(count: int, size: int = 8, seed: int = 1) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, size, size), generator=random).double()


def randomised(layer: Bijection) -> Bijection:
    layer = layer.double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(1.2).add_(0.1 * torch.randn_like(parameter))
    return layer.eval().requires_grad_(False)


def coupling(split: Split, shape: Shape) -> Coupling:
    return Coupling(tiny(CIFAR10), split, shape)


LAYERS: dict[str, Callable[[Split, Shape], Bijection]] = {
    "logit": lambda split, shape: Logit(),
    "sigmoid": lambda split, shape: Sigmoid(),
    "squeeze": lambda split, shape: Squeeze(),
    "swap": lambda split, shape: Swap(split),
    "normalise": Normalise,
    "pointwise": Pointwise,
    "coupling": coupling,
    "flow": lambda split, shape: Flow([Normalise(split, shape), coupling(split, shape)]),
}

shapes = st.tuples(st.sampled_from([2, 4]), st.sampled_from([2, 4]), st.sampled_from([2, 4, 6]))


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=12)
@given(shape=shapes, split=st.sampled_from(SPLITS), seed=st.integers(0, 10_000))
def test_a_bijection(name: str, shape: Shape, split: Split, seed: int) -> None:
    torch.manual_seed(seed)
    layer = randomised(LAYERS[name](split, shape))
    x = torch.randn(2, *shape, dtype=torch.float64)
    x = 256 * torch.sigmoid(x) if name == "logit" else x
    assert_bijective(layer, x)


def assert_bijective(layer: Bijection, x: Tensor, context: Tensor | None = None) -> None:
    z, log_det = layer(x, context)
    assert log_det.shape == (len(x),)
    assert (layer.inverse(z, context) - x).abs().max() < 1e-9
    for i in range(len(x)):
        given_context = None if context is None else context[i : i + 1]
        jacobian = torch.autograd.functional.jacobian(
            lambda v, c=given_context: layer(v, c)[0].reshape(-1), x[i : i + 1]
        )
        expected = torch.linalg.slogdet(jacobian.reshape(x[0].numel(), -1))[1]
        assert abs(float(log_det[i] - expected)) < 1e-9 * (1 + abs(float(expected)))


@pytest.mark.parametrize(("name", "size"), [("cifar10", 8), ("imagenet32", 8)])
def test_whole_flows_are_bijections(name: str, size: int) -> None:
    made = model(name, size)
    x = images(1, size)
    eps = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    assert_bijective(made.dequantizer.flow, eps, made.dequantizer.context(x))
    u, _ = made.dequantize(x, eps)
    assert_bijective(made.flow, x + u)


@pytest.mark.parametrize("size", [16, 32])
def test_the_flow_for_larger_images_comes_back(size: int) -> None:
    for name in PUBLISHED:
        made = model(name, size)
        x = images(2, size)
        u, _ = made.dequantize(x, torch.randn_like(x))
        assert ((u > 0) & (u < 1)).all()
        z, _ = made.flow(x + u)
        assert (made.flow.inverse(z) - x - u).abs().max() < 1e-9


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_image_does_not_depend_on_its_batch(name: str) -> None:
    made = model(name, 16)
    x = images(5, 16)
    u, log2_q = made.dequantize(x, torch.ones_like(x))
    z, log_det = made.flow(x + u)
    y = made.flow.inverse(z)
    for i in range(len(x)):
        own_u, own_q = made.dequantize(x[i : i + 1], torch.ones_like(x[:1]))
        own_z, own_det = made.flow(x[i : i + 1] + own_u)
        assert torch.allclose(own_u, u[i : i + 1], rtol=0, atol=1e-12)
        assert torch.allclose(own_z, z[i : i + 1], rtol=0, atol=1e-10)
        assert torch.allclose(own_q, log2_q[i : i + 1], rtol=0, atol=1e-8)
        assert torch.allclose(own_det, log_det[i : i + 1], rtol=0, atol=1e-8)
        assert (made.flow.inverse(own_z) - y[i : i + 1]).abs().max() < 1e-9


def test_bits_are_those_of_the_densities() -> None:
    made = model("cifar10")
    x = images(3)
    torch.manual_seed(8)
    bits = made.bits(x)
    torch.manual_seed(8)
    eps = torch.randn_like(x)
    u, log2_q = made.dequantize(x, eps)
    normal = torch.distributions.Normal(0.0, 1.0)
    _, det = made.dequantizer.flow(eps, made.dequantizer.context(x))
    nats = normal.log_prob(eps).flatten(1).sum(1) - det
    assert torch.allclose(log2_q, nats / torch.log(torch.tensor(2.0)), rtol=1e-6)
    assert torch.allclose(bits, log2_q - made.log2_likelihood(x + u))


def test_the_first_batch_is_normalised() -> None:
    torch.manual_seed(3)
    made = FlowPP(tiny(CIFAR10)).double().requires_grad_(False)
    x = images(200)
    made.initialise(x)
    assert 8 < float(made.bits(x).mean()) / x[0].numel() < 9  # near uniform, after one look
    seen: dict[str, Tensor] = {}
    for name, module in made.named_modules():
        if isinstance(module, Normalise) or name.endswith(".network.last"):
            module.register_forward_hook(
                lambda m, args, out, name=name: seen.update(
                    {name: out[0] if isinstance(out, tuple) else out}
                )
            )
    made.bits(x)
    assert len(seen) == 26
    for name, out in seen.items():
        wanted = 0.1 if name.endswith("last") else 1.0
        assert float(out.std()) == pytest.approx(wanted, rel=0.1), name
        assert abs(float(out.mean())) < 0.05


def mixtures(count: int, components: int, seed: int, spread: float) -> MixtureParameters:
    random = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    flat = (count, 1, 1, 1)
    log_scales = (2 * draw(*flat, components)).clamp(-5, 3)
    return MixtureParameters(
        draw(*flat).tanh(), draw(*flat), 2 * draw(*flat, components),
        spread * draw(*flat, components), log_scales,
    )  # fmt: skip


@settings(max_examples=30)
@given(
    components=st.integers(1, 32), seed=st.integers(0, 10_000), spread=st.sampled_from([0.1, 2, 50])
)
def test_a_mixture_comes_back_from_anywhere(components: int, seed: int, spread: float) -> None:
    parameters = mixtures(50, components, seed, spread)
    random = torch.Generator().manual_seed(seed)
    y = 8 * torch.randn(50, 1, 1, 1, generator=random, dtype=torch.float64)
    x = inverse(y, parameters)
    # Where the CDF is all but flat, x is any of many; y tells whether it is one of them.
    error = (mixture_logit(x, parameters) - y).abs()
    slope = log_derivative(x, parameters).exp()
    assert (error <= 1e-12 * (1 + y.abs()) + 4e-16 * slope * (1 + x.abs())).all()


def test_a_mixture_keeps_its_precision_where_it_has_no_mass() -> None:
    parameters = mixtures(1, 4, 1, spread=1)
    x = torch.tensor([-1e4, 1e4], dtype=torch.float64).view(2, 1, 1, 1)
    y = mixture_logit(x, parameters)
    assert torch.isfinite(y).all()
    assert (inverse(y, parameters) - x).abs().max() < 1e-8
    # Far out the component of the largest scale is the whole mixture, and y is linear in x.
    widest = float(parameters.log_scales.max())
    assert torch.allclose(log_derivative(x, parameters), torch.tensor(-widest).double())


def test_the_inverse_of_a_mixture_does_not_depend_on_its_neighbours() -> None:
    parameters = mixtures(64, 8, 4, spread=3)
    y = 6 * torch.randn(64, 1, 1, 1, dtype=torch.float64)
    together = inverse(y, parameters)
    for i in range(0, 64, 7):
        part = slice(i, i + 1)
        own = MixtureParameters(
            *(getattr(parameters, name)[part] for name in MixtureParameters.__dataclass_fields__)
        )
        assert torch.equal(inverse(y[part], own), together[part])


def test_the_published_models_have_as_many_parameters_as_published() -> None:
    with torch.device("meta"):
        counts = {
            name: sum(p.numel() for p in FlowPP(config).parameters())
            for name, config in PUBLISHED.items()
        }
    assert counts["cifar10"] == 31_443_440  # as the authors' repository says
    assert counts == {"cifar10": 31_443_440, "imagenet32": 168_601_286, "imagenet64": 73_489_960}


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="halved"):
        small(IMAGENET64, size=8)
    with pytest.raises(ValueError, match="halved"):
        small(IMAGENET32, size=6)
    with pytest.raises(ValueError, match="heads"):
        small(CIFAR10, width=9)
    with pytest.raises(ValueError, match="checkers"):
        replace(CIFAR10, layout=(("checkers", 2),))


def test_layers_are_those_of_the_paper() -> None:
    with torch.device("meta"):
        made = FlowPP(IMAGENET32)
    kinds = "".join(type(layer).__name__[0:2] for layer in made.flow.layers)
    run = "NoCo"
    assert kinds == "Lo" + 4 * run + 3 * run + "Sw" + "Sq" + 3 * run + "Sw" + 3 * run + "Sw"
    couplings = [layer for layer in made.flow.layers if isinstance(layer, Coupling)]
    seconds = [layer.split.second for layer in couplings]
    assert seconds == [False, True, False, True] + 3 * [False, True, False]
    assert [type(layer.split) for layer in couplings[7:10]] == 3 * [ChannelSplit]
    assert tuple(couplings[7].network.position.shape) == (128, 16, 16)
    assert tuple(couplings[10].network.position.shape) == (128, 16, 8)
