"""Imports torch and Numba's compiler without blocking the window.

``import torch`` opens a library of several hundred megabytes while it holds the interpreter's
lock: 0.2 to 0.3 s warm, seconds from a cold disk, while no other thread runs; LLVM is as large.
The loader, called as a foreign function, releases the lock, and the import then finds
everything loaded. The import makes so many objects that a garbage collection takes 0.1 s more,
so collections are off until it is done, and these objects are excluded from them for good.
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

#: Packages, the folders of their libraries, and the libraries in the order of dependence.
_LIBRARIES = (
    ("torch", "lib", ("torch_global_deps", "c10", "torch_cpu", "torch", "torch_python")),
    ("llvmlite", "binding", ("llvmlite",)),
)


def keep_out_of_collections() -> None:
    """Exclude all present objects from garbage collections, which hold the lock.

    Call this when the window is complete: its objects live as long as the program. The imports
    of the first job trigger a collection, which takes 26 ms with the window's objects.
    """
    gc.freeze()


def import_torch() -> None:
    """Call this on a worker, before anything imports torch or Numba."""
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
    if os.name == "nt":  # where torch itself sets the search path of its libraries
        return
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
    for package, folder, libraries in _LIBRARIES:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            continue
        for library in libraries:
            root = Path(next(iter(spec.submodule_search_locations)))
            path = root / folder / f"lib{library}{suffix}"
            if path.exists():
                dlopen(os.fsencode(path), os.RTLD_NOW)
