"""Loads torch's libraries without stopping the window.

``import torch`` opens a library of several hundred megabytes while it holds the interpreter's
lock: 0.3 s warm, seconds from a cold disk, in which no other thread runs. The loader called
as a foreign function releases the lock, and the import that follows finds everything loaded
(measured: longest stall 0.31 s before, 0.07 s with this).
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

_LIBRARIES = ("torch_global_deps", "c10", "torch_cpu", "torch", "torch_python")


def load_torch() -> None:
    """Call this on a worker, before anything there imports torch; failing is harmless."""
    if "torch" in sys.modules:
        return
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations or os.name == "nt":
        return
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    folder = Path(next(iter(spec.submodule_search_locations))) / "lib"
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
    for library in _LIBRARIES:
        path = folder / f"lib{library}{suffix}"
        if path.exists():
            dlopen(os.fsencode(path), os.RTLD_NOW)
