"""Huffman codes as zlib makes them: the same lengths where several codes are equally short.

zlib keeps the nodes in a heap ordered by frequency and, where that is equal, by the height of
their subtree, so which lengths come out depends on every move in that heap. The moves here are
the same.
"""

from __future__ import annotations

import numpy as np

from core.compiled import compiled
from core.images.deflate.standard import (
    CODE_LENGTH_ORDER,
    MAX_CODE_LENGTH_BITS,
    N_CODE_LENGTH,
    RUN_EXTRA,
    Int,
    Integers,
)

#: A header of a dynamic block as int64: how many lengths of each alphabet are written, those of
#: the code length code by symbol, how many symbols follow, and each as extra bits << 8 | symbol.
N_LITERALS, N_DISTANCES, N_CODE_LENGTHS, CODE_LENGTHS = 0, 1, 2, 3
N_SYMBOLS = CODE_LENGTHS + N_CODE_LENGTH
SYMBOLS = N_SYMBOLS + 1
HEADER_SIZE = SYMBOLS + 320


@compiled
def _before(node: Int, other: Int, weights: Integers, heights: Integers) -> bool:
    if weights[node] != weights[other]:
        return bool(weights[node] < weights[other])
    return bool(heights[node] <= heights[other])


@compiled
def _sink(heap: Integers, size: Int, place: Int, weights: Integers, heights: Integers) -> None:
    """Moves a node down until both nodes below it come after it."""
    node = heap[place]
    below = 2 * place
    while below <= size:
        if below < size and _before(heap[below + 1], heap[below], weights, heights):
            below += 1
        if _before(node, heap[below], weights, heights):
            break
        heap[place] = heap[below]
        place = below
        below *= 2
    heap[place] = node


@compiled
def code_lengths(frequencies: Integers, n: Int, limit: Int, lengths: Integers) -> Int:
    """Fills the lengths of the codes of ``n`` symbols; returns the last symbol that has one.

    No code is longer than ``limit`` bits. At least two symbols get a code.
    """
    weights = np.zeros(2 * n + 1, np.int64)
    heights = np.zeros(2 * n + 1, np.int64)
    parents = np.zeros(2 * n + 1, np.int64)
    heap = np.zeros(2 * n + 2, np.int64)
    size = 0
    last: Int = np.int64(-1)
    for each in range(n):
        lengths[each] = 0
        if frequencies[each]:
            weights[each] = frequencies[each]
            size += 1
            heap[size] = each
            last = np.int64(each)
    while size < 2:
        symbol: Int = np.int64(0)
        if last < 2:
            last += 1
            symbol = last
        weights[symbol] = 1
        size += 1
        heap[size] = symbol
    for place in range(size // 2, 0, -1):
        _sink(heap, size, place, weights, heights)
    ordered = np.zeros(2 * n + 1, np.int64)  # from its end: nodes by increasing weight
    top = 2 * n + 1
    node = np.int64(n)
    while size >= 2:
        first = heap[1]
        heap[1] = heap[size]
        size -= 1
        _sink(heap, size, 1, weights, heights)
        second = heap[1]
        ordered[top - 1], ordered[top - 2] = first, second
        top -= 2
        weights[node] = weights[first] + weights[second]
        heights[node] = max(heights[first], heights[second]) + 1
        parents[first] = parents[second] = node
        heap[1] = node
        node += 1
        _sink(heap, size, 1, weights, heights)
    _measure(ordered, top, parents, n, limit, lengths)
    return last


@compiled
def _measure(
    ordered: Integers, top: Int, parents: Integers, n: Int, limit: Int, lengths: Integers
) -> None:
    """Depths of the leaves; where they exceed the limit, leaves are moved up in pairs."""
    depths = np.zeros(len(parents), np.int64)
    counts = np.zeros(limit + 2, np.int64)
    excess = 0
    for place in range(top, len(ordered)):
        node = ordered[place]
        depth = depths[parents[node]] + 1
        if depth > limit:
            depth = limit
            excess += 1
        depths[node] = depth
        if node < n:
            lengths[node] = depth
            counts[depth] += 1
    if excess == 0:
        return
    while excess > 0:
        depth = limit - 1
        while counts[depth] == 0:
            depth -= 1
        counts[depth] -= 1
        counts[depth + 1] += 2
        counts[limit] -= 1
        excess -= 2
    place = len(ordered) - 1
    for depth in range(limit, 0, -1):
        left = counts[depth]
        while left:
            node = ordered[place]
            place -= 1
            if node < n:
                lengths[node] = depth
                left -= 1


@compiled
def _runs(lengths: Integers, n: Int, header: Integers) -> None:
    """Appends ``n`` lengths to a header, with runs of equal ones shortened as zlib does."""
    previous = np.int64(-1)
    place = 0
    while place < n:
        length = lengths[place]
        most, least = (138, 3) if length == 0 else (6, 3) if length == previous else (7, 4)
        run = 1
        while run < most and place + run < n and lengths[place + run] == length:
            run += 1
        place += run
        if run < least:
            for _ in range(run):
                _append(header, length)
        elif length:
            if length != previous:
                _append(header, length)
                run -= 1
            _append(header, run - 3 << 8 | 16)
        elif run <= 10:
            _append(header, run - 3 << 8 | 17)
        else:
            _append(header, run - 11 << 8 | 18)
        previous = length


@compiled
def _append(header: Integers, symbol: Int) -> None:
    header[SYMBOLS + header[N_SYMBOLS]] = symbol
    header[N_SYMBOLS] += 1


@compiled
def fill_runs(
    literal: Integers, n_literals: Int, distance: Integers, n_distances: Int, joined: Int,
    header: Integers,
) -> None:  # fmt: skip
    """Fills counts and symbols of a header. ``joined``: runs go on from one alphabet to the next.

    zlib starts a new run there; other programs do not.
    """
    header[N_LITERALS], header[N_DISTANCES], header[N_SYMBOLS] = n_literals, n_distances, 0
    if joined:
        _runs(np.concatenate((literal[:n_literals], distance[:n_distances])),
              n_literals + n_distances, header)  # fmt: skip
    else:
        _runs(literal, n_literals, header)
        _runs(distance, n_distances, header)


@compiled
def fill_code_lengths(header: Integers) -> None:
    """Fills the code length code of a header whose symbols are known."""
    frequencies = np.zeros(N_CODE_LENGTH, np.int64)
    for place in range(header[N_SYMBOLS]):
        frequencies[header[SYMBOLS + place] & 255] += 1
    code_lengths(
        frequencies, N_CODE_LENGTH, MAX_CODE_LENGTH_BITS,
        header[CODE_LENGTHS : CODE_LENGTHS + N_CODE_LENGTH],
    )  # fmt: skip
    header[N_CODE_LENGTHS] = needed_code_lengths(header)


@compiled
def needed_code_lengths(header: Integers) -> Int:
    """How many lengths of the code length code have to be written."""
    n = N_CODE_LENGTH
    while n > 4 and header[CODE_LENGTHS + CODE_LENGTH_ORDER[n - 1]] == 0:
        n -= 1
    return n


@compiled
def header_bits(header: Integers) -> Int:
    """The bits of a header, behind the three bits that every block begins with."""
    bits: Int = 14 + 3 * header[N_CODE_LENGTHS]
    for place in range(header[N_SYMBOLS]):
        symbol = header[SYMBOLS + place] & 255
        bits += header[CODE_LENGTHS + symbol]
        if symbol >= 16:
            bits += RUN_EXTRA[symbol - 16]
    return bits


@compiled
def lengths_of(header: Integers, literal: Integers, distance: Integers) -> bool:
    """Fills the lengths that a header says; False if they do not fit."""
    n_literals, n_distances = header[N_LITERALS], header[N_DISTANCES]
    literal[:] = 0
    distance[:] = 0
    at = 0
    previous = np.int64(-1)
    for place in range(header[N_SYMBOLS]):
        symbol, extra = header[SYMBOLS + place] & 255, header[SYMBOLS + place] >> 8
        run = np.int64(1)
        if symbol == 16:
            if previous < 0:
                return False
            run = 3 + extra
        elif symbol == 17:
            previous, run = np.int64(0), 3 + extra
        elif symbol == 18:
            previous, run = np.int64(0), 11 + extra
        else:
            previous = symbol
        if at + run > n_literals + n_distances:
            return False
        for _ in range(run):
            if at < n_literals:
                literal[at] = previous
            else:
                distance[at - n_literals] = previous
            at += 1
    return bool(at == n_literals + n_distances)


@compiled
def fill_codes(lengths: Integers, codes: Integers) -> bool:
    """Fills the codes of lengths, their bits reversed for writing; False if there are too many."""
    counts = np.zeros(17, np.int64)
    for length in lengths:
        counts[length] += 1
    counts[0] = 0
    following = np.zeros(17, np.int64)
    code = np.int64(0)
    fits = True
    for bits in range(1, 16):
        code = code + counts[bits - 1] << 1
        following[bits] = code
        if code + counts[bits] > 1 << bits:
            fits = False
    for symbol in range(len(lengths)):
        length = lengths[symbol]
        reversed_code = np.int64(0)
        if length:
            code = following[length]
            following[length] += 1
            for _ in range(length):
                reversed_code = reversed_code << 1 | code & 1
                code >>= 1
        codes[symbol] = reversed_code
    return fits
