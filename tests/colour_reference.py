"""The second stage once more, written from docs/format.md in numpy alone, for all N of a piece."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
F32 = np.float32

_BESIDE = [(0, -1), (0, 1), (-1, 0), (1, 0)]
_DIAGONAL = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
_KNIGHT = [(-1, -2), (-1, 2), (1, -2), (1, 2)]

#: Neighbours of phases d, b and c that are known before them: rows and columns.
NEIGHBOURS = (
    [*_DIAGONAL, (-3, -1), (-3, 1), (-1, -3), (1, -3), (-1, 3), (1, 3), (3, -1), (3, 1)],
    [*_BESIDE, (0, -3), (0, 3), (-2, -1), (-2, 1), (2, -1), (2, 1), *_KNIGHT],
    [*_BESIDE, *_DIAGONAL, *_KNIGHT],
)


def differences() -> tuple[Array, Array]:
    """R - G and B - G of JPEG's colours by Cb and Cr, where nothing is cut off."""
    c = np.arange(256) - 128
    red, blue = (91881 * c + 32768) >> 16, (116130 * c + 32768) >> 16
    green = (-22554 * c[:, None] - 46802 * c + 32768) >> 16
    return red[None] - green, blue[:, None] - green


def chroma(red: Array, green: Array, blue: Array) -> Array:
    """Cb and Cr less 128, in 1/16."""
    cb = -11059 * red - 21709 * green + 32768 * blue
    cr = 32768 * red - 27439 * green - 5329 * blue
    return (np.stack([cb, cr]) + 2048) >> 12


class Colours:
    """mode: 0 plain, 1 YCC, 2 repeated."""

    def __init__(self, mode: int) -> None:
        self.mode = mode
        self.fits: dict[tuple[int, int], tuple[Array, Array, Array]] = {}
        self.misses: dict[tuple[int, int], Array] = {}
        self.trust: dict[tuple[int, int, int], float] = {}
        self.colours: dict[tuple[int, ...], int] = {}
        self.apart: dict[tuple[int, ...], int] = {}

    def begin(self, level: int, phase: int, picture: Array) -> None:
        self.key, self.picture = (min(level, 2), phase), picture.copy()
        n = len(NEIGHBOURS[phase])
        start = np.eye(n) * (50 * 4096.0), np.zeros(n), np.zeros(n)
        self.fits.setdefault(self.key, start)
        self.misses.setdefault(self.key, np.array([[1, 1, 1, 4, 16, 4, 1, 1, 1]] * 2))

    def applies(self, i: int) -> bool:
        return self.mode != 0 and i > 0 and min(self.picture.shape[1:]) >= 8

    def shape(
        self, i: int, mean: Array, edges: Callable[[Array], Array], at: Any, before: Array
    ) -> tuple[Array, Array]:
        """First values (N,) and edges (N, 64). mean: of the mixtures, in levels; at: (y, x)."""
        first = np.clip(np.rint(mean).astype(np.int64) - 31, 0, 193)
        values = first[:, None] + np.arange(64)
        plain = np.stack([edges(values[:, j]) for j in range(64)], 1)
        widths = np.diff(plain).astype(F32)
        if self.mode == 1:
            factor = self._by_chroma(i, values[:, :63], at, before)
            masses = np.floor(widths * factor * F32(8)).astype(np.int64)
        else:
            factor = self._by_counts(i, values[:, :63], before)
            shaped = np.floor(widths * (factor / factor.max(1, keepdims=True)) * F32(64))
            total = np.maximum(shaped.astype(np.int64).sum(1), 1).astype(F32)
            trust = F32(self.trust.get((*self.key, i), 0.5))
            share = trust * (plain[:, 63] - plain[:, 0]).astype(F32) / total
            mixed = widths * (F32(1) - trust) + shaped.astype(F32) * share[:, None]
            masses = np.floor(mixed * F32(32)).astype(np.int64)
        sums = np.cumsum(masses, 1)
        room = (plain[:, 63] - plain[:, 0] - 63).astype(np.float64)
        ratio = room / np.maximum(sums[:, -1], 1)
        result = plain.copy()
        inner = np.floor(sums[:, :62] * ratio[:, None]).astype(np.int64)
        result[:, 1:63] = plain[:, :1] + np.arange(1, 63) + inner
        return first, result

    def _neighbours(self, at: Any) -> tuple[Array, Array]:
        """Chroma around (2, K, N), less the mean of the first four, in 1/64; sums of these four."""
        red, green, blue = self.picture
        planes = np.pad(chroma(red, green, blue), ((0, 0), (3, 3), (3, 3)), mode="reflect")
        y, x = at[0] + 3, at[1] + 3
        near = np.stack([planes[:, y + dy, x + dx] for dy, dx in NEIGHBOURS[self.key[1]]], 1)
        total = near[:, :4].sum(1)
        return 4 * near - total[:, None], total

    def _by_chroma(self, i: int, values: Array, at: Any, before: Array) -> Array:
        near, total = self._neighbours(at)
        self.near, self.total = near, total
        sums = total.astype(np.float64)
        for k, weight in enumerate(self.fits[self.key][2]):
            sums = sums + weight * near[:, k]
        self.predicted = np.clip(np.rint(sums / 64).astype(np.int64) + 128, 0, 255)
        shares = self.misses[self.key] / self.misses[self.key].sum(1, keepdims=True)
        if i == 1:
            shares = shares * np.sqrt(np.sqrt(shares))
        of_cb, of_cr = np.sqrt(shares).astype(F32)
        red_less_green, blue_less_green = differences()
        green = before[0]
        factor = np.full(values.shape, 2.0**-5, F32)
        if i == 2:
            possible = np.zeros((511, 511), bool)
            inside = (abs(red_less_green) < 256) & (abs(blue_less_green) < 256)
            possible[red_less_green[inside] + 255, blue_less_green[inside] + 255] = True
            found = possible[before[1] - green + 255][np.arange(len(green))[:, None],
                                                      values - green[:, None] + 255]  # fmt: skip
            cut = (before.min(0) == 0) | (before.max(0) == 255)
            allowed = found | cut[:, None] | (values == 0) | (values == 255)
            factor[~allowed] = 2.0**-16
        rows = np.arange(len(green))
        for a in range(9):
            cb = np.clip(self.predicted[0] + a - 4, 0, 255)
            for b in range(9):
                cr = np.clip(self.predicted[1] + b - 4, 0, 255)
                apart = red_less_green if i == 1 else blue_less_green
                j = apart[cb, cr] + green - values[:, 0]
                hit = (j >= 0) & (j < 63)
                if i == 2:
                    hit &= red_less_green[cb, cr] == before[1] - green
                factor[rows[hit], j[hit]] += of_cb[a] * of_cr[b]
        return factor

    def _by_counts(self, i: int, values: Array, before: Array) -> Array:
        factor = np.empty(values.shape, F32)
        for n in range(len(values)):
            for j, value in enumerate(values[n]):
                key = (*before[:, n].tolist(), int(value))
                count = F32(min(self.colours.get(key, 0), 255))
                apart = F32(self.apart.get(tuple(v - key[0] for v in key[1:]), 0))
                colour = 1 + count if i == 1 else F32(0.125) + np.sqrt(count)
                factor[n, j] = colour * (1 + np.sqrt(apart))
        return factor

    def observe(self, i: int, known: Array, new: Array, plain: Array) -> None:
        """known: values (i + 1, N); new, plain: widths of the last's cells, shaped and not."""
        if self.mode == 1 and i == 2:
            found = chroma(known[1], known[0], known[2])
            squares, products, _ = self.fits[self.key]
            near, target = self.near, 4 * found - self.total
            squares = squares * 0.97 + np.einsum("ckn,cmn->km", near, near)
            products = products * 0.97 + np.einsum("ckn,cn->k", near, target)
            self.fits[self.key] = squares, products, solved(squares, products)
            for c in range(2):
                miss = ((found[c] + 8) >> 4) + 128 - self.predicted[c] + 4
                for m in miss[(miss >= 0) & (miss < 9)]:
                    self.misses[self.key][c, m] += 1
        elif self.mode == 2:
            trust = self.trust.get((*self.key, i), 0.5)
            total = 0.0
            for mixed, alone in zip(new.tolist(), plain.tolist(), strict=True):
                total += (mixed - alone) / (trust * mixed)
            trust += 2.0 * trust * (1 - trust) * total / max(len(new), 1)
            self.trust[(*self.key, i)] = min(max(trust, 0.02), 0.98)
            for colour in known.T.tolist():
                key, apart = tuple(colour), tuple(v - colour[0] for v in colour[1:])
                self.colours[key] = self.colours.get(key, 0) + 1
                self.apart[apart] = self.apart.get(apart, 0) + 1


def solved(squares: Array, products: Array) -> Array:
    """w with (squares + 30 * 4096) w = products, by L D L^T, entry by entry."""
    n = len(products)
    lower, diagonal, w = np.zeros((n, n)), np.zeros(n), np.zeros(n)
    for k in range(n):
        pivot = squares[k, k] + 30 * 4096.0
        for m in range(k):
            pivot -= lower[k, m] * lower[k, m] * diagonal[m]
        diagonal[k] = pivot
        for j in range(k + 1, n):
            entry = squares[j, k]
            for m in range(k):
                entry -= lower[j, m] * lower[k, m] * diagonal[m]
            lower[j, k] = entry / pivot
    for k in range(n):
        w[k] = products[k]
        for m in range(k):
            w[k] -= lower[k, m] * w[m]
    w /= diagonal
    for k in reversed(range(n)):
        for j in range(k + 1, n):
            w[k] -= lower[j, k] * w[j]
    return w
