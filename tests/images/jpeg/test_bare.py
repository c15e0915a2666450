"""What no library writes comes back, too, and its coefficients are those that were written."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.images.jpeg import stream as stream_module
from core.images.jpeg import take_apart
from core.images.jpeg.shortcomings import shortcomings
from tests.images.jpeg.bare_jpeg import Writer, segment
from tests.images.jpeg.checking import check

SAMPLINGS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=4)


@pytest.fixture(scope="module", autouse=True)
def short_scans() -> Iterator[None]:
    """Scans of a few bytes are else not worth it."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(stream_module, "MIN_SCAN_BYTES", 1)
        yield


def planes_of(writer: Writer, seed: int, spread: int = 30) -> list[np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    planes = []
    for i in range(len(writer.samplings)):
        plane = random.normal(0, spread, (*writer.padded(i), 64)).astype(np.int64)
        plane[random.random(plane.shape) < random.choice([0.1, 0.7, 0.98])] = 0
        planes.append(plane)
    return planes


@settings(max_examples=60)
@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    samplings=SAMPLINGS,
    precision=st.sampled_from([8, 12]),
    interval=st.sampled_from([0, 1, 2, 7]),
    padding=st.sampled_from([0, 1]),
    interleaved=st.booleans(),
    seed=st.integers(0, 9),
)
def test_any_sampling(
    size: tuple[int, int],
    samplings: list[tuple[int, int]],
    precision: int,
    interval: int,
    padding: int,
    interleaved: bool,
    seed: int,
) -> None:
    width, height = size
    writer = Writer(width, height, samplings, precision, interval, padding)
    planes = planes_of(writer, seed, 30 if precision == 8 else 800)
    places = list(range(len(samplings)))
    data = writer.write(planes, [places] if interleaved else [[i] for i in places])
    check(data)
    images, recipe = take_apart(data)
    assert not shortcomings(recipe)
    (image,) = images
    assert (image.width, image.height, image.precision) == (width, height, precision)
    for i, component in enumerate(image.components):
        rows, columns = writer.padded(i)
        if not interleaved or len(samplings) == 1:  # blocks that fill MCUs are not in the file
            rows, columns = writer.needed(i)
        assert np.array_equal(component.coefficients[:rows, :columns], planes[i][:rows, :columns])
        assert component.quantiser[:3].tolist() == [1, 2, 6]


def test_restart_markers_and_fill_bytes_as_they_come() -> None:
    writer = Writer(70, 50, [(2, 1), (1, 1)], interval=2)
    planes = planes_of(writer, 1)
    for restart in (
        lambda i: b"\xff\xff" + bytes([0xFF, 0xD0 + i % 8]),
        lambda i: bytes([0xFF, 0xD0 + (i * 3 + 2) % 8]),
        lambda i: b"\xff" * (i % 5) + bytes([0xFF, 0xD7]),
    ):
        data = replace(writer, restart=restart).write(planes, [[0, 1]])
        assert not shortcomings(check(data))


def test_runs_of_zeros_where_none_are_needed() -> None:
    writer = Writer(70, 50, [(1, 1), (1, 1)], extra_zeros=lambda i: i % 5)
    data = writer.write(planes_of(writer, 2), [[0, 1]])
    assert not shortcomings(check(data))


def test_the_height_may_come_after_the_scan() -> None:
    writer = Writer(70, 50, [(1, 1)])
    data = writer.write(planes_of(writer, 3), [[0]])
    at = data.index(b"\xff\xc0")
    data = data[: at + 5] + b"\0\0" + data[at + 7 : -2]
    data += segment(0xDC, struct.pack(">H", 50)) + b"\xff\xd9"
    images, recipe = take_apart(data)
    assert images[0].height == 50
    assert not shortcomings(recipe)
    check(data)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_the_good_part_of_a_truncated_file_is_coded(part: float) -> None:
    writer = Writer(300, 200, [(2, 2), (1, 1), (1, 1)])
    data = writer.write(planes_of(writer, 4), [[0, 1, 2]])
    data = data[: int(part * len(data))]
    recipe = check(data)
    assert shortcomings(recipe)
    assert recipe.n_kept < 1200
    (image,) = take_apart(data)[0]
    assert len(image.components[0].coefficients) < part * 26 + 4  # rows never reached are left out


def test_damage_in_the_middle_leaves_the_part_before_it() -> None:
    writer = Writer(300, 200, [(2, 2), (1, 1), (1, 1)])
    data = bytearray(writer.write(planes_of(writer, 5), [[0, 1, 2]]))
    middle = len(data) // 2
    data[middle : middle + 2] = b"\xff\xc7"  # no marker ends a scan like this
    recipe = check(bytes(data))
    assert shortcomings(recipe)
    assert recipe.n_kept < 0.55 * len(data)


def test_a_quantiser_of_16_bits_and_of_zero() -> None:
    writer = Writer(20, 20, [(1, 1)])
    data = writer.write(planes_of(writer, 6), [[0]])
    steps = struct.pack(">64H", *range(1000, 1063), 0)
    data = data[:2] + segment(0xDB, b"\x10" + steps) + data[2 + 69 :]
    (image,) = take_apart(data)[0]
    assert image.components[0].quantiser[[0, 1, 8, 63]].tolist() == [1000, 1001, 1002, 0]
    check(data)


def test_no_tables_means_the_standard_ones() -> None:
    """Frames of motion JPEG leave theirs out."""
    from tests.images.jpeg.test_files import jpeg

    data = jpeg()
    while (at := data.find(b"\xff\xc4")) > 0:
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    recipe = check(data)
    assert not shortcomings(recipe)
