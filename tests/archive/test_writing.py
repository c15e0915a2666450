"""Files of the disk: written whole, below a folder that nobody can lead elsewhere, and durable."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.archive import Archive, drafts
from core.archive.writing import make_folder, write_file
from core.errors import (
    HostileNameError,
    TargetExistsError,
    UnreadableFileError,
    UnwritableFileError,
    VerificationError,
)
from core.images import reading
from core.images.reading import read_image
from tests.archive.samples import FILES, check_intact, make_archive, open_fake, titled_png

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps links to itself")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    path = tmp_path / "archive" / "x.floe"
    make_archive(path, tmp_path / "sources")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def pieces(then: Callable[[], object], data: bytes = b"data") -> Iterator[bytes]:
    """Pieces that take so long that something happens meanwhile."""
    yield data
    then()
    yield data


# What happens while a file is decoded


@needs_links
def test_a_link_that_is_planted_meanwhile_is_not_followed(out: Path, tmp_path: Path) -> None:
    """The way was only looked at before decoding (C4)."""
    outside = tmp_path / "outside"
    outside.mkdir()

    def plant() -> None:
        (out / "sub").rename(out / "elsewhere")
        (out / "sub").symlink_to(outside)

    (out / "sub").mkdir()
    write_file(out / "sub" / "x", pieces(plant), overwrite=False, below=out)
    assert os.listdir(outside) == []
    assert (out / "elsewhere" / "x").read_bytes() == b"datadata"  # the folder that it was


@needs_links
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_in_the_place_of_a_folder_to_be_made(
    out: Path, tmp_path: Path, overwrite: bool
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with pytest.raises(UnwritableFileError):
        write_file(
            out / "new" / "er" / "x",
            pieces(lambda: (out / "new").symlink_to(outside)),
            overwrite=overwrite,
            below=out,
        )
    assert os.listdir(outside) == []
    assert os.listdir(out) == ["new"]
    with pytest.raises(UnwritableFileError):
        make_folder(out / "new" / "folder", below=out)
    assert os.listdir(outside) == []


@needs_links
def test_links_inside_the_folder_that_stay_there_are_followed(path: Path, out: Path) -> None:
    (out / "real").mkdir()
    (out / "deep").symlink_to(out / "real")
    with open_fake(path) as archive:
        assert archive.extract("deep/d.jpg", out) == out / "real" / "d.jpg"
        (out / "deep").unlink()
        (out / "deep").symlink_to(out.parent)
        with pytest.raises(HostileNameError):
            archive.extract("deep/d.jpg", out)


def test_a_file_that_appears_meanwhile_is_never_replaced(out: Path) -> None:
    target = out / "x"
    with pytest.raises(TargetExistsError):
        write_file(target, pieces(lambda: target.write_text("mine")), overwrite=False)
    assert target.read_text() == "mine"
    assert os.listdir(out) == ["x"]


def test_nor_where_the_file_system_has_no_hard_links(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    target = out / "x"
    with pytest.raises(TargetExistsError):
        write_file(target, pieces(lambda: target.write_text("mine")), overwrite=False)
    assert target.read_text() == "mine"
    write_file(out / "y", [b"other"], overwrite=False)
    assert (out / "y").read_bytes() == b"other"
    write_file(out / "y", [b"another"], overwrite=True)
    assert sorted(os.listdir(out)) == ["x", "y"]
    Archive.create(out / "z.floe").close()
    with pytest.raises(TargetExistsError):
        Archive.create(out / "z.floe")


def test_new_names_are_on_the_disk(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file, then each new folder in the one above, then the file's own name (C6)."""
    synced: list[str] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        sync(descriptor)

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not list open files")
    monkeypatch.setattr(os, "fsync", note)
    write_file(out / "a" / "b" / "x", [b"data"], overwrite=False)
    assert synced[0].endswith(".part")
    assert synced[1:] == ["out", "a", "b"]
    synced.clear()
    Archive.create(out / "y.floe").close()
    assert synced == ["out"]  # SQLite has synced the file itself


# Drafts of programs that were killed

LEAVE = """
import os, signal, sys
from pathlib import Path
from core.archive.writing import write_file

def pieces():
    yield b"data"
    print("there", flush=True)
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
    yield b"data"

write_file(Path(sys.argv[1]) / "x", pieces(), overwrite=False)
"""


def elsewhere(folder: Path, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVE, folder, how],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    return process


@needs_links
def test_drafts_of_killed_programs_are_swept_and_others_are_not(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work = elsewhere(out, "at work")
    killed = elsewhere(out, "killed")
    killed.communicate()
    old = out / f".floe-{killed.pid}-0123456789ab.new-journal"
    old.touch()
    mine = out / ".floe-notes.part"
    mine.touch()
    assert len(os.listdir(out)) == 4
    monkeypatch.setattr(drafts, "_swept", set())
    write_file(out / "y", [b"data"], overwrite=False)
    left = set(os.listdir(out)) - {"y", mine.name}
    assert len(left) == 1
    # One of another machine, whose processes are not known here, is held by its lock.
    monkeypatch.setattr(drafts, "_is_running", lambda _: False)
    monkeypatch.setattr(drafts, "_swept", set())
    write_file(out / "z", [b"data"], overwrite=False)
    assert left <= set(os.listdir(out))
    at_work.communicate("go on")
    assert at_work.returncode == 0
    assert sorted(os.listdir(out)) == [mine.name, "x", "y", "z"]


# Archives


def test_changes_are_on_the_disk_before_they_are_reported(path: Path) -> None:
    """With less than EXTRA a power cut brings the journal back, and it undoes them (A1)."""
    for write in (False, True):
        with open_fake(path, write=write) as archive:
            ((level,),) = archive._database.rows("PRAGMA synchronous")
            assert level == 3
            ((full,),) = archive._database.rows("PRAGMA fullfsync")
            assert full == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE chunk SET data = zeroblob(length(data)) WHERE id = (SELECT max(id) FROM chunk)",
        "DELETE FROM chunk WHERE id = (SELECT max(id) FROM chunk)",
        "UPDATE chunk SET crc32 = crc32 + 1 WHERE id = (SELECT max(id) FROM chunk)",
        "UPDATE entry SET width = width + 1 WHERE id = (SELECT max(id) FROM entry)",
    ],
)
def test_what_is_not_written_as_it_was_meant_is_not_archived(
    path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.archive.entries import EntryTable

    update = EntryTable._update

    def spoil(self: EntryTable, number: int, values: list[object], column: str, to: object) -> None:
        update(self, number, values, column, to)
        self._database.change(damage)

    monkeypatch.setattr(EntryTable, "_update", spoil)
    source = path.parent.parent / "sources" / "a.png"
    before = path.read_bytes()
    with (
        open_fake(path, write=True) as archive,
        pytest.raises((VerificationError,), match="nothing was added"),
    ):
        archive.add_file(source, "new.png")
    assert path.read_bytes() == before
    monkeypatch.undo()
    check_intact(path, FILES)


def test_the_hash_of_what_is_stored(path: Path) -> None:
    with open_fake(path, write=True) as archive:
        for name in FILES:
            source = path.parent.parent / "sources" / name
            packed = archive.pack(source, "new")
            assert archive.stored_sha256(name) == packed.stored_sha256
        assert len({archive.stored_sha256(name) for name in FILES}) == len(FILES)


def test_a_new_archive_in_the_place_of_an_interrupted_one(path: Path) -> None:
    journal = path.with_name("x.floe-journal")
    journal.write_bytes(bytes.fromhex("d9d505f920a163d7") + bytes(504))
    with pytest.raises(TargetExistsError):
        Archive.create(path)
    with Archive.create(path, overwrite=True) as archive:
        assert archive.entries() == []
    assert os.listdir(path.parent) == ["x.floe"]


@needs_links
def test_a_link_that_leads_nowhere_is_said_to(path: Path) -> None:
    link = path.with_name("link.floe")
    link.symlink_to(path.with_name("gone"))
    with pytest.raises(TargetExistsError, match="leads nowhere"):
        Archive.create(link)


def test_an_empty_archive_is_not_deleted_under_somebody_who_adds_to_it(tmp_path: Path) -> None:
    """The other one reported what it had added as archived, and it was gone (A2)."""
    path, source = tmp_path / "x.floe", tmp_path / "a.png"
    source.write_bytes(titled_png(1))
    Archive.create(path).close()
    with open_fake(path, write=True) as other:
        packed = other.pack(source, "a.png")
        assert Archive.discard_if_empty(path)
        with pytest.raises(UnwritableFileError, match="moved, deleted or replaced"):
            other.add_packed(packed, "a.png")
    Archive.create(path).close()
    with open_fake(path, write=True) as other:
        other.add_file(source, "a.png")
    assert not Archive.discard_if_empty(path)
    check_intact(path, {"a.png": titled_png(1)})
    with open_fake(path, write=True) as other:
        other.remove(["a.png"])
        other.new_folder("f")
    assert not Archive.discard_if_empty(path)


# Sources


def test_reading_a_small_file_asks_for_little_memory(tmp_path: Path) -> None:
    """Each file asked for room for the largest that may come (B5)."""
    import tracemalloc

    source = tmp_path / "a.png"
    source.write_bytes(titled_png(1))
    tracemalloc.start()
    try:
        read_image(source)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_a_disk_that_cannot_be_read_is_no_damaged_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(titled_png(1))

    class Failing(io.FileIO):
        def readinto(self, buffer: object) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def unreadable(descriptor: int, mode: str) -> io.BufferedReader:
        return io.BufferedReader(Failing(descriptor, mode))

    monkeypatch.setattr(reading, "open", unreadable, raising=False)
    with pytest.raises(UnreadableFileError, match="Input/output error"):
        read_image(source)


ADD = """
import sys
from pathlib import Path
from tests.archive.samples import open_fake
with open_fake(Path(sys.argv[1]), write=True) as archive:
    archive.add_file(Path(sys.argv[2]), "new.png")
print("added", flush=True)
"""


def test_the_disk_is_told_that_the_journal_is_gone_before_anybody_else(
    path: Path, tmp_path: Path
) -> None:
    """As a journal that comes back with the power undoes what was reported (A1)."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "log"
    calls = "trace=unlink,unlinkat,fsync,fdatasync,write"
    done = subprocess.run(
        [
            *(strace, "-f", "-y", "-e", calls, "-o", log),
            *(sys.executable, "-c", ADD, path, tmp_path / "sources" / "a.png"),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"strace may not trace here: {done.stderr.splitlines()[-1]}")
    lines = log.read_text().splitlines()
    gone = max(i for i, line in enumerate(lines) if "unlink" in line and "-journal" in line)
    told = next(i for i, line in enumerate(lines) if '"added' in line)
    synced = [line for line in lines[gone:told] if "sync(" in line]
    assert any(f"<{path.parent}>" in line for line in synced)
