"""The stack of decisions is constriction's, to the byte, and the tables are what they are named."""

from __future__ import annotations

import constriction
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.coding.jpeg import kernel
from core.coding.jpeg.decisions import Tape, pop, push_decisions
from core.coding.jpeg.kernel import ORDER
from core.coding.jpeg.logistic import LIMIT, tables

probabilities = st.integers(1, 65535)


def pushed(records: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Words below the head, and the head, after these decisions."""
    below = np.zeros(len(words) - 2 + len(records), np.uint32)
    below[: len(words) - 2] = words[:-2]
    head = np.array([(int(words[-1]) << 32) | int(words[-2]), len(words) - 2], np.uint64)
    push_decisions(records, below, head)
    return below, head


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(probabilities, st.integers(0, 1)), max_size=200), st.integers(0, 2**32))
def test_decisions_are_pushed_as_constriction_does(decisions, seed):
    words = np.random.default_rng(seed).integers(1, 2**32, 4, dtype=np.uint32)
    records = np.array([2 * p + bit for p, bit in decisions], np.uint32)
    below, head = pushed(records, words)

    coder = constriction.stream.stack.AnsCoder(words)
    for p, bit in reversed(decisions):
        model = constriction.stream.model.Categorical(
            np.array([65536 - p, p], np.float64) / 65536, perfect=True
        )
        coder.encode_reverse(np.array([bit], np.int32), model)
    top = int(head[0])
    found = [*below[: int(head[1])], top & 0xFFFFFFFF, top >> 32]
    assert np.array_equal(np.array(found, np.uint32), coder.get_compressed())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(probabilities, st.integers(0, 1)), max_size=400))
def test_decisions_come_off_in_order_and_leave_the_stack_as_it_was(decisions):
    words = np.array([5, 6, 7, 1], np.uint32)
    records = np.array([2 * p + bit for p, bit in decisions], np.uint32)
    below, head = pushed(records, words)
    tape = Tape(np.empty(0, np.uint32), np.empty(0, np.int64), below, head)
    assert [pop(tape, p) for p, _ in decisions] == [bit for _, bit in decisions]
    assert head.tolist() == [(1 << 32) + 7, 2]
    assert below[:2].tolist() == [5, 6]


def test_squash_is_the_logistic_function():
    logits = np.arange(-LIMIT, LIMIT + 1) / 256
    expected = 65536 / (1 + np.exp(-logits))
    assert np.abs(tables().squash - expected).max() <= 1
    assert tables().squash.min() >= 1
    assert tables().squash.max() <= 65535


def test_stretch_is_its_inverse():
    look = tables()
    places = np.arange(4096) * 16 + 8
    again = 65536 / (1 + np.exp(-look.stretch / 256))
    assert np.abs(again - places).max() <= 64  # a unit of the logit in the middle
    assert np.abs(again / places - 1).max() <= 0.07  # at the ends, half a unit of 65,536
    assert (np.diff(look.stretch) >= 0).all()


def test_buckets_are_in_order():
    buckets = tables().buckets
    assert buckets[:5].tolist() == [0, 1, 2, 3, 4]
    assert set(np.diff(buckets)) == {0, 1}
    assert buckets[-1] == 25


def test_every_coefficient_has_its_place_in_the_order():
    assert sorted(ORDER) == list(range(64))


@pytest.mark.parametrize("length", range(2, 17))
def test_bits_of_a_magnitude_have_nodes_of_their_own(length):
    nodes = set()
    for done in range(min(length - 1, 2)):
        for prefix in range(1 << done):
            nodes.add(kernel._bit_node(length, done, (1 << done) + prefix))
    assert len(nodes) == (1 if length == 2 else 3)
    assert min(nodes) > kernel._LENGTH + kernel._MAX_LENGTH_NODE
    assert max(nodes) < kernel.N_NODES
