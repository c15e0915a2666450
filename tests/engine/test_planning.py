"""Names that files get."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from core.engine import LeftOut, Source, plan, plan_again


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def names(*paths: Path) -> list[str]:
    return [name for _, name in plan(paths)]


def test_files_have_their_own_names_and_folders_come_first(tmp_path: Path) -> None:
    one = touch(tmp_path / "x" / "one.png")
    touch(tmp_path / "trip" / "b.png")
    touch(tmp_path / "trip" / "a" / "c.png")
    assert names(one, tmp_path / "trip") == ["one.png", "trip/a/c.png", "trip/b.png"]


def test_all_that_is_in_a_folder_goes_in_but_what_no_archive_needs(tmp_path: Path) -> None:
    inside = tmp_path / "f"
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "mine.floe", "__MACOSX/._a.png"):
        touch(inside / name)
    for name in ("a.png", "a.xmp", ".nomedia", ".hidden/b.mov"):
        touch(inside / name)
    left_out: list[LeftOut] = []
    found = [name for _, name in plan([inside], on_left_out=left_out.append)]
    assert found == ["f/.hidden/b.mov", "f/.nomedia", "f/a.png", "f/a.xmp"]
    assert {path.relative_to(inside).as_posix(): reason for path, reason in left_out} == {
        ".DS_Store": "a file of the desktop",
        "Thumbs.db": "a file of the desktop",
        "__MACOSX": "a file of the desktop",
        "desktop.ini": "a file of the desktop",
        "mine.floe": "a Floe archive",
    }
    assert names(inside / ".DS_Store") == [".DS_Store"]  # what is named is meant
    assert names(inside / "mine.floe") == ["mine.floe"]


def test_empty_folders_are_sources_themselves(tmp_path: Path) -> None:
    for name in ("one/f/empty/deep", "two/f/empty/deep", "one/f/litter"):
        (tmp_path / name).mkdir(parents=True)
    touch(tmp_path / "one" / "f" / "litter" / "Thumbs.db")
    assert names(tmp_path / "one" / "f") == ["f/empty/deep", "f/litter"]
    assert names(tmp_path / "one" / "f", tmp_path / "two" / "f") == ["f/empty/deep", "f/litter"]
    assert names(tmp_path / "one" / "f" / "empty" / "deep") == ["deep"]


def test_equal_names_are_numbered(tmp_path: Path) -> None:
    files = [touch(tmp_path / folder / "img.png") for folder in "abc"]
    assert names(*files) == ["img.png", "img (2).png", "img (3).png"]


def test_relative_paths_never_lead_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "holiday" / "beach" / "1.png")
    monkeypatch.chdir(tmp_path / "holiday" / "beach")
    assert names(Path("..")) == ["holiday/beach/1.png"]
    assert names(Path(".")) == ["beach/1.png"]
    assert names(Path("../beach/1.png")) == ["1.png"]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    touch(tmp_path / "f" / "1.png")
    (tmp_path / "f" / "again").symlink_to(tmp_path / "f")
    (tmp_path / "f" / "2.png").symlink_to(tmp_path / "f" / "1.png")
    left_out: list[LeftOut] = []
    assert len(plan([tmp_path / "f"], on_left_out=left_out.append)) == 2
    assert left_out == [(tmp_path / "f" / "again", "a link to a folder")]
    assert names(tmp_path / "f") == ["f/1.png", "f/2.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_links_to_nothing_and_what_is_no_file_are_left_out(tmp_path: Path) -> None:
    """Asking whether a link in a circle is a folder raised (B8)."""
    touch(tmp_path / "f" / "1.png")
    (tmp_path / "f" / "loop").symlink_to("loop")
    (tmp_path / "f" / "gone").symlink_to("nowhere")
    os.mkfifo(tmp_path / "f" / "pipe")
    left_out: list[LeftOut] = []
    assert [name for _, name in plan([tmp_path / "f"], on_left_out=left_out.append)] == ["f/1.png"]
    assert [(path.name, reason) for path, reason in left_out] == [
        ("gone", "a link to nothing"),
        ("loop", "a link to nothing"),
        ("pipe", "a pipe, socket or device"),
    ]
    assert names(tmp_path / "f" / "loop") == ["loop"]


def test_what_is_gone_or_too_long_comes_back(tmp_path: Path) -> None:
    gone = tmp_path / "gone.png"
    assert plan([gone]) == [(gone, "gone.png")]
    deep = Path(*["d" * 200] * 25, "x.png")
    assert [path for path, _ in plan([deep])] == [deep]


def test_names_are_unicode_normal_form_c(tmp_path: Path) -> None:
    touch(tmp_path / "f" / "e\u0301.png")
    assert names(tmp_path / "f") == ["f/\u00e9.png"]


def test_a_closed_folder_comes_back(guarded: Path) -> None:
    closed = guarded / "closed"
    closed.mkdir(mode=0)
    try:
        assert plan([closed]) == [(closed, "closed")]
    finally:
        closed.chmod(0o700)


def test_names_below_a_folder_of_the_archive(tmp_path: Path) -> None:
    one = touch(tmp_path / "x" / "one.png")
    touch(tmp_path / "trip" / "b.png")
    found = plan([one, tmp_path / "trip"], "into/this")
    assert [source.name for source in found][:2] == ["into/this/one.png", "into/this/trip/b.png"]
    assert all(source.name.startswith("into/this/") for source in found)


def test_another_attempt_keeps_the_names_and_looks_into_folders_again(tmp_path: Path) -> None:
    one = touch(tmp_path / "one.png")
    touch(tmp_path / "opened" / "b.png")
    failed = [Source(one, "f/one (2).png"), Source(tmp_path / "opened", "f/opened")]
    assert [s.name for s in plan_again(failed)] == ["f/one (2).png", "f/opened/b.png"]


def test_the_size_of_a_source_is_that_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"12345")
    assert [s.n_bytes for s in plan([tmp_path / "a.png", tmp_path / "gone"])] == [5, 0]
