"""The last layer that learns: the same steps for encoder and decoder, and towards fewer bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

import core.flows.photo.learning as learning
import core.flows.photo.walk as walk_module
from core.flows.photo.byte_kernels import ZERO, as_bytes
from core.flows.photo.cdf import MixtureCdf, theoretical_bits
from core.flows.photo.integer import LOG_SCALE_RANGE, LOG_SCALE_UNIT, LOGIT_UNIT, MEAN_UNIT
from core.flows.photo.learning import BLOCK, LearningHead
from core.flows.photo.loading import PhotoModel, load_photo_model
from core.flows.photo.logistic import log2_mass
from core.flows.photo.model import CHANNEL_ORDER
from core.flows.photo.walk import Piece, hidden_of, walk
from core.training.tables import make_tables
from tests import integer_reference
from tests.models import SMALL, crops, small_model

K = SMALL.components


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    small_model(folder)
    return folder / "small.safetensors"


@pytest.fixture(scope="module")
def model(path: Path) -> PhotoModel:
    return load_photo_model(path)


@pytest.fixture(scope="module")
def tensors(path: Path) -> dict[str, Any]:
    return load_file(path)


def pixels_of(kind: str, random: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    if kind == "ends":
        return 255 * random.integers(0, 2, shape)
    if kind == "flat":
        return np.full(shape, random.integers(0, 256))
    if kind == "far":  # where the mixtures have next to no mass
        return np.full(shape, 255)
    return random.integers(0, 256, shape)


@settings(max_examples=25)
@given(
    n_channels=st.sampled_from((1, 3)),
    sizes=st.lists(st.sampled_from((1, 2, 50, BLOCK)), min_size=1, max_size=4),
    kind=st.sampled_from(("noise", "ends", "flat", "far")),
    phase=st.integers(0, 2),
    seed=st.integers(0, 10_000),
)
def test_every_step_equals_the_reference(
    model, tensors, n_channels, sizes, kind, phase, seed
) -> None:
    random = np.random.default_rng(seed)
    head = model.network.level(1).heads[phase]
    fast = LearningHead(head, n_channels, model.tables)
    slow = integer_reference.Learner(tensors, 1, phase, K, n_channels)
    for n in sizes:
        stream = random.normal(0, 60, (SMALL.width, n)).astype(np.float32)
        read = as_bytes(torch.from_numpy(stream.T.copy()))
        hidden = head.hidden(read, n_channels).numpy()
        assert hidden.shape == (n, n_channels, SMALL.head_width)
        centres = np.zeros(n, np.int64) if kind == "far" else random.integers(0, 256, n)
        pixels = pixels_of(kind, random, (n_channels, n))
        residual = pixels - centres
        told = []
        for i in range(n_channels):
            near = residual[:i].astype(np.float32)
            found = fast.mixtures(i, hidden, near, centres.astype(np.float32))
            total, shift = integer_reference.hidden_layers(tensors, 1, phase, i, stream[:, :, None])
            logits, means, log_scales = slow.mixture(i, total[..., 0], shift[..., 0], residual[:i])
            told.append((logits, means + MEAN_UNIT * centres, log_scales))
            floats = (p.astype(np.float32) for p in told[i])
            expected = MixtureCdf.of_parameters(*floats, model.tables)
            for name in ("means", "inverse_scales", "weights"):
                assert np.array_equal(getattr(found, name), getattr(expected, name))
            fast.observe(i, found, pixels[i], near)
        fast.step(n)
        slow.learn(told, pixels, residual)
        assert_same_state(fast, slow)


def assert_same_state(fast: LearningHead, slow: integer_reference.Learner) -> None:
    for i, channel in enumerate(slow.channels):
        n = len(channel["weight"])
        assert np.array_equal(fast._weights[i, :n] * 2.0**23, channel["weight"])
        assert np.array_equal(fast._average[i, :n], channel["average"])
        assert np.array_equal(fast._squares[i, :n], channel["squares"])
        assert abs(fast._weights[i]).max() <= 2048


def test_weights_stay_where_sums_are_exact(model) -> None:
    """Steps as long as a file may ask for end at the bound, and are no other number."""
    head = model.network.level(0).heads[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head, "steps", [torch.full_like(s, 3e38) for s in head.steps])
        learner = LearningHead(head, 1, model.tables)
    for _ in range(3):
        learn_once(learner, head, np.arange(50)[None] % 256)
    assert np.isfinite(learner._weights).all()
    assert abs(learner._weights).max() == 2048


def learn_once(learner: LearningHead, head: Any, pixels: np.ndarray) -> None:
    n = pixels.shape[1]
    hidden = head.hidden(torch.full((n, SMALL.width), ZERO + 1, dtype=torch.uint8), 1).numpy()
    none = np.zeros((0, n), np.float32)
    cdf = learner.mixtures(0, hidden, none, np.zeros(n, np.float32))
    learner.observe(0, cdf, pixels[0], none)
    learner.step(n)


def test_nothing_but_rounding_happens_where_nothing_is_to_be_learnt(model, monkeypatch) -> None:
    monkeypatch.setattr(learning, "RATE", 0.0)
    head = model.network.level(0).heads[0]
    learner = LearningHead(head, 1, model.tables)
    before = learner._weights.copy()
    learn_once(learner, head, np.arange(50)[None])
    assert abs(learner._weights - before).max() <= 2.0**-21


# Both ways through a level


class Watched(LearningHead):
    made: list[Watched]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.made.append(self)


def bits_of(model: PhotoModel, picture: torch.Tensor, channels: Any, ahead: bool) -> float:
    """Theoretical bits of a level's picture (1, 3, H, W), as the encoder or decoder finds them."""
    level = model.network.level(0)
    coarse = picture[..., 0::2, 0::2].contiguous()
    known = hidden_of(level, picture, len(channels)) if ahead else None
    planes = picture[0].long().numpy()
    bits: list[float] = []

    def code(piece: Piece) -> np.ndarray:
        values = planes[piece.channel][piece.positions]
        bits.append(float(theoretical_bits(*piece.cells.bounds(values)).sum()))
        return values

    walk(level, model.tables, coarse, picture.shape[-2:], channels, code, known=known)
    return sum(bits)


@settings(max_examples=10)
@given(
    height=st.integers(1, 80),
    width=st.integers(1, 80),
    grey=st.booleans(),
    block=st.sampled_from((16, 100, BLOCK)),
    kind=st.sampled_from(("noise", "ends", "flat", "smooth")),
    seed=st.integers(0, 1000),
)
def test_encoder_and_decoder_end_with_the_same_weights(
    model, height, width, grey, block, kind, seed
) -> None:
    random = np.random.default_rng(seed)
    if kind == "smooth":
        picture = crops(1, 80, seed)[:, :, :height, :width].float()
    else:
        planes = [pixels_of(kind, random, (height, width)) for _ in range(3)]
        picture = torch.from_numpy(np.stack(planes)).float()[None]
    channels = CHANNEL_ORDER[:1] if grey else CHANNEL_ORDER
    if grey:
        picture = picture[:, :1].expand(1, 3, -1, -1).contiguous()
    both = []
    for ahead in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(walk_module, "LearningHead", Watched)
            patch.setattr(walk_module, "BLOCK", block)
            patch.setattr(walk_module, "_SLAB", 4 * block)
            patch.setattr(Watched, "made", [], raising=False)
            bits = bits_of(model, picture, channels, ahead)
            both.append((bits, Watched.made))
    (bits, encoders), (other_bits, decoders) = both
    assert bits == other_bits
    for one, other in zip(encoders, decoders, strict=True):
        assert one._n_steps == other._n_steps > 0
        assert np.array_equal(one._weights, other._weights)
        assert np.array_equal(one._squares, other._squares)


@pytest.mark.parametrize("channels", [CHANNEL_ORDER, CHANNEL_ORDER[:1]], ids=["colour", "grey"])
def test_learning_makes_a_picture_of_other_statistics_shorter(model, monkeypatch, channels) -> None:
    """Less noise than the model's weights expect: a few blocks tell."""
    rows, columns = torch.meshgrid(torch.arange(160), torch.arange(160), indexing="ij")
    random = torch.Generator().manual_seed(4)
    noise = torch.randint(-1, 2, (3, 160, 160), generator=random)
    picture = (60 + (rows + columns) // 8 + noise)[None].float()
    if len(channels) == 1:
        picture = picture[:, :1].expand(1, 3, -1, -1).contiguous()
    learning_bits = bits_of(model, picture, channels, False)
    monkeypatch.setattr(learning, "RATE", 0.0)
    fixed_bits = bits_of(model, picture, channels, False)
    assert learning_bits < 0.995 * fixed_bits  # by six steps a phase


# The gradient


def gradient_of(cdf: MixtureCdf, pixels: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """In the integers that are summed: (3 K + i, n)."""
    tables = cdf.tables
    gradient = np.zeros((3 * len(cdf.means) + len(residual), len(pixels)))
    learning._gradient(
        cdf.means, cdf.inverse_scales, cdf.weights, tables.sigmoid, tables.inverse_scale,
        np.float32(tables.mean_unit), pixels, residual.astype(np.float32), gradient,
    )  # fmt: skip
    return gradient


def parameters_of(random: np.random.Generator, count: int) -> tuple[np.ndarray, ...]:
    """Logits, means and log scales, and pixels near the means; a fifth at the ends."""
    logits = random.integers(-40, 41, (K, count))
    means = random.integers(-500, 17_000, (K, count))
    log_scales = random.integers(-20, 40, (K, count))
    pixels = np.clip(means[0] / MEAN_UNIT + random.normal(0, 2, count), 0, 255).astype(np.int64)
    pixels[: count // 10], pixels[count // 10 : count // 5] = 0, 255
    means[0, : count // 10] = random.integers(-500, 200, count // 10)
    means[0, count // 10 : count // 5] = random.integers(16_000, 17_000, count // 10)
    return logits, means, log_scales, pixels


def test_the_gradient_is_that_of_the_smooth_mixture() -> None:
    random, count = np.random.default_rng(6), 4000
    logits, means, log_scales, pixels = parameters_of(random, count)
    tables = make_tables()
    floats = (p.astype(np.float32) for p in (logits, means, log_scales))
    residual = random.integers(-255, 256, (2, count))
    found = gradient_of(MixtureCdf.of_parameters(*floats, tables), pixels, residual)

    natural = [
        torch.from_numpy(p / unit).double().requires_grad_()
        for p, unit in (
            (logits, LOGIT_UNIT),
            (means, MEAN_UNIT),
            (log_scales, LOG_SCALE_UNIT / np.log(2)),
        )
    ]
    nats = -log2_mass(torch.from_numpy(pixels).double(), *natural, dim=0) * np.log(2)
    nats.sum().backward()
    steps = float(tables.inverse_scale[-LOG_SCALE_RANGE[0]])  # of the table, a mean unit
    units = (2.0**12, 2.0**10 * steps, 4.0 * steps * MEAN_UNIT)
    for i, (parameter, unit) in enumerate(zip(natural, units, strict=True)):
        exact = parameter.grad.numpy() * unit
        rows = found[i * K : (i + 1) * K]
        error = abs(rows - exact) - 0.03 * abs(exact).max(0)
        # The table is cut to steps of 1/2048 of a scale, and its float32 ends near 1 in tails.
        assert error[:, nats.detach().numpy() < 9].max() < 16
        assert np.corrcoef(rows.ravel(), exact.ravel())[0, 1] > 0.9999
    assert np.array_equal(found[3 * K :], found[K : 2 * K].sum(0) * residual)


def test_a_clamped_scale_has_no_slope() -> None:
    log_scales = np.repeat([[-69], [0], [115]], 50, axis=1)
    means = np.full((K, 50), 6400) + np.arange(50)
    floats = (p.astype(np.float32) for p in (np.zeros((K, 50)), means, log_scales))
    cdf = MixtureCdf.of_parameters(*floats, make_tables())
    gradient = gradient_of(cdf, np.full(50, 101), np.zeros((0, 50)))
    assert not gradient[2 * K].any()
    assert gradient[2 * K + 1].all()
    assert not gradient[3 * K - 1].any()


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_gradients_are_integers_within_their_bounds(seed: int) -> None:
    """Which is what makes their sums exact; also where there is no mass at all."""
    random, count = np.random.default_rng(seed), 300
    logits = random.integers(-(1 << 15), 1 << 15, (K, count))
    means = random.choice([-(1 << 19), 0, 8000, 1 << 19], (K, count))
    log_scales = random.integers(-69, 116, (K, count))
    floats = (p.astype(np.float32) for p in (logits, means, log_scales))
    residual = random.integers(-255, 256, (2, count))
    pixels = random.choice([0, 1, 100, 254, 255], count)
    gradient = gradient_of(MixtureCdf.of_parameters(*floats, make_tables()), pixels, residual)
    assert np.array_equal(gradient, np.rint(gradient))
    assert abs(gradient[: 3 * K]).max() <= 2**18
    assert abs(gradient[3 * K :]).max() <= K * 2**18 * 255
