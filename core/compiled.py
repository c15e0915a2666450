"""Loops over pixels, compiled by Numba, with a cache on disk that cannot change a result.

Numba's own cache asks whether the file of a function has changed; the constants that the function
takes from other files are frozen into its machine code all the same. And it fails where the cache
is damaged or cannot be written to. So Floe has a cache of its own. Its key is a hash of everything
that decides about the machine code: the bytecode of the function and of all functions that it
calls, the values of all globals that it uses, the types of its arguments, the processor, and the
versions of Python, Numba, LLVM's binding and numpy. Each file holds the hash of its contents.
Whatever goes wrong with the cache, the function is compiled instead.

Compiling everything takes seconds. A bundle therefore ships machine code for any processor of its
kind, with the same keys (``python -m tools.precompile``), which is used where the cache has none.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import importlib.resources
import logging
import os
import pickle
import platform
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Final, TypeVar, cast

import llvmlite.binding
import numba
import numpy as np
import platformdirs
from numba.core import serialize
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.extending import _Intrinsic

_Function = TypeVar("_Function", bound=Callable[..., Any])

_log = logging.getLogger(__name__)

#: No ``fastmath``: each operation rounds on its own, in the order in which it is written. The
#: interpreter's lock is released while a function runs.
_OPTIONS: Final = {"nogil": True, "error_model": "numpy"}

#: When the files of the cache take more than this, the oldest ones are deleted.
_MOST_BYTES: Final = 64 * 2**20

#: Features of the processors that shipped machine code is for: x86-64-v3, all since about 2015.
_PORTABLE_X86: Final = ("avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "popcnt")

#: Modules whose attributes are settled by the versions that are part of each key.
_VERSIONED: Final = ("numpy", "math", "numba", "llvmlite", "builtins")


def compiled(function: _Function) -> _Function:
    """Compiles a function when it is first called, and caches the machine code on disk."""
    result: Any = numba.njit(**_OPTIONS)(function)
    if isinstance(result, Dispatcher):  # with NUMBA_DISABLE_JIT it is the function itself
        dispatcher: Any = result
        dispatcher._cache = _Cache(result.py_func)
    return cast(_Function, result)


def inlined(function: _Function) -> _Function:
    """Compiles a small function that allocates nothing into each of its compiled callers.

    It counts no references to the arrays that it is given, which would cost more than it does.
    """
    return cast(_Function, numba.njit(forceinline=True, _nrt=False, **_OPTIONS)(function))


class UncacheableError(Exception):
    """The machine code of a function depends on something that has no hash."""


class _Cache:
    """The cache of one function, with the methods that Numba's dispatcher calls."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function

    @property
    def cache_path(self) -> str:
        """The folder of its files, for Numba's statistics."""
        return str(cache_folder())

    def load_overload(self, signature: Any, target: Any) -> CompileResult | None:
        """The machine code for argument types; None if it has to be compiled."""
        target.refresh()
        try:
            data = self._read(signature, target.codegen())
            digest, payload = data[:32], data[32:]
            if hashlib.sha256(payload).digest() != digest:
                raise ValueError("the file is damaged")
            return CompileResult._rebuild(target, *pickle.loads(payload))
        except FileNotFoundError:
            return None
        except Exception as error:
            _log.warning("%s is compiled again: %r", self._function.__qualname__, error)
            return None

    def save_overload(self, signature: Any, result: CompileResult) -> None:
        """Keeps compiled machine code, if that is possible."""
        try:
            path = cache_folder() / self._name(signature, result.codegen.magic_tuple())
            if result.library.has_dynamic_globals or result.lifted:
                raise UncacheableError("the machine code holds addresses of this process")
            payload = serialize.dumps(result._reduce())
            path.parent.mkdir(parents=True, exist_ok=True)
            _make_room(path.parent)
            with _draft(path) as file:
                file.write(hashlib.sha256(payload).digest() + payload)
        except Exception as error:
            _log.warning("%s cannot be cached: %r", self._function.__qualname__, error)

    def _read(self, signature: Any, codegen: Any) -> bytes:
        """The file of the user's cache, or else the one that was shipped."""
        triple, *_ = processor = codegen.magic_tuple()
        try:
            return (cache_folder() / self._name(signature, processor)).read_bytes()
        except OSError:
            portable = portable_processor(triple)
            if portable is None or numba.config.CPU_NAME:
                raise
        return (shipped_folder() / self._name(signature, (triple, portable, ""))).read_bytes()

    def _name(self, signature: Any, processor: tuple[str, ...]) -> str:
        config: Any = numba.config
        settings = config.OPT, config.BOUNDSCHECK, sorted(_OPTIONS.items())
        parts = (
            fingerprint(self._function), repr(signature), processor, settings,
            platform.python_version(), numba.__version__, llvmlite.__version__, np.__version__,
        )  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()


def cache_folder() -> Path:
    """The folder of the compiled functions, below the user's cache."""
    return Path(platformdirs.user_cache_dir("floe", appauthor=False)) / "compiled"


def shipped_folder() -> Path:
    """The folder of the machine code that came with the program, if any did."""
    return Path(str(importlib.resources.files("resources"))) / "compiled"


def portable_processor(triple: str) -> str | None:
    """LLVM's name of a processor whose machine code this one runs; None if there is none."""
    kind = triple.partition("-")[0]
    if kind in ("aarch64", "arm64"):
        return "generic"
    if kind != "x86_64":
        return None
    features = llvmlite.binding.get_host_cpu_features()
    return "x86-64-v3" if all(features.get(name) for name in _PORTABLE_X86) else None


def fingerprint(function: FunctionType) -> str:
    """A hash of all that decides what a function computes. Raises UncacheableError.

    It covers the bytecode and constants of the function and of all functions that it calls, and
    the values of all globals that they use.
    """
    return hashlib.sha256("\n".join(_described(function, set())).encode()).hexdigest()


def _described(value: object, seen: set[int]) -> Iterator[str]:
    """Lines of text that differ wherever the machine code may differ."""
    match value:
        case None | bool() | int() | float() | str() | bytes() | np.generic():
            yield f"{type(value).__name__} {value!r}"
        case np.ndarray() if value.dtype != object:  # frozen, too
            digest = hashlib.sha256(value.tobytes()).hexdigest()
            yield f"array {value.dtype!r} {value.shape} {value.strides} {digest}"
        case tuple():
            yield f"tuple of {len(value)}"
            for each in value:
                yield from _described(each, seen)
        case Dispatcher():
            yield from _described(value.py_func, seen)
        case _Intrinsic():  # what writes the code that stands in the function's place
            yield from _described(value._defn, seen)
        case FunctionType() if value.__closure__ is None and not value.__kwdefaults__:
            yield f"function {value.__qualname__}"
            if id(value) not in seen:
                seen.add(id(value))
                yield from _described(value.__defaults__, seen)
                yield from _described_code(value.__code__, value.__globals__, value.__doc__, seen)
        case ModuleType() if value.__name__.partition(".")[0] in _VERSIONED:
            yield f"module {value.__name__}"
        case type() | BuiltinFunctionType() | np.ufunc() if _versioned(value):
            yield f"{value!r}"
        case _:
            raise UncacheableError(f"{value!r} has no hash")


def _described_code(
    code: CodeType, names: dict[str, Any], documentation: str | None, seen: set[int]
) -> Iterator[str]:
    yield f"code {code.co_code!r} {code.co_varnames} {code.co_names} {code.co_argcount}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _described_code(constant, names, None, seen)
        elif constant is None or constant is not documentation:
            yield from _described(constant, seen)
    for name in code.co_names:  # of globals, and of attributes, which need none
        if name in names:
            yield f"global {name}"
            yield from _described(names[name], seen)
        elif hasattr(builtins, name):
            yield f"builtin {name}"


def _versioned(value: Any) -> bool:
    module = getattr(value, "__module__", None) or "numpy"  # a ufunc names no module
    return str(module).partition(".")[0] in _VERSIONED


@contextlib.contextmanager
def _draft(path: Path) -> Iterator[Any]:
    """A file that takes its name once it is complete."""
    handle, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with open(handle, "wb") as file:
            yield file
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


@cache
def _make_room(folder: Path) -> None:
    """Deletes the oldest files of a full cache, once in a process."""
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another process deletes, too
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    n_bytes = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if n_bytes <= _MOST_BYTES:
            return
        with contextlib.suppress(OSError):
            path.unlink()
        n_bytes -= size
