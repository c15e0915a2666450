"""The second stage: distributions stay distributions, know nothing too early, and save bits."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.flows.photo import interlace
from core.flows.photo.cdf import MixtureCdf, theoretical_bits
from core.flows.photo.chroma import ChromaPrediction, _solved
from core.flows.photo.colours import ColourMode, Colours, ShapedCells, colour_mode
from core.flows.photo.interlace import PHASES
from core.flows.photo.loading import PhotoModel
from core.flows.photo.model import CHANNEL_ORDER
from core.flows.photo.shaping import JPEG_COLOURS, LEAST_DIFFERENCE, REACH
from core.flows.photo.walk import Piece, walk
from core.flows.photo.windows import WINDOW
from core.training.tables import make_tables
from tests.golden.make import decoded, scene
from tests.models import small_model

SHAPING = [ColourMode.YCC, ColourMode.REPEATED]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PhotoModel:
    return small_model(tmp_path_factory.mktemp("model"))


def mixtures(seed: int, count: int) -> MixtureCdf:
    """Narrow ones and wide ones, beyond both ends as well."""
    random = np.random.default_rng(seed)
    return MixtureCdf.of_parameters(
        random.integers(-200, 201, (5, count)).astype(np.float32),
        random.integers(-4000, 20_000, (5, count)).astype(np.float32),
        random.integers(-69, 116, (5, count)).astype(np.float32),
        make_tables(),
    )


def filled(mode: ColourMode, seed: int, blocks: int = 3) -> tuple[Colours, np.ndarray]:
    """Statistics that have seen some blocks of 64 colours, and the colours (3, N) of the next."""
    random = np.random.default_rng(seed)
    colours = Colours(mode)
    picture = random.integers(0, 256, (3, 32, 64)).astype(np.float32)
    colours.begin(0, 0, picture)
    for block in range(blocks):
        values = random.integers(0, 256, (3, 64)) // 5 * 5
        span = slice(64 * block, 64 * block + 64)
        for i in range(3):
            cells = colours.shape(i, mixtures(seed + i, 64), span, values[:i])
            colours.observe(i, cells, span, values[: i + 1])
    return colours, random.integers(0, 256, (3, 64)) // 5 * 5


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), mode=st.sampled_from(SHAPING), i=st.integers(1, 2))
def test_edges_rise_from_0_to_all_and_are_found_again(seed: int, mode: ColourMode, i: int) -> None:
    colours, values = filled(mode, seed)
    cells = colours.shape(i, mixtures(seed, 64), slice(192, 256), values[:i])
    assert isinstance(cells, ShapedCells)
    edges = [cells.bounds(np.full(64, h))[0] for h in range(256)]
    highs = [cells.bounds(np.full(64, h))[1] for h in range(256)]
    assert (edges[0] == 0).all()
    assert (highs[-1] == 1 << 24).all()
    for h, (low, high) in enumerate(zip(edges, highs, strict=True)):
        assert (low < high).all()
        if h < 255:
            assert np.array_equal(high, edges[h + 1])
    z = np.random.default_rng(seed).integers(0, 1 << 24, 64)
    found, low, high = cells.locate(z)
    assert (low <= z).all()
    assert (z < high).all()
    assert all(map(np.array_equal, cells.bounds(found), (low, high)))
    part = cells[5:9]
    assert np.array_equal(part.locate(z[5:9])[0], found[5:9])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), mode=st.sampled_from(SHAPING))
def test_the_window_keeps_its_mass_and_the_rest_the_mixture_s(seed: int, mode: ColourMode) -> None:
    colours, values = filled(mode, seed)
    mixture = mixtures(seed, 64)
    cells = colours.shape(2, mixture, slice(192, 256), values[:2])
    assert isinstance(cells, ShapedCells)
    for j in range(WINDOW + 1):
        assert np.array_equal(cells.plain[:, j], mixture.edges(cells.first + j))
    assert np.array_equal(cells.edges[:, [0, WINDOW]], cells.plain[:, [0, WINDOW]])
    for h in (0, 20, 100, 180, 255):
        outside = (h < cells.first) | (h >= cells.first + WINDOW)
        found, expected = cells.bounds(np.full(64, h)), mixture.bounds(np.full(64, h))
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one[outside], other[outside])


def test_red_less_green_rises_with_cr() -> None:
    """Hence a Cb and a difference have one Cr at most, and the table of these finds all."""
    table = JPEG_COLOURS.red_less_green[:, REACH:-REACH].astype(np.int64)
    assert (np.diff(table, axis=1) > 0).all()
    cb, cr = np.indices(table.shape)
    assert np.array_equal(JPEG_COLOURS.cr[table - LEAST_DIFFERENCE, cb], cr)


def test_how_a_tile_is_looked_at() -> None:
    random = np.random.default_rng(1)
    noise = random.integers(0, 256, (40, 40, 3)).astype(np.uint8)
    assert colour_mode(noise) is ColourMode.PLAIN
    assert colour_mode(decoded(scene(40, 40))) is ColourMode.YCC
    palette = random.integers(0, 256, (20, 3)).astype(np.uint8)
    assert colour_mode(palette[random.integers(0, 20, (40, 40))]) is ColourMode.REPEATED
    assert colour_mode(noise[:7]) is ColourMode.PLAIN
    assert colour_mode(noise[..., :1]) is ColourMode.PLAIN


def bits_of(
    model: PhotoModel, pixels: np.ndarray, mode: ColourMode
) -> tuple[float, list[tuple[Piece, np.ndarray, np.ndarray]]]:
    """Theoretical bits of a picture (H, W, 3), and each piece's values and their lower edges."""
    pictures = interlace.pyramid(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None].float())
    colours, total, seen = Colours(mode), 0.0, []
    for number, (picture, coarse) in reversed(list(enumerate(pairwise(pictures)))):
        planes = picture[0].numpy().astype(np.int64)

        def code(piece: Piece, planes: Any = planes) -> np.ndarray:
            nonlocal total
            values: np.ndarray = planes[piece.channel][piece.positions]
            low, high = piece.cells.bounds(values)
            total += float(theoretical_bits(low, high).sum())
            seen.append((piece, values, low))
            return values

        walk(
            model.network.level(number), model.tables, coarse, picture.shape[-2:], CHANNEL_ORDER,
            code, number=number, colours=colours,
        )  # fmt: skip
    return total, seen


@pytest.mark.parametrize(
    ("pixels", "mode", "share"),
    [
        (decoded(scene(96, 96)), ColourMode.YCC, 0.95),
        (scene(96, 96) // 37 * 31, ColourMode.REPEATED, 0.8),
    ],
)
def test_known_colours_save_bits(
    model: PhotoModel, pixels: np.ndarray, mode: ColourMode, share: float
) -> None:
    assert colour_mode(pixels) is mode
    assert bits_of(model, pixels, mode)[0] < share * bits_of(model, pixels, ColourMode.PLAIN)[0]


@pytest.mark.parametrize("mode", SHAPING)
def test_nothing_is_known_before_it_is_decoded(model: PhotoModel, mode: ColourMode) -> None:
    """Pixels of the finest level's last phase change no distribution before them, to the bit."""
    random = np.random.default_rng(4)
    one = decoded(scene(70, 66))
    other = one.copy()
    _, row, column = PHASES[-1]
    other[row::2, column::2] = random.integers(0, 256, other[row::2, column::2].shape)
    before, after = (bits_of(model, pixels, mode)[1] for pixels in (one, other))
    for (piece, values, low), (again, same, edges) in zip(before, after, strict=True):
        if len(piece.cells) and piece.corner == (row, column) and not np.array_equal(values, same):
            break
        assert np.array_equal(values, same)
        assert np.array_equal(low, edges)
        assert piece.span == again.span
    else:
        raise AssertionError("the last phase was changed")


def test_chroma_that_neighbours_tell_are_predicted() -> None:
    """A function of the neighbours, which the mean of four is not, is found from a few blocks."""
    random = np.random.default_rng(2)
    luma = random.integers(40, 216, (64, 64))
    slope = np.add.outer(np.arange(64), 2 * np.arange(64)) // 4 - 40
    cb, cr = slope + random.integers(0, 2, (64, 64)), -slope
    ycc = np.stack([luma, cb, cr]).astype(np.float64)
    to_rgb = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])
    picture = np.clip(np.rint(np.einsum("ij,jhw->ihw", to_rgb, ycc)), 0, 255).astype(np.float32)
    prediction = ChromaPrediction(1, 4)
    prediction.begin(picture)
    phase = picture[[1, 0, 2], 0::2, 1::2].reshape(3, -1).astype(np.int64)
    target = cr[0::2, 1::2].ravel() + 128
    wrong = []
    for start in range(0, phase.shape[1], 64):
        span = slice(start, start + 64)
        predicted = prediction.predict(span)[1]
        wrong.append(float(abs(predicted - target[span]).mean()))
        prediction.observe(phase[:, span])
    assert wrong[-1] < 1.0
    cb_weights, cr_weights = prediction.weights(1)
    assert cr_weights.argmax() == cb_weights.argmax() == 4
    assert cr_weights.max() > cr_weights.min()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 16))
def test_equations_are_solved(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    x = random.integers(-2000, 2001, (n, 4 * n)).astype(np.float64)
    squares, products = x @ x.T, x @ random.integers(-2000, 2001, 4 * n)
    expected = np.linalg.solve(squares + np.eye(n) * 30 * 4096, products)
    assert _solved(squares, products) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_cells_of_another_mixture_are_not_mixed_up() -> None:
    """Outside of the window it is the mixture that counts."""
    colours, values = filled(ColourMode.REPEATED, 9)
    cells = colours.shape(1, mixtures(1, 64), slice(192, 256), values[:1])
    assert isinstance(cells, ShapedCells)
    far = np.where(cells.first > 100, 0, 255)
    other = replace(cells, mixture=mixtures(2, 64))
    assert np.array_equal(other.bounds(far)[0], mixtures(2, 64).bounds(far)[0])
