"""Imports torch, and the compiler that Numba brings, without stopping the window.

``import torch`` opens a library of several hundred megabytes while it holds the interpreter's
lock: 0.2 to 0.3 s warm, seconds from a cold disk, in which no other thread runs; LLVM is as large.
The loader called as a foreign function releases the lock, and the import that follows finds
everything loaded. The import then makes so many objects that looking for garbage among them takes
0.1 s more at a time, so that is put off until it is over, and they are left out of it for good.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import os
import sys
from pathlib import Path

from core.runtime import configure_openmp

#: Packages, the folder of their libraries, and these in the order in which they need each other.
_LIBRARIES = (
    ("torch", "lib", ("torch_global_deps", "c10", "torch_cpu", "torch", "torch_python")),
    ("llvmlite", "binding", ("llvmlite",)),
)


def keep_out_of_collections() -> None:
    """Leaves all objects that there are out of collections of garbage, which hold the lock.

    To be called once the window stands: what it is made of stays as long as the program. Imports
    of the first job set off a collection, of 26 ms of a processor with the window's objects.
    """
    gc.freeze()


def import_torch() -> None:
    """Call this on a worker, before anything there imports torch or Numba."""
    if "torch" in sys.modules:
        return
    configure_openmp()
    _load_libraries()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        importlib.import_module("torch")
        importlib.import_module("numba")
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


def _load_libraries() -> None:
    if os.name == "nt":  # where torch itself first says where its libraries are to be looked for
        return
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
    for package, folder, libraries in _LIBRARIES:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            continue
        for library in libraries:
            place = Path(next(iter(spec.submodule_search_locations)))
            path = place / folder / f"lib{library}{suffix}"
            if path.exists():
                dlopen(os.fsencode(path), os.RTLD_NOW)
