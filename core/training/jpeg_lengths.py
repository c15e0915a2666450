"""Lengths of components by the very distributions that files are coded by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled
from core.flows.jpeg.loading import JpegModel
from core.flows.jpeg.wave import EDGE_BITS, Wave, accept, edges, predict
from core.training.jpeg_data import Component

#: Of a mass, in places of F: what a coder keeps for what is next to impossible.
_LEAST_PLACES = 4


def coded_bits(model: JpegModel, c: Component, learns: bool = True) -> NDArray[np.float32]:
    """-log2 of each coefficient's mass: (R, C, 64). Without ``learns`` the last layer stays."""
    rows, columns, _ = c.x.shape
    given = [plane.astype(np.int32) for plane in c.given]
    walk = model.walk(len(given), rows, columns, c.table, given)
    walk.learns = learns
    bits = np.zeros(c.x.shape, dtype=np.float32)
    for number in range(walk.n_waves):
        _code(walk.begin(number), c.x, bits)
        walk.end(number)
    return bits


@compiled
def _code(wave: Wave, known: NDArray[np.int16], bits: NDArray[np.float32]) -> None:
    at = np.empty(wave.n, dtype=np.int32)
    low, high = np.empty_like(at), np.empty_like(at)
    for k in range(64):
        predict(wave, k)
        for b in range(wave.n):
            wave.x[b, k] = known[wave.rows[b], wave.columns[b], k]
            at[b] = wave.x[b, k]
        edges(wave, at, low)
        at += 1
        edges(wave, at, high)
        for b in range(wave.n):
            places = max(high[b] - low[b], _LEAST_PLACES)
            bits[wave.rows[b], wave.columns[b], k] = EDGE_BITS - np.log2(places)
        accept(wave, k)
