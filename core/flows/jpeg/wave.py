"""Coefficient by coefficient through the blocks of a wave: compiled, for compiled loops.

All is + - * / of IEEE float32 and float64 in the order in which it is written, comparison, floor
and conversion: no exp of the platform, and nothing that a compiler may reorder or fuse.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled
from core.flows.jpeg.inputs import byte_of
from core.flows.jpeg.layers import HIDDEN_UNIT
from core.flows.jpeg.mixture import COMPONENTS, LOG_SCALE_RANGE, N_OUTPUTS
from core.flows.jpeg.planes import LARGEST_VALUE

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int8 = NDArray[np.int8]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

#: F is an integer of this many bits.
EDGE_BITS: Final = 24
_EDGE: Final = np.float32(1 << EDGE_BITS)

_FURTHEST: Final = np.float32(20)  # scales from a mean; what lies beyond is below 2^-28
_LN2: Final = np.float32(math.log(2))
_LOG2E: Final = np.float32(1 / math.log(2))
_LOW: Final = np.float32(LOG_SCALE_RANGE[0])
_HIGH: Final = np.float32(LOG_SCALE_RANGE[1])
#: Of logits and of offsets, so that all stays far inside of what float32 holds.
_LARGEST: Final = np.float32(30)
_LARGEST_OFFSET: Final = np.float32(4096)
#: Hidden units in the unit of training.
_HIDDEN: Final = np.float32(1 / HIDDEN_UNIT)
_LEAST_MASS: Final = np.float32(2.0**-20)
#: Gradients of an output below this are taken to be 0: what is certain teaches nothing.
_LEAST_GRADIENT: Final = np.float32(2.0**-10)


class Wave(NamedTuple):
    """What the blocks of a wave are predicted from, and what has been predicted; n blocks.

    Arrays have room for the longest wave; the first n of each are this wave's.
    """

    n: int
    rows: Int32  # (n,) of the component's blocks
    columns: Int32
    x: NDArray[np.int16]  # (n, 64): coefficients, set one after the other
    # Of the wave.
    hidden: Float32  # (n, H): sums of hidden units so far
    sums: Float64  # (n, 64): linear predictions so far, dequantised, in units of 2^-_LINEAR_BITS
    leaning: Float64  # (n, 64): the difference of those by the left and by the blocks above
    reference: Int32  # (n,): what DC is relative to, dequantised
    # Of the coefficient at hand.
    weights: Float32  # (COMPONENTS, n)
    means: Float32  # in quantised steps
    inverse: Float32  # 1 / scale
    outputs: Float32  # (N_OUTPUTS, n)
    shown: Float32  # (largest number of hidden units, n): hidden units
    units: Float32  # (n, largest number of hidden units): the same
    centre: Int32  # (n,): the mixture's mean, rounded
    scratch: Float32  # (16, n)
    powers: Int32  # (n,)
    # Of the component.
    table: Int32  # (64,)
    per_step: Float64  # (64,): quantised steps to a unit of sums
    usual: Float32  # (64,): log2 of the usual scale in steps, which is added to log scales
    unit: Float32  # (64,): 2^usual
    # Of the network.
    starts: Int64  # (65,)
    earlier: Float32  # (128, H)
    from_block: Float64  # (64, 64): [known, predicted]
    multiplier: Int32  # (64,)
    bytes_: NDArray[np.uint8]
    # What learns.
    layer: Float32  # (N_OUTPUTS, H)
    bias: Float32  # (64, N_OUTPUTS)
    gradient: Float32  # (N_OUTPUTS, H): summed since the last step
    bias_gradient: Float32  # (64, N_OUTPUTS)


@compiled
def exp(x: Float32, found: Float32, powers: Int32, n: int) -> None:
    """found = exp(x) of n numbers from -80 to 80, not in place; the same bits everywhere."""
    for i in range(n):
        y = x[i] * _LOG2E
        whole = np.floor(y + np.float32(0.5))
        z = (y - whole) * _LN2
        powers[i] = np.int32((whole + np.float32(127)) * np.float32(2**23))
        p = np.float32(1 / 720)
        p = p * z + np.float32(1 / 120)
        p = p * z + np.float32(1 / 24)
        p = p * z + np.float32(1 / 6)
        p = p * z + np.float32(0.5)
        p = p * z + np.float32(1)
        found[i] = p * z + np.float32(1)
    scale = powers.view(np.float32)
    for i in range(n):
        found[i] *= scale[i]


@compiled
def predict(wave: Wave, k: int) -> None:
    """The mixtures of coefficient k of all blocks of a wave."""
    n = wave.n
    _show(wave, k)
    _outputs(wave.layer, wave.bias, wave.starts, wave.shown, wave.outputs, k, n)
    out, scratch, powers, unit = wave.outputs, wave.scratch, wave.powers, wave.unit[k]
    mean, top, total, wide = scratch[0], scratch[1], scratch[2], scratch[3]
    per_step, usual = wave.per_step[k], wave.usual[k]
    first = k == 0
    for b in range(n):
        line = np.float32(wave.sums[b, k] * per_step)
        lean = np.float32(wave.leaning[b, k] * per_step)
        mean[b] = line + out[3 * COMPONENTS, b] * lean
    if first:
        step = np.float32(wave.table[0])
        for b in range(n):
            mean[b] = mean[b] + np.float32(wave.reference[b]) / step
    a, c, d = out[0], out[1], out[2]
    for b in range(n):
        top[b] = max(a[b], max(c[b], d[b]))
        total[b] = np.float32(0)
    for j in range(COMPONENTS):
        logit, weight = out[j], wave.weights[j]
        for b in range(n):
            wide[b] = max(logit[b] - top[b], -_LARGEST)
        exp(wide, weight, powers, n)
        for b in range(n):
            total[b] += weight[b]
        log_scale, inverse = out[2 * COMPONENTS + j], wave.inverse[j]
        for b in range(n):
            wide[b] = -_LN2 * min(max(log_scale[b] + usual, _LOW), _HIGH)
        exp(wide, inverse, powers, n)
        offset, means = out[COMPONENTS + j], wave.means[j]
        for b in range(n):
            means[b] = mean[b] + min(max(offset[b], -_LARGEST), _LARGEST) * unit
    for j in range(COMPONENTS):
        weight = wave.weights[j]
        for b in range(n):
            weight[b] /= total[b]
    w0, w1, w2 = wave.weights[0], wave.weights[1], wave.weights[2]
    m0, m1, m2 = wave.means[0], wave.means[1], wave.means[2]
    for b in range(n):
        middle = w0[b] * m0[b] + w1[b] * m1[b] + w2[b] * m2[b]
        middle = np.floor(middle + np.float32(0.5))
        wave.centre[b] = np.int32(min(max(middle, np.float32(-32768)), np.float32(32767)))


@compiled
def _show(wave: Wave, k: int) -> None:
    """Hidden units, rounded and cut off to bytes."""
    shown = wave.shown
    for b in range(wave.n):
        sums, units = wave.hidden[b, wave.starts[k] : wave.starts[k + 1]], wave.units[b]
        for j in range(len(sums)):
            unit = np.floor(sums[j] + np.float32(0.5))
            units[j] = min(max(unit, np.float32(0)), np.float32(255)) * _HIDDEN
        for j in range(len(sums)):
            shown[j, b] = units[j]


@compiled
def _outputs(
    layer: Float32, bias: Float32, starts: Int64, shown: Float32, out: Float32, k: int, n: int
) -> None:
    """The last layer's outputs."""
    for o in range(N_OUTPUTS):
        found, weights = out[o], layer[o, starts[k] : starts[k + 1]]
        for b in range(n):
            found[b] = bias[k, o]
        for j in range(len(weights)):
            weight, units = weights[j], shown[j]
            for b in range(n):
                found[b] += weight * units[b]


@compiled
def edges(wave: Wave, at: Int32, found: Int32) -> None:
    """F(h - 1/2) of each block's mixture at h (n,), integers from 0 to 2^EDGE_BITS: (n,)."""
    n, scratch = wave.n, wave.scratch
    place, power, total = scratch[4], scratch[5], scratch[6]
    for b in range(n):
        total[b] = np.float32(0)
    for j in range(COMPONENTS):
        mean, inverse, weight = wave.means[j], wave.inverse[j], wave.weights[j]
        for b in range(n):
            distance = (mean[b] - np.float32(at[b]) + np.float32(0.5)) * inverse[b]
            place[b] = min(max(distance, -_FURTHEST), _FURTHEST)
        exp(place, power, wave.powers, n)
        for b in range(n):
            total[b] += weight[b] / (np.float32(1) + power[b])
    for b in range(n):
        found[b] = np.int32(min(total[b], np.float32(1)) * _EDGE)


@compiled
def edge(weights: Float32, means: Float32, inverse: Float32, b: int, h: int) -> int:
    """:func:`edges` of one block; the very same. The arrays are the wave's."""
    total = np.float32(0)
    for j in range(COMPONENTS):
        distance = means[j, b] - np.float32(h) + np.float32(0.5)
        place = min(max(distance * inverse[j, b], -_FURTHEST), _FURTHEST)
        y = place * _LOG2E
        whole = np.floor(y + np.float32(0.5))
        z = (y - whole) * _LN2
        p = np.float32(1 / 720)
        p = p * z + np.float32(1 / 120)
        p = p * z + np.float32(1 / 24)
        p = p * z + np.float32(1 / 6)
        p = p * z + np.float32(0.5)
        p = p * z + np.float32(1)
        p = p * z + np.float32(1)
        power = p * _power_of_two(np.int64(whole))
        total += weights[j, b] / (np.float32(1) + power)
    return int(np.int32(min(total, np.float32(1)) * _EDGE))


@compiled
def _power_of_two(exponent: Any) -> Any:
    """2^exponent, from -40 to 40, exactly."""
    if exponent >= 0:
        return np.float32(np.int64(1) << exponent)
    return np.float32(1) / np.float32(np.int64(1) << -exponent)


@compiled
def clipped(x: Any, step: Any) -> Any:
    """A coefficient, dequantised and cut off."""
    value = x * step
    return min(max(value, -LARGEST_VALUE), LARGEST_VALUE)


@compiled
def accept(wave: Wave, k: int) -> None:
    """Coefficient k of all blocks is known: gradients, and what follows in the blocks."""
    _learn(wave, k)
    n, after = wave.n, wave.starts[k + 1]
    step, multiplier = np.int64(wave.table[k]), np.int64(wave.multiplier[k])
    for b in range(n):
        value = clipped(np.int64(wave.x[b, k]), step)
        if k == 0:
            value -= np.int64(wave.reference[b])
        if value == 0:
            continue
        # Slices, since loops over them are compiled to vector instructions.
        sums, weights = wave.sums[b, k + 1 :], wave.from_block[k, k + 1 :]
        known = np.float64(value)
        for f in range(len(sums)):
            sums[f] += weights[f] * known
        byte = byte_of(value, multiplier, wave.bytes_)
        _add(wave.hidden[b, after:], wave.earlier[k if byte >= 0 else 64 + k, after:], byte)


@compiled
def _learn(wave: Wave, k: int) -> None:
    """Adds the gradients of the coefficients' -ln P, by the last layer's weights, to those so far.

    Derivatives of the mass between two edges: of each logistic's CDF at both.
    """
    n, scratch, powers = wave.n, wave.scratch, wave.powers
    place, power, total, lean = scratch[4], scratch[5], scratch[6], scratch[7]
    one, half = np.float32(1), np.float32(0.5)
    unit = wave.unit[k]
    out = wave.outputs  # becomes the gradients
    for b in range(n):
        total[b] = np.float32(0)
        lean[b] = np.float32(0)
    for j in range(COMPONENTS):
        mean, inverse, weight = wave.means[j], wave.inverse[j], wave.weights[j]
        slope, spread, mass = scratch[8 + j], scratch[11 + j], out[j]
        for b in range(n):
            distance = (np.float32(wave.x[b, k]) + half - mean[b]) * inverse[b]
            place[b] = -min(max(distance, -_FURTHEST), _FURTHEST)
        exp(place, power, powers, n)
        for b in range(n):
            below = one / (one + power[b])
            density = below * (one - below)
            mass[b] = below
            slope[b] = density
            spread[b] = -place[b] * density
        for b in range(n):
            distance = (np.float32(wave.x[b, k]) - half - mean[b]) * inverse[b]
            place[b] = -min(max(distance, -_FURTHEST), _FURTHEST)
        exp(place, power, powers, n)
        for b in range(n):
            below = one / (one + power[b])
            density = below * (one - below)
            mass[b] = (mass[b] - below) * weight[b]
            slope[b] = (slope[b] - density) * weight[b] * inverse[b]
            spread[b] = (spread[b] + place[b] * density) * weight[b]
        for b in range(n):
            total[b] += mass[b]
    for b in range(n):
        total[b] = max(total[b], _LEAST_MASS)
    for j in range(COMPONENTS):
        weight, mass, slope, spread = wave.weights[j], out[j], scratch[8 + j], scratch[11 + j]
        offset, log_scale = out[COMPONENTS + j], out[2 * COMPONENTS + j]
        for b in range(n):
            mass[b] = weight[b] - mass[b] / total[b]
        for b in range(n):
            by_mean = slope[b] / total[b]
            lean[b] += by_mean
            offset[b] = by_mean * unit
        for b in range(n):
            log_scale[b] = _LN2 * spread[b] / total[b]
    last = out[3 * COMPONENTS]
    for b in range(n):
        last[b] = lean[b] * np.float32(wave.leaning[b, k] * wave.per_step[k])
    _gather(out, wave.units, wave.starts, wave.gradient, wave.bias_gradient, k, n)


@compiled
def _gather(
    slopes: Float32, units: Float32, starts: Int64, gradient: Float32, bias: Float32, k: int, n: int
) -> None:
    """Adds what each block teaches, in the order of the blocks."""
    gradient, bias = gradient[:, starts[k] : starts[k + 1]], bias[k]
    for b in range(n):
        largest = np.float32(0)
        for o in range(N_OUTPUTS):
            largest = max(largest, abs(slopes[o, b]))
        if largest < _LEAST_GRADIENT:
            continue
        shown = units[b]
        for o in range(N_OUTPUTS):
            slope, row = slopes[o, b], gradient[o]
            bias[o] += slope
            for j in range(len(row)):
                row[j] += slope * shown[j]


@compiled
def add_local(
    wave: Wave, seen: Int8, near: Int8, first: Int8, second: Int8, n_given: int, local: Float32
) -> None:
    """Adds to the hidden units of each coefficient what is around it at its own frequency.

    seen: (R + 2, C + 3, 64) bytes of known blocks, block (r, c) at (r + 2, c + 2); near: (n, 4);
    first, second: (R, C, 64) bytes of what is known as a whole, n_given of them.
    """
    starts = wave.starts
    for b in range(wave.n):
        r, c = wave.rows[b] + 2, wave.columns[b] + 2
        for k in range(64):
            own = slice(starts[k], starts[k + 1])
            hidden = wave.hidden[b, own]
            left, above = seen[r, c - 1, k], seen[r - 1, c, k]
            above_left, above_right = seen[r - 1, c - 1, k], seen[r - 1, c + 1, k]
            if k == 0:
                left, above, above_left, above_right = (
                    near[b, 0],
                    near[b, 1],
                    near[b, 2],
                    near[b, 3],
                )
            if left:
                _add(hidden, local[0 if left > 0 else 1, own], left)
            if above:
                _add(hidden, local[2 if above > 0 else 3, own], above)
            if above_left:
                _add(hidden, local[4, own], above_left)
            if above_right:
                _add(hidden, local[5, own], above_right)
            if seen[r, c - 2, k]:
                _add(hidden, local[6, own], seen[r, c - 2, k])
            if seen[r - 2, c, k]:
                _add(hidden, local[7, own], seen[r - 2, c, k])
            if n_given > 0:
                byte = first[r - 2, c - 2, k]
                if byte:
                    _add(hidden, local[8 if byte > 0 else 9, own], byte)
            if n_given > 1:
                byte = second[r - 2, c - 2, k]
                if byte:
                    _add(hidden, local[10 if byte > 0 else 11, own], byte)


@compiled
def _add(hidden: Float32, weights: Float32, byte: Any) -> None:
    size = np.float32(abs(np.int64(byte)))
    for i in range(len(hidden)):
        hidden[i] += weights[i] * size


@compiled
def known_around(
    rows: Int32, columns: Int32, n: int, values: Int32, width: int, multiplier: Int32,
    table: NDArray[np.uint8], found: Float64, reference: Int32, near: Int8,
) -> None:  # fmt: skip
    """What blocks are predicted from, of those left, above, above left and above right of them.

    values: (R + 2, C + 3, 64) dequantised, block (r, c) at (r + 2, c + 2); width: C. Filled:
    found[:, :256], their coefficients, DCs relative to the reference; reference (n,); near (n, 4),
    the bytes of these DCs.
    """
    for b in range(n):
        r, c = rows[b] + 2, columns[b] + 2
        has_left, has_above = c > 2, r > 2
        left, above = np.int64(values[r, c - 1, 0]), np.int64(values[r - 1, c, 0])
        ref = (left + above) >> 1 if has_left and has_above else left + above
        reference[b] = ref
        for i in range(4):
            row, column = r, c - 1
            there = has_left
            if i == 1:
                row, column, there = r - 1, c, has_above
            elif i == 2:
                row, column, there = r - 1, c - 1, has_left and has_above
            elif i == 3:
                row, column, there = r - 1, c + 1, has_above and c - 1 < width
            at = 64 * i
            for k in range(64):
                found[b, at + k] = values[row, column, k]
            relative = np.int64(values[row, column, 0]) - ref if there else 0
            found[b, at] = relative
            near[b, i] = byte_of(relative, np.int64(multiplier[0]), table)


@compiled
def known_of_given(
    rows: Int32, columns: Int32, n: int, values: Int32, relative: Int32, found: Float64, at: int
) -> None:
    """The same of a component that is known as a whole: of the block itself, left of it and above.

    values: (R, C, 64); relative: (R, C, 6), as in inputs.component_bytes; fills found from ``at``.
    """
    for b in range(n):
        r, c = rows[b], columns[b]
        for k in range(64):
            found[b, at + k] = values[r, c, k]
            found[b, at + 64 + k] = values[r, c - 1, k] if c else 0
            found[b, at + 128 + k] = values[r - 1, c, k] if r else 0
        for i in range(3):
            found[b, at + 64 * i] = relative[r, c, 1 + i]


@compiled
def put(wave: Wave, values: Int32, signed: Int8) -> None:
    """Keeps the coefficients of a wave: dequantised, and as bytes (n, 64)."""
    for b in range(wave.n):
        r, c = wave.rows[b] + 2, wave.columns[b] + 2
        for k in range(64):
            value = clipped(np.int64(wave.x[b, k]), np.int64(wave.table[k]))
            values[r, c, k] = value
            if k == 0:
                value -= np.int64(wave.reference[b])
            byte = byte_of(value, np.int64(wave.multiplier[k]), wave.bytes_) if value else 0
            signed[b, k] = byte
