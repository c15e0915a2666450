"""Loops over pixels, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compiles a function when it is first called, and keeps that on disk for the next start.

    No ``fastmath``: each operation rounds by itself, in the order in which it is written. The
    interpreter's lock is given back while it runs.
    """
    result: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return cast(_Function, result)
