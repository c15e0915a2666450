"""Pixels in JPEG XL and WebP: chosen where they are smaller, and as safe as the others."""

from __future__ import annotations

import threading
import time
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.archive import Archive, pixels
from core.archive.beside import beside
from core.archive.codec import Codecs
from core.archive.entry import Method, Share
from core.control import CancelToken, ignore
from core.errors import Cancelled, DamagedEntryError
from tests.archive.samples import encoded, ramp, reseal, tampering
from tests.fakes import FakeCodec, FakeCoded
from tests.images.test_look import photograph, screen


class All(Codecs):
    """A stand-in for the flow, which is no match for the real others."""

    def __init__(self, codec: FakeCodec | None = None) -> None:
        super().__init__(lambda: codec or FakeCodec(), standard=True)


class Tiny(FakeCodec):
    """Nothing is smaller."""

    def encode(self, samples: Any, **options: Any) -> FakeCoded:
        return replace(super().encode(samples, **options), chunks=(b"x",))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive.create(tmp_path / "x.floe", codecs=All())


@pytest.mark.parametrize("form", ["PNG", "BMP"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_drawn_goes_there_and_back(
    archive: Archive, tmp_path: Path, form: str, channels: int
) -> None:
    drawn = screen(90, 150)[..., :channels].squeeze()
    data = encoded(drawn, form)
    (tmp_path / "a").write_bytes(data)
    with archive:
        entry = archive.add_file(tmp_path / "a", "a")
        assert entry.codec in ("jpegxl", "webp")
        assert entry.is_standard
        assert (entry.coder, entry.model, entry.theoretical_bpd) == (None, None, None)
        assert "jpegxl" in (entry.reason or "")
        assert "webp" in (entry.reason or "")
        assert entry.packed_bytes < len(data)
        assert np.array_equal(archive.read_pixels("a").squeeze(), drawn)
        assert archive.read_codelengths("a")[1] is None
        assert archive.read_thumbnail("a", 50).shape == (30, 50, 3)
        shares = archive.breakdown("a")
        assert sum(shares.values()) == 8 * entry.packed_bytes
        assert shares[Share.STANDARD] > 0
        archive.verify("a")
        archive.extract("a", tmp_path / "out")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "a")), drawn)


def test_a_photograph_is_not_even_tried(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []
    monkeypatch.setattr(pixels, "_by_standard", lambda *args: tried.append(args))
    (tmp_path / "a.bmp").write_bytes(encoded(photograph(200, 300, 3), "BMP"))
    with archive:
        assert archive.add_file(tmp_path / "a.bmp", "a").codec == "photo"
    assert not tried


def test_a_smooth_picture_is_no_photograph(archive: Archive, tmp_path: Path) -> None:
    """Its neighbours differ, and its colours are many, but it takes next to nothing."""
    (tmp_path / "a.bmp").write_bytes(encoded(ramp(300, 300), "BMP"))
    with archive:
        entry = archive.add_file(tmp_path / "a.bmp", "a")
        assert entry.packed_bytes < 3000


@pytest.mark.parametrize("better", ["flow", "others"])
def test_a_mixed_picture_is_decided_on_a_sample(
    better: str,
) -> None:
    both = screen(300, 300).copy()
    both[100:250] = photograph(150, 300, 3)
    codec = Tiny() if better == "flow" else FakeCodec()
    coding = pixels.encode(both, "a", "fused", All(codec), ignore, CancelToken())
    assert (coding.method is Method.PHOTO) == (better == "flow")
    assert len(coding.tried) == (0 if better == "flow" else 1)
    assert codec.n_encoded == (1 if better == "others" else 2)  # a sample, and the whole


def test_small_pictures_are_tried_by_everything() -> None:
    coding = pixels.encode(ramp(30, 40), "a", "fused", All(), ignore, CancelToken())
    assert {coding.method, *coding.tried} == {Method.PHOTO, Method.JPEG_XL, Method.WEBP}
    assert coding.n_bytes <= min(coding.tried.values())


def test_what_does_not_decode_to_the_same_is_kept_by_its_bytes(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(screen(50, 100), "BMP")
    (tmp_path / "a.bmp").write_bytes(data)
    monkeypatch.setattr(
        "core.archive.packing.decode_standard", lambda *_: np.zeros((50, 100, 3), np.uint8)
    )
    with archive:
        entry = archive.add_file(tmp_path / "a.bmp", "a")
        assert entry.keeps_file
        assert "other pixels" in (entry.reason or "")
        assert archive.read_file("a") == data


def test_other_pixels_in_a_whole_stream_are_damage(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "a.bmp").write_bytes(encoded(screen(50, 100), "BMP"))
    with archive:
        entry = archive.add_file(tmp_path / "a.bmp", "a")
    codec = next(each for each in All().standard() if each.name == entry.codec)
    other = codec.encode(screen(100, 50), 1)
    with tampering(tmp_path / "x.floe") as connection:
        connection.execute(
            "UPDATE chunk SET data = ?, crc32 = ? WHERE part = 'pixels'",
            (other, zlib.crc32(other)),
        )
        connection.execute(
            "UPDATE entry SET packed_bytes = (SELECT sum(length(data) + 4) FROM chunk)"
        )
        reseal(connection)
    with Archive.open(tmp_path / "x.floe") as opened:
        with pytest.raises(DamagedEntryError):
            opened.read_pixels("a")
        with pytest.raises(DamagedEntryError):
            opened.read_thumbnail("a", 20)


def test_calls_that_cannot_be_stopped_are_left_alone() -> None:
    cancel, go_on = CancelToken(), threading.Event()
    began = time.monotonic()
    threading.Timer(0.05, cancel.cancel).start()
    with pytest.raises(Cancelled):
        beside([lambda: go_on.wait(20)], cancel)
    assert time.monotonic() - began < 5
    go_on.set()
    assert beside([lambda: 1, lambda: 2], CancelToken()) == [1, 2]
    with pytest.raises(ZeroDivisionError):
        beside([lambda: 1 // 0, lambda: 2], CancelToken())


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [2, 4])
def test_transparency_comes_back_with_the_colours_under_it(
    archive: Archive, tmp_path: Path, form: str, channels: int
) -> None:
    seen = photograph(60, 80, channels)
    seen[:30, :, -1] = 0
    seen[40:, :, -1] = 255
    data = encoded(seen, form)
    (tmp_path / "a").write_bytes(data)
    with archive:
        entry = archive.add_file(tmp_path / "a", "a")
        assert entry.is_standard
        assert entry.channels == channels
        assert entry.file_exact
        assert np.array_equal(archive.read_pixels("a"), seen)
        assert archive.read_file("a") == data
        small = archive.read_thumbnail("a", 40)
        assert small.shape == (30, 40, 4)
        assert (small[2, 2, 3], small[-2, -2, 3]) == (0, 255)
        assert archive.metadata("a") is not None


def test_transparency_is_kept_by_its_bytes_where_nothing_takes_it(tmp_path: Path) -> None:
    data = encoded(photograph(60, 80, 4), "PNG")
    (tmp_path / "a.png").write_bytes(data)
    with Archive.create(tmp_path / "y.floe", codecs=Codecs(FakeCodec)) as opened:
        entry = opened.add_file(tmp_path / "a.png", "a.png")
        assert entry.keeps_file
        assert entry.reason == "no codec takes its samples"
