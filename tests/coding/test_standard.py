"""Samples as JPEG XL and WebP come back exactly, and foreign bytes are errors."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.coding import standard
from core.coding.standard import JPEG_XL, STANDARD, WEBP, StandardCodec
from core.errors import DamagedChunkError


def samples(
    height: int, width: int, channels: int, dtype: Any = np.uint8, colours: int = 0, seed: int = 0
) -> NDArray[Any]:
    top = colours or np.iinfo(dtype).max + 1
    return np.random.default_rng(seed).integers(0, top, (height, width, channels), dtype)


@pytest.mark.parametrize("codec", STANDARD, ids=lambda codec: codec.name)
@settings(max_examples=12)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4), st.sampled_from([2, 9, 256]))
def test_samples_of_8_bits_come_back(
    codec: StandardCodec, height: int, width: int, channels: int, colours: int
) -> None:
    pixels = samples(height, width, channels, colours=colours)
    if channels % 2 == 0:  # what nobody sees comes back as well
        pixels[: height // 2, :, -1] = 0
    assert codec.takes(pixels)
    data = codec.encode(pixels, 1)
    assert np.array_equal(codec.decode(data, pixels.shape, np.uint8), pixels)


@settings(max_examples=15)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 4))
def test_samples_of_16_bits_come_back(height: int, width: int, channels: int) -> None:
    pixels = samples(height, width, channels, np.uint16)
    assert JPEG_XL.takes(pixels)
    assert not WEBP.takes(pixels)
    data = JPEG_XL.encode(pixels, 1)
    assert np.array_equal(JPEG_XL.decode(data, pixels.shape, np.uint16), pixels)


@pytest.mark.parametrize("codec", STANDARD, ids=lambda codec: codec.name)
def test_bytes_do_not_depend_on_threads(codec: StandardCodec) -> None:
    pixels = samples(40, 300, 3, colours=4)
    assert codec.encode(pixels, 1) == codec.encode(pixels, 4)


@pytest.mark.parametrize("codec", STANDARD, ids=lambda codec: codec.name)
def test_other_sizes_are_refused_before_they_are_decoded(codec: StandardCodec) -> None:
    data = codec.encode(np.zeros((60, 70, 3), np.uint8), 1)
    for shape in ((60, 69, 3), (1, 1, 3), (120, 70, 3)):
        with pytest.raises(DamagedChunkError):
            codec.decode(data, shape, np.uint8)


@pytest.mark.parametrize("codec", STANDARD, ids=lambda codec: codec.name)
@settings(max_examples=30)
@given(st.data())
def test_damaged_bytes_are_an_error_or_other_samples(
    codec: StandardCodec, draws: st.DataObject
) -> None:
    pixels = samples(20, 20, 3, colours=5)
    data = bytearray(codec.encode(pixels, 1))
    for _ in range(draws.draw(st.integers(1, 3))):
        data[draws.draw(st.integers(0, len(data) - 1))] = draws.draw(st.integers(0, 255))
    with suppress(DamagedChunkError):
        found = codec.decode(
            bytes(data[: draws.draw(st.integers(0, len(data)))]), (20, 20, 3), "u1"
        )
        assert found.shape == pixels.shape


def test_webp_has_its_limits() -> None:
    assert WEBP.takes(np.zeros((1, 16_383, 1), np.uint8))
    assert not WEBP.takes(np.zeros((1, 16_384, 1), np.uint8))


def test_large_images_are_coded_more_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = samples(40, 40, 3, colours=3)
    thorough = [codec.encode(pixels, 1) for codec in STANDARD]
    monkeypatch.setattr(standard, "THOROUGH_PIXELS", 40 * 40 - 1)
    quick = [codec.encode(pixels, 1) for codec in STANDARD]
    assert thorough != quick
    for codec, data in zip(STANDARD, quick, strict=True):
        assert np.array_equal(codec.decode(data, pixels.shape, np.uint8), pixels)
