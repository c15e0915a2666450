"""No call into constriction keeps the interpreter's lock so long that the window stands still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import core
from core.coding import stack as stack_module
from core.coding.auxiliary import auxiliary_words
from core.coding.stack import CALL_SYMBOLS, Stack


class Counting:
    """A coder that notes how many symbols each call codes."""

    def __init__(self, coder: Any, calls: list[int]) -> None:
        self._coder, self._calls = coder, calls

    def encode_reverse(self, symbols: Any, *model: Any) -> None:
        self._calls.append(len(symbols))
        self._coder.encode_reverse(symbols, *model)

    def decode(self, model: Any, *parameters: Any) -> Any:
        symbols = self._coder.decode(model, *parameters)
        self._calls.append(len(symbols))
        return symbols

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coder, name)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    made: list[int] = []
    real = stack_module.AnsCoder
    monkeypatch.setattr(stack_module, "AnsCoder", lambda *a, **k: Counting(real(*a, **k), made))
    return made


def test_no_call_is_longer_than_64_ki_symbols(calls: list[int]) -> None:
    assert CALL_SYMBOLS <= 1 << 16
    count, rng = 3 * CALL_SYMBOLS + 17, np.random.default_rng(0)
    stack = Stack(np.arange(1, 40, dtype=np.uint32), auxiliary=auxiliary_words)
    sizes = rng.integers(2, 1000, count)
    symbols = rng.integers(0, sizes)
    means, stds = rng.normal(0, 100, count), rng.uniform(0.5, 5000, count)
    stack.push_uniform(symbols, sizes)
    stack.push_gaussian(np.round(means).astype(np.int64), means, stds)
    stack.push_bits(symbols, 30)
    assert np.array_equal(stack.pop_bits(count, 30), symbols)
    assert np.array_equal(stack.pop_gaussian(means, stds), np.round(means))
    assert np.array_equal(stack.pop_uniform(sizes), symbols)
    assert sum(calls) > 6 * count
    assert max(calls) == CALL_SYMBOLS


def test_nothing_else_calls_constriction() -> None:
    root = Path(core.__file__).parent
    users = [p.name for p in root.rglob("*.py") if "import constriction" in p.read_text("utf-8")]
    assert users == ["stack.py"]
