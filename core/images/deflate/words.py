"""Arrays in the innermost loops: without counting references, and several bytes at once.

Nothing is checked: whoever calls knows that the bytes are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from core.images.deflate.standard import Bytes, Int

_Arrays = TypeVar("_Arrays")


def _borrowed(typing: Any, arrays: Any) -> Any:
    """A named tuple of arrays that are not counted as references: their owner outlives all uses.

    Each function that takes arrays counts them up and down, which takes longer than to use them.
    """

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        found = []
        for kind, value in zip(arrays, cgutils.unpack_tuple(b, arguments[0]), strict=True):
            array = context.make_array(kind)(context, b, value)
            for part in ("meminfo", "parent"):
                setattr(array, part, getattr(array, part).type(None))
            found.append(array._getvalue())
        return context.make_tuple(b, signature.return_type, found)

    return arrays(arrays), generate


def _loader(context: Any, b: Any, signature: Any, arguments: Any, n_bits: int) -> Any:
    array = context.make_array(signature.args[0])(context, b, arguments[0])
    place = b.gep(array.data, [arguments[1]])
    word = b.load(b.bitcast(place, ir.IntType(n_bits).as_pointer()))
    word.align = 1
    return word if n_bits == 64 else b.zext(word, ir.IntType(64))


def _pair_at(typing: Any, data: Any, at: Any) -> Any:
    """Two bytes from place ``at`` on."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return _loader(context, b, signature, arguments, 16)

    return types.int64(data, types.int64), generate


def _eight_at(typing: Any, data: Any, at: Any) -> Any:
    """Eight bytes from place ``at`` on."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return _loader(context, b, signature, arguments, 64)

    return types.int64(data, types.int64), generate


borrowed: Callable[[_Arrays], _Arrays] = intrinsic(_borrowed)
pair_at: Callable[[Bytes, Int], Int] = intrinsic(_pair_at)
eight_at: Callable[[Bytes, Int], Int] = intrinsic(_eight_at)
