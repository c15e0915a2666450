"""The pyramid: what is told of a pixel depends on what the decoder knows, and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.flows import interlace
from core.flows.integer import LOG_SCALE_UNIT, LOGIT_UNIT, MEAN_UNIT
from core.flows.logistic import log2_mass
from core.flows.photo import CHANNEL_ORDER
from core.flows.walk import Piece, walk
from tests.models import crops, small_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model"))


def pieces_of(model, picture: torch.Tensor) -> list:
    height, width = picture.shape[-2:]
    coarse = picture[..., 0::2, 0::2].contiguous()
    steps = walk(model.network.level(0), coarse, height, width, CHANNEL_ORDER)
    told = []
    try:
        piece = next(steps)
        while True:
            told.append(piece)
            plane = picture[0, piece.channel, piece.row :: 2, piece.column :: 2]
            piece = steps.send(plane.reshape(-1).numpy().astype(np.int64))
    except StopIteration as end:
        result = end.value
    assert torch.equal(result, picture)
    return told


@pytest.mark.parametrize("changed", range(9))
def test_a_piece_knows_only_those_before_it(model, changed: int) -> None:
    picture = crops(1, 30)[:, :, :29, :27].float()
    before = pieces_of(model, picture)
    other = picture.clone()
    piece = before[changed]
    other[0, piece.channel, piece.row :: 2, piece.column :: 2] = (
        255 - picture[0, piece.channel, piece.row :: 2, piece.column :: 2]
    )
    after = pieces_of(model, other)
    for i in range(changed + 1):
        assert np.array_equal(before[i].means, after[i].means)
        assert np.array_equal(before[i].logits, after[i].logits)
        assert np.array_equal(before[i].log_scales, after[i].log_scales)
    if changed < 8:  # and what comes after does look at it
        assert not np.array_equal(before[changed + 1].means, after[changed + 1].means)


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_levels_end_at_a_coarse_picture(height: int, width: int) -> None:
    for _ in range(interlace.n_levels(height, width)):
        assert height * width > interlace.COARSEST_POSITIONS
        height, width = (height + 1) // 2, (width + 1) // 2
    assert height * width <= interlace.COARSEST_POSITIONS


def test_neighbours_are_the_pixels_around_a_phase() -> None:
    picture = torch.arange(8 * 6).float().view(1, 1, 8, 6).expand(1, 3, -1, -1)
    a, d = picture[..., 0::2, 0::2], picture[..., 1::2, 1::2]
    places = {0: ((-1, -1), (-1, 1), (1, -1), (1, 1)), 1: ((0, -1), (0, 1), (1, 0), (-1, 0))}
    for phase, (_, row, column) in enumerate(interlace.PHASES):
        known = interlace.neighbours(phase, a, d)
        values = sorted(float(n[0, 0, 1, 1]) for n in known)
        y, x = 2 + row, 2 + column
        expected = sorted(float(picture[0, 0, y + i, x + j]) for i, j in places[min(phase, 1)])
        assert values == expected


def test_theoretical_bits_are_those_of_the_smooth_mixture() -> None:
    """Against the form used in training, in float64: likely pixels, unlikely ones, both ends."""
    random, count = np.random.default_rng(5), 20_000
    logits = random.integers(-200, 200, (5, count)).astype(np.float32)
    means = random.integers(-2000, 18_000, (5, count)).astype(np.float32)
    log_scales = random.integers(-69, 116, (5, count)).astype(np.float32)
    pixels = random.integers(0, 256, count)
    near = slice(0, count // 2)
    pixels[near] = np.clip(means[0, near] / 64, 0, 255)
    bits = Piece(logits, means, log_scales, 1, 0, 0).theoretical_bits(pixels)
    exact = -log2_mass(
        torch.from_numpy(pixels).double(),
        torch.from_numpy(logits).double() / LOGIT_UNIT,
        torch.from_numpy(means).double() / MEAN_UNIT,
        torch.from_numpy(log_scales).double() / LOG_SCALE_UNIT * np.log(2),
        dim=0,
    )
    assert exact.max() > 200
    assert {0, 255} <= set(pixels.tolist())
    assert bits == pytest.approx(exact.numpy(), rel=1e-5, abs=1e-5)
