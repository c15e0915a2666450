"""Previews of real archives, by a fast codec: what is told, what is kept, what has a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.backend import decoding
from app.backend.backend import CoreBackend
from app.backend.decoding import Decoded, Decoding
from core.archive import Archive
from core.archive.codec import Codecs, load_jpeg_codec
from core.control import CancelToken, Progress, ignore
from core.errors import Cancelled, DamagedEntryError
from core.images.tiles import Tile
from tests.archive.samples import encoded, make_archive, noise, ramp, tampering, write_files
from tests.fakes import FakeCodec

WIDE = encoded(ramp(300, 1200), "PNG", compress_level=0)
FILES = {"a.png": encoded(ramp(70, 90), "PNG", compress_level=0), "wide.png": WIDE}


@pytest.fixture
def codec() -> FakeCodec:
    return FakeCodec()


@pytest.fixture
def backend(codec: FakeCodec) -> CoreBackend:
    return CoreBackend(lambda: codec)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        **FILES,
        "turned.jpg": encoded(ramp(60, 50), "JPEG", exif=turned),
        "deep.png": encoded((ramp(20, 30, 1).astype(np.uint16) * 257), "PNG"),
        "alpha.png": encoded(noise(30, 30, 4), "PNG"),
    }
    write_files(tmp_path, files)
    make_archive(tmp_path / "x.floe", tmp_path, files)
    return tmp_path / "x.floe"


class Watcher:
    def __init__(self) -> None:
        self.shares: list[float] = []
        self.tiles: list[tuple[Tile, Any]] = []

    def progress(self, p: Progress) -> None:
        self.shares.append(p.pixels_done / p.pixels_total)

    def tile(self, tile: Tile, part: Any) -> None:
        self.tiles.append((tile, part))


def preview(
    backend: CoreBackend, archive: Path, name: str, watcher: Watcher | None = None
) -> Decoded:
    watcher = watcher or Watcher()
    return backend.preview(archive, name, watcher.progress, watcher.tile, CancelToken())


def test_pixels_and_map_are_the_entrys(backend: CoreBackend, archive: Path) -> None:
    watcher = Watcher()
    decoded = preview(backend, archive, "a.png", watcher)
    assert np.array_equal(decoded.pixels, ramp(70, 90))
    with Archive.open(archive) as opened:
        entry = opened.entry("a.png")
    assert decoded.bits is not None
    assert entry.theoretical_bpd is not None
    assert decoded.bits.sum(dtype=float) == pytest.approx(entry.theoretical_bpd * entry.n_dims)
    assert watcher.shares == sorted(watcher.shares)
    assert watcher.shares[-1] == 1


def test_a_large_image_is_seen_as_a_whole_at_first(backend: CoreBackend, archive: Path) -> None:
    watcher = Watcher()
    preview(backend, archive, "wide.png", watcher)
    tile, part = watcher.tiles[0]
    assert (tile.row, tile.column, tile.height, tile.width) == (0, 0, 300, 1200)
    assert max(part.shape[:2]) <= 256
    assert len({(t.row, t.column) for t, _ in watcher.tiles}) > 50


def test_what_is_at_hand_is_not_decoded_again(
    backend: CoreBackend, codec: FakeCodec, archive: Path
) -> None:
    first = preview(backend, archive, "a.png")
    assert preview(backend, archive, "a.png") is first
    attempts = list(backend.codelengths(archive, "a.png", CancelToken()))
    assert any(attempt.bits_per_dim for attempt in attempts)
    assert codec.n_decoded == 1


def test_another_image_of_the_same_name_is_decoded(
    backend: CoreBackend, archive: Path, tmp_path: Path
) -> None:
    first = preview(backend, archive, "a.png")
    other = tmp_path / "other.png"
    other.write_bytes(encoded(ramp(70, 90, seed=9), "PNG", compress_level=0))
    with Archive.open(archive, write=True, codecs=Codecs(FakeCodec)) as opened:
        opened.add_file(other, "a.png", replace=True)
    again = preview(backend, archive, "a.png")
    assert not np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(again.pixels, ramp(70, 90, seed=9))


@pytest.mark.parametrize(
    ("name", "shape"),
    [("turned.jpg", (50, 60, 3)), ("deep.png", (20, 30, 3)), ("alpha.png", (30, 30, 4))],
)
def test_files_that_are_kept_are_upright_and_in_8_bits(
    backend: CoreBackend, archive: Path, name: str, shape: tuple[int, ...]
) -> None:
    decoded = preview(backend, archive, name)
    assert decoded.bits is None
    assert decoded.pixels.shape == shape
    assert decoded.pixels.dtype == np.uint8


def test_an_enormous_image_is_shown_smaller(
    backend: CoreBackend, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MOST_MAPPED_PIXELS", 300 * 1200 - 1)
    monkeypatch.setattr(decoding, "_LONGEST_SIDE", 400)
    decoded = preview(backend, archive, "wide.png")
    assert decoded.bits is None
    assert decoded.pixels.shape[:2] == (100, 400)


def test_cancel_and_damage(backend: CoreBackend, archive: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        backend.preview(archive, "a.png", lambda _: None, lambda *_: None, cancel)
    with tampering(archive) as connection:
        connection.execute("UPDATE chunk SET data = zeroblob(length(data))")
    with pytest.raises(DamagedEntryError, match=r"a\.png"):
        preview(backend, archive, "a.png")


def test_a_coded_jpeg_is_upright_with_its_map(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    codecs = Codecs(FakeCodec, load_jpeg_codec)
    (tmp_path / "turned.jpg").write_bytes(encoded(ramp(60, 50), "JPEG", exif=turned))
    with Archive.create(tmp_path / "x.floe", codecs=codecs) as opened:
        assert opened.add_file(tmp_path / "turned.jpg", "turned.jpg").codec == "jpeg"
    found = Decoding(codecs).preview(
        tmp_path / "x.floe", "turned.jpg", ignore, lambda *_: None, CancelToken()
    )
    assert found.pixels.shape == (50, 60, 3)
    assert found.bits is not None
    assert found.bits.shape == (50, 60)
