"""Names that anyone may have given, on a terminal; and files that cannot be read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from app.cli.main import cli
from core.archive import Archive
from core.archive.codec import Codecs
from core.archive.names import printable
from core.archive.rows import COLUMN_NAMES, row_crc32
from tests.archive.samples import tampering, titled_png
from tests.fakes import FakeCodec


def archive_of(path: Path, name: str) -> Path:
    """An archive with one image of any name, as someone who means ill writes it."""
    source = path.with_name("source.png")
    source.write_bytes(titled_png(1))
    with Archive.create(path, codecs=Codecs(FakeCodec)) as archive:
        archive.add_file(source, "a.png")
    with tampering(path) as connection:
        columns = ", ".join(COLUMN_NAMES)
        ((number, *values),) = connection.execute(f"SELECT id, {columns} FROM entry").fetchall()
        values[COLUMN_NAMES.index("name")] = name
        connection.execute(
            "UPDATE entry SET name = ?, crc32 = ? WHERE id = ?",
            (name, row_crc32(number, values), number),
        )
    return path


@pytest.mark.parametrize("name", ["IMG [edit].png", "shots [/b].png", "[red]x[/red].png", "[/]"])
def test_names_are_no_markup(tmp_path: Path, name: str) -> None:
    """They were listed without their brackets, or raised (B7)."""
    listed = CliRunner().invoke(cli, ["list", str(archive_of(tmp_path / "x.floe", name))])
    assert listed.exit_code == 0
    assert name in listed.stdout


@pytest.mark.parametrize("command", ["list", "verify", "extract"])
def test_names_send_no_commands_to_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = archive_of(tmp_path / "x.floe", "a\x1b[2Jb\u202e\x00c.png")
    result = CliRunner().invoke(cli, [command, str(path)])
    for text in (result.stdout, result.stderr):
        assert not {"\x1b", "\u202e", "\x00"} & set(text)
    if command == "list":
        assert "a\ufffd[2Jb\ufffd\ufffdc.png" in result.stdout


def test_a_name_that_looks_like_a_folder_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a slash at its end it was skipped, and the status was 0."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["extract", str(archive_of(tmp_path / "x.floe", "x/"))])
    assert result.exit_code == 1
    assert 'a part of the name is empty, "." or ".."' in result.stderr


def test_what_is_printable_stays() -> None:
    text = "C:\\photos/d\u00e9j\u00e0 vu \u4f60.png: no such file"
    assert printable(text) == text


def test_a_path_that_cannot_be_read_costs_only_itself(guarded: Path) -> None:
    """It was a usage error, and nothing was added (B9)."""
    for name in ("closed.png", "open.png"):
        Image.new("RGBA", (9, 9)).save(guarded / name)
    (guarded / "closed.png").chmod(0)
    archive = guarded / "x.floe"
    result = CliRunner().invoke(
        cli, ["add", str(archive), str(guarded / "closed.png"), str(guarded / "open.png")]
    )
    assert result.exit_code == 1
    assert result.stderr.count("no permission to read the file") == 1
    with Archive.open(archive) as opened:
        assert [entry.name for entry in opened.entries()] == ["open.png"]
    archive.chmod(0)
    result = CliRunner().invoke(cli, ["list", str(archive)])
    assert result.exit_code == 1
    assert "no permission to read the archive" in result.stderr
    archive.chmod(0o600)


def test_a_new_archive_of_nothing_is_not_left_behind(tmp_path: Path) -> None:
    archive = tmp_path / "x.floe"
    result = CliRunner().invoke(cli, ["add", str(archive), str(tmp_path / "gone.png")])
    assert result.exit_code == 1
    assert os.listdir(tmp_path) == []


def test_an_archive_that_another_program_creates_at_the_same_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them said that it exists already, and added nothing."""
    archive, image = tmp_path / "x.floe", tmp_path / "a.png"
    Image.new("RGBA", (9, 9)).save(image)
    create = Archive.create

    def late(path: Path, **options: object) -> Archive:
        create(path).close()
        return create(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Archive, "create", late)
    result = CliRunner().invoke(cli, ["add", str(archive), str(image)])
    assert result.exit_code == 0, result.stderr
    with Archive.open(archive) as opened:
        assert [entry.name for entry in opened.entries()] == ["a.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps links to itself")
def test_a_folder_with_a_link_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    Image.new("RGBA", (9, 9)).save(tmp_path / "f" / "a.png")
    (tmp_path / "f" / "loop").symlink_to("loop")
    archive = tmp_path / "x.floe"
    result = CliRunner().invoke(cli, ["add", str(archive), str(tmp_path / "f")])
    assert result.exit_code == 0
    assert "left out: 1 (1 x a link to nothing)" in result.stdout
    with Archive.open(archive) as opened:
        assert [entry.name for entry in opened.entries()] == ["f/a.png"]
