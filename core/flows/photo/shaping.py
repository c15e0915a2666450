"""Masses of values in a window, reshaped by what is known of colours: compiled loops.

A window holds the values around a mixture's mean. Its own mass stays what the mixture gives, and
is shared out among its values in proportion to the mixture's mass times a factor: by the chroma
that reach a value, or by how often it came. Operations are elementwise, in the order in which they
are written, and sums are of integers.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from core.arrays import Float32, Int32, Integers, Pixels, Words
from core.compiled import compiled
from core.flows.photo.cdf import N_CELLS, Z_BITS

#: Values whose mass is shaped, around a mixture's mean; the others keep what the mixture gives.
WINDOW: Final = 63

#: Chroma are told apart up to this distance from the predicted one.
REACH: Final = 4

# The mass of a value, relative to one whose chroma was predicted: of any value, and of one that
# no chroma reaches.
_ANY_CHROMA: Final = np.float32(2.0**-5)
_NO_CHROMA: Final = np.float32(2.0**-16)


# JPEG's colours: red, green and blue less luma, by the integers of libjpeg (jdcolor.c).


def _tables() -> tuple[Integers, Integers, Pixels]:
    def fixed(x: float) -> int:
        return int(x * 65536 + 0.5)

    chroma = np.arange(256, dtype=np.int64) - 128
    red = (fixed(1.40200) * chroma + 32768) >> 16  # by Cr
    blue = (fixed(1.77200) * chroma + 32768) >> 16  # by Cb
    green = (-fixed(0.34414) * chroma[:, None] - fixed(0.71414) * chroma + 32768) >> 16
    red_less_green, blue_less_green = red[None, :] - green, blue[:, None] - green
    reachable = np.zeros((511, 511), dtype=np.uint8)
    inside = (abs(red_less_green) < 256) & (abs(blue_less_green) < 256)
    reachable[red_less_green[inside] + 255, blue_less_green[inside] + 255] = 1
    return red_less_green, blue_less_green, reachable


#: Red less green and blue less green, (256, 256) each by Cb and Cr, where nothing is cut off;
#: and whether a pair of differences has any chroma, (511, 511), from -255 on.
JPEG_COLOURS: Final = _tables()


@compiled
def n_of_ycc(
    colours: Pixels, red_less_green: Integers, blue_less_green: Integers, reachable: Pixels
) -> int:
    """How many of the colours (N, 3) some chroma reaches, or may reach where one is cut off."""
    count = 0
    for i in range(len(colours)):
        red, green, blue = np.int64(colours[i, 0]), np.int64(colours[i, 1]), np.int64(colours[i, 2])
        ends = min(red, green, blue) == 0 or max(red, green, blue) == 255
        count += ends or reachable[red - green + 255, blue - green + 255] != 0
    return count


@compiled
def _window(
    means: Float32,
    inverse_scales: Float32,
    weights: Float32,
    sigmoid: Float32,
    unit: np.float32,
    i: int,
    edges: Int32,
    total: Float32,
) -> int:
    """A mixture's edges over the window around its mean, (WINDOW + 1,); returns its first value."""
    middle, half = np.float32(len(sigmoid) // 2), unit / np.float32(2)
    scale = np.float32((1 << Z_BITS) - 2 * N_CELLS)
    mean = np.float32(0)
    for k in range(len(means)):
        mean += means[k, i] * weights[k, i]
    first = min(max(int(np.rint(mean / unit)) - WINDOW // 2, 0), N_CELLS - WINDOW)
    for j in range(WINDOW + 1):
        total[j] = np.float32(0)
    for k in range(len(means)):
        m, s, w = means[k, i], inverse_scales[k, i], weights[k, i]
        for j in range(WINDOW + 1):
            step = (np.float32(first + j) * unit - half - m) * s
            total[j] += sigmoid[np.uint32(min(max(step, -middle), middle) + middle)] * w
    for j in range(WINDOW + 1):
        edges[j] = np.int32(total[j] * scale) + np.int32(first + j)
    if first == 0:
        edges[0] = 0
    if first + WINDOW == N_CELLS:
        edges[WINDOW] = 1 << Z_BITS
    return first


@compiled
def _share_out(edges: Int32, masses: Int32, result: Int32) -> None:
    """Shares what lies between the outer edges out by masses; each value keeps 1 of 2^24 at least.

    masses: (WINDOW,), whose sum is below 2^31.
    """
    total = np.int32(0)
    for j in range(WINDOW):
        total += masses[j]
        masses[j] = total
    ratio = float(edges[WINDOW] - edges[0] - WINDOW) / float(max(total, np.int32(1)))
    result[0] = edges[0]
    for j in range(WINDOW - 1):
        result[j + 1] = edges[0] + np.int32(j + 1) + np.int32(float(masses[j]) * ratio)
    result[WINDOW] = edges[WINDOW]


@compiled
def shape_by_chroma(
    means: Float32,
    inverse_scales: Float32,
    weights: Float32,
    sigmoid: Float32,
    unit: np.float32,
    before: Integers,
    blue_chroma: Integers,
    red_chroma: Integers,
    of_blue_chroma: Float32,
    of_red_chroma: Float32,
    red_less_green: Integers,
    blue_less_green: Integers,
    reachable: Pixels,
    first: Integers,
    result: Int32,
) -> None:
    """Masses by the chroma that reach a value, each weighed by how far it is from the predicted.

    before: (1 or 2, N), green and red; blue_chroma, red_chroma: (N,), Cb and Cr as predicted;
    of_blue_chroma, of_red_chroma: (2 REACH + 1,), weights by the distance from there.
    """
    edges, masses = np.empty(WINDOW + 1, np.int32), np.empty(WINDOW, np.int32)
    total, factor = np.empty(WINDOW + 1, np.float32), np.empty(WINDOW, np.float32)
    for i in range(means.shape[1]):
        low = _window(means, inverse_scales, weights, sigmoid, unit, i, edges, total)
        first[i] = low
        green = before[0, i]
        difference = before[1, i] - green if len(before) > 1 else 0
        for j in range(WINDOW):
            factor[j] = _ANY_CHROMA
        if len(before) > 1 and 0 < green < 255 and 0 < before[1, i] < 255:
            row = reachable[difference + 255]
            for j in range(WINDOW):
                value = low + j
                if row[value - green + 255] == 0 and 0 < value < 255:
                    factor[j] = _NO_CHROMA
        for a in range(len(of_blue_chroma)):
            cb = min(max(blue_chroma[i] + a - REACH, 0), 255)
            for b in range(len(of_red_chroma)):
                cr = min(max(red_chroma[i] + b - REACH, 0), 255)
                if len(before) == 1:
                    j = red_less_green[cb, cr] + green - low
                elif red_less_green[cb, cr] == difference:
                    j = blue_less_green[cb, cr] + green - low
                else:
                    continue
                if 0 <= j < WINDOW:
                    factor[j] += of_blue_chroma[a] * of_red_chroma[b]
        for j in range(WINDOW):
            masses[j] = np.int32(np.float32(edges[j + 1] - edges[j]) * factor[j] * np.float32(8))
        _share_out(edges, masses, result[i])


@compiled
def shape_by_counts(
    means: Float32,
    inverse_scales: Float32,
    weights: Float32,
    sigmoid: Float32,
    unit: np.float32,
    before: Integers,
    red: Pixels,
    blue: Pixels,
    red_less_green: Words,
    blue_less_green: Words,
    trust: np.float32,
    first: Integers,
    result: Int32,
) -> None:
    """Masses by how often a colour and its differences came, mixed with the mixture's own."""
    edges, masses = np.empty(WINDOW + 1, np.int32), np.empty(WINDOW, np.int32)
    total, factor = np.empty(WINDOW + 1, np.float32), np.empty(WINDOW, np.float32)
    one = np.float32(1)
    for i in range(means.shape[1]):
        low = _window(means, inverse_scales, weights, sigmoid, unit, i, edges, total)
        first[i] = low
        green = before[0, i]
        start = low - green + 255
        if len(before) == 1:
            colours = red[green, low : low + WINDOW]
            differences = red_less_green[start : start + WINDOW]
            for j in range(WINDOW):
                factor[j] = one + np.float32(colours[j])
        else:
            colours = blue[green, before[1, i], low : low + WINDOW]
            differences = blue_less_green[before[1, i] - green + 255, start : start + WINDOW]
            for j in range(WINDOW):
                factor[j] = np.float32(0.125) + np.sqrt(np.float32(colours[j]))
        largest = np.float32(0)
        for j in range(WINDOW):
            factor[j] *= one + np.sqrt(np.float32(differences[j]))
            largest = max(largest, factor[j])
        n_shaped = np.int32(0)
        for j in range(WINDOW):
            mass = np.float32(edges[j + 1] - edges[j]) * (factor[j] / largest)
            masses[j] = np.int32(mass * np.float32(64))
            n_shaped += masses[j]
        share = (
            trust * np.float32(edges[WINDOW] - edges[0]) / np.float32(max(n_shaped, np.int32(1)))
        )
        for j in range(WINDOW):
            plain = np.float32(edges[j + 1] - edges[j]) * (one - trust)
            masses[j] = np.int32((plain + np.float32(masses[j]) * share) * np.float32(32))
        _share_out(edges, masses, result[i])


@compiled
def locate(
    first: Integers, edges: Int32, z: Integers, cells: Integers, low: Integers, high: Integers
) -> None:
    """Overwrites cells and their bounds where z lies in a window."""
    for i in range(len(z)):
        if edges[i, 0] <= z[i] < edges[i, WINDOW]:
            inside = -1
            for j in range(WINDOW):
                inside += edges[i, j] <= z[i]
            cells[i] = first[i] + inside
            low[i], high[i] = edges[i, inside], edges[i, inside + 1]


@compiled
def count_red(values: Integers, colours: Pixels, differences: Words) -> None:
    for i in range(values.shape[1]):
        green, red = values[0, i], values[1, i]
        colours[green, red] += colours[green, red] < 255
        differences[red - green + 255] += np.uint32(1)


@compiled
def count_blue(values: Integers, colours: Pixels, differences: Words) -> None:
    for i in range(values.shape[1]):
        green, red, blue = values[0, i], values[1, i], values[2, i]
        colours[green, red, blue] += colours[green, red, blue] < 255
        differences[red - green + 255, blue - green + 255] += np.uint32(1)
