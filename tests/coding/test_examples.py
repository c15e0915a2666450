"""The worked examples in the docstrings of core.coding are correct."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import core.coding

MODULES = [m.name for m in pkgutil.walk_packages(core.coding.__path__, "core.coding.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
    if name in ("core.coding.stack", "core.coding.elementwise"):
        assert result.attempted > 5
