"""Cutting a large image into rectangles that are coded one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

#: The longest side of a tile, in pixels. Part of the format: a decoder cuts the same way.
TILE_SIZE = 1024


@dataclass(frozen=True)
class Tile:
    """A rectangle of an image, in pixels: its top left corner and its size."""

    row: int
    column: int
    height: int
    width: int


#: Told what is known of a tile so far: its pixels, or before them every second, fourth ... one
#: of them in both directions, from its top left corner on.
TileListener = Callable[[Tile, NDArray[np.uint8]], None]


def tiles(height: int, width: int, size: int = TILE_SIZE) -> list[Tile]:
    """The tiles of an image, row by row, each at most ``size`` high and wide.

    Sides are divided evenly (they differ by at most one pixel), so that no tile is a sliver:
    a sliver costs a model nearly all of its context. An image without pixels has no tiles.
    """
    if height < 0 or width < 0 or size < 1:
        raise ValueError(f"cannot cut {height} x {width} pixels into tiles of {size}")
    return [
        Tile(top, left, bottom - top, right - left)
        for top, bottom in pairwise(_edges(height, size))
        for left, right in pairwise(_edges(width, size))
    ]


def coarsened(places: list[Tile], level: int) -> list[Tile]:
    """The tiles of a coarser image: of each tile every 2^level-th row and column, side by side."""
    heights = {place.row: place.height for place in places}
    widths = {place.column: place.width for place in places}
    rows, columns = _shrunk(heights, level), _shrunk(widths, level)
    return [
        Tile(top, left, height, width)
        for (top, height), (left, width) in ((rows[at.row], columns[at.column]) for at in places)
    ]


def _edges(length: int, size: int) -> list[int]:
    """Where the parts of a side begin, and where the last one ends."""
    parts = -(-length // size)
    return [length * part // parts for part in range(parts + 1)] if parts else [0]


def _shrunk(lengths: dict[int, int], level: int) -> dict[int, tuple[int, int]]:
    """Where each part of a side begins once every part is 2^level times shorter, and its length."""
    shrunk, at = {}, 0
    for start, length in sorted(lengths.items()):
        shrunk[start] = at, -(-length // (1 << level))
        at += shrunk[start][1]
    return shrunk
