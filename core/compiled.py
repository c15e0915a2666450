"""Loops over pixels, compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compiles a function when it is first called, and keeps that on disk for the next start.

    No ``fastmath``: each operation rounds by itself, in the order in which it is written. The
    interpreter's lock is given back while it runs.
    """
    compiler = partial(numba.njit, nogil=True, error_model="numpy")
    result: Any
    try:
        result = compiler(cache=True)(function)
    except RuntimeError:  # neither the program's folder nor the user's can be written to
        result = compiler()(function)
    return cast(_Function, result)
