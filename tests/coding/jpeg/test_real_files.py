"""Real JPEG files through parser and model, and back byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.coding.jpeg.codec import fast_jpeg_codec as jpeg_codec
from core.images.jpeg import Recipe, rebuild, take_apart

VALID = Path(__file__).parents[3].parent / "shared" / "data" / "jpeg" / "valid"
FILES = sorted(VALID.iterdir(), key=lambda path: path.stat().st_size)[:6] if VALID.is_dir() else []


@pytest.mark.skipif(not FILES, reason="there is no ../shared/data/jpeg/valid")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:40])
def test_a_file_comes_back(path):
    data = path.read_bytes()
    images, recipe = take_apart(data)
    codec = jpeg_codec(2)
    chunks = codec.encode(images).chunks
    found = Recipe.from_bytes(recipe.to_bytes())
    empty = found.blank_images()
    codec.decode(chunks, empty)
    assert rebuild(empty, found) == data
