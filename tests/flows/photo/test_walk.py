"""The pyramid: what is told of a pixel depends on what the decoder knows, and on nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

import core.flows.photo.walk as walk_module
from core.coding.photo.pieces import KnownCells
from core.flows.photo import interlace
from core.flows.photo.cdf import MixtureCdf, theoretical_bits
from core.flows.photo.integer import LOG_SCALE_UNIT, LOGIT_UNIT, MEAN_UNIT
from core.flows.photo.learning import BLOCK
from core.flows.photo.loading import load_photo_model
from core.flows.photo.logistic import log2_mass
from core.flows.photo.model import CHANNEL_ORDER
from core.flows.photo.walk import Piece, hidden_of, walk
from core.training.tables import make_tables
from tests import integer_reference
from tests.models import SMALL, crops, piece_of, small_model


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    small_model(folder)
    return folder / "small.safetensors"


@pytest.fixture(scope="module")
def model(path):
    return load_photo_model(path)


Steps = Generator[Any, Any, Any]


def pieces_of(model, picture: torch.Tensor, known=None, channels=CHANNEL_ORDER) -> list[Piece]:
    """All pieces of a level; ``known`` is given to the walk."""
    coarse = picture[..., 0::2, 0::2].contiguous()
    planes = picture[0].long().numpy()
    pieces: list[Piece] = []

    def code(piece: Piece) -> np.ndarray:
        pieces.append(piece)
        return planes[piece.channel][piece.positions]

    level, size = model.network.level(0), picture.shape[-2:]
    result = walk(level, model.tables, coarse, size, channels, code, known=known)
    assert torch.equal(result, picture)
    return pieces


def followed(steps: Steps, picture: np.ndarray, piece_of: Callable[[Any], Any]) -> tuple[list, Any]:
    """What the reference yields and returns when it is given a picture's pixels, (3, H, W)."""
    told = []
    try:
        step = next(steps)
        while True:
            told.append(step)
            piece = piece_of(step)
            step = steps.send(picture[piece.channel][piece.positions])
    except StopIteration as end:
        return told, end.value


def small_blocks(patch: pytest.MonkeyPatch, size: int) -> None:
    patch.setattr(walk_module, "BLOCK", size)
    patch.setattr(walk_module, "_SLAB", 3 * size)


def equal(one: Piece, other: Piece) -> bool:
    names = ("means", "inverse_scales", "weights")
    return all(np.array_equal(getattr(one.mixture, n), getattr(other.mixture, n)) for n in names)


def test_pieces_go_block_by_block_and_cover_all_but_the_coarser_picture(model, monkeypatch) -> None:
    small_blocks(monkeypatch, 64)
    picture = crops(1, 30)[:, :, :29, :27].float()
    told = pieces_of(model, picture)
    assert [piece.channel for piece in told] == len(told) // 3 * list(CHANNEL_ORDER)
    assert {len(piece) for piece in told} == {64, 14 * 13 % 64, 15 * 13 % 64, 14 * 14 % 64}
    count = np.zeros((3, 29, 27), dtype=int)
    for piece in told:
        count[piece.channel][piece.positions] += 1
    assert not count[:, 0::2, 0::2].any()
    assert (count.sum((1, 2)) == 29 * 27 - 15 * 14).all()
    assert count.max() == 1


@pytest.mark.parametrize("changed", range(0, 27, 2))
def test_a_piece_knows_only_those_before_it(model, changed: int, monkeypatch) -> None:
    small_blocks(monkeypatch, 64)
    picture = crops(1, 30)[:, :, :29, :27].float()
    before = pieces_of(model, picture)
    other = picture.clone()
    piece = before[changed]
    plane = other[0, piece.channel].numpy()
    plane[piece.positions] = 255 - plane[piece.positions]
    after = pieces_of(model, other)
    for i in range(changed + 1):
        assert equal(before[i], after[i])
    # And what comes after does look at it: the next channel of the block; after blue, the next
    # block, whose head has learnt, or the next phase.
    later = slice(changed + 1, changed + 2 if piece.channel != CHANNEL_ORDER[-1] else None)
    assert not all(map(equal, before[later], after[later]))


@pytest.mark.parametrize("channels", [CHANNEL_ORDER, CHANNEL_ORDER[:1]], ids=["colour", "grey"])
@pytest.mark.parametrize(("height", "width"), [(1, 70), (29, 27), (50, 1), (40, 36)])
@pytest.mark.parametrize("size", [1, 30, BLOCK])
def test_a_level_equals_the_reference(path, model, channels, height, width, size) -> None:
    """With the learning: encoder's walk, decoder's walk and the one in integers."""
    tensors = load_file(path)
    picture = crops(1, 70)[:, :, 20 : 20 + height, :width].float()
    if len(channels) == 1:
        picture = picture[:, 1:2].expand(1, 3, -1, -1).contiguous()
    if size == 1 and height * width > 100:
        pytest.skip("blocks of a pixel are tried on thin pictures")
    pixels = picture[0].long().numpy()
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, size)
        decoder = pieces_of(model, picture, channels=channels)
        known = hidden_of(model.network.level(0), picture, len(channels))
        encoder = pieces_of(model, picture, known, channels)
        assert next(known, None) is None
    coarse = pixels[:, 0::2, 0::2]
    slow = integer_reference.pieces(
        tensors, asdict(SMALL), 0, coarse, height, width, channels, size
    )

    def as_piece(step: Any) -> Piece:
        return piece_of(step, model.tables, width)

    told, result = followed(slow, pixels, as_piece)
    assert np.array_equal(result, pixels)
    for step, *others in zip(told, decoder, encoder, strict=True):
        expected = as_piece(step)
        for piece in others:
            assert equal(piece, expected)
            assert piece.channel == expected.channel
            assert np.array_equal(piece.positions, expected.positions)


def test_a_walk_leaves_no_thread_behind(model) -> None:
    """Whether it ends, or is stopped by the callback or by the check."""
    picture = crops(1, 40).float()
    coarse = picture[..., 0::2, 0::2].contiguous()

    planes = picture[0].long().numpy()

    def known(piece: Piece) -> np.ndarray:
        return planes[piece.channel][piece.positions]

    def stop(*_: Piece) -> np.ndarray:
        raise KeyError("stopped")

    def run(code: Callable[[Piece], np.ndarray], check: Callable[[], Any] = lambda: None) -> None:
        level = model.network.level(0)
        walk(level, model.tables, coarse, (40, 40), CHANNEL_ORDER, code, check=check)

    run(known)
    assert not working()
    for callbacks in ((stop,), (known, stop)):
        with pytest.raises(KeyError) as raised:
            run(*callbacks)
        assert not working()
        assert raised.traceback  # whose frames are still alive


def working() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("ahead")]


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


def test_theoretical_bits_are_close_to_those_of_the_smooth_mixture() -> None:
    """Against the form used in training, in float64, for values that are not too unlikely."""
    random, count = np.random.default_rng(5), 20_000
    logits = random.integers(-100, 101, (5, count)).astype(np.float32)
    means = random.integers(-2000, 18_000, (5, count)).astype(np.float32)
    log_scales = random.integers(-20, 116, (5, count)).astype(np.float32)
    pixels = np.clip(means[0] / 64, 0, 255).astype(np.int64)
    cdf = MixtureCdf.of_parameters(logits, means, log_scales, make_tables())
    low, high = cdf.bounds(pixels)
    bits = theoretical_bits(low, high)
    exact = -log2_mass(
        torch.from_numpy(pixels).double(),
        torch.from_numpy(logits).double() / LOGIT_UNIT,
        torch.from_numpy(means).double() / MEAN_UNIT,
        torch.from_numpy(log_scales).double() / LOG_SCALE_UNIT * np.log(2),
        dim=0,
    ).numpy()
    likely = exact < 8
    assert likely.sum() > count / 2
    assert bits[likely] == pytest.approx(exact[likely], abs=0.05)
    assert (KnownCells(low, high)[3:9].bounds(pixels[3:9])[1] == high[3:9]).all()
