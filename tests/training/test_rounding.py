"""Training with rounding: what is trained is what the integers will compute."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor

import core.training.loop as loop
from core.flows.photo import interlace
from core.flows.photo.integer import IntegerPhoto
from core.flows.photo.loading import load_photo_model
from core.flows.photo.model import Photo, scaled_context
from core.training.export import export, write_model
from core.training.loop import Run
from core.training.quantise import WEIGHT_BOUND, quantise
from core.training.rounding import (
    BYTE_BOUND,
    Exponents,
    RoundedConv,
    _Rounded,
    add_rounding,
    exponents_of,
)
from tests.models import SMALL, crops, small_photo, smooth_bits
from tests.training.small_runs import (
    TINY,
    EvenClock,
    assert_same_weights,
    photographs,
    settings,
    small_run,
)


@pytest.fixture(scope="module")
def exponents() -> Exponents:
    return exponents_of(small_photo(), crops())


@pytest.fixture
def rounded(exponents: Exponents) -> Photo:
    model = small_photo()
    add_rounding(model, exponents)
    return model


def layers_of(model: Photo) -> dict[str, RoundedConv]:
    return {n: m for n, m in model.named_modules() if isinstance(m, RoundedConv)}


def test_all_that_the_integers_round_is_rounded_and_nothing_else(rounded: Photo) -> None:
    convolutions = {n for n, m in rounded.named_modules() if isinstance(m, torch.nn.Conv2d)}
    left = {n for n in convolutions if "outputs" in n or "lean" in n}
    assert set(layers_of(rounded)) == convolutions - left
    assert len(convolutions) == 2 * (3 + 2 * 4 + 3 * (1 + 2 + 3))


def test_weights_stay_what_an_optimiser_knows(exponents: Exponents) -> None:
    model = small_photo()
    before, state = list(model.named_parameters()), model.state_dict()
    hidden = model.hidden_weights()
    add_rounding(model, exponents)
    after = list(model.named_parameters())
    assert [n for n, _ in before] == [n for n, _ in after]
    assert all(one is other for (_, one), (_, other) in zip(before, after, strict=True))
    assert model.state_dict().keys() == state.keys()
    for one, other in zip(hidden.values(), model.hidden_weights().values(), strict=True):
        assert all(a is b for a, b in zip(one, other, strict=True))


def test_weights_are_rounded_to_the_integers_of_the_file(
    rounded: Photo, exponents: Exponents
) -> None:
    layers = quantise(rounded, crops(), exponents)
    parts = {"gated": ["value", "gate"], "features": [f"features.{i}" for i in range(3)]}
    n_outputs = n_apart = 0
    for name, layer in layers_of(rounded).items():
        stem, _, kind = name.rpartition(".")
        names = [f"{stem}.{part}" for part in parts.get(kind, [kind])]
        stored = torch.cat([layers[f"{n}.weight"].float() for n in names]).flatten(1)
        weight = (layer._rounded_weight() / layer.units).detach().flatten(1)
        # In whatever unit an output is: the first power of two by which the largest fits a byte.
        largest = (layer.weight / layer.units).detach().flatten(1).abs().amax(1, keepdim=True)
        scaled = weight * torch.floor(torch.log2(BYTE_BOUND / largest)).exp2()
        assert torch.equal(scaled, scaled.round())
        assert scaled.abs().max() <= BYTE_BOUND
        same = (scaled == stored).all(1)
        if kind == "features":  # which share their power of two with what leans
            for i, lean in enumerate(f"{stem}.lean.{j}.weight" for j in range(2)):
                part = slice((i + 1) * 8, (i + 2) * 8)
                same[part] |= layers[lean].flatten(1).abs().amax(1) > WEIGHT_BOUND / 2
                n_apart += int((scaled[part] != stored[part]).any(1).sum())
        assert same.all(), name
        n_outputs += len(same)
    assert n_apart < 0.01 * n_outputs


def streams_of(model: Photo, picture: Tensor) -> dict[tuple[int, int], tuple[Tensor, Tensor]]:
    """Context integers and features of each level's first picture and phase."""
    contexts: dict[tuple[int, int], Tensor] = {}
    found: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def stem(place: tuple[int, int], given: Tensor) -> None:
        unit = scaled_context(torch.ones(1, given.shape[1], 1, 1))
        contexts.setdefault(place, given / unit)

    def trunk(place: tuple[int, int], out: Tensor) -> None:
        found.setdefault(place, (contexts[place], out))

    hooks = []
    for i, level in enumerate(model.levels):
        for j in range(len(interlace.PHASES)):
            hooks += [
                level.stems[j].register_forward_pre_hook(lambda _, x, p=(i, j): stem(p, x[0])),
                level.trunks[j].register_forward_hook(lambda _, x, y, p=(i, j): trunk(p, y)),
            ]
    with torch.no_grad():
        model.bits(picture.float())
    for hook in hooks:
        hook.remove()
    return found


def test_features_are_those_of_the_integer_network(exponents: Exponents) -> None:
    model = small_photo()
    with torch.no_grad():  # biases of few digits, which integers have without an error
        for parameter in (p for n, p in model.named_parameters() if n.endswith("bias")):
            parameter.copy_((parameter * 4).round() / 4)
    picture = crops(1, 64, seed=9)
    others = streams_of(model, picture)
    add_rounding(model, exponents)
    network = IntegerPhoto(SMALL, quantise(model, crops(), exponents))
    before: Tensor | None = None
    for (level, phase), (context, y) in streams_of(model, picture).items():
        unit = exponents[f"{level}.stream"].exp2().view(-1, 1, 1)
        before, _ = network.level(level).features(phase, context, before if phase else None)
        apart = (y * unit - before).abs()
        # Halves that the integers round up, training rounds to even.
        assert (apart == 0).float().mean() > 0.93
        assert apart.mean() < 0.03
        assert apart.max() < 1.5
        plain = others[level, phase][1] * unit
        assert (plain - before).abs().mean() > 20 * apart.mean()


def test_bits_are_those_of_the_integer_network(
    rounded: Photo, exponents: Exponents, tmp_path: Path
) -> None:
    """On pictures of 32 x 32 no phase has a second block, so nothing is learnt."""
    layers = quantise(rounded, crops(), exponents)
    model = write_model(layers, SMALL, tmp_path / "model.safetensors")
    pictures = crops(4, 32, seed=9)
    with torch.no_grad():
        floats = rounded.bits(pictures.float()) / pictures[0].numel()
        plain = small_photo().bits(pictures.float()) / pictures[0].numel()
    integers = torch.tensor([smooth_bits(model, p) for p in pictures]) / pictures[0].numel()
    apart = (floats - integers).abs().mean()
    assert apart < 0.004  # of what heads round, which training does not
    assert (plain - integers).abs().mean() > 5 * apart


def test_gradients_pass_through_rounding_but_not_where_values_are_cut_off() -> None:
    x = torch.tensor([[0.3, -9.0, 1.7, 40.0]]).view(1, 2, 1, 2).requires_grad_()
    y = _Rounded.apply(x, torch.tensor([2.0, 4]).view(2, 1, 1), -8, 7)
    assert y.flatten().tolist() == [0.5, -4.0, 1.75, 1.75]
    y.backward(torch.arange(1.0, 5).view_as(y))
    assert x.grad.flatten().tolist() == [1, 0, 3, 0]


def test_a_rounded_layer_has_the_derivatives_of_what_it_computes(exponents: Exponents) -> None:
    block = small_photo().levels[0].trunks[0][0]
    unit = exponents["0.stream"]
    layer = RoundedConv(block.conv, unit, -128, 127)
    x = (20 * torch.randn(1, 8, 6, 6, generator=torch.Generator().manual_seed(3))).requires_grad_()
    y = layer(x)
    gradients = torch.autograd.grad(y.square().sum(), [x, layer.weight, layer.bias])
    scale = unit.exp2().view(-1, 1, 1)
    read = ((x.detach() * scale).round().clamp(-128, 127) / scale).requires_grad_()
    weight = layer._rounded_weight().detach().requires_grad_()
    expected = F.conv2d(read, weight, layer.bias, padding=1)
    assert torch.equal(y, expected)
    found = torch.autograd.grad(expected.square().sum(), [read, weight, layer.bias])
    inside = (x.detach() * scale > -128) & (x.detach() * scale < 127)
    assert not inside.all()
    expected_gradients = [found[0] * inside, *found[1:]]
    assert all(torch.equal(a, b) for a, b in zip(gradients, expected_gradients, strict=True))
    assert (read.detach() != x).any()


def test_all_weights_go_on_learning(rounded: Photo) -> None:
    rounded.train()
    rounded.bits(crops(2, 32, seed=4).float()).sum().backward()
    for name, parameter in rounded.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_a_copy_rounds_by_itself(rounded: Photo) -> None:
    other, x = copy.deepcopy(rounded), crops(1, 32, seed=4).float()
    with torch.no_grad():
        before = rounded.bits(x)
        assert torch.equal(other.bits(x), before)
        for parameter in rounded.parameters():
            parameter.mul_(1.1)
        assert torch.equal(other.bits(x), before)
        assert not torch.equal(rounded.bits(x), before)


def stored_exponents(folder: Path) -> dict[str, Tensor]:
    with safe_open(folder / "checkpoint.safetensors", "pt") as file:
        names = [n for n in file.keys() if n.startswith("exponents.")]  # noqa: SIM118
        return {n.removeprefix("exponents."): file.get_tensor(n) for n in names}


def assert_same_exponents(one: Exponents, other: Exponents) -> None:
    assert one.keys() == other.keys()
    assert len(one) == TINY.weight_sets * (1 + sum(TINY.blocks))
    assert all(torch.equal(one[n], other[n]) for n in one)


@pytest.fixture(scope="module")
def run(tmp_path_factory: Any) -> Run:
    """A run that begins to round after six steps, and goes on for ten."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", EvenClock())
        folder = tmp_path_factory.mktemp("run")
        plain = small_run(folder, settings(6, learning_rate=2e-2))
        plain.train()
        assert not stored_exponents(folder)
        run = small_run(folder, settings(16, learning_rate=2e-2, rounded=True))
        assert run.clock == plain.clock
        assert_same_weights(plain, run)
        assert_same_exponents(run.exponents, exponents_of(plain.average, photographs()))
        assert len(layers_of(run.model)) == len(layers_of(run.average)) > 0
        assert run.validate() != plain.validate()
        run.train()
    return run


def test_a_run_that_has_begun_to_round_goes_on_with_its_units(run: Run) -> None:
    assert run.clock.step == 16
    assert_same_exponents(stored_exponents(run.folder), run.exponents)
    again = small_run(run.folder, settings(16, learning_rate=2e-2, rounded=True))
    assert again.clock == run.clock
    assert_same_weights(run, again)
    assert_same_exponents(again.exponents, run.exponents)
    assert again.validate() == run.validate()
    forgotten = small_run(run.folder, settings(16, learning_rate=2e-2))  # not that it is rounded
    assert forgotten.validate() == run.validate()
    now = exponents_of(again.average, photographs())  # would be others by now
    assert any(not torch.equal(now[name], run.exponents[name]) for name in now)


def test_the_model_is_exported_in_the_units_it_was_trained_in(run: Run, tmp_path: Path) -> None:
    target, valid = tmp_path / "model.safetensors", crops(2, 96, seed=7)
    export(run.folder, photographs(), valid, target, {})
    shown = photographs()[torch.randperm(4, generator=torch.Generator().manual_seed(0))]
    same = write_model(quantise(run.average, shown, run.exponents), TINY, tmp_path / "same")
    other = write_model(quantise(run.average, shown), TINY, tmp_path / "other")
    assert load_photo_model(target).id == same.id != other.id
