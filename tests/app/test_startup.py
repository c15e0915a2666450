"""The window must not wait for torch."""

from __future__ import annotations

import os
import subprocess
import sys

_PROGRAM = """
import sys
import app.window, app.gui
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
from app.warmup import import_torch
import_torch()
import_torch()
print("torch" in sys.modules, gc.isenabled())
"""


def test_torch_is_imported_gently() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WARM_UP], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]
