"""Thumbnails on disk: found again, bounded, and no more than a loss of time if they are gone."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from app.backend.backend import CoreBackend
from app.backend.thumbnail_cache import ThumbnailCache
from core.archive import Archive
from core.control import CancelToken
from tests.archive.samples import FILES, make_archive
from tests.fakes import FakeCodec


def pixels(seed: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (30, 40, channels), dtype=np.uint8)


def never() -> np.ndarray:
    pytest.fail("it was there")


@pytest.mark.parametrize("channels", [3, 4])
def test_what_was_made_once_is_found_again(tmp_path: Path, channels: int) -> None:
    made = pixels(1, channels)
    assert ThumbnailCache(tmp_path).get("abc", lambda: made) is made
    assert np.array_equal(ThumbnailCache(tmp_path).get("abc", never), made)


def test_errors_are_not_kept(tmp_path: Path) -> None:
    def fail() -> np.ndarray:
        raise ValueError("broken")

    cache = ThumbnailCache(tmp_path)
    with pytest.raises(ValueError, match="broken"):
        cache.get("abc", fail)
    assert not list(tmp_path.rglob("*.png"))


def test_damaged_files_are_made_anew(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path)
    cache.get("abc", lambda: pixels(1))
    (path,) = tmp_path.rglob("*.png")
    for data in (b"", b"nonsense", path.read_bytes()[:100]):
        path.write_bytes(data)
        assert np.array_equal(cache.get("abc", lambda: pixels(2)), pixels(2))
        assert np.array_equal(cache.get("abc", never), pixels(2))


def test_a_disk_that_cannot_be_written_is_no_matter(guarded: Path) -> None:
    guarded.chmod(0o500)
    cache = ThumbnailCache(guarded / "thumbnails")
    assert np.array_equal(cache.get("abc", lambda: pixels(1)), pixels(1))


def test_the_oldest_go_first(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path, max_bytes=40_000)
    for n in range(5):
        cache.get(f"k{n}", lambda n=n: pixels(n))
        os.utime(tmp_path / f"k{n}" / f"k{n}.png", (n, n))
    cache.get("k0", never)  # looked at just now
    for n in range(5, 11):
        cache.get(f"k{n}", lambda n=n: pixels(n))
    sizes = {path.stem: path.stat().st_size for path in tmp_path.rglob("*.png")}
    assert sum(sizes.values()) <= 40_000
    assert "k0" in sizes
    assert "k1" not in sizes
    assert "k10" in sizes


def test_the_backend_finds_them_by_the_file_s_hash(tmp_path: Path) -> None:
    make_archive(tmp_path / "x.floe", tmp_path)
    codec = FakeCodec()
    backend = CoreBackend(lambda: codec, thumbnails=tmp_path / "cache")
    with Archive.open(tmp_path / "x.floe") as archive:
        entries = archive.entries()
    assert len(entries) == len(FILES)

    def all_of_them() -> list[np.ndarray]:
        cancel, path = CancelToken(), tmp_path / "x.floe"
        return [backend.thumbnail(path, e.name, 32, e.file_sha256, cancel) for e in entries]

    first = all_of_them()
    n_decoded = codec.n_decoded
    assert n_decoded
    (tmp_path / "x.floe").unlink()
    for found, made in zip(all_of_them(), first, strict=True):
        assert np.array_equal(found, made)
    assert codec.n_decoded == n_decoded
