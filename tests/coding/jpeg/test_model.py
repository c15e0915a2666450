"""The counting model's file: read as it was written, and refused where it is anything else."""

from __future__ import annotations

import lzma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from core.coding.jpeg import kernel
from core.coding.jpeg.luma import luma_map
from core.coding.jpeg.model import (
    bundled_jpeg_model,
    initial_model,
    jpeg_model,
    write_model,
)
from core.errors import ModelError

LEARNING = np.array([255, 20, 8, 20], np.int64)


@pytest.fixture(scope="module")
def file() -> bytes:
    random = np.random.default_rng(2)
    centre = random.integers(-900, 900, (64, kernel.N_CENTRE)).astype(np.int32)
    scale = random.integers(0, 900, (64, kernel.N_SCALE)).astype(np.int32)
    model = initial_model(centre, scale, LEARNING)
    return write_model((model,) * 3, {2: luma_map(2), 4: luma_map(4)})


def changed(file: bytes, **tensors: np.ndarray | None) -> bytes:
    """The file with other tensors; None leaves one out."""
    found = load(lzma.decompress(file)) | tensors
    return lzma.compress(save({name: t for name, t in found.items() if t is not None}))


def test_a_model_is_read_as_it_was_written(file):
    model = jpeg_model(file)
    assert model.id.startswith("jpegfast-")
    assert model.file == file
    start = initial_model(model.kinds[0].centre, model.kinds[0].scale, LEARNING)
    for own, other in zip(model.kinds[1], start, strict=True):
        if own is not model.kinds[1].counters:
            assert np.array_equal(own, other)
    assert np.abs(model.kinds[1].counters / 2**32 - 0.5).max() < 0.001


def test_coding_learns_on_a_copy(file):
    model = jpeg_model(file)
    fresh = model.fresh(0)
    fresh.counters[:] = 0
    fresh.weights[:] = 1
    fresh.table[:] = 2
    assert model.fresh(0).counters.max() > 0
    assert model.fresh(0).weights.max() > 1
    assert model.fresh(0).table.max() > 2


@pytest.mark.parametrize(
    "tensors",
    [
        {"format": np.array([2], np.int32)},
        {"0.centre": None},
        {"1.scale": np.zeros((64, 3), np.int16)},
        {"2.logits": np.zeros(10, np.int8)},
        {"0.weights": np.zeros(kernel.N_SETS * kernel.N_INPUTS, np.float32)},
        {"0.learning": np.array([0, 20, 8, 20], np.int32)},
        {"0.learning": np.array([255, 200, 8, 20], np.int32)},
        {"0.learning": np.array([255, 20, -8, 20], np.int32)},
        {"luma_2": np.full((8, 16), 1 << 20, np.int32)},
    ],
)
def test_what_is_no_model_is_refused(file, tensors):
    with pytest.raises(ModelError):
        jpeg_model(changed(file, **tensors))


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    with pytest.raises(ModelError):
        jpeg_model(data)
    with pytest.raises(ModelError):
        jpeg_model(lzma.compress(data))


def test_a_bomb_does_not_unpack():
    with pytest.raises(ModelError):
        jpeg_model(lzma.compress(bytes(2**27), preset=0))


def test_the_bundled_model_loads():
    assert bundled_jpeg_model() is bundled_jpeg_model()
