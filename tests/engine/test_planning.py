"""Names that files get."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.engine import Source, plan, plan_again


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


def test_hidden_files_litter_and_archives_are_left_out_of_folders(tmp_path: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", ".thumbs/1.png", "mine.floe", "a.png"):
        touch(tmp_path / "f" / name)
    assert names(tmp_path / "f") == ["f/a.png"]
    assert names(tmp_path / "f" / ".DS_Store") == [".DS_Store"]  # what is named is meant


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
    assert names(tmp_path / "f") == ["f/1.png", "f/2.png"]


def test_a_link_in_a_circle_costs_only_itself(tmp_path: Path) -> None:
    """Asking whether it is a folder raised (B8)."""
    touch(tmp_path / "f" / "1.png")
    (tmp_path / "f" / "loop").symlink_to("loop")
    assert names(tmp_path / "f") == ["f/1.png", "f/loop"]
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
