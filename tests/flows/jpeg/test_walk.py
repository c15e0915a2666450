"""Walks of the integer model: exact, causal, and the function that was trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.compiled import compiled
from core.flows.jpeg.file import read_jpeg_file
from core.flows.jpeg.planes import dequantised
from core.flows.jpeg.walk import Walk
from core.flows.jpeg.wave import EDGE_BITS, Wave, accept, edge, edges, predict
from core.training.jpeg_data import Batcher, Component
from tests.flows.jpeg.reference import Reference
from tests.flows.jpeg.small import TABLE, coefficients, model, network

SIDES = [(1, 1), (1, 6), (6, 1), (4, 5), (3, 11), (9, 4)]


def walk_of(role: int, rows: int, columns: int, seed: int = 0) -> tuple[Walk, np.ndarray]:
    """A walk with random components before it, and the coefficients to be coded."""
    given = [dequantised(coefficients(rows, columns, seed + 10 + i), TABLE) for i in range(role)]
    walk = model().walk(role, rows, columns, TABLE, given)
    return walk, coefficients(rows, columns, seed)


@compiled
def _through(wave: Wave, low: np.ndarray, high: np.ndarray) -> None:
    """Edges below and above each known coefficient of a wave: (64, n)."""
    at = np.empty(wave.n, dtype=np.int32)
    for k in range(64):
        predict(wave, k)
        for b in range(wave.n):
            at[b] = wave.x[b, k]
        edges(wave, at, low[k])
        at += 1
        edges(wave, at, high[k])
        accept(wave, k)


def all_edges(walk: Walk, x: np.ndarray) -> np.ndarray:
    """(R, C, 64, 2) of known coefficients."""
    found = np.zeros((*x.shape, 2), dtype=np.int32)
    for number in range(walk.n_waves):
        wave = walk.begin(number)
        rows, columns = wave.rows[: wave.n], wave.columns[: wave.n]
        wave.x[: wave.n] = x[rows, columns]
        low, high = np.empty((2, 64, wave.n), dtype=np.int32)
        _through(wave, low, high)
        found[rows, columns, :, 0], found[rows, columns, :, 1] = low.T, high.T
        walk.end(number)
    return found


@pytest.mark.parametrize("role", [0, 1, 2])
@pytest.mark.parametrize(("rows", "columns"), SIDES)
def test_sums_are_those_of_another_evaluator(role: int, rows: int, columns: int) -> None:
    walk, x = walk_of(role, rows, columns)
    given = [dequantised(coefficients(rows, columns, 10 + i), TABLE) for i in range(role)]
    reference = Reference(read_jpeg_file(model().file), role, x, TABLE, given)
    seen = 0
    for number in range(walk.n_waves):
        wave = walk.begin(number)
        rows_, columns_ = wave.rows[: wave.n], wave.columns[: wave.n]
        wave.x[: wave.n] = x[rows_, columns_]
        low, high = np.empty((2, 64, wave.n), dtype=np.int32)
        _through(wave, low, high)
        for b, (r, c) in enumerate(zip(rows_.tolist(), columns_.tolist(), strict=True)):
            total, shift = reference.hidden(r, c)
            assert np.array_equal(wave.hidden[b].astype(np.float64), total * 2.0**-shift)
            sums, leaning = reference.prediction(r, c)
            assert np.array_equal(wave.sums[b], sums)
            assert np.array_equal(wave.leaning[b], leaning)
            seen += 1
        walk.end(number)
    assert seen == rows * columns
    assert np.array_equal(walk.coefficients, x)


@pytest.mark.parametrize("role", [0, 2])
def test_distributions_know_nothing_of_what_comes_later(role: int) -> None:
    """What a decoder does not have yet changes none of the edges before it."""
    walk, x = walk_of(role, 5, 6)
    before = all_edges(walk, x)
    r, c, k = 2, 3, 20
    changed = x.copy()
    changed[r, c, k] += 7
    walk, _ = walk_of(role, 5, 6)
    after = all_edges(walk, changed)
    wave = c + 2 * r
    for p in range(5):
        for q in range(6):
            if q + 2 * p < wave or (q + 2 * p == wave and (p, q) != (r, c)):
                assert np.array_equal(before[p, q], after[p, q])
    assert np.array_equal(before[r, c, :k], after[r, c, :k])
    assert not np.array_equal(before[r, c, k + 1 :], after[r, c, k + 1 :])
    assert not np.array_equal(before[r, c + 1], after[r, c + 1])  # and what follows depends on it


def test_edges_are_a_distribution() -> None:
    walk, x = walk_of(1, 4, 4)
    for number in range(walk.n_waves):
        wave = walk.begin(number)
        wave.x[: wave.n] = x[wave.rows[: wave.n], wave.columns[: wave.n]]
        for k in range(64):
            predict(wave, k)
            found = np.empty((9, wave.n), dtype=np.int32)
            for i, offset in enumerate((-40000, -40, -2, -1, 0, 1, 2, 40, 40000)):
                at = (wave.centre[: wave.n] + offset).astype(np.int32)
                edges(wave, at, found[i])
                assert [
                    edge(wave.weights, wave.means, wave.inverse, b, int(h))
                    for b, h in enumerate(at)
                ] == found[i].tolist()
            assert (np.diff(found, axis=0) >= -2).all()
            assert found.min() >= 0
            assert found.max() <= 1 << EDGE_BITS
            accept(wave, k)
        walk.end(number)


@pytest.mark.parametrize("role", [0, 1, 2])
def test_integers_compute_what_was_trained(role: int) -> None:
    """Bits by the integer form, which does not learn here, against the model with its rounding."""
    rows, columns = 7, 9
    given = [
        dequantised(coefficients(rows, columns, 10 + i, extremes=0), TABLE) for i in range(role)
    ]
    x = coefficients(rows, columns, 0, extremes=0)
    walk = model().walk(role, rows, columns, TABLE, given)
    walk.learns = False
    found = all_edges(walk, x)
    mass = np.maximum(found[..., 1] - found[..., 0], 1) / 2.0**EDGE_BITS
    net = network().chroma if role else network().luma
    net.rounding.on = True
    usual = [net.given_usual[i].numpy() for i in range(role)]
    batcher = Batcher(net.usual.numpy(), np.array(usual))
    component = Component(x, TABLE, [g.clip(-32768, 32767).astype(np.int16) for g in given])
    expected = net.bits(batcher([component])).T.reshape(rows, columns, 64).numpy()
    likely = expected < 12  # beyond, edges of 24 bits end
    assert likely.mean() > 0.95
    difference = (-np.log2(mass) - expected)[likely]
    assert abs(difference.mean()) < 0.002 * expected[likely].mean()
    assert np.quantile(abs(difference), 0.99) < 0.15


def test_the_last_layer_learns_what_repeats() -> None:
    """Coefficients of one kind become likelier than without learning."""
    x = coefficients(16, 24, 3, spread=4, extremes=0)
    lengths = []
    for learns in (False, True):
        walk = model().walk(0, 16, 24, TABLE, [])
        walk.learns = learns
        found = all_edges(walk, x)
        mass = np.maximum(found[..., 1] - found[..., 0], 1) / 2.0**EDGE_BITS
        lengths.append(float(-np.log2(mass).sum()))
    assert lengths[1] < 0.985 * lengths[0]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="given"):
        model().walk(1, 3, 3, TABLE, [np.zeros((3, 4, 64), dtype=np.int32)])


def test_walks_are_the_same_each_time() -> None:
    walk, x = walk_of(2, 6, 7)
    again, _ = walk_of(2, 6, 7)
    torch.set_num_threads(1)
    assert np.array_equal(all_edges(walk, x), all_edges(again, x))
