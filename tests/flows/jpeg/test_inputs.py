"""What networks are given, other resolutions, and the tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.flows.jpeg import inputs
from core.flows.jpeg.planes import averaged, dequantised
from core.flows.jpeg.tables import LOG_UNIT
from core.training.jpeg_export import make_tables
from tests.flows.jpeg.small import TABLE, coefficients

_DCT = np.array([
    [np.cos(np.pi * (2 * n + 1) * k / 16) * (0.125 if k == 0 else 0.25) ** 0.5 for n in range(8)]
    for k in range(8)
])  # fmt: skip


def pixels(blocks: np.ndarray) -> np.ndarray:
    """(R, C, 64) zigzag to (8 R, 8 C)."""
    rows, columns, _ = blocks.shape
    natural = np.zeros((rows, columns, 64))
    natural[..., inputs.zigzag()] = blocks
    square = natural.reshape(rows, columns, 8, 8)
    found = np.einsum("ku,rckl,lv->rucv", _DCT, square, _DCT)
    return found.reshape(8 * rows, 8 * columns)


@pytest.mark.parametrize("factors", [(1, 1), (2, 2), (1, 2), (2, 1), (4, 1), (2, 4)])
def test_averages_are_those_of_pixels(factors: tuple[int, int]) -> None:
    rows, columns = 3, 2
    fine = dequantised(coefficients(rows * factors[0], columns * factors[1], 5, extremes=0), TABLE)
    coarse = averaged(fine, rows, columns, factors, make_tables().averaging)
    mean = pixels(fine).reshape(8 * rows, factors[0], 8 * columns, factors[1]).mean((1, 3))
    # Each coefficient is rounded, by half a step at most, and by what matrices of 12 bits leave.
    assert abs(pixels(coarse) - mean).max() < 4.5


def test_averages_repeat_what_is_missing() -> None:
    fine = dequantised(coefficients(3, 3, 5), TABLE)
    whole = np.pad(fine, ((0, 1), (0, 1), (0, 0)), "edge")
    matrices = make_tables().averaging
    assert np.array_equal(
        averaged(fine, 2, 2, (2, 2), matrices), averaged(whole, 2, 2, (2, 2), matrices)
    )


@given(st.integers(-(2**31), 2**31), st.integers(1, 2**24))
def test_bytes_grow_with_sizes(value: int, multiplier: int) -> None:
    table = make_tables().bytes_
    byte = inputs.byte_of(value, multiplier, table)
    assert abs(byte) <= inputs.LARGEST
    assert byte * value >= 0
    assert abs(inputs.byte_of(value + 1, multiplier, table)) >= abs(byte) or value < 0
    size = 1 + abs(value) * multiplier / 2**inputs.MULTIPLIER_BITS
    exact = inputs.STEPS_PER_OCTAVE * np.log2(size)
    assert abs(byte) == pytest.approx(min(exact, inputs.LARGEST), abs=0.8)


@given(st.integers(0, 65535))
def test_logarithms_are_those_of_eight_bits(q: int) -> None:
    found = make_tables().log2(np.array([q], dtype=np.int32))[0] / LOG_UNIT
    assert found == pytest.approx(np.log2(max(q, 1)), abs=0.012)


def test_powers_are_exact_products() -> None:
    logs = np.array([-20 * LOG_UNIT, -1, 0, 1, 512, 1023, 1024, 20 * LOG_UNIT])
    found = make_tables().power(logs)
    assert found == pytest.approx(2.0 ** (logs / LOG_UNIT), rel=1e-6)
    assert found[2] == 1
    assert found[-1] == 2.0**20


def test_bytes_of_a_component() -> None:
    values = dequantised(coefficients(3, 4, 9), TABLE)
    table = make_tables().bytes_
    multiplier = inputs.multipliers(np.linspace(100, 2, 64))
    found = np.empty((3, 4, 64), dtype=np.int8)
    relative = np.empty((3, 4, 6), dtype=np.int32)
    near = np.empty((3, 4, 4), dtype=np.int8)
    inputs.component_bytes(values, multiplier, table, found, relative, near)
    assert relative[0, 0].tolist() == [0, values[0, 0, 0], 0, 0, 0, 0]
    assert relative[0, 2, 0] == values[0, 1, 0]
    assert relative[2, 0, 0] == values[1, 0, 0]
    ref = (int(values[1, 1, 0]) + int(values[0, 2, 0])) // 2
    around = [values[1, 1, 0], values[0, 2, 0], values[0, 1, 0], values[0, 3, 0]]
    assert relative[1, 2].tolist() == [ref, values[1, 2, 0] - ref, *(int(v) - ref for v in around)]
    assert relative[1, 3, 5] == 0  # nothing is above right of the last column
    for k in (1, 17, 63):
        expected = inputs.byte_of(int(values[2, 1, k]), int(multiplier[k]), table)
        assert found[2, 1, k] == expected
    assert near[1, 2, 1] == inputs.byte_of(int(relative[1, 2, 3]), int(multiplier[0]), table)
