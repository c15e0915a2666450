"""Any folder, by kind: what is counted is what came back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from core.archive import Codecs
from core.bench.kinds import FileCodec, KindOfFile, Sum, file_codecs, measure
from core.errors import FileError
from tests.archive.samples import encoded, noise, ramp
from tests.fakes import FakeCodec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.bmp").write_bytes(encoded(ramp(60, 70), "BMP"))
    (folder / "b.bmp").write_bytes(encoded(ramp(60, 70, seed=3), "BMP"))
    (folder / "c.jpg").write_bytes(encoded(ramp(64, 64), "JPEG"))
    return folder


def test_kinds_are_summed_and_compared(folder: Path) -> None:
    found = {sums.kind: sums for sums in measure(folder, on_file=str, codecs=Codecs(FakeCodec))}
    assert set(found) == {"BMP", "JPEG"}
    bmp, jpeg = found["BMP"], found["JPEG"]
    assert (bmp.n_files, bmp.n_exact, bmp.n_failed) == (2, 2, 0)
    assert bmp.n_bytes == sum(path.stat().st_size for path in folder.glob("*.bmp"))
    assert 0 < bmp.floe_bytes < bmp.n_bytes
    assert bmp.saved == 1 - bmp.floe_bytes / bmp.n_bytes
    assert bmp.floe_seconds > 0
    assert "JPEG XL" not in bmp.others
    assert {"PNG", "WebP", "JPEG XL"} <= set(bmp.pixels)
    assert "JPEG XL" in jpeg.others
    best = jpeg.best(jpeg.others)
    assert best is not None
    assert best[1].n_bytes == min(total.n_bytes for total in jpeg.others.values())


def test_a_codec_that_restores_other_bytes_does_not_count(folder: Path) -> None:
    def refuse(data: bytes) -> bytes:
        raise ValueError("not mine")

    wrong = FileCodec("wrong", lambda data: b"", lambda data: b"")
    some = FileCodec("some", refuse, refuse)
    for sums in measure(
        folder, on_file=str, codecs=Codecs(FakeCodec), others=[wrong, some, *file_codecs()]
    ):
        assert {"wrong", "some"}.isdisjoint(sums.others)
        assert "xz -9e" in sums.others


def test_pixels_that_another_codec_refuses(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    (folder / "grey.png").write_bytes(encoded(noise(9, 8, 2), "PNG"))
    (png,) = measure(folder, on_file=str, codecs=Codecs(FakeCodec), others=[])
    assert "JPEG XL" in png.pixels
    assert png.n_exact == 1


def test_a_codec_counts_where_it_coded_all() -> None:
    sums = KindOfFile("BMP", n_files=2, others={"a": Sum(1, 1), "b": Sum(2, 5)})
    assert sums.best(sums.others) == ("b", Sum(2, 5))
    assert sums.best({}) is None


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        measure(tmp_path, on_file=str, codecs=Codecs(FakeCodec))


def test_the_command(tmp_path: Path) -> None:
    from app.cli.main import cli

    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 4), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "kept.png")
    shown = CliRunner().invoke(cli, ["bench", "folder", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert "PNG" in shown.output
    record = CliRunner().invoke(cli, ["bench", "folder", str(tmp_path), "--json"])
    assert json.loads(record.stdout)["kinds"][0]["n_exact"] == 1
