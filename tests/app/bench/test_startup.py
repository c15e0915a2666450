"""The window must not wait for torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from app.bench.startup import StartupError, measure
from app.cli.main import cli

_PROGRAM = """
import sys
import app.window.window, app.start.gui
heavy = {"torch", "PIL", "imagecodecs", "numpy"} & set(sys.modules)
print(sorted(heavy))
"""


def test_the_window_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert done.stdout.strip() == "[]"


_WARM_UP = """
import gc, sys
from app.backend.warmup import import_torch
import_torch()
import_torch()
print("torch" in sys.modules, gc.isenabled())
"""


def test_torch_is_imported_gently() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WARM_UP], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]


def test_the_window_is_drawn_without_what_it_does_not_need() -> None:
    startup = measure(3)
    assert startup.imported == []
    assert startup.platform == "offscreen"
    assert startup.median_seconds > 0.02


def test_the_bench_tells_every_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.bench.startup.N_STARTS", 3)
    measured = json.loads(CliRunner().invoke(cli, ["bench", "startup", "--json"]).stdout)
    assert len(measured["seconds"]) == 3
    assert measured["median"] == sorted(measured["seconds"])[1]
    assert "DIR" in CliRunner().invoke(cli, ["bench", "kodak"]).output


def test_a_window_that_cannot_appear_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "nonsense")
    with pytest.raises(StartupError, match="did not appear"):
        measure(1)
