"""Masses of values in a window, reshaped by what is known of colours: compiled loops.

A window holds the values around a mixture's mean. Its own mass stays what the mixture gives, and
is shared out among its values in proportion to the mixture's mass times a factor: by the chroma
that reach a value, or by how often it came. Operations are elementwise, in the order in which they
are written, and sums are of integers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from core.arrays import Float32, Int16, Int32, Integers, Pixels
from core.compiled import compiled
from core.flows.photo.cdf import N_CELLS
from core.flows.photo.windows import EDGES, WINDOW

#: Chroma are told apart up to this distance from the predicted one.
REACH: Final = 4

# The mass of a value, relative to one whose chroma was predicted: of any value, and of one that
# no chroma reaches.
_ANY_CHROMA: Final = np.float32(2.0**-5)
_NO_CHROMA: Final = np.float32(2.0**-16)

#: Below all values of red less green, which end at 315.
LEAST_DIFFERENCE: Final = -320


class JpegColours(NamedTuple):
    """Red, green and blue less luma, by the integers of libjpeg (jdcolor.c), nothing cut off.

    Tables by chroma are (256 + 2 REACH,) a side: chroma from -REACH on, those outside of [0, 255]
    taken to be its ends.
    """

    red_less_green: Int16  # by Cb and Cr
    blue_less_green: Int16  # by Cb and Cr
    cr: Int16  # by red less green, from LEAST_DIFFERENCE on, and Cb; far below 0 if there is none
    reachable: Pixels  # (511, 512), by red less green and blue less green, from -255 on


def _tables() -> JpegColours:
    def fixed(x: float) -> int:
        return int(x * 65536 + 0.5)

    chroma = np.arange(-REACH, 256 + REACH, dtype=np.int64).clip(0, 255) - 128
    red = (fixed(1.40200) * chroma + 32768) >> 16  # by Cr
    blue = (fixed(1.77200) * chroma + 32768) >> 16  # by Cb
    green = (-fixed(0.34414) * chroma[:, None] - fixed(0.71414) * chroma + 32768) >> 16
    red_less_green, blue_less_green = red[None, :] - green, blue[:, None] - green
    reachable = np.zeros((511, 512), dtype=np.uint8)
    inside = (abs(red_less_green) < 256) & (abs(blue_less_green) < 256)
    reachable[red_less_green[inside] + 255, blue_less_green[inside] + 255] = 1
    cr = np.full((-2 * LEAST_DIFFERENCE, len(chroma)), -999, dtype=np.int16)
    cb = np.arange(len(chroma))
    for n in range(256):
        cr[red_less_green[:, n + REACH] - LEAST_DIFFERENCE, cb] = n
    return JpegColours(
        red_less_green.astype(np.int16), blue_less_green.astype(np.int16), cr, reachable
    )


JPEG_COLOURS: Final = _tables()


@compiled
def n_of_ycc(colours: Pixels, reachable: Pixels) -> int:
    """How many of the colours (N, 3) some chroma reaches, or may reach where one is cut off."""
    count = 0
    for i in range(len(colours)):
        red, green, blue = np.int64(colours[i, 0]), np.int64(colours[i, 1]), np.int64(colours[i, 2])
        ends = min(red, green, blue) == 0 or max(red, green, blue) == 255
        count += ends or reachable[red - green + 255, blue - green + 255] != 0
    return count


# Loops run over EDGES, a multiple of what a vector holds; what is beyond a window counts nothing.


@compiled
def _share_out(edges: Int32, masses: Int32, i: int, result: Int32) -> None:
    """Shares what lies between the outer edges out by masses; each value keeps 1 of 2^24 at least.

    masses: (EDGES,), whose sum is below 2^31; edges, result: (N, EDGES), of which the i-th.
    """
    total = np.int32(0)
    for j in range(EDGES):
        mass = masses[j]
        masses[j] = total
        total = np.int32(total + mass)
    low, high = edges[i, 0], edges[i, WINDOW]
    ratio = float(high - low - WINDOW) / float(max(total, np.int32(1)))
    for j in range(EDGES):
        result[i, j] = low + np.int32(j) + np.int32(float(masses[j]) * ratio)
    result[i, WINDOW] = high


@compiled
def shape_by_chroma(
    first: Integers,
    edges: Int32,
    before: Integers,
    blue_chroma: Integers,
    red_chroma: Integers,
    of_blue_chroma: Float32,
    of_red_chroma: Float32,
    colours: JpegColours,
    result: Int32,
) -> None:
    """Masses by the chroma that reach a value, each weighed by how far it is from the predicted.

    first (N,), edges (N, EDGES): a mixture's own; before: (1 or 2, N), green and red; blue_chroma,
    red_chroma: (N,), Cb and Cr as predicted; of_blue_chroma, of_red_chroma: (2 REACH + 1,), weights
    by the distance from there; result: (N, EDGES), new edges.
    """
    masses = np.empty(EDGES, np.int32)
    factor = np.empty(EDGES + 1, np.float32)  # one more value at both ends, for all beyond
    size = len(of_blue_chroma)
    product = np.empty((size, size), np.float32)
    for a in range(size):
        for b in range(size):
            product[a, b] = of_blue_chroma[a] * of_red_chroma[b]
    for i in range(len(first)):
        low, green, cb, cr = first[i], before[0, i], blue_chroma[i], red_chroma[i]
        for j in range(EDGES):
            factor[j] = _ANY_CHROMA
        if len(before) == 1:
            shift = green - low
            for a in range(size):
                for b in range(size):
                    at = np.uint64(cb + a), np.uint64(cr + b)
                    factor[_inside(colours.red_less_green[at] + shift)] += product[a, b]
        else:
            red = before[1, i]
            if 0 < green < 255 and 0 < red < 255:
                row, start = np.uint64(red - green + 255), np.uint64(low - green + 255)
                for j in range(EDGES):
                    found = colours.reachable[row, start + np.uint64(j)]
                    factor[j + 1] = _NO_CHROMA if found == 0 else _ANY_CHROMA
                factor[1] = _ANY_CHROMA if low == 0 else factor[1]
                factor[WINDOW] = _ANY_CHROMA if low + WINDOW == N_CELLS else factor[WINDOW]
            _add_blue(red - green, green - low, cb, cr, product, colours, factor)
        for j in range(WINDOW):
            mass = np.float32(np.int32(edges[i, j + 1] - edges[i, j])) * factor[j + 1]
            masses[j] = np.int32(mass * np.float32(8))
        masses[WINDOW] = 0
        _share_out(edges, masses, i, result)


@compiled
def _inside(j: int) -> np.uint64:
    """Where a value that is the j-th of a window stands in an array with one more at both ends."""
    return np.uint64(min(max(j, -1), WINDOW) + 1)


@compiled
def _add_blue(
    difference: int,
    shift: int,
    cb: int,
    cr: int,
    product: Float32,
    colours: JpegColours,
    factor: Float32,
) -> None:
    """Adds products at the blue of those chroma around (cb, cr) that give red less green."""
    size = len(product)
    if REACH <= cr <= 255 - REACH:  # each Cb has one Cr at most: red less green rises with it
        row = np.uint64(difference - LEAST_DIFFERENCE)
        for a in range(size):
            column = np.uint64(cb + a)
            b = colours.cr[row, column] - cr + REACH
            if 0 <= b < size:
                blue = colours.blue_less_green[column, np.uint64(cr + b)]
                factor[_inside(blue + shift)] += product[a, np.uint64(b)]
    else:
        for a in range(size):
            for b in range(size):
                at = np.uint64(cb + a), np.uint64(cr + b)
                if colours.red_less_green[at] == difference:
                    factor[_inside(colours.blue_less_green[at] + shift)] += product[a, b]


@compiled
def shape_by_counts(
    first: Integers,
    edges: Int32,
    before: Integers,
    red: Pixels,
    blue: Pixels,
    red_less_green: Int32,
    blue_less_green: Int32,
    trust: np.float32,
    result: Int32,
) -> None:
    """Masses by how often a colour and its differences came, mixed with the mixture's own.

    red, blue: (256, 257), (256, 256, 257), counts of colours, the last index one more than needed;
    red_less_green, blue_less_green: (512,), (511, 512), of differences from -255 on.
    """
    masses, mass = np.empty(EDGES, np.int32), np.zeros(EDGES, np.float32)
    factor = np.empty(EDGES, np.float32)
    # Positive numbers are ordered as their bits are, and LLVM vectorises a maximum of integers.
    bits, largest = factor.view(np.int32), np.zeros(1, np.int32)
    largest_factor = largest.view(np.float32)
    one = np.float32(1)
    for i in range(len(first)):
        low, green = first[i], before[0, i]
        of_green, of_value, start = np.uint64(green), np.uint64(low), np.uint64(low - green + 255)
        if len(before) == 1:
            for j in range(EDGES):
                count = red[of_green, of_value + np.uint64(j)]
                apart = red_less_green[start + np.uint64(j)]
                factor[j] = (one + np.float32(count)) * (one + np.sqrt(np.float32(apart)))
        else:
            of_red, row = np.uint64(before[1, i]), np.uint64(before[1, i] - green + 255)
            for j in range(EDGES):
                count = blue[of_green, of_red, of_value + np.uint64(j)]
                apart = blue_less_green[row, start + np.uint64(j)]
                colour = np.float32(0.125) + np.sqrt(np.float32(count))
                factor[j] = colour * (one + np.sqrt(np.float32(apart)))
        factor[WINDOW] = np.float32(0)
        most = np.int32(0)
        for j in range(EDGES):
            most = max(most, bits[j])
        largest[0] = most
        top, n_shaped = largest_factor[0], np.int32(0)
        for j in range(WINDOW):
            mass[j] = np.float32(np.int32(edges[i, j + 1] - edges[i, j]))
        for j in range(EDGES):
            masses[j] = np.int32(mass[j] * (factor[j] / top) * np.float32(64))
            n_shaped = np.int32(n_shaped + masses[j])
        width = np.float32(np.int32(edges[i, WINDOW] - edges[i, 0]))
        share = trust * width / np.float32(max(n_shaped, np.int32(1)))
        rest = one - trust
        for j in range(EDGES):
            masses[j] = np.int32((mass[j] * rest + np.float32(masses[j]) * share) * np.float32(32))
        _share_out(edges, masses, i, result)


@compiled
def count_red(values: Integers, colours: Pixels, differences: Int32) -> None:
    for i in range(values.shape[1]):
        green, red = values[0, i], values[1, i]
        colours[green, red] += colours[green, red] < 255
        differences[red - green + 255] += np.int32(1)


@compiled
def count_blue(values: Integers, colours: Pixels, differences: Int32) -> None:
    for i in range(values.shape[1]):
        green, red, blue = values[0, i], values[1, i], values[2, i]
        colours[green, red, blue] += colours[green, red, blue] < 255
        differences[red - green + 255, blue - green + 255] += np.int32(1)
