"""The codecs that Floe is compared with: lossless at any size, or left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.archive.codec import Codecs
from core.arrays import Pixels
from core.bench.contenders import Floe, Raw, Reference, everyone
from core.bench.contest import NOT_INSTALLED, OTHER_PIXELS, REFUSED, Attempt, contest
from core.bench.references import Codec, installed
from core.control import CancelToken
from core.errors import Cancelled, ModelError
from tests.fakes import FakeCodec

CODECS = installed(thorough=True)
NAMES = [f"{codec.name}, {codec.settings}" for codec in CODECS]


def measured(pixels: Pixels, codecs: list[Codec]) -> list[Attempt]:
    return list(contest(pixels, [Reference(codec) for codec in codecs]))


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
    attempts = measured(pixels, codecs)
    assert [a.name for a in attempts] == [codec.name for codec in codecs]
    for codec, attempt in zip(codecs, attempts, strict=True):
        assert attempt.problem == ""
        assert attempt.n_bytes == len(codec.encode(pixels))
        assert attempt.bits_per_dim == pytest.approx(8 * attempt.n_bytes / (40 * 31 * channels))
        assert (attempt.encode_seconds or 0) > 0
        assert (attempt.decode_seconds or 0) > 0
        assert any(digit.isdigit() for digit in attempt.version)


def test_webp_refuses_beyond_its_largest_side() -> None:
    assert [a.problem for a in measured(picture(1, 16382, 3), installed())] == ["", "", ""]
    for size in ((1, 16384), (16384, 1)):
        attempts = measured(picture(*size, 3), installed())
        assert {a.name: a.problem for a in attempts} == {"PNG": "", "WebP": REFUSED, "JPEG XL": ""}


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
def test_a_codec_that_gives_back_another_image_has_no_figures(spoil) -> None:
    good = installed()[0]
    bad = replace(good, name="bad", decode=lambda data, c: spoil(good.decode(data, c)))
    flat = np.full((6, 5, 3), 7, dtype=np.uint8)
    wrong, right = measured(flat, [bad, good])
    assert (wrong.problem, wrong.bits_per_dim, wrong.n_bytes) == (OTHER_PIXELS, None, None)
    assert right.problem == ""


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_a_codec_that_fails_stops_no_other(error: type[Exception]) -> None:
    def fail(*_: object) -> bytes:
        raise error("cannot")

    good = installed()[0]
    codecs = [replace(good, encode=fail), replace(good, decode=fail), good]
    problems = [a.problem for a in measured(picture(3, 4, 1), codecs)]
    assert problems == [REFUSED, REFUSED, ""]


def test_cancel_stops_before_the_next_codec() -> None:
    cancel = CancelToken()
    encoded: list[str] = []

    def told(codec: Codec) -> Codec:
        def encode(pixels: Pixels) -> bytes:
            encoded.append(codec.name)
            return codec.encode(pixels)

        return replace(codec, encode=encode)

    contenders = [Reference(told(codec)) for codec in installed()]
    lengths = contest(picture(5, 5, 3), contenders, cancel=cancel)
    assert next(lengths).name == "PNG"
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(lengths)
    assert encoded == ["PNG"]


def test_a_codec_that_is_not_installed_reads_so() -> None:
    (attempt,) = measured(picture(4, 4, 3), [replace(installed()[0], available=False)])
    assert (attempt.problem, attempt.bits_per_dim) == (NOT_INSTALLED, None)


def test_floe_takes_part_like_any_other() -> None:
    pixels = picture(50, 61, 3)
    told: list[tuple[str, float]] = []
    attempts = list(
        contest(pixels, everyone(Codecs(FakeCodec)), on_progress=lambda *event: told.append(event))
    )
    assert [a.name for a in attempts] == ["Raw", "PNG", "WebP", "JPEG XL", "Floe"]
    raw, floe = attempts[0], attempts[-1]
    assert (raw.bits_per_dim, raw.n_bytes) == (8.0, pixels.size)
    chunks = FakeCodec().encode(pixels).chunks
    assert floe.n_bytes == sum(len(chunk) + 4 for chunk in chunks)
    assert floe.version == "fake-0"
    assert floe.theoretical_bpd is not None
    assert floe.bits_per_dim is not None
    assert floe.theoretical_bpd < floe.bits_per_dim
    fractions = [fraction for name, fraction in told if name == "Floe"]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1


def test_floe_that_decodes_wrongly_or_lacks_its_model_has_no_figures() -> None:
    def no_model() -> FakeCodec:
        raise ModelError("the model cannot be read")

    wrong = Floe(Codecs(lambda: FakeCodec(wrong=True)))
    pixels = picture(9, 9, 3)
    problems = [a.problem for a in contest(pixels, [wrong, Floe(Codecs(no_model)), Raw()])]
    assert problems == [OTHER_PIXELS, "the model cannot be read", ""]


def test_floe_can_be_stopped_on_its_way() -> None:
    cancel = CancelToken()
    lengths = contest(
        picture(40, 40, 3),
        [Floe(Codecs(lambda: FakeCodec(tile=8)))],
        on_progress=lambda _name, fraction: cancel.cancel() if fraction > 0 else None,
        cancel=cancel,
    )
    with pytest.raises(Cancelled):
        next(lengths)
