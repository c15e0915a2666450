"""Which originals may go, and that none goes which the archive does not hold."""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import engine
from core.archive import Archive
from core.archive.codec import Codecs
from core.engine import FileResult, Outcome
from tests.fakes import FakeCodec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "f"
    folder.mkdir()
    rows, columns = np.mgrid[0:70, 0:90]
    for number in range(3):
        pixels = np.stack([rows + number, columns, rows + columns], axis=2).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.bmp")
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.floe"
    Archive.create(path).close()
    return path


@pytest.fixture
def added(archive: Path, folder: Path) -> list[FileResult]:
    return engine.add(archive, engine.plan([folder]), codecs=Codecs(FakeCodec))


class Basket:
    def __init__(self) -> None:
        self.moved: list[str] = []

    def __call__(self, path: Path) -> None:
        if path.name == "1.bmp":
            raise OSError("the disk has none")
        self.moved.append(path.name)
        path.unlink()


def test_only_exact_files_that_are_there(added: list[FileResult], folder: Path) -> None:
    assert [o.path.name for o in engine.discardables(added)] == ["0.bmp", "1.bmp", "2.bmp"]
    entry = added[0].entry
    assert entry is not None
    for worse in (
        replace(added[0], entry=replace(entry, file_exact=False)),
        added[0].failed("it failed"),
        replace(added[0], outcome=Outcome.CANCELLED),
        replace(added[0], source=None),
        replace(added[0], source=folder / "gone.bmp"),
    ):
        assert engine.discardables([worse]) == []
    (folder / "link.bmp").symlink_to(folder / "0.bmp")
    assert engine.discardables([replace(added[0], source=folder / "link.bmp")]) == []
    assert len(engine.discardables([added[0], replace(added[0], name="again.bmp")])) == 1
    (original,) = engine.discardables(added[:1])
    assert original.n_bytes == (folder / "0.bmp").stat().st_size


def test_they_go_and_one_that_cannot_stays(
    archive: Path, added: list[FileResult], folder: Path
) -> None:
    basket = Basket()
    results = engine.discard(archive, engine.discardables(added), basket)
    assert basket.moved == ["0.bmp", "2.bmp"]
    assert [result.ok for result in results] == [True, False, True]
    assert str(folder / "1.bmp") in (results[1].error or "")
    assert "the disk has none" in (results[1].error or "")


def test_whatever_changed_meanwhile_stays(
    archive: Path, added: list[FileResult], folder: Path
) -> None:
    files, basket = engine.discardables(added), Basket()
    data = bytearray((folder / "0.bmp").read_bytes())
    data[-1] ^= 1
    (folder / "0.bmp").write_bytes(data)
    with Archive.open(archive, write=True) as opened:
        opened.remove(["f/2.bmp"])
    results = engine.discard(archive, [files[0], files[2]], basket)
    assert basket.moved == []
    assert "has changed since it was archived" in (results[0].error or "")
    assert "no longer contains it" in (results[1].error or "")
    assert (folder / "0.bmp").exists()
    assert (folder / "2.bmp").exists()


@pytest.mark.parametrize("written_here", [True, False])
def test_what_the_archive_does_not_give_back_stays(
    archive: Path, added: list[FileResult], folder: Path, written_here: bool
) -> None:
    """What the list says of it is right, and its data are not (C2)."""
    if not written_here:
        added = engine.add(archive, engine.plan([folder]), codecs=Codecs(FakeCodec))
        assert {result.outcome for result in added} == {Outcome.UNCHANGED}
    files, basket = engine.discardables(added), Basket()
    with sqlite3.connect(archive) as connection:
        ((number, data),) = connection.execute(
            "SELECT id, data FROM chunk WHERE entry = 1 AND part = 'pixels' LIMIT 1"
        )
        spoilt = data[:-1] + bytes([data[-1] ^ 1])
        connection.execute(
            "UPDATE chunk SET data = ?, crc32 = ? WHERE id = ?",
            (spoilt, zlib.crc32(spoilt), number),
        )
    connection.close()
    results = engine.discard(archive, files[:1], basket, codecs=Codecs(FakeCodec))
    assert basket.moved == []
    assert "cannot restore it" in (results[0].error or "")
    assert (folder / "0.bmp").exists()
    results = engine.discard(archive, files[2:], basket, codecs=Codecs(FakeCodec))
    assert basket.moved == ["2.bmp"]
