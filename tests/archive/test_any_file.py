"""Whatever is in a folder gets in and comes back byte for byte, and memory stays bounded."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.archive import Archive, content, keeping
from core.archive.codec import Codecs
from core.archive.entry import Share
from core.coding import xz
from core.errors import DamagedEntryError, NoPictureError, UnreadableFileError
from tests.archive.samples import FILES, encoded, noise, ramp, tampering
from tests.fakes import FakeCodec

SIDECAR = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>' + b"<rdf:li>trip</rdf:li>" * 99
FILM = b"\0\0\0\x18ftypqt  " + np.random.default_rng(3).bytes(70_000)

#: Files that Floe knows no pixels of, the method that keeps them, and words of the reason.
OTHERS = {
    "empty.xmp": (b"", "stored", "empty"),
    "sidecar.xmp": (SIDECAR, "xz", "not an image"),
    "film.mov": (FILM, "stored", "not an image"),
    "one.byte": (b"x", "stored", "not an image"),
    "half.png": (FILES["a.png"][:3000], "xz", "cut short"),
    "half.jpg": (FILES["deep/d.jpg"][:6000], "xz", "cut short"),
    "head.png": (FILES["a.png"][:20], "stored", "damaged"),
}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive.create(tmp_path / "x.floe", codecs=Codecs(FakeCodec))


@pytest.mark.parametrize("name", OTHERS)
def test_files_that_are_no_images(archive: Archive, tmp_path: Path, name: str) -> None:
    data, method, reason = OTHERS[name]
    (tmp_path / name).write_bytes(data)
    with archive:
        entry = archive.add_file(tmp_path / name, name)
        assert entry.codec == method
        assert reason in (entry.reason or "")
        assert entry.file_exact
        assert entry.keeps_file
        assert entry.original_bytes == len(data)
        assert entry.packed_bytes == entry.original_bytes or method == "xz"
        assert (entry.n_dims > 0) == name.startswith("half")
        assert archive.read_file(name) == data
        archive.verify(name)
        assert archive.metadata(name) == []
        assert archive.breakdown(name) == {Share.FILE: 8.0 * entry.packed_bytes}
        for call in (archive.read_pixels, archive.read_codelengths):
            with pytest.raises(NoPictureError):
                call(name)
        with pytest.raises(NoPictureError):
            archive.read_thumbnail(name, 64)
        written = archive.extract(name, tmp_path / "out")
        assert written.read_bytes() == data
        assert written.stat().st_mtime_ns == (tmp_path / name).stat().st_mtime_ns


def test_an_image_that_is_kept_gets_smaller_and_can_be_seen(
    archive: Archive, tmp_path: Path
) -> None:
    data = encoded(ramp(90, 80, 4), "TIFF")
    (tmp_path / "a.tif").write_bytes(data)
    with archive:
        entry = archive.add_file(tmp_path / "a.tif", "a.tif")
        assert entry.codec == "xz"
        assert entry.packed_bytes < len(data) // 2
        assert entry.encode_seconds is not None
        assert archive.read_file("a.tif") == data
        assert np.array_equal(archive.read_pixels("a.tif"), ramp(90, 80, 4))


@pytest.mark.parametrize("method", ["xz", "stored"])
def test_a_long_file_takes_little_memory(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(content, "PIECE_BYTES", 2**17)
    monkeypatch.setattr(content, "_IN_MEMORY_BYTES", 2**17)
    monkeypatch.setattr(xz, "_PRESET", 0)  # the others take 100 MB for themselves
    data = np.random.default_rng(1).bytes(2**24)
    if method == "xz":
        data = data[: 2**23] + bytes(2**23)
    (tmp_path / "film.mov").write_bytes(data)
    with archive:
        tracemalloc.start()
        entry = archive.add_file(tmp_path / "film.mov", "film.mov")
        archive.verify("film.mov")
        archive.extract("film.mov", tmp_path / "out")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert entry.codec == method
        assert most < len(data) // 2
        assert (tmp_path / "out" / "film.mov").read_bytes() == data
    assert not [name for name in os.listdir(tmp_path) if "tmp" in name]


def test_a_file_that_changes_while_it_is_added(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "film.mov"
    path.write_bytes(FILM)
    packed = keeping.keep

    def keep_and_change(*args: object) -> object:
        kept = packed(*args)  # type: ignore[arg-type]
        path.write_bytes(FILM[::-1])
        os.utime(path, ns=(1, 1))
        return kept

    monkeypatch.setattr("core.archive.packing.keep", keep_and_change)
    with archive:
        with pytest.raises(UnreadableFileError, match="changed"):
            archive.add_file(path, "film.mov")
        assert archive.entries() == []


def test_xz_that_does_not_give_the_file_back_is_not_used(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(pieces: object, n_bytes: int) -> list[bytes]:
        return [bytes(n_bytes)]

    (tmp_path / "a.xmp").write_bytes(SIDECAR)
    monkeypatch.setattr(keeping, "decompressed", wrong)
    with archive:
        assert archive.add_file(tmp_path / "a.xmp", "a.xmp").is_stored
        assert archive.read_file("a.xmp") == SIDECAR


def test_a_damaged_stream(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "a.xmp").write_bytes(SIDECAR)
    with archive:
        archive.add_file(tmp_path / "a.xmp", "a.xmp")
    with tampering(tmp_path / "x.floe") as connection:
        ((data,),) = connection.execute("SELECT data FROM chunk").fetchall()
        changed = data[:40] + bytes([data[40] ^ 1]) + data[41:]
        connection.execute("UPDATE chunk SET data = ?", (changed,))
    with (
        Archive.open(tmp_path / "x.floe") as opened,
        pytest.raises(DamagedEntryError, match=r"checksum|does not decode|came out"),
    ):
        opened.read_file("a.xmp")


def test_a_bomb_is_kept_without_being_unpacked(archive: Archive, tmp_path: Path) -> None:
    Image.new("P", (50, 50)).save(tmp_path / "bomb.gif")
    data = bytearray((tmp_path / "bomb.gif").read_bytes())
    data[6:10] = (22_000).to_bytes(2, "little") * 2  # of the screen; Pillow fills it
    (tmp_path / "bomb.gif").write_bytes(data)
    with archive:
        entry = archive.add_file(tmp_path / "bomb.gif", "bomb.gif")
        assert "would unpack" in (entry.reason or "")
        assert archive.read_file("bomb.gif") == bytes(data)
        with pytest.raises(NoPictureError, match=r"would unpack|not an image"):
            archive.read_thumbnail("bomb.gif", 64)


def test_the_preview_of_a_camera_raw_file_is_not_the_photograph(
    archive: Archive, tmp_path: Path
) -> None:
    raw = encoded(ramp(40, 60), "TIFF") + noise(200, 200).tobytes()
    (tmp_path / "a.dng").write_bytes(raw)
    with archive:
        assert archive.add_file(tmp_path / "a.dng", "a.dng").keeps_file
        assert archive.read_file("a.dng") == raw
