"""Products of matrices of small integers, exact, in compiled code.

Inputs and weights are int16, whose pairs of products x86-64 adds up in 32 bits by one instruction
(pmaddwd). The same is written for others as plain integer operations. Neither rounds nor saturates
within the bounds of :mod:`core.flows.jpeg.layers`, so both give the one exact result.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic
from numpy.typing import NDArray

from core.compiled import compiled

Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]

#: A tile of results that registers hold: rows, and groups of 8 columns.
_ROWS: Final = 4
_GROUPS: Final = 2
#: Outputs are padded to multiples of this, inputs to even numbers, rows to multiples of _ROWS.
_COLUMNS: Final = 8 * _GROUPS


class Packed(NamedTuple):
    """A layer: (x @ weights + bias + half) >> shift is its result, rounded."""

    panels: Int16  # (groups, pairs of inputs, 8, 2)
    bias: Int32  # (outputs, padded)
    shift: Int32
    half: Int32


def packed(weight: NDArray[np.int8], bias: Int32, shift: NDArray[np.int8]) -> Packed:
    """weight: (O, I); bias, shift: (O,)."""
    n_outputs, n_inputs = weight.shape
    outputs, inputs = padded(n_outputs), n_inputs + n_inputs % 2
    whole = np.zeros((outputs, inputs), dtype=np.int16)
    whole[:n_outputs, :n_inputs] = weight
    panels = whole.reshape(outputs // 8, 8, inputs // 2, 2).transpose(0, 2, 1, 3)
    biases, shifts = np.zeros((2, outputs), dtype=np.int32)
    biases[:n_outputs], shifts[:n_outputs] = bias, shift
    half = ((1 << shifts.astype(np.int64)) >> 1).astype(np.int32)
    return Packed(np.ascontiguousarray(panels), biases, shifts, half)


def padded(n: int) -> int:
    """Outputs for so many that are needed."""
    return -(-n // _COLUMNS) * _COLUMNS


def padded_rows(n: int) -> int:
    """Rows for so many that are needed."""
    return -(-n // _ROWS) * _ROWS


def _has_pmaddwd() -> bool:
    """Whether what is compiled may use AVX2: for this processor, or for others (core.compiled)."""
    if config.CPU_NAME == "x86-64-v3":
        return True
    if config.CPU_FEATURES:
        return "+avx2" in config.CPU_FEATURES
    if config.CPU_NAME not in (None, "host", llvmlite.binding.get_host_cpu_name()):
        return False
    return bool(llvmlite.binding.get_host_cpu_features().get("avx2"))


@intrinsic  # type: ignore[untyped-decorator]
def _tile(
    typing: Any, x: Any, x_row: Any, panel: Any, result: Any, result_row: Any, pairs: Any
) -> Any:
    """_ROWS rows of x times _GROUPS panels: addresses, lengths of rows, and pairs of inputs."""
    signature = types.void(
        types.uintp, types.int64, types.uintp, types.uintp, types.int64, types.int64
    )
    i16, i32, i64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
    sums, bytes_ = ir.VectorType(i32, 8), ir.VectorType(i16, 16)

    def numbers(*given: int) -> Any:
        return ir.Constant(ir.VectorType(i32, len(given)), list(given))

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        x, x_row, panel, result, result_row, pairs = arguments
        x, panel = b.inttoptr(x, i32.as_pointer()), b.inttoptr(panel, bytes_.as_pointer())
        result = b.inttoptr(result, i32.as_pointer())
        entry, function = b.block, b.function
        loop, done = (function.append_basic_block(name) for name in ("loop", "done"))
        x_row = b.lshr(x_row, ir.Constant(i64, 1))
        b.branch(loop)
        b.position_at_end(loop)
        k = b.phi(i64)
        k.add_incoming(ir.Constant(i64, 0), entry)
        totals = [b.phi(sums) for _ in range(_ROWS * _GROUPS)]
        for total in totals:
            total.add_incoming(ir.Constant(sums, [0] * 8), entry)
        weights = []
        for group in range(_GROUPS):
            place = b.add(k, b.mul(pairs, ir.Constant(i64, group)))
            weights.append(b.load(b.gep(panel, [place])))
            weights[-1].align = 2
        found = []
        for row in range(_ROWS):
            pair = b.load(b.gep(x, [b.add(k, b.mul(x_row, ir.Constant(i64, row)))]))
            pair.align = 2
            nothing = ir.Constant(sums, ir.Undefined)
            one = b.insert_element(nothing, pair, ir.Constant(i32, 0))
            all_ = b.bitcast(b.shuffle_vector(one, nothing, numbers(*[0] * 8)), bytes_)
            for group in range(_GROUPS):
                product = _pairs(b, all_, weights[group])
                found.append(b.add(totals[row * _GROUPS + group], product))
        following = b.add(k, ir.Constant(i64, 1))
        k.add_incoming(following, loop)
        for total, value in zip(totals, found, strict=True):
            total.add_incoming(value, loop)
        b.cbranch(b.icmp_signed("<", following, pairs), loop, done)
        b.position_at_end(done)
        for row in range(_ROWS):
            for group in range(_GROUPS):
                place = b.add(b.mul(result_row, ir.Constant(i64, row)), ir.Constant(i64, 8 * group))
                target = b.bitcast(b.gep(result, [place]), sums.as_pointer())
                b.store(found[row * _GROUPS + group], target).align = 4
        return context.get_dummy_value()

    def _pairs(b: Any, left: Any, right: Any) -> Any:
        """Sums of pairs of products: 16 int16 each -> 8 int32."""
        if _has_pmaddwd():
            name = "llvm.x86.avx2.pmadd.wd"
            known = b.module.globals.get(name)
            function = known or ir.Function(b.module, ir.FunctionType(sums, [bytes_, bytes_]), name)
            return b.call(function, [left, right])
        nothing = ir.Constant(bytes_, ir.Undefined)
        products = []
        for first in (0, 1):
            places = numbers(*range(first, 16, 2))
            a, c = (b.sext(b.shuffle_vector(v, nothing, places), sums) for v in (left, right))
            products.append(b.mul(a, c))
        return b.add(*products)

    return signature, generate


@compiled
def multiply(x: Int16, n: int, layer: Packed, result: Int32) -> None:
    """result[:n, :O] = x[:n] @ weights, without the bias.

    x: (rows, inputs) contiguous, result: (rows, outputs or more), both with rows to padded_rows(n).
    """
    pairs = layer.panels.shape[1]
    n_inputs, n_outputs = x.shape[1], result.shape[1]
    for group in range(0, layer.panels.shape[0], _GROUPS):
        panel = layer.panels.ctypes.data + np.uintp(32 * pairs * group)
        for row in range(0, n, _ROWS):
            _tile(
                x.ctypes.data + np.uintp(2 * row * n_inputs), n_inputs, panel,
                result.ctypes.data + np.uintp(4 * (row * n_outputs + 8 * group)), n_outputs, pairs,
            )  # fmt: skip
