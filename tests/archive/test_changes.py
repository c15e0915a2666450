"""Renaming, folders, taking out and putting back: each exact, and undone by another one."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.archive import Archive, entries
from core.archive.shelf import Shelf
from core.errors import (
    DamagedArchiveError,
    DamagedEntryError,
    EntryError,
    EntryExistsError,
    HostileNameError,
    NoSuchEntryError,
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
    titled_png,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    path = tmp_path / "archive" / "x.floe"
    make_archive(path, tmp_path / "sources")
    return path


def rows_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that the archive holds, with numbers of entries and in order; not those of chunks."""
    with tampering(path) as connection:
        return {
            "entry": connection.execute("SELECT * FROM entry ORDER BY id").fetchall(),
            "folder": connection.execute("SELECT * FROM folder ORDER BY id").fetchall(),
            "model": connection.execute("SELECT id, sha256, data FROM model").fetchall(),
            "chunk": connection.execute(
                "SELECT entry, part, place, crc32, data FROM chunk ORDER BY entry, part, place"
            ).fetchall(),
        }


def names_in(path: Path) -> list[str]:
    with open_fake(path) as archive:
        archive.check_structure()
        return [entry.name for entry in archive.entries()]


def without(*gone: str) -> dict[str, bytes]:
    return {name: data for name, data in FILES.items() if name not in gone}


# Names


def test_an_entry_is_renamed_and_the_rest_of_it_stays(path: Path) -> None:
    before = rows_of(path)
    with open_fake(path, write=True) as archive:
        assert archive.rename(("a.png", "new/é.png")) == [("a.png", "new/é.png")]
    check_intact(path, {"new/é.png": FILES["a.png"]} | without("a.png"))  # the order stays
    after = rows_of(path)
    assert after["chunk"] == before["chunk"]
    assert after["entry"][0][2:-1] == before["entry"][0][2:-1]
    assert after["entry"][1:] == before["entry"][1:]


def test_a_folder_takes_all_that_is_in_it_along(path: Path) -> None:
    with open_fake(path, write=True) as archive:
        archive.new_folder("deep/empty")
        archive.new_folder("deeper")
        pairs = archive.rename(("deep", "sea/floor"))
        assert sorted(archive.folders()) == ["deeper", "sea/floor/empty"]
    assert sorted(pairs) == [
        ("deep/d.jpg", "sea/floor/d.jpg"),
        ("deep/er/c.bmp", "sea/floor/er/c.bmp"),
    ]
    check_intact(path, {name.replace("deep", "sea/floor"): FILES[name] for name in FILES})


def test_what_is_typed_is_normalised(path: Path) -> None:
    with open_fake(path, write=True) as archive:
        archive.rename(("a.png", "u\u0308.png"))
        assert archive.new_folder("o\u0308") == "\u00f6"
        assert archive.find("\u00fc.png") is not None
        assert archive.rename(("\u00fc.png", "u\u0308.png")) == []


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("a.png", "b.png", EntryExistsError),
        ("a.png", "deep", EntryExistsError),
        ("a.png", "deep/er", EntryExistsError),
        ("a.png", "made", EntryExistsError),
        ("a.png", "b.png/inside", EntryExistsError),
        ("deep", "a.png", EntryExistsError),
        ("deep", "made", EntryExistsError),
        ("deep/er", "deep", EntryExistsError),
        ("deep", "deep/er/deeper", EntryError),
        ("made", "made/made", EntryError),
        ("nothing", "x", NoSuchEntryError),
        ("a.pn", "x", NoSuchEntryError),
        ("dee", "x", NoSuchEntryError),
        ("\ud800", "x", NoSuchEntryError),
        ("a.png", "../a.png", HostileNameError),
        ("a.png", "", HostileNameError),
        ("a.png", "a\\b", HostileNameError),
        ("a.png", "deep/", HostileNameError),
        ("deep", "x" * 256, HostileNameError),
        ("deep", "y/" * 1997 + "y", HostileNameError),  # too long with what is in it
    ],
)
def test_names_that_cannot_be_given(
    path: Path, old: str, new: str, error: type[EntryError]
) -> None:
    with open_fake(path, write=True) as archive:
        archive.new_folder("made")
        before = rows_of(path)
        with pytest.raises(error) as caught:
            archive.rename(
                ("b.png", "first.png") if old != "a.png" else ("alpha.png", "1"), (old, new)
            )
        assert str(caught.value)
    assert rows_of(path) == before  # the first one was renamed, and is called as before again


def test_folders_that_cannot_be_made(path: Path) -> None:
    with open_fake(path, write=True) as archive:
        archive.new_folder("made/in/one")
        for name in ("a.png", "deep", "deep/er", "made", "made/in", "made/in/one", "b.png/x"):
            with pytest.raises(EntryExistsError):
                archive.new_folder(name)
        for name in ("", "..", "/x", "a\nb"):
            with pytest.raises(HostileNameError):
                archive.new_folder(name)
        assert archive.folders() == ["made/in/one"]


def test_nothing_is_added_in_the_place_of_a_folder(path: Path, tmp_path: Path) -> None:
    with open_fake(path, write=True) as archive:
        archive.new_folder("made")
        for name in ("deep", "made", "a.png/b.png"):
            for replace in (False, True):
                with pytest.raises(EntryExistsError):
                    archive.add_file(tmp_path / "sources" / "a.png", name, replace=replace)
        archive.add_file(tmp_path / "sources" / "a.png", "made/a.png")


def test_removing_a_folder(path: Path) -> None:
    with open_fake(path, write=True) as archive:
        archive.new_folder("deep/empty")
        archive.remove(["deep", "deep/d.jpg", "a.png"])
        assert archive.folders() == []
    check_intact(path, without("deep/d.jpg", "deep/er/c.bmp", "a.png"))


# Undoing

PARTS = st.sampled_from(["a", "b", "c", "d.png"])
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
STEPS = st.one_of(
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("folder"), NAMES),
    st.tuples(st.just("delete"), st.lists(NAMES, min_size=1, max_size=3)),
    st.tuples(st.just("add"), NAMES, st.integers(0, 3)),
)

#: What undoes a change, and returns what does it again.
Undo = Callable[[], Any]


class Story:
    """An archive, and what undoes each change of it."""

    def __init__(self, archive: Archive, shelf: Shelf, sources: Path) -> None:
        self.archive, self.shelf, self.sources = archive, shelf, sources

    def do(self, step: tuple[Any, ...]) -> Undo:
        kind, *values = step
        if kind == "rename":
            return self.rename([(values[0], values[1])])
        if kind == "folder":
            name = self.archive.new_folder(values[0])
            return lambda: self.exchange([name], [])
        if kind == "delete":
            return self.exchange(values[0], [])
        name, parcel = values[0], self.shelf.parcel()
        source = self.sources / f"{values[1]}.png"
        self.archive.add_file(source, name, replace=True, replaced=parcel)
        return lambda: self.exchange([name], [parcel] if parcel.exists() else [])

    def rename(self, pairs: list[tuple[str, str]]) -> Undo:
        self.archive.rename(*pairs)
        return lambda: self.rename([(new, old) for old, new in reversed(pairs)])

    def exchange(self, names: list[str], put_back: list[Path]) -> Undo:
        parcel = self.shelf.parcel()
        came = self.archive.exchange(names, parcel, put_back)
        return lambda: self.exchange(came, [parcel] if names else [])


@settings(max_examples=25)
@given(st.lists(STEPS, min_size=1, max_size=12), st.data())
def test_whatever_is_done_is_undone_and_done_again_exactly(
    steps: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sources, path = Path(folder, "sources"), Path(folder, "x.floe")
        sources.mkdir()
        for number in range(4):
            (sources / f"{number}.png").write_bytes(titled_png(number, side=12))
        make_archive(path, sources, {"a": FILES["a.png"], "b/c": FILES["deep/d.jpg"]})
        with open_fake(path, write=True) as archive, Shelf(Path(folder)) as shelf:
            archive.carry_model()
            archive.new_folder("c")
            story, undos, states = Story(archive, shelf, sources), [], [rows_of(path)]
            for step in steps:
                try:
                    undos.append(story.do(step))
                except EntryError:  # nothing of this name, or something in the way
                    assert rows_of(path) == states[-1]
                    continue
                states.append(rows_of(path))
            for _ in range(2):
                redos = []
                for undo, state in zip(reversed(undos), reversed(states[:-1]), strict=True):
                    redos.append(undo())
                    assert rows_of(path) == state
                undos = []
                for redo, state in zip(reversed(redos), states[1:], strict=True):
                    undos.append(redo())
                    assert rows_of(path) == state
            archive.check_structure()
            for entry in archive.entries():
                archive.verify(entry.name)


def test_what_was_taken_out_is_an_archive(path: Path, tmp_path: Path) -> None:
    with open_fake(path, write=True) as archive:
        before = path.stat().st_size
        assert archive.exchange(["deep", "alpha.png"], tmp_path / "parcel.floe") == []
        assert path.stat().st_size < before
    check_intact(path, without("deep/d.jpg", "deep/er/c.bmp", "alpha.png"))
    gone = {name: FILES[name] for name in ("deep/er/c.bmp", "deep/d.jpg", "alpha.png")}
    check_intact(tmp_path / "parcel.floe", gone)


def test_the_file_shrinks_when_things_are_taken_out(path: Path, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(encoded(noise(200, 200, 4), "PNG"))
    with open_fake(path, write=True) as archive:
        before = path.stat().st_size
        archive.add_file(tmp_path / "large.png", "large.png")
        assert path.stat().st_size > before + 100_000
        archive.exchange(["large.png"], tmp_path / "parcel.floe")
        assert path.stat().st_size <= before + 4096


def test_a_damaged_entry_is_taken_out_and_comes_back_as_it_was(path: Path, tmp_path: Path) -> None:
    with tampering(path) as connection:
        connection.execute("UPDATE entry SET width = width + 1 WHERE name = 'a.png'")
        connection.execute("UPDATE chunk SET crc32 = crc32 + 1 WHERE entry = 2")
        connection.execute("DELETE FROM chunk WHERE entry = 3")
    before = rows_of(path)
    with open_fake(path, write=True) as archive:
        with pytest.raises(DamagedEntryError):
            archive.rename(("a.png", "x.png"))  # its checksum would become right
        archive.exchange(["a.png", "b.png", "deep/er/c.bmp"], tmp_path / "parcel.floe")
        assert names_in(path) == ["deep/d.jpg", "alpha.png"]
        archive.exchange([], tmp_path / "none", [tmp_path / "parcel.floe"])
    assert rows_of(path) == before
    assert not (tmp_path / "none").exists()


def test_numbers_and_names_that_were_taken_meanwhile(path: Path, tmp_path: Path) -> None:
    parcel, source = tmp_path / "parcel.floe", tmp_path / "sources" / "b.png"
    with open_fake(path, write=True) as archive:
        archive.exchange(["alpha.png"], parcel)
        archive.add_file(source, "other.png")  # gets the number of what is gone
        archive.exchange([], tmp_path / "none", [parcel])
    files = without("alpha.png") | {"other.png": FILES["b.png"], "alpha.png": FILES["alpha.png"]}
    check_intact(path, files)
    with open_fake(path, write=True) as archive:
        before = rows_of(path)
        with pytest.raises(EntryExistsError):
            archive.exchange(["b.png"], tmp_path / "second.floe", [parcel])
        assert rows_of(path) == before
        assert not (tmp_path / "second.floe").exists()


def test_no_room_for_what_is_taken_out(path: Path, tmp_path: Path) -> None:
    before = rows_of(path)
    with (
        open_fake(path, write=True) as archive,
        pytest.raises(UnwritableFileError, match="cannot be kept here"),
    ):
        archive.exchange(["a.png"], tmp_path / "nowhere" / "parcel.floe")
    assert rows_of(path) == before


def test_rows_that_no_archive_takes(path: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """They are not lost in the attempt."""
    before = rows_of(path)

    def refuse(*_: Any) -> None:
        raise sqlite3.IntegrityError("cannot store TEXT value in INTEGER column entry.width")

    monkeypatch.setattr(entries.EntryTable, "copy", refuse)
    with (
        open_fake(path, write=True) as archive,
        pytest.raises(DamagedArchiveError, match="remove them for good"),
    ):
        archive.exchange(["a.png"], tmp_path / "parcel.floe")
    assert rows_of(path) == before
    assert not (tmp_path / "parcel.floe").exists()


# Programs that are killed

PROGRAM = """
import os, signal, sys
from pathlib import Path
from core.archive import Archive
from core.archive.codec import Codecs
from core.archive.shelf import Shelf
from tests.fakes import FakeCodec

path, action, when = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
archive = Archive.open(path, write=True, codecs=Codecs(FakeCodec))
shelf = Shelf(path.parent)
calls = 0

class Killing:
    def __init__(self, connection):
        self.connection = connection
    def __getattr__(self, name):
        return getattr(self.connection, name)
    def execute(self, statement, *values):
        return self.count(statement, self.connection.execute(statement, *values))
    def executemany(self, statement, values):
        return self.count(statement, self.connection.executemany(statement, values))
    def count(self, statement, result):
        global calls
        if statement.startswith(("DELETE", "UPDATE", "INSERT", "COMMIT")):
            calls += 1
            if calls == when:
                os.kill(os.getpid(), signal.SIGKILL)
        return result

parcel = shelf.parcel()
if action == "put back":
    archive.exchange(["deep", "a.png"], parcel)
connection = Killing(archive._database._connection)
connection.execute("PRAGMA cache_size = 1")
archive._database._connection = connection
if action == "rename":
    archive.rename(("deep", "new/folder"), ("a.png", "z.png"), ("made", "other"))
elif action == "take":
    archive.exchange(["deep", "a.png", "made"], parcel)
else:
    archive.exchange(["made", "b.png"], shelf.parcel(), [parcel])
print(calls)
"""


def run_apart(path: Path, action: str, when: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, path, action, str(when)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("action", ["rename", "take", "put back"])
def test_a_change_that_is_killed_leaves_one_of_two_states(
    path: Path, tmp_path: Path, action: str
) -> None:
    with open_fake(path, write=True) as archive:
        archive.new_folder("made")
    whole = path.read_bytes()
    done = run_apart(path, action, 0)
    assert done.returncode == 0, done.stderr
    n_calls, after = int(done.stdout), rows_of(path)
    assert n_calls >= 4
    path.write_bytes(whole)
    before = rows_of(path)
    if action == "put back":
        with open_fake(path, write=True) as archive:
            archive.exchange(["deep", "a.png"], tmp_path / "parcel.floe")
        before = rows_of(path)
    states = []
    for when in range(1, n_calls + 1):
        path.write_bytes(whole)
        assert run_apart(path, action, when).returncode == -signal.SIGKILL
        open_fake(path, write=True).close()
        found = rows_of(path)
        assert found in (before, after)
        states.append(found == after)
    assert states == [False] * (n_calls - 1) + [True]
    # Each has swept away the shelf of the one before, and the next shelf that of the last.
    assert len(list(path.parent.glob("floe-shelf-*"))) == 1
    Shelf(path.parent).close()
    assert os.listdir(path.parent) == ["x.floe"]


# Shelves


def test_shelves_of_programs_that_run_are_left_alone(tmp_path: Path) -> None:
    one = Shelf(tmp_path / "cache")
    program = (
        "import sys\nfrom pathlib import Path\nfrom core.archive.shelf import Shelf\n"
        "with Shelf(Path(sys.argv[1])) as shelf: print(len(list(Path(sys.argv[1]).iterdir())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "cache"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "2"
    assert one.folder.exists()
    with Shelf(tmp_path / "cache") as other:
        assert one.folder.exists()
        assert other.parcel() != other.parcel()
    one.close()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_shelf_where_nothing_can_be_written(guarded: Path) -> None:
    guarded.chmod(0o500)
    with pytest.raises(UnwritableFileError, match="undoing"):
        Shelf(guarded / "cache")
