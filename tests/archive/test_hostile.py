"""Archives that someone made to do harm: nothing of SQLite acts before all of it is checked."""

from __future__ import annotations

import os
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from core.archive import Archive
from core.archive.opening import is_archive
from core.archive.schema import check_first_page
from core.errors import (
    DamagedArchiveError,
    UnwritableFileError,
)
from tests.archive.samples import FILES, check_intact, make_archive, open_fake, tampering

JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    path = tmp_path / "archive" / "x.floe"
    make_archive(path, tmp_path / "sources")
    return path


def journal(super_journal: str | None = None, page_bytes: int = 4096, n_pages: int = 1) -> bytes:
    """A hot journal without pages, which perhaps names a super-journal."""
    header = JOURNAL_MAGIC + struct.pack(">5I", 0, 1, n_pages, 512, page_bytes)
    data = header.ljust(512, b"\0")
    if super_journal is not None:
        name = super_journal.encode()
        locking_page = struct.pack(">I", 2**30 // page_bytes + 1)
        data += locking_page + name + struct.pack(">2I", len(name), sum(name)) + JOURNAL_MAGIC
    return data


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_journal_deletes_no_file_of_the_user(
    path: Path, tmp_path: Path, write: bool, through_a_link: bool
) -> None:
    """SQLite deletes the super-journal that a hot journal names once it is played back (C1)."""
    victim = tmp_path / "victim.txt"
    victim.write_text("precious")
    foreign = path.with_name("x.floe-journal")
    foreign.write_bytes(journal(str(victim)))
    before = path.read_bytes()
    opened = path
    if through_a_link:
        opened = tmp_path / "link.floe"
        opened.symlink_to(path)
    with pytest.raises(DamagedArchiveError, match=r"x\.floe-journal beside it is not of Floe"):
        Archive.open(opened, write=write)
    assert victim.read_text() == "precious"
    assert path.read_bytes() == before
    foreign.unlink()
    check_intact(path, FILES)


def test_sqlite_itself_would_have_deleted_it(path: Path, tmp_path: Path) -> None:
    """So that the test above is one: the journal is as SQLite wants it."""
    victim = tmp_path / "victim.txt"
    victim.write_text("precious")
    n_pages = path.stat().st_size // 4096
    path.with_name("x.floe-journal").write_bytes(journal(str(victim), n_pages=n_pages))
    with tampering(path) as connection:
        connection.execute("SELECT count(*) FROM entry").fetchone()
    assert not victim.exists()


@pytest.mark.parametrize("salvage", [False, True])
def test_files_beside_an_archive_that_floe_never_writes(path: Path, salvage: bool) -> None:
    for name, data in [
        ("x.floe-wal", b"anything"),
        ("x.floe-wal", b""),
        ("x.floe-shm", b""),
        ("x.floe-journal", journal(page_bytes=8192)),
        ("x.floe-journal", b"a diary"),
    ]:
        beside = path.with_name(name)
        beside.write_bytes(data)
        with pytest.raises(DamagedArchiveError, match=f"{name} beside it is not of Floe"):
            Archive.open(path, salvage=salvage)
        assert beside.read_bytes() == data
        beside.unlink()
    link = path.with_name("x.floe-journal")
    link.symlink_to(path)
    with pytest.raises(DamagedArchiveError, match="not of Floe"):
        Archive.open(path)
    link.unlink()
    check_intact(path, FILES)


@pytest.mark.parametrize("n_written", [1, 6])
def test_a_journal_that_was_begun_is_ours(path: Path, n_written: int) -> None:
    """Killed in the middle of the write that puts the journal in force: nothing to play back."""
    whole = journal()
    for torn in (whole[:n_written].ljust(12, b"\0") + whole[12:], whole[:n_written]):
        path.with_name("x.floe-journal").write_bytes(torn)
        check_intact(path, FILES)


def test_a_write_ahead_log_does_not_speak_for_the_archive(path: Path, tmp_path: Path) -> None:
    """SQLite reads a log that lies beside a database, whatever the database's header says."""
    other = tmp_path / "other.floe"
    other.write_bytes(path.read_bytes())
    connection = sqlite3.connect(other, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("UPDATE entry SET name = 'evil.png' WHERE id = 1")
    path.with_name("x.floe-wal").write_bytes(other.with_name("other.floe-wal").read_bytes())
    connection.close()
    with pytest.raises(DamagedArchiveError):
        Archive.open(path)


TRIGGER = (
    "CREATE TRIGGER sqlite_stat9 AFTER UPDATE ON entry BEGIN "
    "UPDATE chunk SET data = zeroblob(length(data)) WHERE entry = NEW.id; END"
)


@pytest.mark.parametrize(
    ("kind", "name", "sql"),
    [
        ("trigger", "sqlite_stat9", TRIGGER),
        ("trigger", "sqlite_stat1", TRIGGER.replace("stat9", "stat1")),
        ("view", "sqlite_stat1", "CREATE VIEW sqlite_stat1 AS SELECT * FROM entry"),
        ("table", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat,more)"),
        ("table", "sqlite_stat2", "CREATE TABLE sqlite_stat2(tbl,idx,stat)"),
        ("index", "sqlite_autoindex_entry_2", "CREATE INDEX i ON entry (kind)"),
    ],
)
@pytest.mark.parametrize("write", [False, True])
def test_nothing_hides_behind_a_name_of_sqlite(
    path: Path, kind: str, name: str, sql: str, write: bool
) -> None:
    """A trigger of such a name zeroed what was added, and its original was discarded (C2)."""
    with tampering(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "INSERT INTO sqlite_schema VALUES (?, ?, 'entry', 99, ?)", (kind, name, sql)
        )
    for salvage in (False, True):
        with pytest.raises(DamagedArchiveError, match="its tables are not those"):
            Archive.open(path, write=write, salvage=salvage)


def test_a_schema_that_sqlite_would_not_read_as_it_stands(path: Path) -> None:
    page = path.read_bytes()[:4096]
    check_first_page(path, page)
    twice = bytearray(page)
    n_cells = struct.unpack_from(">H", page, 103)[0]
    struct.pack_into(">H", twice, 103, n_cells + 1)  # one row twice
    twice[108 + 2 * n_cells : 110 + 2 * n_cells] = page[108:110]
    for changed in (
        twice,
        page[:100] + b"\x05" + page[101:],  # an inner page
        page[:103] + b"\xff\xff" + page[105:],  # more rows than fit
        page[:108] + b"\xff\xff" + page[110:],  # a row beyond the page
        page[:20] + b"\xff" + page[21:],  # reserved space where rows are
    ):
        with pytest.raises(DamagedArchiveError):
            check_first_page(path, bytes(changed))
    for at in range(100, 4096):  # whatever becomes of a byte, it is our schema or an error
        changed = bytearray(page)
        changed[at] ^= 0xFF
        try:
            check_first_page(path, bytes(changed))
        except DamagedArchiveError:
            continue


def test_bytes_in_the_schema_that_are_no_text(path: Path) -> None:
    """SQLite quotes them, and Python could not decode its message (B6)."""
    data = path.read_bytes()
    at = data.index(b"packed_bytes INTEGER")
    path.write_bytes(data[:at] + b"\xff\xfe" + data[at + 2 :])
    for salvage in (False, True):
        with pytest.raises(DamagedArchiveError):
            open_fake(path, salvage=salvage)


# Locks


BEGIN = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
    print("began")
except sqlite3.OperationalError as error:
    print(error)
"""


def begin_elsewhere(path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN, path], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_opening_an_archive_takes_no_lock_from_another_thread(path: Path) -> None:
    """POSIX drops a process's locks on a file with any descriptor of it that is closed."""
    with open_fake(path, write=True) as archive, archive._database.transaction():
        assert begin_elsewhere(path) == "database is locked"
        open_fake(path).close()
        open_fake(path, write=True).close()
        assert is_archive(path)
        assert archive.damage() is None
        assert begin_elsewhere(path) == "database is locked"
    assert begin_elsewhere(path) == "began"
    check_intact(path, FILES)


def test_all_descriptors_are_closed_in_the_end(path: Path) -> None:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("this system does not list open files")

    def n_open() -> int:
        return sum(os.path.realpath(fd) == str(path) for fd in folder.iterdir())

    with open_fake(path) as one, open_fake(path, write=True) as other:
        other.remove(["a.png"])
        one.entries()
    for _ in range(3):
        with pytest.raises(UnwritableFileError), open_fake(path) as archive:
            archive.remove(["b.png"])
    assert n_open() == 0
    path.write_bytes(b"no archive")
    with pytest.raises(Exception, match="not a Floe archive"):
        open_fake(path)
    assert n_open() == 0


@pytest.mark.parametrize("becomes", ["nothing", "another"])
def test_an_archive_that_was_moved_or_replaced_takes_no_images(path: Path, becomes: str) -> None:
    source = path.parent.parent / "sources" / "a.png"
    with open_fake(path, write=True) as archive:
        path.rename(path.with_name("moved.floe"))
        if becomes == "another":
            make_archive(path, source.parent)
        with pytest.raises(UnwritableFileError, match="moved, deleted or replaced"):
            archive.add_file(source, "new.png")
        with pytest.raises(UnwritableFileError, match="moved, deleted or replaced"):
            archive.check_writable()
    check_intact(path.with_name("moved.floe"), FILES) if becomes == "nothing" else None


def test_the_folder_that_a_program_works_in_may_change(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    with open_fake(Path(path.name), write=True) as archive:
        monkeypatch.chdir(path.parent.parent)
        archive.remove(["a.png"])
    check_intact(path, {name: FILES[name] for name in FILES if name != "a.png"})


def test_an_interrupted_archive_opened_by_a_link_is_put_in_order(path: Path) -> None:
    """SQLite has its journal beside the file, not beside the link (C6)."""
    journal_path = path.with_name("x.floe-journal")
    with tampering(path) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE chunk SET data = zeroblob(5000)")
        half, rest = path.read_bytes(), journal_path.read_bytes()
        connection.execute("ROLLBACK")
    path.write_bytes(half)
    journal_path.write_bytes(rest)
    link = path.parent.parent / "link.floe"
    link.symlink_to(path)
    with open_fake(link) as archive:
        assert [entry.name for entry in archive.entries()] == list(FILES)
        archive.verify("a.png")
    check_intact(path, FILES)
