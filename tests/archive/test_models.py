"""Models that an archive carries, and what is read by them."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import pytest

from core import engine
from core.archive import Archive, models
from core.archive.codec import Codecs
from core.errors import DamagedArchiveError, FloeError, ModelError
from tests.archive.samples import (
    FILES,
    check_intact,
    make_archive,
    open_fake,
    same_image_file,
    tampering,
)
from tests.fakes import MODEL_BYTES, FakeCodec


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    path = tmp_path / "archive" / "x.floe"
    make_archive(path, tmp_path / "sources")
    return path


@pytest.fixture
def source(path: Path) -> Path:
    return path.parent.parent / "sources" / "b.png"


def newer() -> FakeCodec:
    """The codec of a Floe that comes with another model."""
    return FakeCodec(model_id="fake-1")


def carried(path: Path) -> list[tuple[str, str, int]]:
    with tampering(path) as connection:
        return connection.execute("SELECT id, family, length(data) FROM model").fetchall()


def test_another_floe_reads_an_archive_by_the_model_that_it_carries(path: Path) -> None:
    with open_fake(path, write=True) as archive:
        archive.carry_model()
        archive.carry_model()
    assert carried(path) == [("fake-0", "fake", MODEL_BYTES)]
    with Archive.open(path, codecs=Codecs(newer)) as archive:
        for name, data in FILES.items():
            archive.verify(name)
            assert same_image_file(archive.read_file(name), data)
        archive.check_structure()
    check_intact(path, FILES)


def test_without_a_copy_the_error_names_the_model(path: Path) -> None:
    with (
        Archive.open(path, codecs=Codecs(newer)) as archive,
        pytest.raises(ModelError, match=r"a\.png.*fake-0.*fake-1.*no copy"),
    ):
        archive.verify("a.png")


def test_small_archives_carry_none_unless_told(path: Path, source: Path) -> None:
    assert carried(path) == []
    with open_fake(path, write=True) as archive:
        archive.add_file(source, "c.png")
        assert carried(path) == []
        archive.add_file(source, "d.png", carry_model=True)
    assert carried(path) == [("fake-0", "fake", MODEL_BYTES)]


def test_large_archives_carry_theirs(
    path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_fake(path, write=True) as archive:
        n_bytes = sum(entry.packed_bytes for entry in archive.entries())
        monkeypatch.setattr(FakeCodec, "model_file", bytes(n_bytes // 100 + 1))
        archive.add_file(source, "b.png", replace=True)
        assert carried(path) == []
        monkeypatch.setattr(FakeCodec, "model_file", bytes(n_bytes // 100 - 1))
        archive.add_file(source, "b.png", replace=True)
    assert carried(path) == [("fake-0", "fake", n_bytes // 100 - 1)]


def test_a_stored_file_needs_no_model(path: Path) -> None:
    with open_fake(path, write=True) as archive:
        archive.remove(["a.png", "b.png", "deep/er/c.bmp"])
        archive.carry_model()
        source = path.parent.parent / "sources" / "alpha.png"
        archive.add_file(source, "again.png", carry_model=True)
    assert carried(path) == []


def test_the_copy_goes_with_the_last_entry_that_needs_it(path: Path, source: Path) -> None:
    with open_fake(path, write=True) as archive:
        archive.carry_model()
    with_model = path.stat().st_size
    with Archive.open(path, write=True, codecs=Codecs(newer)) as archive:
        archive.add_file(source, "a.png", replace=True, carry_model=True)
        archive.remove(["b.png"])
        assert [row[0] for row in carried(path)] == ["fake-0", "fake-1"]
        archive.add_file(source, "deep/er/c.bmp", replace=True)
        assert [row[0] for row in carried(path)] == ["fake-1"]
        archive.remove(["a.png"])
        archive.remove(["deep/er/c.bmp"])
    assert carried(path) == []
    assert path.stat().st_size <= with_model - MODEL_BYTES


def test_many_files_at_once(path: Path, source: Path) -> None:
    """Also where all of them are in the archive already."""
    for _ in range(2):
        results = engine.add(
            path, engine.plan([source]), carry_model=True, codecs=Codecs(FakeCodec)
        )
        assert all(result.ok for result in results)
        assert [row[0] for row in carried(path)] == ["fake-0"]
        with tampering(path) as connection:
            connection.execute("DELETE FROM model")
    engine.add(path, engine.plan([source]), codecs=Codecs(FakeCodec))
    assert carried(path) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data = zeroblob(length(data))", "damaged"),
        ("data = zeroblob(0)", "damaged"),
        ("sha256 = zeroblob(32)", "damaged"),
    ],
)
def test_a_copy_that_has_changed_is_refused(path: Path, change: str, message: str) -> None:
    with open_fake(path, write=True) as archive:
        archive.carry_model()
    with tampering(path) as connection:
        connection.execute(f"UPDATE model SET {change}")
    with Archive.open(path, codecs=Codecs(newer)) as archive:
        with pytest.raises(ModelError, match=f"fake-0.*{message}"):
            archive.verify("a.png")
        with pytest.raises(DamagedArchiveError, match="fake-0"):
            archive.check_structure()
    with open_fake(path) as archive:
        archive.verify("a.png")  # needs no copy


@pytest.mark.parametrize("data", [b"", b"no model", FakeCodec(model_id="fake-2").model_file])
def test_a_false_copy_is_refused(path: Path, data: bytes) -> None:
    with tampering(path) as connection:
        connection.execute(
            "INSERT INTO model (id, family, sha256, data) VALUES ('fake-0', 'fake', ?, ?)",
            (hashlib.sha256(data).digest(), data),
        )
    with (
        Archive.open(path, codecs=Codecs(newer)) as archive,
        pytest.raises(ModelError, match=r"a\.png: coded by the model fake-0"),
    ):
        archive.verify("a.png")


def test_a_model_too_large_is_no_reason_to_leave_half_an_entry(
    path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "MAX_MODEL_BYTES", 10)
    with open_fake(path, write=True) as archive, pytest.raises(ModelError, match="too large"):
        archive.add_file(source, "c.png", carry_model=True)
    check_intact(path, FILES)


def test_any_change_of_the_table_is_an_error_or_nothing(path: Path) -> None:
    """A flipped bit in the copy, or in what is said of it."""
    with open_fake(path, write=True) as archive:
        archive.carry_model()
    whole = path.read_bytes()
    with tampering(path) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'model'"
        ).fetchone()
    used = [at for at in range((root - 1) * 4096, root * 4096) if whole[at]]
    for at in used[:: len(used) // 60 + 1]:
        data = bytearray(whole)
        data[at] ^= 1 << at % 8
        path.write_bytes(data)
        with suppress(FloeError), Archive.open(path, codecs=Codecs(newer)) as archive:
            assert same_image_file(archive.read_file("a.png"), FILES["a.png"])
