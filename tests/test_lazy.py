"""Packages whose heavy names are imported on first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import core.archive
import core.engine

LIGHT = """
import sys
import core.archive, core.engine
from core.archive import Codecs, Entry, Totals
from core.archive.opening import open_database
from core.engine import Choice, FileResult, plan
heavy = {"numpy", "torch", "numba", "PIL"} & set(sys.modules)
print(sorted(heavy))
from core.engine import add
print("numpy" in sys.modules)
"""


def test_light_names_need_no_numpy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["[]", "True"]


@pytest.mark.parametrize("package", [core.archive, core.engine])
def test_every_promised_name_is_there_and_no_other(package: object) -> None:
    for name in package.__all__:  # type: ignore[attr-defined]
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing  # type: ignore[attr-defined]  # noqa: B018
