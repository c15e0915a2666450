"""The codecs that Floe is compared with: lossless at any size, or left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.bench.codec import Codec, Pixels, installed
from core.bench.codelengths import codelengths
from core.control import CancelToken
from core.errors import Cancelled

CODECS = installed(thorough=True)
NAMES = [f"{codec.name}, {codec.settings}" for codec in CODECS]


def picture(height: int, width: int, channels: int, seed: int = 1) -> Pixels:
    """A slope with some noise: what all codecs can make smaller."""
    random = np.random.default_rng(seed)
    slope = np.add.outer(np.arange(height), np.arange(width))[..., None] + np.arange(channels) * 20
    return (slope + random.integers(0, 4, slope.shape)).astype(np.uint8)


def test_what_is_installed_is_told_apart_by_name_and_settings() -> None:
    assert {codec.name for codec in CODECS} == {"PNG", "WebP", "JPEG XL"}
    assert len(set(NAMES)) == len(NAMES)
    usual = installed()
    assert len(usual) < len(CODECS)
    assert {codec.settings for codec in usual} < {codec.settings for codec in CODECS}


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 3), (1, 9), (9, 1), (4, 4), (21, 34)])
def test_pixels_come_back(codec: Codec, channels: int, size: tuple[int, int]) -> None:
    random = np.random.default_rng(4)
    noise = random.integers(0, 256, (*size, channels), dtype=np.uint8)
    for pixels in (noise, picture(*size, channels), np.full_like(noise, 255)):
        again = codec.decode(codec.encode(pixels), channels)
        assert again.dtype == np.uint8
        assert np.array_equal(again, pixels)


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
def test_what_is_hidden_by_full_transparency_comes_back(codec: Codec) -> None:
    pixels = picture(9, 8, 4)
    pixels[..., 3] = 0
    assert np.array_equal(codec.decode(codec.encode(pixels), 4), pixels)


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
def test_it_is_a_codec_for_images(codec: Codec) -> None:
    pixels = picture(128, 128, 3)
    assert len(codec.encode(pixels)) < 0.5 * pixels.size


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_lengths_are_those_of_the_bytes(channels: int) -> None:
    pixels = picture(40, 31, channels)
    codecs = installed()
    measured = list(codelengths(pixels, codecs))
    assert [m.codec for m in measured] == codecs
    for m in measured:
        assert m.n_bytes == len(m.codec.encode(pixels))
        assert m.bits_per_dim == pytest.approx(8 * m.n_bytes / (40 * 31 * channels))
        assert m.encode_seconds > 0
        assert m.decode_seconds > 0


def test_webp_is_left_out_beyond_its_largest_side() -> None:
    there = [m.codec.name for m in codelengths(picture(1, 16382, 3), installed())]
    assert there == ["PNG", "WebP", "JPEG XL"]
    for size in ((1, 16384), (16384, 1)):
        there = [m.codec.name for m in codelengths(picture(*size, 3), installed())]
        assert there == ["PNG", "JPEG XL"]


def _other_value(pixels: Pixels) -> Pixels:
    pixels = pixels.copy()
    pixels[-1, -1, -1] ^= 1
    return pixels


@pytest.mark.parametrize(
    "spoil",
    [
        _other_value,
        lambda x: x[1:],
        lambda x: x[..., :1],  # of equal channels: the value is right, the shape is not
        lambda x: x[..., [0, 1, 2, 2]],
        lambda x: x[:1, :1],
    ],
    ids=["a value", "a row", "a channel less", "a channel more", "one pixel"],
)
def test_a_codec_that_gives_back_another_image_is_left_out(spoil) -> None:
    good = installed()[0]
    bad = replace(good, name="bad", decode=lambda data, c: spoil(good.decode(data, c)))
    flat = np.full((6, 5, 3), 7, dtype=np.uint8)
    assert [m.codec for m in codelengths(flat, [bad, good])] == [good]


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_a_codec_that_fails_is_left_out(error: type[Exception]) -> None:
    def fail(*_: object) -> bytes:
        raise error("cannot")

    good = installed()[0]
    codecs = [replace(good, encode=fail), replace(good, decode=fail), good]
    assert [m.codec for m in codelengths(picture(3, 4, 1), codecs)] == [good]


def test_cancel_stops_before_the_next_codec() -> None:
    cancel = CancelToken()
    encoded: list[str] = []

    def told(codec: Codec) -> Codec:
        def encode(pixels: Pixels) -> bytes:
            encoded.append(codec.name)
            return codec.encode(pixels)

        return replace(codec, encode=encode)

    lengths = codelengths(picture(5, 5, 3), [told(c) for c in installed()], cancel)
    first = next(lengths)
    assert first.codec.name == "PNG"
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(lengths)
    assert encoded == ["PNG"]
