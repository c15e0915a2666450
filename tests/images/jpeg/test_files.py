"""JPEG files are taken apart and made again, byte for byte."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.images.jpeg.checking import check

JPEGS = Path(__file__).parents[4] / "shared" / "data" / "jpeg"


def smooth(height: int, width: int, channels: int) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(1)
    coarse = random.integers(0, 256, (height // 8 + 2, width // 8 + 2, channels), dtype=np.uint8)
    image = Image.fromarray(coarse.squeeze()).resize((width, height), Image.Resampling.BICUBIC)
    noise = random.normal(0, 4, (height, width, channels)).reshape(np.asarray(image).shape)
    return np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)


def jpeg(height: int = 70, width: int = 90, channels: int = 3, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(smooth(height, width, channels)).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("restart", [{}, {"restart_marker_blocks": 3}, {"restart_marker_rows": 1}])
def test_what_libjpeg_writes(progressive: bool, subsampling: int, restart: dict[str, int]) -> None:
    data = jpeg(progressive=progressive, subsampling=subsampling, quality=85, **restart)
    recipe = check(data)
    (stream, _) = recipe.parts
    assert len(stream.kept) < 1200


@pytest.mark.skipif(not JPEGS.is_dir(), reason="there is no ../shared/data/jpeg")
def test_real_files() -> None:
    for path in sorted((JPEGS / "valid").iterdir()):
        data = path.read_bytes()
        check(data)
