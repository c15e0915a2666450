"""JPEG images through the counting model: exact, on all threads alike, never silently wrong."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.coding.jpeg import tiles as cutting
from core.coding.jpeg.codec import JpegCodec
from core.coding.jpeg.codec import fast_jpeg_codec as jpeg_codec
from core.coding.jpeg.fast import Fast
from core.coding.jpeg.model import bundled_jpeg_model
from core.control import CancelToken
from core.errors import Cancelled, DamagedChunkError
from core.images.jpeg import Component, JpegImage
from tests.coding.jpeg.pictures import QUANTISER, blank, equal, image

SAMPLINGS = [
    [(1, 1)],
    [(1, 1), (1, 1), (1, 1)],
    [(2, 2), (1, 1), (1, 1)],
    [(2, 1), (1, 1), (1, 1)],
    [(4, 1), (1, 1), (1, 1)],
    [(3, 1), (2, 1), (1, 1)],
    [(2, 2), (1, 1), (1, 1), (2, 2)],
]


@pytest.fixture(scope="module")
def codec() -> JpegCodec:
    return jpeg_codec()


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_images_come_back(codec, sampling):
    images = [image(rng(), 5, 7, *sampling), image(rng(4), 1, 1, *sampling)]
    coded = codec.encode(images)
    empty = blank(images)
    codec.decode(coded.chunks, empty)
    assert equal(empty, images)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from([0, 1, 30, 1000, 32767]),
    st.floats(0, 1),
)
def test_any_levels_come_back(seed, rows, columns, largest, share):
    codec, random = jpeg_codec(), rng(seed)
    shape = (rows, columns, 64)
    levels = random.integers(-largest - 1, largest + 1, shape) * (random.random(shape) < share)
    quantiser = random.integers(0, 65536, 64).astype(np.uint16)
    component = Component(1, 1, quantiser, levels.astype(np.int16))
    images = [JpegImage(8 * columns, 8 * rows, 8, (component,) * 3)]
    coded = codec.encode(images)
    empty = blank(images)
    codec.decode(coded.chunks, empty)
    assert equal(empty, images)


def test_a_file_without_coefficients_has_no_chunks(codec):
    assert codec.encode([]).chunks == ()
    codec.decode((), [])


def test_components_may_lack_rows(codec):
    random = rng()
    whole = image(random, 4, 4, (2, 2), (1, 1), (1, 1))
    luma, blue, red = whole.components
    cut = JpegImage(
        whole.width,
        whole.height,
        8,
        (
            Component(2, 2, QUANTISER, luma.coefficients[:3]),
            blue,
            Component(1, 1, QUANTISER, red.coefficients[:0]),
        ),
    )
    empty = blank([cut])
    codec.decode(codec.encode([cut]).chunks, empty)
    assert equal(empty, [cut])


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(cutting, "TILE_BLOCKS", 60)


@pytest.mark.usefixtures("small_tiles")
def test_bytes_do_not_depend_on_threads():
    images = [image(rng(1), 2, 3, (1, 1)), image(rng(), 9, 8, (2, 2), (1, 1), (1, 1))]
    model = Fast(bundled_jpeg_model())
    coded = [JpegCodec(model, threads).encode(images).chunks for threads in (1, 2, 5)]
    assert len(coded[0]) > 3
    assert coded[0] == coded[1] == coded[2]
    for threads in (1, 5):
        empty = blank(images)
        JpegCodec(model, threads).decode(coded[0], empty)
        assert equal(empty, images)


@pytest.mark.usefixtures("small_tiles")
@given(st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_tiles_hold_each_row_once(heights):
    images = [image(rng(), rows, 3, (2, 2), (1, 1), (1, 1)) for rows in heights]
    bands = [band for tile in cutting.tiles(images) for band in tile]
    for number, one in enumerate(images):
        own = [band.rows for band in bands if band.image == number]
        for c, component in enumerate(one.components):
            rows = [band[c] for band in own]
            assert rows[0][0] == 0
            assert rows[-1][1] == len(component.coefficients)
            assert all(a[1] == b[0] for a, b in pairwise(rows))


def test_lengths_are_measured(codec):
    images = [image(rng(), 20, 20, (2, 2), (1, 1), (1, 1))]
    coded = codec.encode(images)
    report = coded.report
    assert report.coded_bits == 8 * sum(map(len, coded.chunks))
    gap = report.coded_bits - report.theoretical_bits - report.side_bits
    assert 0 <= gap <= 9  # the stack's last byte is not full
    assert report.borrowed_bits == report.lost_bits == 0


def test_the_map_sums_to_the_theoretical_length(codec):
    images = [image(rng(), 6, 5, (2, 1), (1, 1), (1, 1))]
    coded = codec.encode(images)
    bits = [[np.zeros(c.coefficients.shape[:2], np.float32) for c in i.components] for i in images]
    codec.decode(coded.chunks, blank(images), bits=bits)
    assert all((plane > 0).all() for plane in bits[0])
    total = sum(float(plane.sum(dtype=float)) for plane in bits[0])
    assert total == pytest.approx(coded.report.theoretical_bits, rel=1e-5)


def test_progress_counts_every_block(codec):
    images = [image(rng(), 9, 8, (2, 2), (1, 1), (1, 1))]
    seen: list[int] = []
    coded = codec.encode(images, on_blocks=seen.append)
    assert sum(seen) == images[0].n_blocks
    seen.clear()
    codec.decode(coded.chunks, blank(images), on_blocks=seen.append)
    assert sum(seen) == images[0].n_blocks


def test_cancelled_coding_stops(codec):
    cancel = CancelToken()
    cancel.cancel()
    images = [image(rng(), 2, 2, (1, 1))]
    with pytest.raises(Cancelled):
        codec.encode(images, cancel=cancel)
    chunks = codec.encode(images).chunks
    with pytest.raises(Cancelled):
        codec.decode(chunks, blank(images), cancel=cancel)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_damaged_chunks_are_noticed(data):
    codec = jpeg_codec()
    images = [image(rng(), 3, 3, (2, 2), (1, 1), (1, 1))]
    chunk = bytearray(codec.encode(images).chunks[0])
    kind = data.draw(st.sampled_from(["flipped", "cut", "noise"]))
    if kind == "flipped":
        place = data.draw(st.integers(0, len(chunk) - 1))
        chunk[place] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del chunk[data.draw(st.integers(0, len(chunk) - 1)) :]
    else:
        chunk[:] = data.draw(st.binary(max_size=2 * len(chunk)))
    with pytest.raises(DamagedChunkError):
        codec.decode([bytes(chunk)], blank(images))


def test_the_number_of_chunks_must_be_right(codec):
    images = [image(rng(), 2, 2, (1, 1))]
    with pytest.raises(DamagedChunkError):
        codec.decode((), blank(images))


@pytest.mark.usefixtures("small_tiles")
def test_chunks_cannot_change_places(codec):
    images = [image(rng(), 9, 8, (1, 1), (1, 1))]
    chunks = codec.encode(images).chunks
    assert len(chunks) == 2
    with pytest.raises(DamagedChunkError):
        codec.decode(chunks[::-1], blank(images))


def test_bytes_stay_what_they_are(codec):
    """A golden vector: archives hold such bytes."""
    steps = 1 + np.add.outer(np.arange(8), np.arange(8)).ravel() ** 2
    noise = np.frombuffer(hashlib.shake_128(b"levels").digest(2 * 180 * 64), "<i2")
    levels = (noise.reshape(180, 64).astype(np.int64) // (128 * steps)).astype(np.int16)
    luma, blue, red = levels[:120], levels[120:150], levels[150:]
    components = (
        Component(2, 2, QUANTISER, luma.reshape(12, 10, 64)),
        Component(1, 1, QUANTISER, blue.reshape(6, 5, 64)),
        Component(1, 1, QUANTISER, red.reshape(6, 5, 64)),
    )
    chunks = codec.encode([JpegImage(80, 96, 8, components)]).chunks
    assert [len(chunk) for chunk in chunks] == [GOLDEN[codec.model_id][0]]
    assert hashlib.sha256(chunks[0]).hexdigest()[:16] == GOLDEN[codec.model_id][1]


#: Bytes of the chunk, and the start of its SHA-256, by model.
GOLDEN = {"jpegfast-261af813": (6047, "0e70146aa71074e0")}
