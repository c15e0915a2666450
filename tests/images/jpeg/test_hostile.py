"""Files that promise more than they hold cost no more than their length allows."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.control import CancelToken
from core.errors import Cancelled
from core.images.frames import FrameError
from core.images.jpeg import Recipe, rebuild, take_apart
from core.images.jpeg import taking_apart as taking_apart_module
from core.images.jpeg.headers import pack, unpack
from core.images.jpeg.stream import Budget
from tests.images.jpeg.bare_jpeg import segment
from tests.images.jpeg.checking import check
from tests.images.jpeg.test_files import jpeg
from tools.torture_jpeg import mutants, outcome

# One code of one bit each: a DC difference of 0, the end of a block, 16,384 ends of blocks.
ZERO = segment(0xC4, bytes([0x00, 1, *[0] * 15, 0x00]))
END = segment(0xC4, bytes([0x10, 1, *[0] * 15, 0x00]))
MANY_ENDS = segment(0xC4, bytes([0x10, 1, *[0] * 15, 0xE0]))


def frame(kind: int, side: int) -> bytes:
    return segment(0xC0 + kind, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")


def scan(first: int = 0, last: int = 63, bits: int = 0) -> bytes:
    return segment(0xDA, bytes([1, 1, 0, first, last, bits]))


BOMBS = {
    "no data": b"\xff\xd8" + frame(0, 65535) + ZERO + END + scan() + b"\xff\xd9",
    "two bits a block": b"\xff\xd8" + frame(0, 12000) + ZERO + END + scan() + bytes(20_000),
    "runs": b"\xff\xd8" + frame(2, 12000) + MANY_ENDS + scan(1, 63) + bytes(300),
    "refined runs": b"\xff\xd8"
    + frame(2, 12000)
    + MANY_ENDS
    + (scan(1, 63, 0x10) + bytes(200)) * 60,
    "scans": b"\xff\xd8" + frame(2, 900) + ZERO + (scan(0, 0) + b"\0") * 2000,
    "markers": b"\xff\xd8" + b"\xff\xfe\0\2" * 20_000,
    "images": b"\xff\xd8\xff" * 20_000,
    "images with a frame": (b"\xff\xd8" + frame(0, 12000) + ZERO + END + scan() + bytes(60)) * 20,
    "images in images": b"\xff\xd8" + b"\xff\xe1\xff\xff\xff\xd8" * 20_000,
    "many codes": b"\xff\xd8" + frame(0, 80) + segment(0xC4, bytes([0, *[255] * 16])) + scan(),
}


@pytest.mark.parametrize("name", BOMBS)
def test_blocks_are_bounded_by_the_length_of_the_file(name: str) -> None:
    data = BOMBS[name]
    images, _ = take_apart(data)
    assert sum(image.n_blocks for image in images) <= 8 * len(data) + 4096 * len(images)
    check(data)


def test_a_budget_that_is_spent_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg() * 5
    assert len(take_apart(data + b"x")[0]) == 1  # the same one five times

    def small(n_units: int, n_markers: int, n_images: int) -> Budget:
        return Budget(10, n_markers, n_images)

    monkeypatch.setattr(taking_apart_module, "Budget", small)
    images, recipe = take_apart(data)
    assert sum(image.n_blocks for image in images) < 300
    assert rebuild(images, recipe) == data


def test_a_truncated_file_with_restart_markers() -> None:
    data = jpeg(restart_marker_blocks=1)
    for length in range(len(data) - 40, len(data), 3):
        assert check(data[:length]).n_kept < 900


def test_mutants_come_back() -> None:
    for data in mutants(seed=123, count=150):
        assert outcome(data) in ("whole", "in part", "stored")


@given(st.binary(max_size=60), st.integers(0, 2))
def test_any_recipe_is_one_or_a_frame_error(body: bytes, packing: int) -> None:
    for data in (bytes([packing]) + body, pack(b"\1" + body), pack(b"\2\4\0\1" + body)):
        try:
            recipe = Recipe.from_bytes(data)
            images = recipe.blank_images()
        except FrameError:
            continue
        assert isinstance(rebuild(images, recipe), bytes)


def test_damaged_recipes() -> None:
    _, recipe = take_apart(jpeg(progressive=True, subsampling=1))
    body = unpack(recipe.to_bytes())
    for place in range(len(body)):
        damaged = bytearray(body)
        damaged[place] ^= 0x15
        try:
            read = Recipe.from_bytes(pack(bytes(damaged)))
            images = read.blank_images()
            if sum(image.n_blocks for image in images) < 2000:
                rebuild(images, read)
        except FrameError:
            continue


def test_taking_apart_can_be_stopped() -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        take_apart(jpeg(), cancel)
