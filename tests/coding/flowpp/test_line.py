"""Steps between lines: cells that tile the line, and every value back, with the stack."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.coding.auxiliary import auxiliary_words
from core.coding.elementwise import ModularTransform
from core.coding.flowpp.line import (
    LineCells,
    LineGaussian,
    SigmoidCells,
    Turns,
    bin_of,
    values_of,
)
from core.coding.flowpp.monotone import Affine, Logit, MixtureLogit, MonotoneMap, Sigmoid
from core.coding.stack import Stack

SEEDS = st.integers(0, 2**32 - 1)


def affine(random: np.random.Generator, count: int) -> Affine:
    return Affine(np.exp(random.normal(0, 2, count)), random.normal(0, 3, count))


def mixture(seed: int, count: int, spread: float = 3.0) -> MixtureLogit:
    """Some mixtures are harmless, some leave wide gaps between narrow logistics."""
    random = np.random.default_rng(seed)
    k = int(random.integers(1, 6))
    return MixtureLogit.of_parameters(
        random.normal(0, 2, (count, k)),
        random.normal(0, spread, (count, k)),
        random.uniform(-7, 2, (count, k)),
        random.uniform(-1, 1, count),
        random.normal(0, 1, count),
        affine(random, count),
    )


def smooth_mixture(seed: int, count: int) -> MixtureLogit:
    """Wide logistics around one place, which float64 can invert everywhere."""
    random = np.random.default_rng(seed)
    return MixtureLogit.of_parameters(
        random.normal(0, 2, (count, 4)),
        random.normal(0, 1, (count, 4)),
        random.uniform(-2, 1, (count, 4)),
        random.uniform(-1, 1, count),
        random.normal(0, 1, count),
        Affine(np.exp(random.normal(0, 0.5, count)), random.normal(0, 1, count)),
    )


def maps(seed: int, count: int) -> list[MonotoneMap]:
    random = np.random.default_rng(seed)
    return [affine(random, count), Sigmoid(count), smooth_mixture(seed, count)]


@given(SEEDS, st.integers(1, 40))
def test_the_inverse_and_the_derivative_are_those_of_the_map(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    y = random.normal(0, 2, count)
    for map_ in [*maps(seed, count), Logit(count, 0.05, 0.9 / 256)]:
        at = np.abs(y) * 20 if isinstance(map_, Logit) else y
        z = map_.forward(at)
        slope = map_.derivative(at)
        assert np.allclose(map_.inverse(z), at, rtol=1e-6, atol=1e-6)
        step = 1e-6
        difference = (map_.forward(at + step) - map_.forward(at - step)) / (2 * step)
        assert np.allclose(difference, slope, rtol=1e-2, atol=1e-7)


@given(SEEDS, st.integers(1, 60))
def test_cells_tile_the_line_however_flat_a_mixture_is(seed: int, count: int) -> None:
    cells = LineCells(mixture(seed, count), 18, 18, 10)
    random = np.random.default_rng(seed)
    h = random.integers(-4000, 4000, count)
    assert np.all(cells.edges(h + 1) > cells.edges(h))
    z = random.integers(-(1 << 22), 1 << 22, count)
    found, low, high = cells.locate(z)
    assert np.array_equal(low, cells.edges(found))
    assert np.array_equal(high, cells.edges(found + 1))
    assert np.all((low <= z) & (z < high))


def test_a_part_of_a_map_is_the_map_of_that_part() -> None:
    whole = mixture(3, 50)
    y = np.linspace(-3, 3, 50)
    part = slice(17, 31)
    assert np.array_equal(whole[part].forward(y[part]), whole.forward(y)[part])
    assert np.array_equal(whole[part].inverse(y[part]), whole.inverse(y)[part])


@given(SEEDS, st.integers(1, 60))
@settings(max_examples=60)
def test_any_value_comes_back_and_the_stack_with_it(seed: int, count: int) -> None:
    values = np.random.default_rng(seed).integers(-(1 << 20), 1 << 20, count)
    for step in (
        ModularTransform(LineCells(mixture(seed, count), 18, 18, 10), 10),
        ModularTransform(LineCells(affine(np.random.default_rng(seed), count), 18, 20, 18), 18),
        LineGaussian(mixture(seed, count, 1.0), 32, 32, 2.0**-14),
        Turns(1 << 15),
    ):
        stack = Stack(auxiliary_words(6000))
        before = stack.words()
        z = step.encode(stack, values)
        assert np.array_equal(step.decode(stack, z), values)
        assert np.array_equal(stack.words(), before)


@given(SEEDS, st.integers(1, 60))
@settings(max_examples=60)
def test_any_bits_decode_and_encode_back(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    words = random.integers(1, 2**32, 6000, dtype=np.uint32)
    z = random.integers(-(1 << 20), 1 << 20, count)
    for step in (
        ModularTransform(LineCells(mixture(seed, count), 18, 18, 10), 10),
        LineGaussian(mixture(seed, count, 1.0), 32, 32, 2.0**-14),
    ):
        stack = Stack(words)
        y = step.decode(stack, z)
        assert np.array_equal(step.encode(stack, y), z)
        assert np.array_equal(stack.words(), words)


def test_the_sigmoid_reaches_every_place_of_a_pixel_and_no_other() -> None:
    cells = SigmoidCells(16, 18, 12, 12)
    half = 12 << 4
    edges = cells.edges(np.arange(-half, half + 1))
    assert edges[0] == 0
    assert edges[-1] == 1 << 18
    assert np.all(np.diff(edges) >= 1)
    z = np.arange(0, 1 << 18, 37)
    found, low, high = cells.locate(z)
    assert np.array_equal(low, cells.edges(found))
    assert np.array_equal(high, cells.edges(found + 1))
    assert np.all((low <= z) & (z < high))
    middle = values_of(edges[100:-100], 18)  # tails have places that they hardly need
    wanted = 1 / (1 + np.exp(-np.arange(-half + 100, half - 99) / 16))
    assert np.abs(middle - wanted).max() < 0.003


def test_what_never_turns_costs_next_to_nothing() -> None:
    stack = Stack(auxiliary_words(40))
    before = stack.n_bits
    Turns(1 << 20).encode(stack, np.arange(-1000, 1000))
    assert stack.n_bits - before < 1


@pytest.mark.parametrize("bits", [4, 18, 32])
def test_values_lie_in_the_middle_of_their_places(bits: int) -> None:
    places = np.arange(-50, 50)
    assert np.array_equal(bin_of(values_of(places, bits), bits), places)
