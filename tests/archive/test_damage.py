"""Archives that are none, were cut short, or have changed: the exact originals or an error."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.archive import Archive
from core.archive.chunks import ChunkTable
from core.archive.codec import Codecs
from core.archive.database import Database
from core.archive.rows import COLUMN_NAMES
from core.errors import (
    DamagedArchiveError,
    DamagedEntryError,
    FloeError,
    ModelError,
    NewerFormatError,
    NoSuchEntryError,
    NotAnArchiveError,
    UnreadableFileError,
)
from tests.archive.samples import (
    FILES,
    encoded,
    make_archive,
    noise,
    open_fake,
    reseal,
    same_image_file,
    tampering,
    titled_png,
)
from tests.fakes import FakeCodec


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of an archive of FILES."""
    folder = tmp_path_factory.mktemp("whole")
    make_archive(folder / "x.floe", folder / "sources")
    return (folder / "x.floe").read_bytes()


@pytest.fixture
def path(tmp_path: Path, whole: bytes) -> Path:
    path = tmp_path / "x.floe"
    path.write_bytes(whole)
    return path


def read_all(archive: Archive) -> dict[str, bytes]:
    """All that can be read, by the names that the archive gives; errors of ours are let be."""
    found = {}
    for entry in archive.entries():
        try:
            archive.verify(entry.name)
            found[entry.name] = archive.read_file(entry.name)
        except FloeError:
            continue
    return found


def is_one_of_the_originals(data: bytes) -> bool:
    return any(same_image_file(data, original) for original in FILES.values())


# No archives


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", NotAnArchiveError),
        (b"S", DamagedArchiveError),
        (b"hello", NotAnArchiveError),
        (b"This is no archive. " * 999, NotAnArchiveError),
        (b"SQLite format 3\0", DamagedArchiveError),
        (b"SQLite format 3\0" + bytes(5000), NotAnArchiveError),
    ],
)
def test_files_that_are_no_archives(
    tmp_path: Path, data: bytes, error: type[FloeError], write: bool
) -> None:
    path = tmp_path / "x.floe"
    path.write_bytes(data)
    for salvage in (False, True):
        with pytest.raises(error) as caught:
            Archive.open(path, write=write, salvage=salvage)
        assert type(caught.value) is error
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["x.floe"]


def test_another_database(tmp_path: Path) -> None:
    path = tmp_path / "x.floe"
    with tampering(path) as connection:
        connection.execute("CREATE TABLE entry (id INTEGER)")
    with pytest.raises(NotAnArchiveError, match="a database"):
        Archive.open(path)


@pytest.mark.parametrize("write", [False, True])
def test_nothing_a_folder_a_file_on_the_way(path: Path, write: bool) -> None:
    with pytest.raises(UnreadableFileError, match="no such archive"):
        Archive.open(path.with_name("gone.floe"), write=write)
    with pytest.raises(UnreadableFileError, match="no such archive"):
        Archive.open(path / "x.floe", write=write)
    with pytest.raises(UnreadableFileError):
        Archive.open(path.with_name("a\0b.floe"), write=write)
    with pytest.raises(NotAnArchiveError):
        Archive.open(path.parent, write=write)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("write", [False, True])
def test_a_newer_format(path: Path, write: bool) -> None:
    with tampering(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(NewerFormatError, match="99"):
        Archive.open(path, write=write)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, -1])
def test_formats_that_never_were(path: Path, version: int) -> None:
    with tampering(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(DamagedArchiveError, match="format"):
        Archive.open(path)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER evil AFTER INSERT ON entry BEGIN DELETE FROM chunk; END",
        "CREATE VIEW evil AS SELECT * FROM entry",
        "CREATE TABLE evil (x)",
        "CREATE INDEX evil ON entry (kind)",
        "ALTER TABLE entry ADD COLUMN evil TEXT",
        "ALTER TABLE entry RENAME COLUMN reason TO evil",
        "DROP TABLE chunk",
        "DROP TABLE entry; CREATE VIEW entry AS SELECT 1",
    ],
)
@pytest.mark.parametrize("write", [False, True])
def test_nothing_else_is_let_into_the_schema(path: Path, statement: str, write: bool) -> None:
    with tampering(path) as connection:
        connection.executescript(statement)
    for salvage in (False, True):
        with pytest.raises(DamagedArchiveError, match="its tables are not those"):
            Archive.open(path, write=write, salvage=salvage)


def test_statistics_do_no_harm(path: Path) -> None:
    with tampering(path) as connection:
        connection.execute("ANALYZE")
    with open_fake(path) as archive:
        assert read_all(archive).keys() == FILES.keys()


# Cut short


def test_an_archive_cut_short_gives_what_is_whole(path: Path, whole: bytes) -> None:
    n_found = []
    for length in range(0, len(whole), 700):
        path.write_bytes(whole[:length])
        for write in (False, True):
            with pytest.raises((DamagedArchiveError, NotAnArchiveError)):
                Archive.open(path, write=write)
        found: dict[str, bytes] = {}
        with (
            suppress(DamagedArchiveError, NotAnArchiveError),
            open_fake(path, salvage=True) as archive,
        ):
            found = read_all(archive)
        assert all(same_image_file(data, FILES[name]) for name, data in found.items())
        n_found.append(len(found))
    assert n_found[0] == 0
    assert n_found[-1] >= 3


def test_most_of_an_archive_survives_the_loss_of_its_end(tmp_path: Path, whole: bytes) -> None:
    files = {f"{k}.png": encoded(noise(20, 20, 4), "PNG") for k in range(30)}
    path = tmp_path / "x.floe"
    make_archive(path, tmp_path / "sources", files)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 3 * 4096])
    with open_fake(path, salvage=True) as archive:
        found = read_all(archive)
        with pytest.raises(DamagedArchiveError):
            archive.check_structure()
    assert len(found) >= 20
    assert all(files[name] == data for name, data in found.items())


def test_bytes_after_the_end_do_no_harm(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more" * 3000)
    with open_fake(path) as archive:
        assert read_all(archive).keys() == FILES.keys()


# Changed


def check_what_comes_out(path: Path) -> int:
    """Every operation gives an original, or an error of ours; returns how many came out."""
    out = path.with_name("out")
    try:
        archive = open_fake(path)
    except FloeError:
        return 0
    came_out = 0
    with archive:
        calls: list[Callable[[], object]] = [archive.check_structure]
        names = [*FILES]
        with suppress(FloeError):
            names += [entry.name for entry in archive.entries() if entry.name not in FILES]
        for name in names:
            try:
                data = archive.read_file(name)
            except FloeError:
                continue
            finally:
                calls.append(lambda name=name: archive.read_pixels(name))  # type: ignore[misc]
                calls.append(lambda name=name: archive.extract(name, out))  # type: ignore[misc]
            came_out += 1
            if name in FILES:
                assert same_image_file(data, FILES[name])
            else:  # a name that has changed
                assert is_one_of_the_originals(data)
        for call in calls:
            try:
                call()
            except FloeError:
                continue
    return came_out


@pytest.mark.parametrize("seed", range(5))
def test_flipped_bits_never_give_another_image(path: Path, whole: bytes, seed: int) -> None:
    choose = random.Random(seed)
    came_out = 0
    for _ in range(50):
        data = bytearray(whole)
        for _ in range(choose.choice([1, 1, 3])):
            data[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
        path.write_bytes(data)
        came_out += check_what_comes_out(path)
    assert came_out > 100


def test_flipped_bits_in_the_lists(path: Path, whole: bytes) -> None:
    """The same where it is most delicate: tables of entries and indexes, not their data."""
    choose = random.Random(1)
    with tampering(path) as connection:
        roots = connection.execute("SELECT rootpage FROM sqlite_schema").fetchall()
    pages = sorted(page for (page,) in roots)
    assert len(pages) == 6
    for page in pages:
        used = [at for at in range((page - 1) * 4096, page * 4096) if whole[at]]
        for at in choose.sample(used, min(50, len(used))):
            data = bytearray(whole)
            data[at] ^= 1 << choose.randrange(8)
            path.write_bytes(data)
            check_what_comes_out(path)


def test_changes_of_a_damaged_archive(path: Path, whole: bytes) -> None:
    """Adding and removing succeed and hold, or give an error of ours."""
    choose = random.Random(2)
    source = path.with_name("new.png")
    source.write_bytes(titled_png(7))
    n_added = 0
    for _ in range(40):
        data = bytearray(whole)
        data[choose.randrange(100, len(data))] ^= 1 << choose.randrange(8)
        path.write_bytes(data)
        try:
            with open_fake(path, write=True) as archive:
                archive.add_file(source, "new.png")
                n_added += 1
                assert same_image_file(archive.read_file("new.png"), titled_png(7))
                archive.remove(["a.png"])
        except FloeError:
            continue
    assert n_added > 10


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("column", ["name", "width", "file_sha256", "packed_bytes", "codec"])
@pytest.mark.parametrize("value", [None, "text", 1.5, b"bytes", -1, 2**63 - 1])
def test_values_that_no_entry_has(path: Path, column: str, value: object, sealed: bool) -> None:
    """As a damaged or hostile file may have them, whatever the table's types are."""
    errors: tuple[type[FloeError], ...] = (DamagedArchiveError, DamagedEntryError)
    if column == "name":
        errors = (DamagedArchiveError, NoSuchEntryError)
    elif column == "codec":
        errors = (DamagedArchiveError, DamagedEntryError, ModelError)
    with tampering(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'entry'").fetchone()
        untyped = re.sub(r"(?<!id) (TEXT|BLOB|REAL|INTEGER)|( NOT NULL)| STRICT", "", sql)
        write_schema = "UPDATE sqlite_schema SET sql = ? WHERE name = 'entry'"
        connection.execute(write_schema, (untyped,))
    with tampering(path) as connection:
        connection.execute(f"UPDATE entry SET {column} = ? WHERE id = 2", (value,))
        if sealed:
            reseal(connection)
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(write_schema, (sql,))
    with open_fake(path) as archive:
        entries = archive.entries()
        assert {entry.name for entry in entries} >= set(FILES) - {"b.png"}
        with pytest.raises(errors):
            archive.verify("b.png")
        for name in set(FILES) - {"b.png"}:
            archive.verify(name)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM chunk WHERE entry = 1 AND part = 'frame'",
        "DELETE FROM chunk WHERE entry = 1 AND part = 'pixels'",
        "UPDATE chunk SET place = 1 WHERE entry = 1 AND part = 'frame'",
        "UPDATE chunk SET part = 'other' WHERE entry = 1 AND part = 'frame'",
        "UPDATE chunk SET crc32 = crc32 + 1 WHERE entry = 1 AND part = 'frame'",
        "UPDATE chunk SET data = zeroblob(4) WHERE entry = 1 AND part = 'frame'",
        "UPDATE entry SET kind = 'raw' WHERE id = 1",
        "UPDATE entry SET kind = 'other' WHERE id = 1",
        "UPDATE entry SET width = 24, height = 96 WHERE id = 1",
        "UPDATE entry SET width = 0 WHERE id = 1",
        "UPDATE entry SET width = 1000000, height = 1000000 WHERE id = 1",
        "UPDATE entry SET channels = 4 WHERE id = 1",
        "UPDATE entry SET pixel_sha256 = zeroblob(32) WHERE id = 1",
        "UPDATE entry SET pixel_sha256 = NULL WHERE id = 1",
    ],
)
@pytest.mark.parametrize("sealed", [False, True])
def test_entries_that_lost_something(
    path: Path, tmp_path: Path, statement: str, sealed: bool
) -> None:
    with tampering(path) as connection:
        assert connection.execute(statement).rowcount == 1
        if sealed:
            reseal(connection)
    with open_fake(path) as archive:
        for call in (archive.verify, archive.read_file):
            with pytest.raises(DamagedEntryError) as caught:
                call("a.png")
            assert caught.value.name == "a.png"
        with pytest.raises(DamagedEntryError):
            archive.extract("a.png", tmp_path / "out")
        assert not (tmp_path / "out").exists()
        for name in set(FILES) - {"a.png"}:
            archive.verify(name)


@pytest.mark.parametrize("column", COLUMN_NAMES)
def test_nothing_that_is_said_of_an_entry_changes_in_silence(path: Path, column: str) -> None:
    """Each column in turn becomes another value that some entry might have."""
    with tampering(path) as connection:
        (kind,) = connection.execute(f"SELECT typeof({column}) FROM entry WHERE id = 1").fetchone()
        other = {
            "text": f"substr({column}, 2)",
            "blob": "zeroblob(32)",
            "real": f"{column} + 1",
            "integer": f"{column} + 1",
            "null": "'a reason'",
        }[kind]
        connection.execute(f"UPDATE entry SET {column} = {other} WHERE id = 1")
    with open_fake(path) as archive:
        assert [entry.name for entry in archive.entries()] == [*FILES][1:]
        with pytest.raises(DamagedArchiveError, match="checksum"):
            archive.check_structure()
        if column == "name":
            with pytest.raises(DamagedEntryError, match="checksum"):
                archive.verify(".png")
        else:
            for call in (archive.entry, archive.verify, archive.read_pixels):
                with pytest.raises(DamagedEntryError, match="checksum") as caught:
                    call("a.png")
                assert caught.value.name == "a.png"
    with open_fake(path, write=True) as archive:
        archive.remove([".png" if column == "name" else "a.png"])  # one can get rid of it
        archive.check_structure()


@pytest.mark.parametrize("table", ["entry", "chunk"])
def test_an_index_that_leads_elsewhere(path: Path, whole: bytes, table: str) -> None:
    """Both images are of one size, with as much beside their pixels."""
    with tampering(path) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (f"sqlite_autoindex_{table}_1",)
        ).fetchone()
    data = bytearray(whole)
    page = slice((root - 1) * 4096, root * 4096)
    if table == "entry":
        # Records of a name and the number of its row, which for 1 takes no byte of its own.
        old, new = b"b.png\x02", b"b.png\x03"
        assert data[page].count(old) == 1
        data[page] = data[page].replace(old, new)
    else:
        with tampering(path) as connection:
            numbers = connection.execute(
                "SELECT id FROM chunk WHERE part = 'frame' AND entry IN (1, 2) ORDER BY entry"
            ).fetchall()
        first, second = (bytes([number]) for (number,) in numbers)
        assert data[page].count(b"\x02frame" + second) == 1
        data[page] = data[page].replace(b"\x02frame" + second, b"\x02frame" + first)
    path.write_bytes(data)
    with open_fake(path) as archive:
        assert same_image_file(archive.read_file("b.png"), FILES["b.png"])
        with pytest.raises(DamagedArchiveError):
            archive.check_structure()
        archive.verify("a.png")


@pytest.mark.parametrize("table", ["entry", "chunk"])
def test_an_index_that_is_lost_hides_no_image(path: Path, whole: bytes, table: str) -> None:
    """One zeroed page of an index made all images unreadable, though all rows are there (A3)."""
    with tampering(path) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (f"sqlite_autoindex_{table}_1",)
        ).fetchone()
    data = bytearray(whole)
    data[(root - 1) * 4096 : root * 4096] = bytes(4096)
    path.write_bytes(data)
    with open_fake(path) as archive:
        for name, original in FILES.items():
            assert same_image_file(archive.read_file(name), original)
        with pytest.raises(DamagedArchiveError):
            archive.check_structure()
        with pytest.raises((NoSuchEntryError, DamagedArchiveError)):
            archive.read_file("never there.png")


def test_lost_pages_of_an_index_with_several(tmp_path: Path) -> None:
    files = {f"{'n' * 60}{k:03}.png": titled_png(k, side=8) for k in range(150)}
    path = tmp_path / "x.floe"
    make_archive(path, tmp_path / "sources", files)
    whole = path.read_bytes()
    found = set()
    for page in range(2, len(whole) // 4096 + 1):
        start = (page - 1) * 4096
        if whole[start] in (0x02, 0x0A):  # inner pages and leaves of indexes
            path.write_bytes(whole[:start] + bytes(4096) + whole[start + 4096 :])
            with open_fake(path) as archive:
                assert all(
                    same_image_file(archive.read_file(n), files[n]) for n in list(files)[::9]
                )
            found.add(whole[start])
    assert found == {0x02, 0x0A}


@pytest.mark.parametrize("name", ["a.png", "deep/d.jpg"])
def test_chunks_that_share_their_pages_are_no_bomb(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of one chain of pages would come out many times as long as the archive is (B2)."""
    with open_fake(path) as archive:
        n_bytes = archive.entry(name).packed_bytes
        monkeypatch.setattr(Database, "file_bytes", property(lambda _: n_bytes - 1))

        def read(*_: object) -> bytes:
            raise AssertionError("read before it was counted")

        monkeypatch.setattr(ChunkTable, "read", read)
        for call in (archive.read_file, archive.verify, archive.read_pixels, archive.metadata):
            with pytest.raises(DamagedEntryError, match="missing"):
                call(name)
        with pytest.raises(DamagedEntryError, match="missing"):
            archive.read_thumbnail(name, 16)


def test_nothing_is_read_of_an_entry_that_says_another_length(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tampering(path) as connection:
        connection.execute(
            "INSERT INTO chunk (entry, part, place, crc32, data) "
            "VALUES (1, 'pixels', 1, 0, zeroblob(30000000))"
        )

    def read(*_: object) -> bytes:
        raise AssertionError("read before it was counted")

    monkeypatch.setattr(ChunkTable, "read", read)
    with open_fake(path) as archive, pytest.raises(DamagedEntryError, match="missing"):
        archive.read_file("a.png")


def test_a_codec_that_has_become_wrong(path: Path) -> None:
    with Archive.open(path, codecs=Codecs(lambda: FakeCodec(wrong=True))) as archive:
        for call in (archive.verify, archive.read_file, archive.read_pixels):
            with pytest.raises(DamagedEntryError, match="different"):
                call("a.png")


def test_an_archive_cut_short_before_its_list_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.floe"
    noise = np.random.default_rng(3)
    with Archive.create(path, codecs=Codecs(FakeCodec)) as archive:
        for number in range(40):  # so many that the list no longer fits its first page
            image = tmp_path / f"{number}.png"
            Image.fromarray(noise.integers(0, 256, (40, 50, 3), np.uint8)).save(image)
            archive.add_file(image, image.name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 8])
    with (
        Archive.open(path, salvage=True) as archive,
        pytest.raises(DamagedArchiveError, match=r"cut short: .* list of its images is lost"),
    ):
        archive.entries()
