"""What a look at samples says of them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.images.look import Kind, look_at
from tests.golden.make import scene


def screen(height: int, width: int) -> NDArray[Any]:
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for y in range(0, height, 40):
        draw.text((5, y), "Open the folder, look at the pictures, close the folder. " * 4, "black")
    return np.asarray(image)


def photograph(height: int, width: int, channels: int) -> NDArray[Any]:
    rng = np.random.default_rng(0)
    return np.clip(
        scene(height, width, channels) + rng.normal(0, 4, (height, width, channels)), 0, 255
    ).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_photographs(channels: int) -> None:
    assert look_at(photograph(200, 300, channels)).kind is Kind.PHOTOGRAPH
    deep = photograph(200, 300, channels).astype(np.uint16) * 257
    assert look_at(deep).equal < 0.3


def test_what_is_drawn() -> None:
    text = screen(400, 600)
    assert look_at(text).kind is Kind.DRAWN
    assert look_at(text[..., :1]).kind is Kind.DRAWN
    dithered = np.random.default_rng(0).integers(0, 2, (200, 200, 1), np.uint8) * 255
    assert look_at(dithered).kind is Kind.DRAWN


def test_in_between() -> None:
    both = screen(400, 600).copy()
    both[100:300] = photograph(200, 600, 3)
    assert look_at(both).kind is Kind.MIXED


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (63, 64), (129, 1), (700, 65)])
def test_images_of_any_shape(shape: tuple[int, int]) -> None:
    look = look_at(np.zeros((*shape, 4), np.uint8))
    assert 0 <= look.equal <= 1
    assert 0 < look.colours <= 1


def test_a_large_image_is_not_looked_at_whole() -> None:
    once = np.zeros((1, 1, 3), np.uint8)
    began = time.process_time()
    look_at(np.broadcast_to(once, (20_000, 20_000, 3)))  # 1.2 GB, if anybody touched it
    assert time.process_time() - began < 5
