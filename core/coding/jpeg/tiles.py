"""Cutting JPEG images into tiles: rows of blocks that are coded by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.images.jpeg import JpegImage

#: About how many blocks a tile has: enough to learn from, and for cores to work side by side.
TILE_BLOCKS = 40_000


@dataclass(frozen=True)
class Band:
    """Rows of an image: of each component, the first row of blocks and the one after the last."""

    image: int
    rows: tuple[tuple[int, int], ...]


def tiles(images: Sequence[JpegImage]) -> list[tuple[Band, ...]]:
    """The tiles of a file's images: part of the format.

    A large image is cut between its MCUs into bands of about as many rows; small images share a
    tile with what follows them.
    """
    found: list[tuple[Band, ...]] = []
    shared: list[Band] = []
    n_shared = 0
    for number, image in enumerate(images):
        n_bands = max(1, image.n_blocks // TILE_BLOCKS)
        for rows in _cuts(image, n_bands):
            shared.append(Band(number, rows))
        n_shared += image.n_blocks // n_bands
        if 2 * n_shared >= TILE_BLOCKS:
            first = len(shared) - n_bands + 1
            found.append(tuple(shared[:first]))
            found.extend((band,) for band in shared[first:])
            shared, n_shared = [], 0
    if shared:
        found.append(tuple(shared))
    return found


def _cuts(image: JpegImage, n_bands: int) -> list[tuple[tuple[int, int], ...]]:
    """Rows of each component of each band."""
    heights = [(c.coefficients.shape[0], c.v) for c in image.components]
    n_mcus = max((-(-rows // v) for rows, v in heights), default=0)
    edges = [n_mcus * band // n_bands for band in range(n_bands + 1)]
    return [
        tuple(
            (min(first * v, rows), rows if stop == n_mcus else min(stop * v, rows))
            for rows, v in heights
        )
        for first, stop in pairwise(edges)
    ]
