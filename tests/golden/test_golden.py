"""Archives made once: every version must read them, and code the same pixels to the same bytes.

If one of these tests fails, archives that people have would not be read any more, or two machines
would write different ones. A change that means it raises FORMAT_VERSION, and keeps the old path.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.archive import Archive
from core.archive.codec import ImageCodec, load_photo_codec
from core.archive.schema import FORMAT_VERSION
from core.coding.photo.codec import PhotoCodec
from core.flows.photo.loading import load_photo_model
from core.images import interpret
from tests.golden import reader
from tests.golden.make import EXPECTED, FOLDER, MODEL
from tests.golden.reading import chunks_of, other_chunks

GOLDEN = json.loads(EXPECTED.read_text())
ENTRIES = [(a, e) for a, entries in GOLDEN["archives"].items() for e in entries]

on_every_entry = pytest.mark.parametrize(("archive", "name"), ENTRIES)


@pytest.fixture(scope="module")
def codec() -> ImageCodec:
    return PhotoCodec(load_photo_model(MODEL))


@pytest.fixture
def opened(archive: str) -> Iterator[Archive]:
    """With the codec that any Floe has: the model comes out of the archive."""
    with Archive.open(FOLDER / archive) as found:
        yield found


def sha256(data: bytes | np.ndarray[Any, Any]) -> str:
    return hashlib.sha256(data).hexdigest()


def test_they_are_of_this_format_and_of_another_model() -> None:
    assert GOLDEN["format"] == FORMAT_VERSION
    assert GOLDEN["model"] != load_photo_codec().model_id


@on_every_entry
def test_decodes_to_the_same_pixels(opened: Archive, archive: str, name: str) -> None:
    expected = GOLDEN["archives"][archive][name]
    pixels = opened.read_pixels(name)
    assert list(pixels.shape) == expected["shape"]
    if expected["coder"] is not None:
        assert sha256(pixels) == expected["pixel_sha256"]
    entry = opened.entry(name)
    assert (entry.kind, entry.coder, entry.file_sha256) == (
        expected["kind"],
        expected["coder"],
        expected["file_sha256"],
    )


@on_every_entry
def test_the_file_comes_back(opened: Archive, archive: str, name: str) -> None:
    data, expected = opened.read_file(name), GOLDEN["archives"][archive][name]
    if expected["kind"] != "png":
        assert sha256(data) == expected["file_sha256"]
    else:  # compressed by another zlib, perhaps
        assert sha256(interpret(data, Path(name)).pixels) == expected["pixel_sha256"]
        assert other_chunks(data) == expected["png_chunks"]


@on_every_entry
def test_encodes_to_the_same_bytes(
    opened: Archive, codec: ImageCodec, archive: str, name: str
) -> None:
    expected = GOLDEN["archives"][archive][name]
    stored = chunks_of(FOLDER / archive, name)
    assert [sha256(chunk) for chunk in stored] == expected["chunk_sha256"]
    if expected["coder"] is not None:
        coded = codec.encode(opened.read_pixels(name), coder=expected["coder"])
        assert list(coded.chunks) == stored


@pytest.mark.parametrize("archive", GOLDEN["archives"])
def test_nothing_in_them_has_changed(opened: Archive, archive: str) -> None:
    opened.check_structure()
    assert reader.wrong_rows(FOLDER / archive) == []
    assert [entry.name for entry in opened.entries()] == list(GOLDEN["archives"][archive])
    assert opened.folders() == GOLDEN["folders"].get(archive, [])
    assert reader.folders(FOLDER / archive) == opened.folders()


def test_every_coder_and_kind_is_there() -> None:
    every = [e for entries in GOLDEN["archives"].values() for e in entries.values()]
    assert {e["coder"] for e in every} == {None, "fused", "modular", "gaussian"}
    assert {e["kind"] for e in every} == {"raw", "png", "original"}


@pytest.mark.parametrize(
    ("archive", "name"),
    [(a, e) for a, e in ENTRIES if GOLDEN["archives"][a][e]["coder"] in ("fused", "modular")],
)
def test_a_second_reader_finds_the_same_pixels(archive: str, name: str) -> None:
    """docs/format.md is enough to read them."""
    expected = GOLDEN["archives"][archive][name]
    assert (
        sha256(np.ascontiguousarray(reader.read(FOLDER / archive, name)))
        == (expected["pixel_sha256"])
    )


_ALONE = """
import hashlib, sys
from pathlib import Path
for name in ("core", "torch", "constriction", "numba"):
    sys.modules[name] = None  # so that importing it is an error
from tests.golden import reader
pixels = reader.read(Path(sys.argv[1]), sys.argv[2])
print(hashlib.sha256(pixels.tobytes()).hexdigest())
"""


def test_the_second_reader_shares_no_library_but_numpy() -> None:
    name = "learning.ppm"
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, FOLDER / "shapes.floe", name],
        cwd=FOLDER.parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == GOLDEN["archives"]["shapes.floe"][name]["pixel_sha256"]
