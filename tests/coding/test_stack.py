"""The stack: whatever is pushed pops, whatever is popped can be pushed back, nothing is trapped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core.coding.stack as module
from core.coding.auxiliary import auxiliary_words
from core.coding.stack import RESERVE_BITS, Stack
from core.errors import DryStackError, StackError, SymbolError
from tests.golden import reader

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.one_of(st.integers(1, 2**14), st.integers(0, 24).map(lambda n: 2**n))


def full_stack(seed: int, n_words: int = 4000) -> Stack:
    words = np.random.default_rng(seed).integers(1, 2**32, n_words, dtype=np.uint32)
    return Stack(words)


def gaussians(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(0, 1e6, count), np.exp(random.uniform(-6, 24, count))


@given(SEEDS, st.lists(SIZES, max_size=200))
def test_uniform_pops_what_was_pushed(seed: int, sizes: list[int]) -> None:
    symbols = np.random.default_rng(seed).integers(0, sizes or [1], len(sizes) or None)
    symbols = np.atleast_1d(symbols)[: len(sizes)]
    stack = full_stack(seed, 3)
    before = stack.words()
    stack.push_uniform(symbols, np.array(sizes, dtype=np.int64))
    assert np.array_equal(stack.pop_uniform(np.array(sizes, dtype=np.int64)), symbols)
    assert np.array_equal(stack.words(), before)


@given(SEEDS, st.lists(SIZES, max_size=200))
def test_uniform_pushes_back_what_was_popped(seed: int, sizes: list[int]) -> None:
    stack = full_stack(seed)
    before = stack.words()
    symbols = stack.pop_uniform(np.array(sizes, dtype=np.int64))
    assert np.all((symbols >= 0) & (symbols < np.array(sizes, dtype=np.int64)))
    stack.push_uniform(symbols, np.array(sizes, dtype=np.int64))
    assert np.array_equal(stack.words(), before)


@given(SEEDS, st.integers(0, 150))
def test_gaussians_push_back_what_was_popped(seed: int, count: int) -> None:
    stack = full_stack(seed)
    before = stack.words()
    means, stds = gaussians(seed, count)
    symbols = stack.pop_gaussian(means, stds)
    stack.push_gaussian(symbols, means, stds)
    assert np.array_equal(stack.words(), before)


@given(SEEDS, st.integers(1, 150), st.floats(0, 30))
def test_gaussians_pop_what_was_pushed_however_far_out(seed: int, count: int, far: float) -> None:
    random = np.random.default_rng(seed)
    means, stds = gaussians(seed, count)
    symbols = np.floor(means + random.normal(0, 2.0**far, count)).astype(np.int64)
    stack = full_stack(seed, 3)
    before = stack.words()
    stack.push_gaussian(symbols, means, stds)
    assert np.array_equal(stack.pop_gaussian(means, stds), symbols)
    assert np.array_equal(stack.words(), before)


@given(SEEDS, st.integers(1, 30))
def test_escapes_that_are_popped_can_be_pushed_back(seed: int, count: int) -> None:
    # A run of zero bits pops the outermost bin, which says that the symbol follows on its own.
    words = np.random.default_rng(seed).integers(1, 2**32, 600, dtype=np.uint32)
    words[-4:-1] = 0
    words[-7:-4] = [0, 2**31, 0] if seed % 2 else [2**15, 0, 2**15 + seed % 4096]
    stack = Stack(words)
    means, stds = gaussians(seed, count)
    symbols = stack.pop_gaussian(means, stds)
    stack.push_gaussian(symbols, means, stds)
    assert np.array_equal(stack.words(), words)


@given(SEEDS)
def test_near_and_far_symbols_have_one_code_each(seed: int) -> None:
    means, stds = gaussians(seed, 1)
    limit = 512 * max(1, 2 ** int(np.floor(np.log2(stds[0])) - 5))
    offsets = np.array([-limit - 2, -limit, -limit + 1, limit - 1, limit, limit + 1])
    for offset in offsets:
        symbol = np.array([int(np.floor(means[0])) + offset])
        stack = full_stack(seed, 3)
        before = stack.words()
        stack.push_gaussian(symbol, means, stds)
        assert np.array_equal(stack.pop_gaussian(means, stds), symbol)
        assert np.array_equal(stack.words(), before)


@given(SEEDS, st.integers(0, 48), st.integers(0, 60))
def test_bits_pop_what_was_pushed(seed: int, n_bits: int, count: int) -> None:
    values = np.random.default_rng(seed).integers(0, 2**n_bits, count)
    stack = full_stack(seed, 3)
    before = stack.words()
    stack.push_bits(values, n_bits)
    assert np.array_equal(stack.pop_bits(count, n_bits), values)
    assert np.array_equal(stack.words(), before)


@pytest.mark.parametrize("size", [2, 100, 2**14 - 1, 2**14, 2**20, 2**24])
def test_uniform_costs_log2_of_its_size(size: int) -> None:
    count = 70_000  # more than one call of constriction
    symbols = np.random.default_rng(size).integers(0, size, count)
    stack = full_stack(1, 3)
    before = stack.n_bits
    stack.push_uniform(symbols, size)
    assert (stack.n_bits - before) / count == pytest.approx(np.log2(size), abs=3e-4)
    assert np.array_equal(stack.pop_uniform(size, count), symbols)


@pytest.mark.parametrize("std", [0.4, 3.0, 60.0, 65.0, 5e4, 1e9])
def test_gaussian_costs_its_entropy(std: float) -> None:
    random = np.random.default_rng(7)
    count = 30_000
    means = random.uniform(-1e6, 1e6, count)
    symbols = np.floor(random.normal(means, std) + 0.5).astype(np.int64)
    stack = full_stack(1, 3)
    before = stack.n_bits
    stack.push_gaussian(symbols, means, np.full(count, std))
    measured = (stack.n_bits - before) / count
    entropy = 0.5 * np.log2(2 * np.pi * np.e * (std**2 + 1 / 12))
    assert measured == pytest.approx(entropy, abs=0.03)


@given(SEEDS, st.integers(1, 400))
@settings(max_examples=50)
def test_borrowed_words_are_as_if_they_had_lain_there_from_the_start(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 2**14, n)
    stack = Stack(auxiliary_words(2)[::-1], lambda k: auxiliary_words(k + 2)[2:])
    popped = stack.pop_uniform(sizes)
    means, stds = gaussians(seed, n)
    gaussian = stack.pop_gaussian(means, stds)
    borrowed = stack.borrowed_words
    assert stack.n_bits >= RESERVE_BITS
    assert stack.n_bits < RESERVE_BITS + 32 or borrowed == 0
    rich = Stack(auxiliary_words(2 + borrowed)[::-1])
    assert np.array_equal(rich.pop_uniform(sizes), popped)
    assert np.array_equal(rich.pop_gaussian(means, stds), gaussian)
    assert np.array_equal(rich.words(), stack.words())


@given(SEEDS, st.integers(5, 100))
def test_a_dry_pop_changes_nothing(seed: int, count: int) -> None:
    stack = full_stack(seed, 3)
    before = stack.words()
    means, stds = gaussians(seed, 40)
    for pop in (
        lambda: stack.pop_uniform(2**20, count),
        lambda: stack.pop_bits(count, 40),
        lambda: stack.pop_gaussian(means, stds * 10),
    ):
        with pytest.raises(DryStackError):
            pop()
        assert np.array_equal(stack.words(), before)


@pytest.mark.parametrize(
    "push",
    [
        lambda s: s.push_uniform([3], [3]),
        lambda s: s.push_uniform([-1], [3]),
        lambda s: s.push_uniform([1, 1], [5, 0]),
        lambda s: s.push_uniform([1], [2**14 + 1]),
        lambda s: s.push_uniform([1], [2**25]),
        lambda s: s.push_uniform([1, 2, 3], [5, 5]),
        lambda s: s.push_uniform([0, 1], [1, 1]),
        lambda s: s.push_uniform([0, 0, -1], [1, 7, 1]),
        lambda s: s.push_uniform([2, 7, 0], [3, 7, 1]),
        lambda s: s.push_uniform([1, 3], [3]),
        lambda s: s.push_uniform([-1, 1], [3]),
        lambda s: s.push_uniform([1, 1], [0]),
        lambda s: s.push_uniform([2**32, 0], [5, 5]),
        lambda s: s.push_uniform([0, 0], [5, 2**32 + 5]),
        lambda s: s.push_uniform([0, 0], [5, -(2**63)]),
        lambda s: s.push_uniform([1.0], [5]),
        lambda s: s.push_bits([4], 2),
        lambda s: s.push_bits([4], 49),
        lambda s: s.push_gaussian([1], [float("nan")], [1.0]),
        lambda s: s.push_gaussian([1], [0.0], [0.0]),
        lambda s: s.push_gaussian([1], [0.0], [-1.0]),
        lambda s: s.push_gaussian([1], [0.0], [float("inf")]),
        lambda s: s.push_gaussian([1, 2], [0.0], [1.0]),
        lambda s: s.push_gaussian([2**62], [0.0], [1.0]),
        lambda s: s.pop_gaussian([float("nan")], [1.0]),
        lambda s: s.pop_uniform([0]),
        lambda s: s.pop_uniform([4, -4, 4]),
        lambda s: s.pop_uniform([5, 2**14 + 1]),
        lambda s: s.pop_uniform([2**24, 2**25]),
        lambda s: s.pop_uniform([2**32 + 5]),
        lambda s: s.pop_uniform(0, 9),
        lambda s: s.pop_uniform(2**14 + 1, 9),
    ],
)
def test_what_cannot_be_coded_is_refused_before_anything_changes(push) -> None:
    stack = full_stack(3)
    before = stack.words()
    with pytest.raises(SymbolError):
        push(stack)
    assert np.array_equal(stack.words(), before)


@given(SEEDS, st.lists(st.sampled_from([1, 1, 2, 3, 1000, 2**14 - 1, 2**14, 2**24]), max_size=80))
def test_what_is_uniform_is_coded_as_the_format_says(seed: int, sizes: list[int]) -> None:
    """By the second reader, in Python's integers: where sizes of 1 lie among others, too."""
    random = np.random.default_rng(seed)
    words = random.integers(1, 2**32, 100, dtype=np.uint32)
    symbols = random.integers(0, np.array(sizes, dtype=np.int64))
    stack, slow = Stack(words), reader.Stack(words.tobytes())
    stack.push_uniform(symbols, np.array(sizes, dtype=np.int64))
    slow.pushes(symbols.tolist(), sizes)
    assert stack.words().tolist() == slow.left()
    backwards = sizes[::-1]
    popped = stack.pop_uniform(np.array(backwards, dtype=np.int64))
    assert popped.tolist() == slow.pops(backwards)
    assert stack.words().tolist() == slow.left()


@given(SEEDS, st.integers(2, 9))
@settings(max_examples=5)
def test_arrays_of_more_than_a_call_have_the_same_bits(seed: int, n_calls: int) -> None:
    random = np.random.default_rng(seed)
    sizes = random.choice([1, 2, 77, 2**14], 40 * n_calls)
    symbols = random.integers(0, sizes)
    words = random.integers(1, 2**32, 1000, dtype=np.uint32)
    whole, cut = Stack(words), Stack(words)
    whole.push_uniform(symbols, sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CALL_SYMBOLS", 30)
        cut.push_uniform(symbols, sizes)
        assert np.array_equal(cut.words(), whole.words())
        assert np.array_equal(cut.pop_uniform(sizes), symbols)
    assert np.array_equal(whole.pop_uniform(sizes), symbols)
    assert np.array_equal(cut.words(), words)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.uint32])
def test_integers_of_any_kind_and_layout_are_the_same_symbols(kind: type) -> None:
    random = np.random.default_rng(8)
    sizes = random.integers(1, 200, 60)
    symbols = random.integers(0, sizes)
    expected, found = full_stack(2), full_stack(2)
    expected.push_uniform(symbols, sizes)
    found.push_uniform(np.repeat(symbols, 2).astype(kind)[::2], sizes.astype(kind))
    assert np.array_equal(found.words(), expected.words())
    assert np.array_equal(found.pop_uniform(np.repeat(sizes, 2)[::2]), symbols)
    assert found.pop_uniform(np.int64(5)).shape == (1,)


@given(st.binary(max_size=40))
def test_bytes_are_a_stack_or_refused(data: bytes) -> None:
    try:
        stack = Stack.from_bytes(data)
    except StackError:
        return
    assert stack.to_bytes() == data
    assert Stack.from_bytes(stack.to_bytes()).n_bits == stack.n_bits


def test_a_range_of_one_costs_nothing() -> None:
    stack = full_stack(1)
    before = stack.n_bits
    stack.push_uniform(np.zeros(1000, dtype=np.int64), 1)
    assert stack.n_bits == before
    assert not stack.pop_uniform(1, 1000).any()


@pytest.mark.parametrize("size", [1, 2, 3, 1000, 1 << 14, 1 << 24])
def test_one_size_for_all_makes_the_same_bits_as_each_its_own(size: int) -> None:
    symbols = np.random.default_rng(size).integers(0, size, 500)
    together, singly = (Stack(auxiliary_words(40)) for _ in range(2))
    together.push_uniform(symbols, size)
    singly.push_uniform(symbols, np.full(500, size))
    assert np.array_equal(together.words(), singly.words())
    assert np.array_equal(together.pop_uniform(size, 500), singly.pop_uniform(np.full(500, size)))
    assert np.array_equal(together.words(), singly.words())
