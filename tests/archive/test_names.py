"""Names of entries, and where they lead on a disk."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.archive.names import archive_name, check_name, local_part, shown, target_path
from core.archive.rows import COLUMN_NAMES
from core.errors import HostileNameError, NoSuchEntryError
from tests.archive.samples import FILES, make_archive, open_fake, reseal, tampering

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")

# Any characters, lone surrogates too; and often those that mean something in a path.
ANY = st.one_of(
    st.text(st.characters(), max_size=12), st.text(st.sampled_from("./\\:ab\0 e\u0301K\u212a"))
)


def name_or_none(parts: list[str]) -> str | None:
    try:
        return archive_name(parts)
    except HostileNameError:
        return None


@given(st.lists(ANY, max_size=5))
@example(["\u212a:", "x"])
@example(["e", "\u0301"])
@example(["\ud800"])
def test_names_made_of_anything_are_good_and_stay_the_same(parts: list[str]) -> None:
    name = name_or_none(parts)
    if name is None:
        assert not parts or any(part in ("", ".", "..") for part in parts)
        return
    check_name(name)
    assert archive_name(name.split("/")) == name
    assert len(name.split("/")) == len(parts)
    assert unicodedata.is_normalized("NFC", name)
    assert not name.startswith("/")
    assert name.encode().decode() == name


@given(st.lists(st.text("abc äöü-_.()", min_size=1).filter(lambda p: p.strip(".")), min_size=1))
def test_ordinary_names_are_kept(parts: list[str]) -> None:
    assert archive_name(parts) == "/".join(parts)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (["a\\b"], "a_b"),
        (["a/b", "c"], "a_b/c"),
        (["C:", "x"], "C_/x"),
        (["a", "C:"], "a/C:"),
        (["e\u0301"], "\u00e9"),
        (["x\u202egnp.exe"], "x_gnp.exe"),
        (["a\nb\x7f"], "a_b_"),
        (["\udcff.png"], "_.png"),
        ([".hidden", "...", "CON"], ".hidden/.../CON"),
    ],
)
def test_what_becomes_of_parts(parts: list[str], name: str) -> None:
    assert archive_name(parts) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "/", "/a", "//server/x", "..", "../a", "a/..", "a/../b", "a//b", "a/", ".", "./a",
        "C:a", "c:/a", "a\\..\\b", "\\\\server\\x", "a\0b", "a\nb", "a\x85", "a\u2028b",
        "a\u202eb", "a\u2066b", "e\u0301", "\ud800", "x" * 256, "\u00e4" * 128, "x/" * 2001 + "x",
    ],
)  # fmt: skip
def test_bad_names(name: str, tmp_path: Path) -> None:
    with pytest.raises(HostileNameError) as caught:
        check_name(name)
    # What is shown is no danger to a terminal.
    assert str(caught.value).encode()
    assert not any(character in str(caught.value) for character in "\0\n\x85\u2028\u202e\u2066")
    assert len(caught.value.name) < 300
    with pytest.raises(HostileNameError):
        target_path(tmp_path, name)


@pytest.mark.parametrize(
    "name", ["x" * 255, "\u00e4" * 127, "a..b", "..a", "ab:c", "-rf", "~", " "]
)
def test_good_names(name: str, tmp_path: Path) -> None:
    check_name(name)
    assert target_path(tmp_path, name, windows=False) == tmp_path.resolve() / name


@given(ANY)
def test_shown_names_are_one_harmless_line(name: str) -> None:
    text = shown(name)
    text.encode()
    assert len(text.splitlines()) <= 1 or text >= "\x1c"
    assert text.isprintable() or not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text)


# Where they lead


@given(st.lists(ANY, min_size=1, max_size=4), st.booleans())
def test_targets_are_inside_the_folder(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], windows: bool
) -> None:
    name = name_or_none(parts)
    if name is None:
        return
    folder = tmp_path_factory.getbasetemp().resolve()
    target = target_path(folder, name, windows=windows)
    assert folder in target.parents
    assert Path(os.path.normpath(target)) == target
    if windows:
        for part in target.relative_to(folder).parts:
            assert not set(part) & set('<>:"|?*\\/')
            assert part[-1] not in ". "
            assert not PureWindowsPath(part).is_reserved()


@pytest.mark.parametrize(
    ("part", "local"),
    [
        ("CON", "_CON"), ("con.png", "_con.png"), ("Aux .txt", "_Aux .txt"), ("COM1", "_COM1"),
        ("com\u00b9", "_com\u00b9"), ("LPT9.tar.gz", "_LPT9.tar.gz"), ("CONIN$", "_CONIN$"),
        ("console", "console"), ("COM10", "COM10"), ("a.", "a_"), ("a. .", "a___"), ("...", "___"),
        ("a:stream", "a_stream"), ("what?", "what_"), ("NUL:", "NUL_"), ("a.png", "a.png"),
    ],
)  # fmt: skip
def test_names_that_windows_takes_for_others(part: str, local: str) -> None:
    assert local_part(part, windows=True) == local
    assert local_part(part, windows=False) == part


@needs_links
def test_links_may_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "inner").mkdir()
    (folder / "out").symlink_to(outside)
    (folder / "up").symlink_to("..")
    (folder / "in").symlink_to("inner")
    (folder / "circle").symlink_to("circle")
    (folder / "gone").symlink_to(outside / "gone")
    for name in ("out/x", "out/deep/x", "up/x", "up/folder2/x", "inner/../up/x", "gone/x"):
        with pytest.raises(HostileNameError):
            target_path(folder, name)
    with pytest.raises(HostileNameError):
        target_path(folder, "circle/x")
    assert target_path(folder, "in/x").resolve() == (folder / "inner" / "x").resolve()
    assert target_path(folder, "up/folder/x").resolve() == (folder / "x").resolve()


@needs_links
def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert target_path(tmp_path / "link", "a/b") == (tmp_path / "real" / "a" / "b").resolve()


# Names that were written into an archive by hand


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    make_archive(tmp_path / "archive" / "x.floe", tmp_path / "sources", {"a": FILES["a.png"]})
    return tmp_path / "archive" / "x.floe"


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize(
    "name", ["../x", "../../x", "/tmp/floe-hostile", "a/../../x", "C:\\x", "a\0b", "", ".", "\n"]
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_hostile_names_are_listed_and_not_extracted(
    path: Path, tmp_path: Path, name: str, overwrite: bool
) -> None:
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    with tampering(path) as connection:
        connection.execute("UPDATE entry SET name = ?", (name,))
        reseal(connection)
    before = everything(tmp_path)
    with open_fake(path) as archive:
        assert [entry.name for entry in archive.entries()] == [name]
        with pytest.raises(HostileNameError):
            archive.extract(name, out, overwrite=overwrite)
        archive.verify(name)
    assert everything(tmp_path) == before
    assert not Path("/tmp/floe-hostile").exists()
    with open_fake(path, write=True) as archive:
        archive.remove([name])  # one can get rid of it
        assert archive.entries() == []


def test_a_name_that_is_no_utf8(path: Path, tmp_path: Path) -> None:
    with tampering(path) as connection:
        connection.execute("UPDATE entry SET name = CAST(x'61ff62' AS TEXT)")
        reseal(connection)
    with open_fake(path) as archive:
        (entry,) = archive.entries()
        assert entry.name == "a\ufffdb"
        with pytest.raises(NoSuchEntryError):
            archive.extract(entry.name, tmp_path / "out")


@needs_links
@pytest.mark.parametrize("overwrite", [False, True])
def test_links_in_the_folder_are_neither_followed_nor_written_through(
    path: Path, tmp_path: Path, overwrite: bool
) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.mkdir()
    (outside / "mine").write_text("mine")
    (out / "a").symlink_to(outside / "mine")
    (out / "d").symlink_to(outside)
    with tampering(path) as connection:
        connection.execute(f"INSERT INTO entry SELECT 99, 'd/x', {_columns()}, 0 FROM entry")
        reseal(connection)
    with open_fake(path) as archive:
        if overwrite:
            archive.extract("a", out, overwrite=True)
            assert not (out / "a").is_symlink()
        with pytest.raises(HostileNameError):
            archive.extract("d/x", out, overwrite=overwrite)
    assert [p.name for p in outside.iterdir()] == ["mine"]
    assert (outside / "mine").read_text() == "mine"


def _columns() -> str:
    return ", ".join(COLUMN_NAMES[1:])
