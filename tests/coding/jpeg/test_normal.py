"""Level normal: the network and contexts that learn, exact and the same on all threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.coding.jpeg import tiles as cutting
from core.coding.jpeg.codec import JpegCodec, normal_jpeg_codec
from core.coding.jpeg.level import rows_of
from core.coding.jpeg.mixing import CERTAIN, looked_up
from core.coding.jpeg.normal import bundled_normal, model_file
from core.coding.jpeg.wave import MAX_DECISIONS
from core.control import CancelToken
from core.errors import Cancelled, DamagedChunkError, ModelError
from core.images.jpeg import Component, JpegImage
from tests.coding.jpeg.pictures import QUANTISER, blank, equal, image
from tests.coding.jpeg.test_codec import SAMPLINGS, rng


@pytest.fixture(scope="module")
def codec() -> JpegCodec:
    return normal_jpeg_codec()


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_images_come_back(codec, sampling):
    images = [image(rng(), 3, 4, *sampling), image(rng(4), 1, 1, *sampling)]
    empty = blank(images)
    codec.decode(codec.encode(images).chunks, empty)
    assert equal(empty, images)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from([0, 1, 30, 1000, 32767]),
    st.floats(0, 1),
)
def test_any_levels_come_back(seed, rows, columns, largest, share):
    codec, random = normal_jpeg_codec(), rng(seed)
    shape = (rows, columns, 64)
    levels = random.integers(-largest - 1, largest + 1, shape) * (random.random(shape) < share)
    quantiser = random.integers(0, 65536, 64).astype(np.uint16)
    component = Component(1, 1, quantiser, levels.astype(np.int16))
    images = [JpegImage(8 * columns, 8 * rows, 8, (component,) * 3)]
    empty = blank(images)
    codec.decode(codec.encode(images).chunks, empty)
    assert equal(empty, images)


def test_components_may_lack_rows(codec):
    whole = image(rng(), 4, 4, (2, 2), (1, 1), (1, 1))
    luma, blue, red = whole.components
    cut = (
        Component(2, 2, QUANTISER, luma.coefficients[:3]),
        Component(1, 1, QUANTISER, blue.coefficients[:2]),
        red,
    )
    lacking = (
        Component(2, 2, QUANTISER, luma.coefficients[:0]),
        blue,
        Component(1, 1, QUANTISER, red.coefficients[:0]),
    )
    images = [JpegImage(64, 64, 8, components) for components in (cut, lacking)]
    empty = blank(images)
    codec.decode(codec.encode(images).chunks, empty)
    assert equal(empty, images)


def test_bytes_do_not_depend_on_threads(monkeypatch):
    monkeypatch.setattr(cutting, "TILE_BLOCKS", 60)
    images = [image(rng(1), 2, 3, (1, 1)), image(rng(), 6, 8, (2, 2), (1, 1), (1, 1))]
    coded = [JpegCodec(bundled_normal(), threads).encode(images).chunks for threads in (1, 2)]
    assert len(coded[0]) > 2
    assert coded[0] == coded[1]
    empty = blank(images)
    JpegCodec(bundled_normal(), 2).decode(coded[0], empty)
    assert equal(empty, images)


def test_the_map_sums_to_the_theoretical_length(codec):
    images = [image(rng(), 6, 5, (2, 1), (1, 1), (1, 1))]
    coded = codec.encode(images)
    report = coded.report
    assert 0 <= report.coded_bits - report.theoretical_bits - report.side_bits <= 9
    bits = [[np.zeros(c.coefficients.shape[:2], np.float32) for c in i.components] for i in images]
    codec.decode(coded.chunks, blank(images), bits=bits)
    assert all((plane > 0).all() for plane in bits[0])
    total = sum(float(plane.sum(dtype=float)) for plane in bits[0])
    assert total == pytest.approx(report.theoretical_bits, rel=1e-5)


def test_each_block_takes_no_more_decisions_than_there_is_room_for(codec):
    extreme = np.where(np.arange(6 * 64).reshape(2, 3, 64) % 2, 32767, -32768).astype(np.int16)
    images = [JpegImage(24, 16, 8, (Component(1, 1, np.ones(64, np.uint16), extreme),))]
    (tile,) = cutting.tiles(images)
    for _, number, code in bundled_normal().planes(images, tile):
        shape = rows_of(images, tile[0], number).shape[:2]
        for step in code(None, np.empty(shape, np.float32)):
            assert len(step.records) <= 64 * MAX_DECISIONS * step.n_blocks
    empty = blank(images)
    codec.decode(codec.encode(images).chunks, empty)
    assert equal(empty, images)


def test_cancelled_coding_stops(codec):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        codec.encode([image(rng(), 2, 2, (1, 1))], cancel=cancel)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_damaged_chunks_are_noticed(data):
    codec = normal_jpeg_codec()
    images = [image(rng(), 2, 2, (2, 2), (1, 1), (1, 1))]
    chunk = bytearray(codec.encode(images).chunks[0])
    if data.draw(st.booleans()):
        chunk[data.draw(st.integers(0, len(chunk) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        chunk[:] = data.draw(st.binary(max_size=2 * len(chunk)))
    with pytest.raises(DamagedChunkError):
        codec.decode([bytes(chunk)], blank(images))


def test_logarithms_are_rounded():
    expected = 256 * np.log(np.arange(1, 4096))
    assert np.abs(looked_up().logarithms[1:] - expected).max() <= 0.5001
    assert 0 < CERTAIN < 2815


def test_a_model_comes_from_its_file_and_from_nothing_else(codec):
    level = bundled_normal()
    assert codec.with_model(codec.model_file).model_id == codec.model_id
    network, start = level.network.file, level.file[8 + len(level.network.file) :]
    for data in (b"", b"x" * 100, model_file(network, start[:-9]), model_file(network[:-9], start)):
        with pytest.raises(ModelError):
            codec.with_model(data)
