"""The codelength map: bits of each pixel, whose sum is the theoretical length."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core.coding.photo.codec as module
from core.coding.photo.codec import PhotoCodec
from core.images.tiles import Tile, tiles
from tests.coding.photo.test_photo import KINDS, picture
from tests.models import small_model


@pytest.fixture(scope="module")
def codec(tmp_path_factory) -> PhotoCodec:
    return PhotoCodec(small_model(tmp_path_factory.mktemp("model")))


def mapped(codec, coded, shape) -> tuple[np.ndarray, np.ndarray]:
    bits = np.full(shape[:2], np.nan, dtype=np.float32)
    return codec.decode(coded.chunks, shape, coder="fused", bits=bits), bits


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from((1, 3)),
    kind=st.sampled_from(KINDS),
    size=st.sampled_from((7, 16, 1024)),
    seed=st.integers(0, 1000),
)
@settings(max_examples=30, deadline=None)
def test_its_sum_is_the_theoretical_length(
    codec, height, width, channels, kind, size, seed
) -> None:
    pixels = picture(height, width, channels, kind, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "tiles", lambda h, w: tiles(h, w, size=size))
        coded = codec.encode(pixels)
        again, bits = mapped(codec, coded, pixels.shape)
    assert np.array_equal(again, pixels)
    assert bits.shape == (height, width)
    assert np.isfinite(bits).all()
    assert (bits > -1e-3).all()
    assert bits.sum(dtype=float) == pytest.approx(coded.report.theoretical_bits, rel=1e-5)


def test_it_tells_where_the_bits_are(codec) -> None:
    """What is known of the picture around a pixel decides; a pixel out of line costs more."""
    calm = np.full((33, 31, 3), 90, dtype=np.uint8)
    odd = calm.copy()
    odd[13, 17] = 250
    before = mapped(codec, codec.encode(calm), calm.shape)[1]
    after = mapped(codec, codec.encode(odd), odd.shape)[1]
    assert (after - before).argmax() == 13 * 31 + 17
    assert (after - before)[13, 17] > 3


def test_tiles_are_told_of_from_coarse_to_fine(codec, monkeypatch) -> None:
    monkeypatch.setattr(module, "tiles", lambda h, w: tiles(h, w, size=16))
    pixels = picture(29, 18, 3, "smooth")
    coded = codec.encode(pixels)
    told: dict[Tile, list[np.ndarray]] = {}
    codec.decode(
        coded.chunks,
        pixels.shape,
        coder="fused",
        on_tile=lambda tile, part: told.setdefault(tile, []).append(part),
    )
    assert list(told) == tiles(29, 18, size=16)
    for tile, parts in told.items():
        whole = pixels[tile.row :, tile.column :][: tile.height, : tile.width]
        assert len(parts) == 3
        for step, part in zip((4, 2, 1), parts, strict=True):
            assert np.array_equal(part, whole[::step, ::step])
