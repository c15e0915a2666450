"""The benchmark of JPEG files: everything counted, refusals told, nothing believed unread."""

from __future__ import annotations

import pytest

from core.archive.codec import Codecs, load_jpeg_codec
from core.bench.jpeg import Recompressor, jpegs_of, measure, totals
from core.errors import FileError
from tests.archive.test_jpeg import jpeg_of
from tests.fakes import FakeCodec


def half(data: bytes) -> bytes:
    return data[::2] + data[1::2][: len(data) // 4]


def refuse(data: bytes) -> bytes:
    raise RuntimeError("never seen")


OTHERS = [
    Recompressor("Refuses", "1", refuse, refuse),
    Recompressor("Wrong", "1", half, half),
    Recompressor("Larger", "1", lambda data: data + b"x", lambda data: data[:-1]),
]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jpegs")
    (folder / "a.jpg").write_bytes(jpeg_of(64, 96))
    (folder / "b.JPEG").write_bytes(jpeg_of(80, 80, "L"))
    (folder / "c.jpg").write_bytes(b"no image")
    (folder / "readme.txt").write_text("not measured")
    codecs = Codecs(FakeCodec, load_jpeg_codec)
    seen = []
    found = measure(jpegs_of(folder), OTHERS, on_measurement=seen.append, codecs=codecs)
    assert seen == found
    return found


def test_every_codec_meets_every_file(rows):
    assert [row.codec for row in rows] == [
        "Floe fast",
        "Floe normal",
        "Refuses",
        "Wrong",
        "Larger",
    ] * 3
    assert [row.image for row in rows[::5]] == ["a.jpg", "b.JPEG", "c.jpg"]


def test_floe_is_measured_through_an_archive(rows):
    for row in rows[0], rows[1], rows[5], rows[6]:
        assert row.reason is None
        assert row.theoretical_bytes < row.n_bytes < row.original_bytes
        assert row.add_s_per_mp > 0
        assert row.extract_s_per_mp > 0
    assert rows[10].reason is not None
    assert rows[10].saved == 0


def test_what_fails_counts_as_stored(rows):
    for row, reason in zip(rows[2:5], ("refused", "other bytes", "no smaller"), strict=True):
        assert reason in row.reason
        assert row.n_bytes == row.original_bytes


def test_totals_are_sums(rows):
    fast, floe, *others = totals(rows)
    assert (fast.codec, fast.n_files, fast.n_stored) == ("Floe fast", 3, 1)
    assert (floe.codec, floe.n_files, floe.n_stored) == ("Floe normal", 3, 1)
    assert floe.n_bytes == sum(row.n_bytes for row in rows[1::5])
    assert 0 < floe.saved < 100
    assert all(total.saved == 0 and total.n_stored == 3 for total in others)


def test_a_folder_without_jpegs_is_refused(tmp_path):
    with pytest.raises(FileError):
        jpegs_of(tmp_path)
    with pytest.raises(FileError):
        jpegs_of(tmp_path / "none")
