"""Thumbnails of every kind of entry: small, upright, and of a broken one an error."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.archive import Archive
from core.archive.codec import Codecs
from core.errors import DamagedEntryError, NoSuchEntryError
from core.images.thumbnails import thumbnail_of_pixels
from tests.archive.samples import FILES, make_archive, ramp
from tests.fakes import FakeCodec

#: Each corner of a picture in its own colour: red at the top left, then green, blue, white.
CORNERS = np.zeros((40, 60, 3), np.uint8)
CORNERS[:20, :30, 0] = CORNERS[:20, 30:, 1] = CORNERS[20:, :30, 2] = CORNERS[20:, 30:] = 255


def turned(orientation: int, form: str) -> bytes:
    """A file that is to be shown as CORNERS, held in another way."""
    stored = {1: CORNERS, 3: CORNERS[::-1, ::-1], 6: np.rot90(CORNERS), 8: np.rot90(CORNERS, -1)}
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    options = {"compress_level": 0} if form == "PNG" else {"quality": 95}
    Image.fromarray(stored[orientation]).save(file, form, exif=exif, **options)
    return file.getvalue()


def saved(image: Image.Image, form: str) -> bytes:
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_thumbnails_stand_upright(tmp_path: Path, form: str, orientation: int) -> None:
    make_archive(tmp_path / "x.floe", tmp_path, {"x": turned(orientation, form)})
    with Archive.open(tmp_path / "x.floe", codecs=Codecs(FakeCodec)) as archive:
        assert archive.entry("x").keeps_file == (form == "JPEG") or form == "TIFF"
        small = archive.read_thumbnail("x", 30)
    assert small.shape == (20, 30, 3)
    assert small[2, 2].argmax() == 0
    assert small[2, -3].argmax() == 1
    assert small[-3, 2].argmax() == 2
    assert small[-3, -3].min() > 200


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_entry_has_one(tmp_path: Path, name: str) -> None:
    make_archive(tmp_path / "x.floe", tmp_path)
    with Archive.open(tmp_path / "x.floe", codecs=Codecs(FakeCodec)) as archive:
        small = archive.read_thumbnail(name, 16)
        assert max(small.shape[:2]) == 16
        assert small.shape[2] == (4 if name == "alpha.png" else 3)
        assert max(archive.read_thumbnail(name, 1000).shape[:2]) <= 120  # none is enlarged


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(ramp(40, 40, 1)).convert("1"),
        Image.fromarray(ramp(40, 40, 1)).convert("P"),
        Image.fromarray(ramp(40, 40, 1).astype(np.uint16) * 257),
        Image.fromarray(ramp(40, 40, 4)),
    ],
    ids=["bilevel", "palette", "deep", "transparent"],
)
def test_kinds_of_samples(tmp_path: Path, image: Image.Image) -> None:
    make_archive(tmp_path / "x.floe", tmp_path, {"x": saved(image, "PNG")})
    with Archive.open(tmp_path / "x.floe", codecs=Codecs(FakeCodec)) as archive:
        small = archive.read_thumbnail("x", 10)
    assert small.shape[:2] == (10, 10)
    assert small.max() > 40
    if image.mode != "1":  # brightness grows along the rows and columns, as it did
        assert small[8, 4, 0] > small[1, 1, 0]


def test_a_broken_entry_has_none_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "x.floe"
    make_archive(path, tmp_path)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE chunk SET data = zeroblob(length(data))")
    database.close()
    with Archive.open(path, codecs=Codecs(FakeCodec)) as archive:
        for name in FILES:
            with pytest.raises(DamagedEntryError, match="damaged"):
                archive.read_thumbnail(name, 16)
        with pytest.raises(NoSuchEntryError):
            archive.read_thumbnail("none", 16)


def test_damaged_exif_turns_nothing() -> None:
    from core.images.png import Chunk, Header, PngParts, png_frame

    header = Header(60, 40, 8, 2, False)
    for data in (b"", b"MM", b"II*\0\xff\xff\xff\x7f", b"\0" * 99):
        frame = png_frame(PngParts(header, (Chunk(b"eXIf", data),), (), b""))
        assert thumbnail_of_pixels(CORNERS, 30, frame, "png").shape == (20, 30, 3)
