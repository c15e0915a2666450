"""Tiles cover an image exactly, and none is a sliver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.images.tiles import TILE_SIZE, Tile, tiles


@given(st.integers(1, 150), st.integers(1, 150), st.integers(1, 70))
def test_every_pixel_lies_in_one_tile(height: int, width: int, size: int) -> None:
    covered = np.zeros((height, width), dtype=np.int64)
    for tile in tiles(height, width, size):
        assert 0 < tile.height <= size
        assert 0 < tile.width <= size
        covered[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width] += 1
    assert (covered == 1).all()


@given(st.integers(1, 100_000), st.integers(1, 5000))
def test_no_tile_is_a_sliver(length: int, size: int) -> None:
    heights = [tile.height for tile in tiles(length, 1, size)]
    assert sum(heights) == length
    assert len(heights) == -(-length // size)  # no more than it takes
    assert max(heights) - min(heights) <= 1
    assert [tile.width for tile in tiles(1, length, size)] == heights


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_tiles_come_row_by_row(height: int, width: int) -> None:
    places = [(tile.row, tile.column) for tile in tiles(height, width)]
    assert places == sorted(places)
    assert places[0] == (0, 0)


def test_a_small_image_is_one_tile() -> None:
    assert tiles(TILE_SIZE, TILE_SIZE) == [Tile(0, 0, TILE_SIZE, TILE_SIZE)]
    assert len(tiles(TILE_SIZE + 1, TILE_SIZE)) == 2


@pytest.mark.parametrize(("height", "width"), [(0, 0), (0, 5), (5, 0)])
def test_no_pixels_no_tiles(height: int, width: int) -> None:
    assert tiles(height, width) == []


@pytest.mark.parametrize(("height", "width", "size"), [(-1, 5, 8), (5, -1, 8), (5, 5, 0)])
def test_impossible_sizes(height: int, width: int, size: int) -> None:
    with pytest.raises(ValueError, match="cannot cut"):
        tiles(height, width, size)
