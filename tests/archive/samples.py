"""Image files and archives for the tests of archives."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from core.archive import Archive, Entry
from core.archive.codec import Codecs
from core.archive.rows import COLUMN_NAMES, row_crc32
from core.images import comes_back, interpret
from core.images.picture import Picture
from tests.fakes import FakeCodec


def ramp(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray[Any, Any]:
    """Pixels that the stand-in codec makes much smaller."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [(rows * (k + 1) + columns + 7 * seed) & 255 for k in range(channels)]
    pixels = np.stack(planes, axis=2).astype(np.uint8)
    return pixels[:, :, 0] if channels == 1 else pixels


def noise(height: int, width: int, channels: int = 3) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(0, 256, (height, width, channels), dtype=np.uint8)


def encoded(pixels: np.ndarray[Any, Any], form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def titled_png(seed: int, side: int = 48) -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", f"Floe {seed:03}")
    return encoded(ramp(side, side, seed=seed), "PNG", pnginfo=text, compress_level=0)


#: One file of each way of keeping it.
FILES: dict[str, bytes] = {
    "a.png": titled_png(1),
    "b.png": titled_png(2),
    "deep/er/c.bmp": encoded(ramp(40, 41), "BMP"),
    "deep/d.jpg": encoded(noise(120, 100), "JPEG"),
    "alpha.png": encoded(noise(30, 30, 4), "PNG"),
}


def write_files(folder: Path, files: dict[str, bytes] = FILES) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def make_archive(path: Path, sources: Path, files: dict[str, bytes] = FILES) -> None:
    write_files(sources, files)
    with Archive.create(path, codecs=Codecs(FakeCodec)) as archive:
        for name in files:
            archive.add_file(sources / name, name)


def same_image_file(found: bytes, original: bytes) -> bool:
    """Whether an extracted file is the one that was added, as exactly as is promised."""
    if found == original:
        return True
    picture = interpret(original, Path("original"))
    return isinstance(picture, Picture) and comes_back(picture, found)


def open_fake(path: Path, **options: Any) -> Archive:
    return Archive.open(path, codecs=Codecs(FakeCodec), **options)


def check_intact(path: Path, files: dict[str, bytes]) -> None:
    """The archive holds these files and nothing else, and all of them come back."""
    with open_fake(path) as archive:
        archive.check_structure()
        assert [entry.name for entry in archive.entries()] == list(files)
        for name, data in files.items():
            archive.verify(name)
            assert same_image_file(archive.read_file(name), data)
    leftovers = [p.name for p in path.parent.iterdir() if p.name.startswith((".floe", path.name))]
    assert leftovers == [path.name]


def reseal(connection: sqlite3.Connection) -> None:
    """Gives every row the checksum of what is in it: whoever means ill does that."""
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    columns = ", ".join(COLUMN_NAMES)
    for number, *values in connection.execute(f"SELECT id, {columns} FROM entry").fetchall():
        connection.execute(
            "UPDATE entry SET crc32 = ? WHERE id = ?", (row_crc32(number, values), number)
        )


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the database as another program would have it."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def make_entry(name: str, **changes: Any) -> Entry:
    """An entry of a coded image that no archive has."""
    facts: dict[str, Any] = {field.name: None for field in fields(Entry)}
    facts |= {"width": 768, "height": 512, "channels": 3, "codec": "photo", "coder": "fused"}
    facts |= {"original_bytes": 700_000, "packed_bytes": 400_000, "theoretical_bpd": 2.7}
    facts |= {"borrowed_bits": 1_000, "lost_bits": 30, "file_exact": True}
    return Entry(**{**facts, "name": name, **changes})
