"""Startup time: from the start of the process to the first drawn window."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import FloeError

#: Slow libraries that the first drawn window does not need.
_HEAVY = ("torch", "numpy", "PIL", "imagecodecs")
_PATIENCE_S = 120
N_STARTS = 7


class StartupError(FloeError):
    """The window did not appear."""


@dataclass(frozen=True)
class Startup:
    """Starts of new processes, one after the other; files may be in the system's cache."""

    seconds: list[float]
    imported: list[str]  #: slow libraries, by any start
    platform: str  #: of Qt: "offscreen" without a screen

    @property
    def median_seconds(self) -> float:
        return statistics.median(self.seconds)


def report() -> None:
    """Print the record of a started process, once its window is drawn, and quit."""
    from PySide6.QtGui import QGuiApplication

    record = {
        "at": time.monotonic(),  # the same clock for all processes
        "imported": [name for name in _HEAVY if name in sys.modules],
        "platform": QGuiApplication.platformName(),
    }
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()
    QGuiApplication.exit(0)


def measure(n_starts: int) -> Startup:
    """Start the program with empty settings and caches. Raises StartupError."""
    seconds: list[float] = []
    imported: set[str] = set()
    platform = ""
    with tempfile.TemporaryDirectory(prefix="floe-startup-") as scratch:
        homes = {f"XDG_{kind}_HOME": scratch for kind in ("CONFIG", "CACHE", "DATA")}
        for _ in range(n_starts):
            record, began = _start({**os.environ, **homes})
            seconds.append(record["at"] - began)
            imported.update(record["imported"])
            platform = record["platform"]
    return Startup(seconds, sorted(imported), platform)


def _this_program() -> list[str]:
    """The bundle is its own program; elsewhere Python runs this very source."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-m", "app.cli"]


def _start(environment: dict[str, str]) -> tuple[dict[str, Any], float]:
    root = Path(__file__).parents[2]
    began = time.monotonic()
    try:
        done = subprocess.run(
            [*_this_program(), "gui", "--report-startup"],
            env={**environment, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StartupError(f"the window did not appear within {_PATIENCE_S} s") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise StartupError(f"the window did not appear: {said[-1] if said else done.returncode}")
    return json.loads(done.stdout.splitlines()[-1]), began
