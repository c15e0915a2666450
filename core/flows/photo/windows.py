"""Windows of values around the means of mixtures: where the second stage shares mass out again.

A window costs 64 edges of 5 components. So loops over a window have few operations each, on arrays
of fixed length, for LLVM to vectorise, and the table of the sigmoid is read only where a component
is neither 0 nor 1: for a quarter of the edges of a photograph.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from core.arrays import Float32, Int32, Integers
from core.compiled import compiled
from core.flows.photo.cdf import N_CELLS, Z_BITS, edge

#: Values in a window, and their edges.
WINDOW: Final = 63
EDGES: Final = WINDOW + 1

# How much wider than computed the rising part of a component is taken to be, in values. It is
# no wider than that by rounding; beyond it the table gives its ends, wherever they are read.
_MARGIN: Final = np.float32(0.125)


@compiled
def windows(
    means: Float32,
    inverse_scales: Float32,
    weights: Float32,
    sigmoid: Float32,
    unit: np.float32,
    first: Integers,
    edges: Int32,
) -> None:
    """Mixtures' edges over the windows around their means.

    means, inverse_scales, weights, sigmoid, unit: of a MixtureCdf of N; results: first (N,), the
    first value of each window; edges (N, EDGES).
    """
    n_components, count = means.shape
    middle, half = np.float32(len(sigmoid) // 2), unit / np.float32(2)
    scale = np.float32((1 << Z_BITS) - 2 * N_CELLS)
    lowest, highest = sigmoid[0], sigmoid[-1]
    value, total = np.empty((n_components, EDGES), np.float32), np.empty(EDGES, np.float32)
    offset, number = np.empty(EDGES, np.float32), np.empty(EDGES, np.int32)
    index = np.empty(EDGES, np.int32)
    for j in range(EDGES):
        offset[j] = np.float32(j) * unit
        number[j] = j
    lows = _first_values(means, weights, unit)
    start, stop = np.empty(means.shape, np.int32), np.empty(means.shape, np.int32)
    for k in range(n_components):
        for i in range(count):
            reach = middle / inverse_scales[k, i] / unit + _MARGIN
            at = (means[k, i] + half) / unit - lows[i]
            start[k, i] = np.int32(min(max(at - reach, np.float32(0)), np.float32(EDGES)))
            end = at + reach + np.float32(1)
            stop[k, i] = np.int32(min(max(end, np.float32(0)), np.float32(EDGES)))
    for i in range(count):
        low = int(lows[i])
        first[i] = low
        base = lows[i] * unit - half
        for k in range(n_components):
            m, s, begin = means[k, i], inverse_scales[k, i], start[k, i]
            row = value[k]
            for j in range(EDGES):
                row[j] = lowest if number[j] < begin else highest
                steps = (base + offset[j] - m) * s
                index[j] = np.int32(min(max(steps, -middle), middle) + middle)
            for n in range(np.uint32(begin), np.uint32(stop[k, i])):
                row[n] = sigmoid[np.uint32(index[n])]
        for j in range(EDGES):
            total[j] = np.float32(0)
        for k in range(n_components):
            w = weights[k, i]
            for j in range(EDGES):
                total[j] += value[k, j] * w
        for j in range(EDGES):
            edges[i, j] = np.int32(total[j] * scale) + number[j] + np.int32(low)
        if low == 0:
            edges[i, 0] = 0
        if low + WINDOW == N_CELLS:
            edges[i, WINDOW] = 1 << Z_BITS


@compiled
def _first_values(means: Float32, weights: Float32, unit: np.float32) -> Float32:
    """The first values of windows around the means of mixtures, (N,)."""
    result = np.zeros(means.shape[1], np.float32)
    for k in range(means.shape[0]):
        for i in range(means.shape[1]):
            result[i] += means[k, i] * weights[k, i]
    last = np.float32(N_CELLS - WINDOW)
    for i in range(len(result)):
        centred = np.rint(result[i] / unit) - np.float32(WINDOW // 2)
        result[i] = min(max(centred, np.float32(0)), last)
    return result


@compiled
def bounds(
    means: Float32,
    inverse_scales: Float32,
    weights: Float32,
    sigmoid: Float32,
    unit: np.float32,
    start: int,
    first: Integers,
    edges: Int32,
    cells: Integers,
    low: Integers,
    high: Integers,
) -> None:
    """F(h) and F(h + 1) of cells h: by the windows' edges, outside of them by the mixtures.

    start: the mixture of the first window; first (N,), edges (N, EDGES); cells, low, high: (N,).
    """
    for i in range(len(cells)):
        inside = cells[i] - first[i]
        if 0 <= inside < WINDOW:
            low[i], high[i] = edges[i, inside], edges[i, inside + 1]
        else:
            n, h = start + i, cells[i]
            low[i] = edge(means, inverse_scales, weights, sigmoid, unit, n, h)
            high[i] = edge(means, inverse_scales, weights, sigmoid, unit, n, h + 1)


@compiled
def locate(
    means: Float32,
    inverse_scales: Float32,
    weights: Float32,
    sigmoid: Float32,
    unit: np.float32,
    start: int,
    first: Integers,
    edges: Int32,
    z: Integers,
    cells: Integers,
    low: Integers,
    high: Integers,
) -> None:
    """The cells h with F(h) <= z < F(h + 1), F(h) and F(h + 1); arguments as of :func:`bounds`."""
    for i in range(len(z)):
        at = np.int32(z[i])
        if edges[i, 0] <= at < edges[i, WINDOW]:
            inside = np.int32(-1)
            for j in range(EDGES):
                inside = np.int32(inside + np.int32(edges[i, j] <= at))
            cells[i] = first[i] + inside
            low[i], high[i] = edges[i, inside], edges[i, inside + 1]
            continue
        cells[i], low[i], high[i] = 0, 0, 1 << Z_BITS
        step = N_CELLS // 2
        while step:
            h = cells[i] + step
            tried = edge(means, inverse_scales, weights, sigmoid, unit, start + i, h)
            if tried <= z[i]:
                cells[i], low[i] = h, tried
            else:
                high[i] = tried
            step //= 2
