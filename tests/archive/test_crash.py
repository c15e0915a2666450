"""Programs that are killed, disks that are full, others that write at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from core.archive import Archive, database
from core.archive.chunks import ChunkTable
from core.archive.codec import Codecs
from core.archive.drafts import Draft, Folder
from core.control import CancelToken, Progress
from core.errors import (
    ArchiveBusyError,
    Cancelled,
    DamagedArchiveError,
    EntryExistsError,
    TargetExistsError,
    UnreadableFileError,
    UnwritableFileError,
)
from tests.archive.samples import (
    FILES,
    check_intact,
    encoded,
    make_archive,
    noise,
    open_fake,
    tampering,
)
from tests.fakes import FakeCodec

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return tmp_path / "sources"


@pytest.fixture
def path(tmp_path: Path, sources: Path) -> Path:
    (tmp_path / "archive").mkdir()
    path = tmp_path / "archive" / "x.floe"
    make_archive(path, sources)
    return path


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "READ_SECONDS", 0.05)
    monkeypatch.setattr(database, "WRITE_SECONDS", 0.05)


PROGRAM = """
import os, resource, signal, sys
from pathlib import Path
from core.archive import Archive
from core.archive import content
from core.archive.codec import Codecs
from core.control import CancelToken
from tests.fakes import FakeCodec

path, source, action, when = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
content.PIECE_BYTES = 20_000
stage = ""

def listen(progress):
    global stage
    stage = progress.stage

class Killer(CancelToken):
    checks = 0
    def check(self):
        if stage == action:
            self.checks += 1
            if self.checks > when:
                os.kill(os.getpid(), signal.SIGKILL)

    raise_if_cancelled = check

with Archive.open(path, write=True, codecs=Codecs(lambda: FakeCodec(tile=16))) as archive:
    # What is written goes to the disk before the end of the transaction, as with large files.
    archive._database._connection.execute("PRAGMA cache_size = 5")
    if action == "full":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (when, resource.RLIM_INFINITY))
    try:
        archive.add_file(source, "b.png", replace=True, progress=listen, cancel=Killer())
    except Exception as error:
        print(type(error).__name__, error)
        if action == "full":
            print([entry.name for entry in archive.entries()])
        sys.exit(3)
"""


def run_apart(path: Path, source: Path, action: str, when: int) -> subprocess.CompletedProcess[str]:
    rights = os.geteuid()
    os.seteuid(os.getuid())  # who has no rights may not get at Python either
    try:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, path, source, action, str(when)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.seteuid(rights)


@pytest.fixture
def large(sources: Path) -> Path:
    """A file of 300 kB that is stored, in 15 pieces."""
    sources.mkdir(exist_ok=True)
    (sources / "large.png").write_bytes(encoded(noise(270, 280, 4), "PNG"))
    return sources / "large.png"


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@needs_signals
@pytest.mark.parametrize(("stage", "when"), [("encoding", 2), ("verifying", 2)])
def test_killed_before_anything_is_written(
    path: Path, sources: Path, stage: str, when: int
) -> None:
    before = path.read_bytes()
    done = run_apart(path, sources / "a.png", stage, when)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.read_bytes() == before
    check_intact(path, FILES)


@needs_signals
@pytest.mark.parametrize("when", [0, 1, 12])
@pytest.mark.parametrize("write", [False, True])
def test_killed_while_it_is_written(path: Path, large: Path, when: int, write: bool) -> None:
    before = path.read_bytes()
    done = run_apart(path, large, "writing", when)
    assert done.returncode == -signal.SIGKILL, done.stderr
    if when > 1:  # otherwise this would be no test
        assert path.read_bytes() != before
        assert path.with_name("x.floe-journal").exists()
    with open_fake(path, write=write) as archive:
        assert [entry.name for entry in archive.entries()] == list(FILES)
        for name in FILES:
            archive.verify(name)
    if when == 0:
        # The journal was not in force yet, so it is no matter; the next to change the archive
        # removes it.
        assert path.with_name("x.floe-journal").exists()
        with open_fake(path, write=True) as archive:
            archive.remove(["alpha.png"])
        check_intact(path, {name: FILES[name] for name in FILES if name != "alpha.png"})
    else:
        check_intact(path, FILES)


@needs_signals
def test_killed_where_nothing_can_be_put_in_order(guarded: Path) -> None:
    path, source = guarded / "x.floe", guarded / "sources" / "large.png"
    make_archive(path, guarded / "sources")
    source.write_bytes(encoded(noise(270, 280, 4), "PNG"))
    done = run_apart(path, source, "writing", 12)
    assert done.returncode == -signal.SIGKILL, done.stderr
    path.chmod(0o400)
    guarded.chmod(0o500)
    with pytest.raises(UnreadableFileError, match="was interrupted"):
        open_fake(path)
    path.chmod(0o600)
    guarded.chmod(0o700)
    (source).unlink()
    check_intact(path, FILES)


@needs_signals
def test_the_same_where_nobody_is_killed(path: Path, large: Path) -> None:
    done = run_apart(path, large, "never", 0)
    assert done.returncode == 0, done.stderr
    files = {name: data for name, data in FILES.items() if name != "b.png"}
    check_intact(path, files | {"b.png": large.read_bytes()})


@needs_signals
@pytest.mark.parametrize("more", [0, 5_000, 200_000])
def test_a_full_disk(path: Path, large: Path, more: int) -> None:
    done = run_apart(path, large, "full", path.stat().st_size + more)
    assert done.returncode == 3, done.stderr
    assert done.stdout.splitlines()[0].startswith("UnwritableFileError")
    # The same open archive still lists what it had.
    assert done.stdout.splitlines()[1] == str(list(FILES))
    # A copy of the archive alone is whole: nothing waits for its next user (B3).
    assert not path.with_name("x.floe-journal").exists()
    check_intact(path, FILES)


def test_a_full_database(path: Path, large: Path) -> None:
    with open_fake(path, write=True) as archive:
        archive._database._connection.execute("PRAGMA max_page_count = 1")  # no more than there are
        with pytest.raises(UnwritableFileError, match="no space"):
            archive.add_file(large, "large.png")
        archive._database._connection.execute("PRAGMA max_page_count = 1000000")
        assert archive.find("large.png") is None
        archive.add_file(large, "large.png")
    check_intact(path, FILES | {"large.png": large.read_bytes()})


# Permissions


def test_an_archive_that_may_only_be_read(guarded: Path) -> None:
    path = guarded / "x.floe"
    make_archive(path, guarded / "sources")
    path.chmod(0o400)
    guarded.chmod(0o500)
    with open_fake(path) as archive:
        assert [entry.name for entry in archive.entries()] == list(FILES)
        archive.verify("a.png")
    with pytest.raises(UnwritableFileError), open_fake(path, write=True) as archive:
        archive.remove(["a.png"])
    with pytest.raises(UnwritableFileError), open_fake(path, write=True) as archive:
        archive.add_file(guarded / "sources" / "b.png", "new.png")
    path.chmod(0o600)
    with pytest.raises(UnwritableFileError), open_fake(path, write=True) as archive:
        archive.remove(["a.png"])  # the folder takes no journal
    guarded.chmod(0o700)
    check_intact(path, FILES)


def test_an_archive_that_may_not_be_read(guarded: Path) -> None:
    path = guarded / "x.floe"
    make_archive(path, guarded / "sources")
    path.chmod(0)
    for write in (False, True):
        with pytest.raises(UnreadableFileError, match="no permission"):
            open_fake(path, write=write)


def test_an_archive_opened_for_reading_is_not_changed(path: Path, sources: Path) -> None:
    before = path.read_bytes()
    with open_fake(path) as archive:
        with pytest.raises(UnwritableFileError):
            archive.add_file(sources / "a.png", "new.png")
        with pytest.raises(UnwritableFileError):
            archive.remove(["a.png"])
    assert path.read_bytes() == before


# Several programs at a time


def test_two_writers_take_turns(path: Path, sources: Path) -> None:
    with open_fake(path, write=True) as one, open_fake(path, write=True) as other:
        one.add_file(sources / "a.png", "one.png")
        other.add_file(sources / "a.png", "other.png")
        one.remove(["other.png"])
        assert other.find("other.png") is None
    check_intact(path, FILES | {"one.png": FILES["a.png"]})


def test_writers_of_one_program_wait_for_each_other(
    path: Path, sources: Path, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes: what they have coded would be lost (C5)."""
    insert = ChunkTable.insert
    within, errors = threading.Event(), []

    def slowly(self: ChunkTable, *arguments: Any) -> None:
        within.set()
        time.sleep(1)
        insert(self, *arguments)

    def add(name: str) -> None:
        try:
            with open_fake(path, write=True) as archive:
                archive.add_file(sources / "a.png", name)
        except BaseException as error:
            errors.append(error)

    monkeypatch.setattr(ChunkTable, "insert", slowly)
    first = threading.Thread(target=add, args=("1.png",))
    first.start()
    assert within.wait(20)
    add("2.png")
    first.join()
    assert not errors
    check_intact(path, FILES | {"1.png": FILES["a.png"], "2.png": FILES["a.png"]})


def test_waiting_for_another_program_can_be_cancelled(path: Path, sources: Path) -> None:
    cancel = CancelToken()
    with tampering(path) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.3, cancel.cancel).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            open_fake(path, write=True, cancel=cancel)
        assert time.monotonic() - began < database.READ_SECONDS / 2
        connection.execute("ROLLBACK")
    check_intact(path, FILES)


def test_a_commit_waits_for_another_programs_reader(path: Path, sources: Path) -> None:
    with tampering(path) as connection, open_fake(path, write=True) as archive:
        cursor = connection.execute("SELECT * FROM entry")
        cursor.fetchone()
        closing = threading.Timer(0.5, lambda: None)
        closing.start()

        def close_soon() -> None:
            closing.join()

        thread = threading.Thread(target=archive_remove, args=(path,))
        thread.start()
        close_soon()
        cursor.close()
        thread.join()
        assert archive.find("a.png") is None
    check_intact(path, {name: FILES[name] for name in FILES if name != "a.png"})


def archive_remove(path: Path) -> None:
    with open_fake(path, write=True) as archive:
        archive.remove(["a.png"])


def test_a_writer_in_the_way_is_reported(path: Path, sources: Path, impatient: None) -> None:
    with tampering(path) as connection, open_fake(path, write=True) as archive:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(ArchiveBusyError):
            archive.add_file(sources / "a.png", "new.png")
        with pytest.raises(ArchiveBusyError):
            archive.remove(["a.png"])
        archive.verify("a.png")  # reading goes on
        connection.execute("ROLLBACK")
        archive.add_file(sources / "a.png", "new.png")
    check_intact(path, FILES | {"new.png": FILES["a.png"]})


def test_a_reader_in_the_way_is_reported(path: Path, sources: Path, impatient: None) -> None:
    with tampering(path) as connection, open_fake(path, write=True) as archive:
        cursor = connection.execute("SELECT * FROM entry")
        cursor.fetchone()
        with pytest.raises(ArchiveBusyError):
            archive.remove(["a.png"])
        cursor.close()
        archive.remove(["a.png"])
    check_intact(path, {name: FILES[name] for name in FILES if name != "a.png"})


def test_an_archive_locked_by_another_program(path: Path, impatient: None) -> None:
    with tampering(path) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        for write in (False, True):
            with pytest.raises(ArchiveBusyError):
                open_fake(path, write=write)
        connection.execute("ROLLBACK")
    check_intact(path, FILES)


def test_no_lock_is_held_while_an_image_is_coded(path: Path, sources: Path) -> None:
    with open_fake(path, write=True) as archive, open_fake(path, write=True) as other:

        def listen(progress: Progress) -> None:
            if progress.stage == "verifying" and other.find("other.png") is None:
                other.add_file(sources / "b.png", "other.png")

        archive.add_file(sources / "a.png", "new.png", progress=listen)
        archive.verify(
            "b.png",
            progress=lambda progress: (
                other.remove(["other.png"]) if other.find("other.png") else None
            ),
        )
    check_intact(path, FILES | {"new.png": FILES["a.png"]})


def test_a_name_that_another_program_took_meanwhile(path: Path, sources: Path) -> None:
    with open_fake(path, write=True) as archive, open_fake(path, write=True) as other:

        def listen(progress: Progress) -> None:
            if progress.stage == "writing":
                other.add_file(sources / "b.png", "new.png")

        with pytest.raises(EntryExistsError):
            archive.add_file(sources / "a.png", "new.png", progress=listen)
    check_intact(path, FILES | {"new.png": FILES["b.png"]})


def test_many_writers(path: Path, sources: Path) -> None:
    errors: list[BaseException] = []

    def add(number: int) -> None:
        try:
            with open_fake(path, write=True) as archive:
                for k in range(3):
                    archive.add_file(sources / "a.png", f"{number}-{k}.png")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [error for error in errors if not isinstance(error, ArchiveBusyError)]
    with open_fake(path) as archive:
        names = [entry.name for entry in archive.entries()]
        archive.check_structure()
        assert len(names) == len(FILES) + 12 or errors
        for name in names:
            archive.verify(name)


def test_creating_where_another_program_was_quicker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.floe"
    publish = Draft.publish

    def late(draft: Draft, folder: Folder, name: str, *, overwrite: bool) -> None:
        path.write_text("mine")
        publish(draft, folder, name, overwrite=overwrite)

    monkeypatch.setattr(Draft, "publish", late)
    with pytest.raises(TargetExistsError):
        Archive.create(path, codecs=Codecs(FakeCodec))
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["x.floe"]


def test_an_archive_in_write_ahead_mode_is_refused_until_it_is_switched_back(path: Path) -> None:
    """As another program may have left it: its log would take precedence over what is checked."""
    with tampering(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("DELETE FROM entry WHERE name = 'nothing'")
    for write in (False, True):
        with pytest.raises(DamagedArchiveError, match="journal_mode = DELETE"):
            open_fake(path, write=write)
    with tampering(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    check_intact(path, FILES)


ADDING = """
import sys, threading
from pathlib import Path
from core.archive import Archive
from core.archive.codec import Codecs
from tests.fakes import FakeCodec

path, source, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
codecs, failed = Codecs(FakeCodec), []

def add(number):
    try:
        for k in range(4):
            with Archive.open(path, write=True, codecs=codecs) as archive:
                archive.add_file(source, f"{name}-{number}-{k}.png")
                archive.damage()
    except BaseException as error:
        failed.append(error)

threads = [threading.Thread(target=add, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(str(failed) if failed else 0)
"""


def test_many_programs_with_many_threads(path: Path, sources: Path) -> None:
    """None fails, and none writes while another one does."""
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", ADDING, path, sources / "alpha.png", str(number)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    assert [program.communicate()[1] for program in programs] == [""] * 3
    files = {
        f"{number}-{thread}-{k}.png": FILES["alpha.png"]
        for number in range(3)
        for thread in range(3)
        for k in range(4)
    }
    with open_fake(path) as archive:
        archive.check_structure()
        assert {entry.name for entry in archive.entries()} == {*FILES, *files}
        for name in files:
            assert archive.read_file(name) == FILES["alpha.png"]
