"""Changes of the photo model that experiments train: each does what it says, and is trained."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import core.training.loop as loop
from core.errors import ModelError
from core.flows.photo.model import CHANNEL_ORDER, Photo, PhotoConfig
from core.training import variants
from core.training.export import export
from core.training.families import new_model
from core.training.variants import VARIANTS, multiply_adds_per_pixel
from tests.models import crops
from tests.training.small_runs import EvenClock, settings, small_run

CONFIG = PhotoConfig(width=8, blocks=(2, 1, 1), head_width=8, components=2, weight_sets=2)
X = crops(2, 32, seed=5).float()


def variant(name: str = "", seed: int = 1, config: PhotoConfig = CONFIG) -> Photo:
    torch.manual_seed(seed)
    model = new_model(config, name)
    assert isinstance(model, Photo)
    return model.eval()


def plain_of(model: Photo) -> Photo:
    """The model itself, with all weights that it and the variant have."""
    plain = Photo(model.config).eval()
    found = plain.load_state_dict(model.state_dict(), strict=False)
    assert not found.missing_keys
    return plain


def disturbed(model: Photo, seed: int = 2) -> Photo:
    """Nothing is left at zero."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    return model


@torch.no_grad()
def bits(model: Photo, x: Tensor = X) -> Tensor:
    """Bits/dim of each picture, with the same noise each time."""
    torch.manual_seed(3)
    return model.bits(x) / x[0].numel()


@pytest.mark.parametrize("name", VARIANTS)
def test_all_weights_of_a_variant_are_trained(name: str) -> None:
    model = variant(name).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-2)
    for _ in range(2):  # what begins at zero hides what is before it from the first step
        optimiser.zero_grad()
        loss = model.bits(X).sum() / X.numel()
        assert math.isfinite(loss.item())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    for key, parameter in model.named_parameters():
        if name == "independent-channels" and "lean" in key:
            assert not parameter.grad.any()
        elif parameter.requires_grad:
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key
            assert parameter.grad.any(), key
        else:
            assert name == "linear-leaning"
            assert "lean" in key


@pytest.mark.parametrize("name", VARIANTS)
def test_a_copy_has_weights_of_its_own(name: str) -> None:
    model = disturbed(variant(name))
    other = copy.deepcopy(model)
    before = bits(model)
    assert torch.equal(bits(other), before)
    disturbed(model, seed=4)
    assert not torch.equal(bits(model), before)
    assert torch.equal(bits(other), before)
    after = bits(model)
    disturbed(other, seed=5)
    assert not torch.equal(bits(other), before)
    assert torch.equal(bits(model), after)


def by_channel(model: Photo, x: Tensor) -> dict[str, Tensor]:
    """Bits of the last phase's channels at the finest level."""
    with torch.no_grad():
        found, _ = model.levels[0].codelengths(x)
    return {"rgb"[c]: b for c, b in zip(CHANNEL_ORDER, found[6:], strict=True)}


@pytest.mark.parametrize("name", ["", "linear-leaning", "independent-channels"])
def test_what_a_channel_knows_of_the_channels_before(name: str) -> None:
    model = disturbed(variant(name))
    changed = X.clone()
    changed[:, 1, 1::2, 0::2] = 255 - changed[:, 1, 1::2, 0::2]  # green of the phase coded last
    before, after = by_channel(model, X), by_channel(model, changed)
    assert not torch.equal(before["g"], after["g"])
    for channel in "rb":
        same = torch.equal(before[channel], after[channel])
        assert same == (name == "independent-channels")


def test_means_lean_along_a_line_and_nothing_else_leans() -> None:
    model = disturbed(variant("linear-leaning"))
    random = torch.Generator().manual_seed(1)
    features = torch.randn(1, 8, 4, 4, generator=random)
    residual = 9 * torch.randn(1, 3, 4, 4, generator=random)
    head = model.levels[0].heads[1]
    with torch.no_grad():
        none, one, two = (head(features, n * residual) for n in range(3))
        bent = [plain_of(disturbed(variant())).levels[0].heads[1](features, n * residual)
                for n in range(3)]  # fmt: skip
    for i in range(3):
        for part in (0, 2):
            assert torch.equal(one[i][part], none[i][part])
        apart = [one[i][1] - none[i][1], two[i][1] - one[i][1]]
        assert torch.allclose(*apart, atol=1e-4)
        assert bool(apart[0].any()) == (i > 0)
        assert torch.equal(bent[0][i][0], bent[1][i][0]) == (i == 0)


def test_linear_leaning_stays_linear_in_training(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(loop, "time", EvenClock())
    run = small_run(tmp_path, settings(3, variant="linear-leaning"))
    run.train()
    for model in (run.model, run.average):
        leans = [p for n, p in model.named_parameters() if ".lean." in n]
        assert leans
        assert not any(p.any() for p in leans)


def test_red_goes_first() -> None:
    model = disturbed(variant("red-first"))
    plain = plain_of(model)
    assert torch.equal(bits(model), bits(plain, X[:, [1, 0, 2]]))
    assert not torch.equal(bits(model), bits(plain))


def reach(trunk: torch.nn.Module) -> set[tuple[int, int]]:
    """How far from a position, by rows and by columns, a trunk's features depend on it."""
    x = torch.randn(1, 8, 17, 17, generator=torch.Generator().manual_seed(1))
    other = x.clone()
    other[..., 8, 8] += 3
    with torch.no_grad():
        _, rows, columns = (trunk(x) != trunk(other)).any(0).nonzero(as_tuple=True)
    return {(int(i) - 8, int(j) - 8) for i, j in zip(rows, columns, strict=True)}


def square(side: int) -> set[tuple[int, int]]:
    return {(i, j) for i in range(-side, side + 1) for j in range(-side, side + 1)}


@pytest.mark.parametrize(
    ("name", "of_two", "of_one"),
    [("", 2, 1), ("dilated", 3, 1), ("5x5", 4, 2), ("depthwise-5x5", 4, 2)],
)
def test_how_far_trunks_see(name: str, of_two: int, of_one: int) -> None:
    for level in disturbed(variant(name)).levels:
        assert reach(level.trunks[0]) == square(of_two)
        assert reach(level.trunks[1]) == square(of_one)


def test_attention_sees_everything_at_coarse_levels() -> None:
    finest, coarse = disturbed(variant("attention")).levels
    assert reach(finest.trunks[1]) == square(1)
    for trunk in coarse.trunks:
        assert reach(trunk) == square(8)


@pytest.mark.parametrize("name", ["coarser-features", "attention"])
def test_what_is_added_begins_as_nothing(name: str) -> None:
    model = variant(name)
    assert torch.allclose(bits(model), bits(plain_of(model)), atol=1e-6)
    disturbed(model)
    assert not torch.allclose(bits(model), bits(plain_of(model)), atol=1e-3)


@pytest.mark.parametrize("name", ["", "coarser-features"])
def test_fine_levels_see_what_coarse_ones_have_found(name: str) -> None:
    """At the finest level alone, a trunk begins with what is at most two positions away."""
    model = disturbed(variant(name))
    given: list[Tensor] = []
    model.levels[0].trunks[0].register_forward_pre_hook(lambda _, x: given.append(x[0]))
    changed = X.clone()
    changed[..., 24:, 24:] = 255 - changed[..., 24:, 24:]
    bits(model)
    bits(model, changed)
    before, after = given
    assert bool((before != after)[..., 12:, 12:].any())
    assert bool((before != after)[..., :6, :6].any()) == (name == "coarser-features")


def test_a_second_coupling_begins_close_to_the_identity() -> None:
    model = variant("second-coupling")
    assert (bits(model) - bits(plain_of(model))).abs().max() < 0.01
    disturbed(model)
    assert (bits(model) - bits(plain_of(model))).abs().max() > 0.02


def test_a_second_coupling_is_measured_by_a_bound() -> None:
    """Drawn often enough, the mean is no less than what the exact mass of each cell takes."""
    random = torch.Generator().manual_seed(6)

    def draw(scale: float) -> Tensor:
        return scale * torch.randn(3, 1, generator=random)

    logits, offsets, log_scales = draw(1), 120 + draw(20), 2.5 + draw(0.4)
    heaviness, means, scales = draw(1), draw(1), draw(0.4)
    x = torch.arange(256.0)
    mixtures = [t.expand(-1, 256) for t in (logits, offsets, log_scales, heaviness, means, scales)]
    ends = [x == 0, x == 255]
    torch.manual_seed(7)
    drawn = torch.stack([variants._second_bits(x, ends, *mixtures) for _ in range(400)]).mean(0)

    def twice(edge: Tensor) -> Tensor:
        """Both couplings' distribution function, in double."""
        inner = (torch.softmax(logits.double(), 0)
                 * torch.sigmoid((edge - offsets) * torch.exp(-log_scales))).sum(0)  # fmt: skip
        place = (torch.logit(inner) - means) * torch.exp(-scales)
        return (torch.softmax(heaviness.double(), 0) * torch.sigmoid(place)).sum(0)

    edges = twice(torch.arange(1.0, 256).double() - 0.5)
    edges = torch.cat([torch.zeros(1), edges, torch.ones(1)])
    exact = -torch.log2(edges[1:] - edges[:-1])
    likely = exact < 12
    assert likely.sum() > 60
    apart = (drawn - exact)[likely]
    assert apart.min() > -0.05  # the mean of 400 draws is not the mean
    assert apart.abs().mean() < 0.02
    first = -torch.log2((mass := _first_mass(logits, offsets, log_scales)).clamp_min(1e-12))
    assert mass.sum() == pytest.approx(1, abs=1e-4)
    assert (first - exact)[likely].abs().mean() > 0.1


def _first_mass(logits: Tensor, offsets: Tensor, log_scales: Tensor) -> Tensor:
    edges = torch.arange(1.0, 256) - 0.5
    inner = torch.softmax(logits, 0) * torch.sigmoid((edges - offsets) * torch.exp(-log_scales))
    inner = torch.cat([torch.zeros(1), inner.sum(0), torch.ones(1)])
    return inner[1:] - inner[:-1]


#: Multiply-adds a pixel that a variant has more than the model, by its width, its blocks a level.
_MORE: dict[str, Callable[[int, int], float]] = {
    "": lambda w, n: 0,
    "independent-channels": lambda w, n: 0,
    "linear-leaning": lambda w, n: 0,
    "red-first": lambda w, n: 0,
    "dilated": lambda w, n: 0,
    "5x5": lambda w, n: n * 16 * w**2 / 3,
    "depthwise-5x5": lambda w, n: n * (25 * w - 8 * w**2) / 3,
    "coarser-features": lambda w, n: w**2 / 12,
    "attention": lambda w, n: 3 * sum(4 * w**2 * p + 2 * w * p**2 for p in (144, 36, 9)) / 96**2,
}


@pytest.mark.parametrize("name", _MORE)
def test_multiply_adds_are_counted(name: str) -> None:
    config = PhotoConfig(width=16, blocks=(2, 1, 1), head_width=12, components=3)
    expected = config.multiply_adds_per_pixel + _MORE[name](16, 4)
    assert multiply_adds_per_pixel(variant(name, config=config)) == pytest.approx(expected, 0.01)


def test_a_run_cannot_go_on_as_another_variant(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(loop, "time", EvenClock())
    small_run(tmp_path, settings(2, variant="dilated")).train()
    before = (tmp_path / "settings.json").read_bytes()
    for other in ("", "red-first"):
        with pytest.raises(ModelError, match="variant dilated"):
            small_run(tmp_path, settings(3, variant=other))
    assert (tmp_path / "settings.json").read_bytes() == before
    assert small_run(tmp_path, settings(3, variant="dilated")).clock.step == 2


@pytest.mark.parametrize("name", ["dilated", "5x5"])
def test_a_variant_is_not_exported(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(loop, "time", EvenClock())
    run = small_run(tmp_path / "run", settings(1, variant=name))
    run.train()
    target = tmp_path / "model.safetensors"
    with pytest.raises(ValueError, match=f"variant {name}, which cannot be exported"):
        export(run.folder, crops(2, 96), crops(2, 96), target, {})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]
