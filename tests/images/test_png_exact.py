"""PNG files come back byte for byte from their pixels and a recipe."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.arrays import Pixels
from core.control import CancelToken
from core.errors import Cancelled
from core.images import (
    FrameError,
    KeptFile,
    Picture,
    comes_back,
    exact_picture,
    interpret,
    is_exact,
    rebuild,
)
from core.images.png import (
    SIGNATURE,
    packed_image_data,
    pass_shapes,
    pixel_bytes,
    read_parts,
)
from core.images.png_data import rebuild as rebuild_data
from core.images.png_data import take_apart
from core.images.png_rows import filtered_rows


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    passes: Sequence[Pixels],
    size: tuple[int, int],
    filters: Sequence[Pixels],
    step: int,
    *,
    kind: tuple[int, int] = (8, 2),
    cuts: Sequence[int] = (),
    interlaced: bool = False,
    level: int = 6,
) -> bytes:
    """A file of the rows of passes (N, B), a filter for each row, and IDATs of some lengths."""
    plain = b"".join(
        filtered_rows(rows, step, chosen).tobytes()
        for rows, chosen in zip(passes, filters, strict=True)
    )
    stream = zlib.compress(plain, level)
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(stream[at : at + cut])
        at += len(pieces[-1])
    pieces.append(stream[at:])
    header = struct.pack(">IIBBBBB", *size, *kind, 0, 0, interlaced)
    return (
        SIGNATURE
        + chunk(b"IHDR", header)
        + b"".join(chunk(b"IDAT", piece) for piece in pieces)
        + chunk(b"IEND", b"")
    )


def exact(data: bytes) -> Picture:
    picture = interpret(data, Path("a.png"))
    assert isinstance(picture, Picture)
    made = exact_picture(picture, CancelToken())
    assert isinstance(made, Picture)
    assert is_exact(made)
    return made


def smooth(height: int, width: int, channels: int, seed: int = 0) -> Pixels:
    rng = np.random.default_rng(seed)
    rows, columns, plane = np.mgrid[0:height, 0:width, 0:channels]
    noise = rng.integers(0, 4, (height, width, channels))
    return (rows * 3 + columns * 2 + plane * 40 + noise).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_filters_cuts_and_passes(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    channels = data.draw(st.sampled_from([1, 3]))
    interlaced = data.draw(st.booleans())
    pixels = smooth(height, width, channels)
    kind = (8, 0 if channels == 1 else 2)
    starts = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
              (1, 0, 2, 1)) if interlaced else ((0, 0, 1, 1),)  # fmt: skip
    parts = [pixels[r::dr, c::dc] for r, c, dr, dc in starts]
    passes = [np.ascontiguousarray(part).reshape(len(part), -1) for part in parts if part.size]
    filters = [
        np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(p), max_size=len(p))), np.uint8)
        for p in passes
    ]
    cuts = data.draw(st.lists(st.integers(0, 60), max_size=6))
    file = png(
        passes, (width, height), filters, channels, kind=kind, cuts=cuts, interlaced=interlaced,
        level=data.draw(st.integers(0, 9)),
    )  # fmt: skip
    picture = exact(file)
    assert np.array_equal(picture.pixels, pixels)
    assert rebuild(picture.pixels, picture.frame, "png") == file


@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_the_rows_of_every_kind_of_png(mode: str, level: int) -> None:
    source = Image.fromarray(smooth(37, 41, 4), "RGBA") if level else Image.new("RGBA", (9, 7))
    image = (
        source.convert("L").convert("I").convert(mode) if mode == "I;16" else source.convert(mode)
    )
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=level)
    data = file.getvalue()
    header = read_parts(data).header
    chunks = [bytes(each) for each in packed_image_data(data)]
    step = pixel_bytes(header)
    passes, recipe = take_apart(chunks, pass_shapes(header), step, CancelToken())
    assert rebuild_data(passes, step, recipe, CancelToken()) == chunks
    assert len(recipe) < 40


def test_a_frame_with_a_recipe_costs_a_few_bytes() -> None:
    file = io.BytesIO()
    Image.fromarray(smooth(200, 300, 3)).save(file, "PNG")
    picture = exact(file.getvalue())
    assert len(picture.frame) < 30
    assert rebuild(picture.pixels, picture.frame, "png") == file.getvalue()


def test_other_pixels_or_another_recipe_do_not_come_back() -> None:
    file = io.BytesIO()
    Image.fromarray(smooth(20, 30, 3)).save(file, "PNG", compress_level=1)
    picture = exact(file.getvalue())
    other = picture.pixels.copy()
    other[3, 3, 1] ^= 1
    assert not comes_back(picture, rebuild(other, picture.frame, "png"))
    assert not comes_back(picture, rebuild(picture.pixels, b"", "png"))


def test_a_png_without_a_recipe_keeps_its_bytes_and_says_why() -> None:
    rows = smooth(9, 9, 3).reshape(9, 27)
    good = png([rows], (9, 9), [np.zeros(9, np.uint8)], 3)
    stream = b"".join(packed_image_data(good))
    bad = good[:33] + chunk(b"IDAT", stream[:-1] + bytes([stream[-1] ^ 1])) + chunk(b"IEND", b"")
    picture = Picture(rows.reshape(9, 9, 3), b"", "png", bad)
    kept = exact_picture(picture, CancelToken())
    assert isinstance(kept, KeptFile)
    assert kept.reason == "PNG keeps its own bytes: its image data is corrupt"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_recipe_is_an_error_or_another_file(place: int, value: int) -> None:
    rows = smooth(12, 12, 3).reshape(12, 36)
    filters = (np.arange(12) * 7 % 5).astype(np.uint8)
    data = png([rows], (12, 12), [filters], 3, cuts=[9, 0, 30])
    picture = exact(data)
    frame = bytearray(picture.frame)
    frame[place % len(frame)] = value
    try:
        rebuild(picture.pixels, bytes(frame), "png")
    except FrameError:
        return


def test_it_can_be_cancelled() -> None:
    cancel = CancelToken()
    cancel.cancel()
    file = io.BytesIO()
    Image.fromarray(smooth(20, 30, 3)).save(file, "PNG")
    picture = exact(file.getvalue())
    with pytest.raises(Cancelled):
        exact_picture(picture, cancel)
    with pytest.raises(Cancelled):
        rebuild(picture.pixels, picture.frame, "png", cancel)
