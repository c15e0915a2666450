"""Local bits-back: every coder gives back the data and the stack, at its stated length."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.coding.auxiliary import auxiliary_words
from core.coding.coders import Coder
from core.coding.elementwise import Fused, pop_width, push_width, significant
from core.coding.photo.composition import GROWTH_EXPONENTS, chunks, pixel_flow
from core.coding.stack import Stack
from core.flows.photo.cdf import MixtureCdf
from core.training.tables import make_tables
from tests.golden import reader

TABLES = make_tables()
SEEDS = st.integers(0, 2**32 - 1)

#: Coded minus ideal bits/dim that each coder may show (see docs/coding.md).
GAPS = {"fused": 0.0001, "modular": 0.0001, "gaussian": 0.004}


def mixtures(seed: int, count: int) -> MixtureCdf:
    random = np.random.default_rng(seed)
    k = int(random.integers(1, 7))
    return MixtureCdf.of_parameters(
        random.integers(-400, 400, (k, count)).astype(np.float32),
        random.integers(-9000, 25000, (k, count)).astype(np.float32),
        random.integers(-69, 116, (k, count)).astype(np.float32),
        TABLES,
    )


def likely_mixtures(seed: int, count: int) -> MixtureCdf:
    """Mixtures such as photographs have: five logistics around one place, about 2 levels wide."""
    random = np.random.default_rng(seed)
    shape = (5, count)
    centre = random.uniform(20 * 64, 235 * 64, count)
    return MixtureCdf.of_parameters(
        random.normal(0, 16, shape).round().astype(np.float32),
        (centre + random.normal(0, 128, shape)).round().astype(np.float32),
        random.normal(16, 16, shape).clip(-30, 60).round().astype(np.float32),
        TABLES,
    )


def sampled(cdf: MixtureCdf, seed: int) -> np.ndarray:
    return cdf.locate(np.random.default_rng(seed).integers(0, 1 << 24, len(cdf)))[0]


@given(SEEDS, st.integers(1, 60))
def test_edges_increase_from_0_to_the_whole(seed: int, count: int) -> None:
    cdf = mixtures(seed, count)
    edges = np.stack([cdf.edges(np.full(count, h)) for h in range(257)])
    assert np.all(edges[0] == 0)
    assert np.all(edges[-1] == 1 << 24)
    assert np.all(np.diff(edges, axis=0) >= 1)


@given(SEEDS, st.integers(1, 300))
def test_locate_finds_the_cell(seed: int, count: int) -> None:
    cdf = mixtures(seed, count)
    z = np.random.default_rng(seed).integers(0, 1 << 24, count)
    z[: count // 3] = np.random.default_rng(seed).choice([0, 1, (1 << 24) - 1], count // 3)
    cells, low, high = cdf.locate(z)
    assert np.array_equal(low, cdf.edges(cells))
    assert np.array_equal(high, cdf.edges(cells + 1))
    assert np.all((low <= z) & (z < high))


def test_parts_are_located_like_the_whole() -> None:
    """Of more dimensions than are computed at a time, narrow and wide mixtures side by side."""
    count = 20_000
    for cdf in (mixtures(3, count), likely_mixtures(3, count)):
        z = np.random.default_rng(3).integers(0, 1 << 24, count)
        cells, low, high = cdf.locate(z)
        assert np.all((low <= z) & (z < high))
        for part in (slice(0, 1), slice(8191, 8193), slice(777, count)):
            assert np.array_equal(cdf[part].locate(z[part]), [a[part] for a in (cells, low, high)])


@pytest.mark.parametrize("coder", Coder)
@given(seed=SEEDS, count=st.integers(1, 120))
@settings(max_examples=60)
def test_any_pixels_come_back_and_the_stack_with_them(coder: str, seed: int, count: int) -> None:
    cdf = mixtures(seed, count)
    pixels = np.random.default_rng(seed).integers(0, 256, count)  # most of them all but impossible
    flow = pixel_flow(cdf, coder)
    stack = Stack(auxiliary_words(4000))
    before = stack.words()
    flow.encode(stack, pixels)
    assert np.array_equal(flow.decode(stack), pixels)
    assert np.array_equal(stack.words(), before)


@pytest.mark.parametrize("coder", Coder)
@given(seed=SEEDS, count=st.integers(1, 120))
@settings(max_examples=60)
def test_any_bits_decode_and_encode_back(coder: str, seed: int, count: int) -> None:
    cdf = mixtures(seed, count)
    flow = pixel_flow(cdf, coder)
    words = np.random.default_rng(seed).integers(1, 2**32, 4000, dtype=np.uint32)
    stack = Stack(words)
    pixels = flow.decode(stack)
    assert np.all((pixels >= 0) & (pixels < 256))
    flow.encode(stack, pixels)
    assert np.array_equal(stack.words(), words)


@pytest.mark.parametrize("coder", Coder)
def test_lengths_lie_within_the_stated_gaps(coder: str) -> None:
    count = 60_000
    cdf = likely_mixtures(5, count)
    pixels = sampled(cdf, 5)
    ideal = -np.log2((cdf.edges(pixels + 1) - cdf.edges(pixels)) / 2**24).sum()
    stack = Stack(auxiliary_words(2 * count))
    before = stack.n_bits
    flow = pixel_flow(cdf, coder)
    flow.encode(stack, pixels)
    gap = (stack.n_bits - before - ideal) / count
    assert -GAPS[coder] < gap < GAPS[coder]


def test_only_the_fused_coder_fuses() -> None:
    cdf = mixtures(1, 3)
    kinds = {coder: [type(s) for s in pixel_flow(cdf, coder).steps] for coder in Coder}
    assert kinds["fused"] == [Fused]
    assert len(kinds["modular"]) == len(kinds["gaussian"]) == 3


@given(st.integers(0, 300_000), st.integers(0, 10**7), st.sampled_from(GROWTH_EXPONENTS))
def test_chunks_cover_everything_once_from_the_end(count: int, coded: int, growth: int) -> None:
    stop = count
    for chunk in chunks(count, coded, growth):
        assert chunk.stop == stop
        assert chunk.start < chunk.stop
        stop = chunk.start
    assert stop == 0


# Widths


def widths_of(kind: str, random: np.random.Generator, count: int) -> np.ndarray:
    """Around the limits of narrow, wide and rounded ones; of all sizes; or of one kind alone."""
    if kind == "limits":
        near = np.array([1, 2, 1 << 10, 1 << 14, 1 << 16, 1 << 17, 1 << 24, 1 << 32, 1 << 40])
        return (random.choice(near, count) + random.integers(-2, 3, count)).clip(1, (1 << 40) - 1)
    low, high = {"any": (0, 40), "narrow": (0, 9.99), "wide": (10, 24)}[kind]
    return np.floor(2.0 ** random.uniform(low, high, count)).astype(np.int64)


WIDTHS = st.sampled_from(("limits", "any", "narrow", "wide"))


@given(SEEDS, st.integers(0, 100), WIDTHS)
def test_widths_push_back_what_was_popped(seed: int, count: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    widths = widths_of(kind, random, count)
    words = random.integers(1, 2**32, 600, dtype=np.uint32)
    stack = Stack(words)
    values = pop_width(stack, widths)
    assert np.all((values >= 0) & (values < significant(widths)))
    push_width(stack, values, widths)
    assert np.array_equal(stack.words(), words)


@given(SEEDS, st.integers(0, 100), WIDTHS)
def test_widths_pop_what_was_pushed(seed: int, count: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    widths = widths_of(kind, random, count)
    values = random.integers(0, significant(widths))
    if count:
        values[0], values[-1] = 0, significant(widths)[-1] - 1
    words = random.integers(1, 2**32, 600, dtype=np.uint32)
    stack = Stack(words)
    push_width(stack, values, widths)
    assert np.array_equal(pop_width(stack, widths), values)
    assert np.array_equal(stack.words(), words)


@given(SEEDS, st.integers(0, 60), WIDTHS)
@settings(max_examples=50)
def test_widths_are_coded_as_the_format_says(seed: int, count: int, kind: str) -> None:
    """By the second reader, in Python's integers."""
    random = np.random.default_rng(seed)
    widths = widths_of(kind, random, count)
    values = random.integers(0, significant(widths))
    words = random.integers(1, 2**32, 300, dtype=np.uint32)
    stack, slow = Stack(words), reader.Stack(words.tobytes())
    push_width(stack, values, widths)
    reader.push_width(slow, values.tolist(), widths.tolist())
    assert stack.words().tolist() == slow.left()


@given(SEEDS, st.integers(1, 200))
def test_significant_widths_have_sixteen_bits(seed: int, count: int) -> None:
    for width in widths_of("any", np.random.default_rng(seed), count).tolist():
        shift = max(width.bit_length() - 16, 0)
        assert significant(np.array([width])).tolist() == [width >> shift << shift]
