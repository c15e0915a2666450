"""Products of small integers: exact at their limits, with and without pmaddwd."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.flows.jpeg.products import multiply, packed, padded, padded_rows


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"), [(1, 2, 1), (4, 8, 16), (5, 9, 17), (37, 480, 96), (3, 64, 40)]
)
def test_products_are_exact(rows: int, inputs: int, outputs: int) -> None:
    random = np.random.default_rng(rows)
    weight = random.integers(-64, 65, (outputs, inputs)).astype(np.int8)
    weight[0] = 64
    x = np.zeros((padded_rows(rows), inputs + inputs % 2), dtype=np.int16)
    x[:rows, :inputs] = random.integers(-128, 256, (rows, inputs))
    x[0, :inputs] = 255
    bias = random.integers(-5000, 5000, outputs).astype(np.int32)
    shift = random.integers(0, 21, outputs).astype(np.int8)
    layer = packed(weight, bias, shift)
    found = np.empty((padded_rows(rows), padded(outputs)), dtype=np.int32)
    multiply(x, rows, layer, found)
    expected = x[:rows, :inputs].astype(np.int64) @ weight.T.astype(np.int64)
    assert np.array_equal(found[:rows, :outputs], expected)
    assert np.array_equal(layer.bias[:outputs], bias)
    assert np.array_equal(2 * layer.half[:outputs], (1 << shift.astype(int)) & ~1)


def test_older_processors_compute_the_same(tmp_path: Path) -> None:
    """In another process, in code for a processor without AVX2 and with an empty cache."""
    if platform.machine() != "x86_64":
        pytest.skip("x86-64 is a kind of processor of its own")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", __file__, "-k", test_products_are_exact.__name__],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ
        | {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "", "XDG_CACHE_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout
