"""Names that are taken, on the command line: options answer, or a person at a terminal."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from app.cli import archive as archive_commands
from app.cli.queries import TerminalQueries
from app.cli.terminal import Following
from core.archive import Archive
from core.control import CancelToken
from core.engine import Always, Answer, Choice, ContinueAfterError, FileExists, NameConflict, Query
from core.errors import Cancelled
from tests.app.cli.test_cli import floe
from tests.app.fake_backend import make_entry

CONFLICT = NameConflict(
    Path("x.floe"), "a.png", make_entry("a.png"), Path("/in/a.png"), 1234, 10**18, "a (2).png"
)
EXISTS = FileExists(
    Path("x.floe"), "a.png", make_entry("a.png"), Path("/out/a.png"), 1234, 1 << 62, "a (2).png"
)
ERROR = ContinueAfterError(Path("x.floe"), "a.png", "/out/a.png: no space is left on the disk")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """An image that is stored as it is: no model is needed for it."""
    path = tmp_path / "in" / "a.jpg"
    path.parent.mkdir()
    Image.new("RGB", (20, 10), "red").save(path)
    return path


@pytest.mark.parametrize(
    ("option", "status", "expected"),
    [
        (None, 1, {"a.jpg": 20}),
        ("--replace", 0, {"a.jpg": 30}),
        ("--keep-both", 0, {"a.jpg": 20, "a (2).jpg": 30}),
        ("--skip", 0, {"a.jpg": 20}),
    ],
)
def test_adding(
    stored: Path, tmp_path: Path, option: str | None, status: int, expected: dict[str, int]
) -> None:
    archive = tmp_path / "x.floe"
    assert floe("add", archive, stored).exit_code == 0
    Image.new("RGB", (30, 10), "blue").save(stored)
    result = floe("add", archive, stored, *([option] if option else []))
    assert result.exit_code == status
    assert ("another image of this name" in result.stderr) == (option is None)
    assert ("skipped" in result.stdout) == (option == "--skip")
    with Archive.open(archive) as opened:
        assert {entry.name: entry.width for entry in opened.entries()} == expected


@pytest.mark.parametrize(
    ("option", "status", "expected"),
    [
        (None, 1, {"a.jpg"}),
        ("--overwrite", 0, {"a.jpg"}),
        ("--keep-both", 0, {"a.jpg", "a (2).jpg"}),
        ("--skip", 0, {"a.jpg"}),
    ],
)
def test_extracting(
    stored: Path, tmp_path: Path, option: str | None, status: int, expected: set[str]
) -> None:
    archive, out = tmp_path / "x.floe", tmp_path / "out"
    out.mkdir()
    (out / "a.jpg").write_text("mine")
    assert floe("add", archive, stored).exit_code == 0
    result = floe("extract", archive, "--to", out, *([option] if option else []))
    assert result.exit_code == status
    assert {path.name for path in out.iterdir()} == expected
    assert ((out / "a.jpg").read_bytes() == b"mine") == (option != "--overwrite")
    if option == "--keep-both":
        assert (out / "a (2).jpg").read_bytes() == stored.read_bytes()


def test_one_option_at_a_time(stored: Path, tmp_path: Path) -> None:
    assert floe("add", tmp_path / "x.floe", stored, "--replace", "--skip").exit_code == 2


def test_who_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    following = Following(1, "adding")
    assert archive_commands.answers(following, False, False, False) is None
    assert isinstance(archive_commands.answers(following, True, False, False), Always)
    with pytest.raises(typer.BadParameter):
        archive_commands.answers(following, True, True, False)
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    assert isinstance(archive_commands.answers(following, False, False, False), TerminalQueries)


@pytest.mark.parametrize(
    ("query", "typed", "answer"),
    [
        (CONFLICT, "r\n", Answer(Choice.REPLACE)),
        (CONFLICT, "K\n", Answer(Choice.KEEP_BOTH, for_all=True)),
        (EXISTS, "\nx\ns\n", Answer(Choice.SKIP)),
        (ERROR, "r\nt\n", Answer(Choice.RETRY)),
        (ERROR, "S\n", Answer(Choice.SKIP, for_all=True)),
        (CONFLICT, "q\n", None),
        (CONFLICT, "", None),
    ],
)
def test_a_person_answers_by_a_letter(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, query: Query, typed: str, answer: Answer | None
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    queries = TerminalQueries(Following(1, "adding"))
    if answer is None:
        with pytest.raises(Cancelled):
            queries.ask(query, CancelToken())
    else:
        assert queries.ask(query, CancelToken()) == answer
    said = capsys.readouterr().err
    assert "a.png" in said
    if query is not ERROR:
        assert "1,234 bytes" in said
        assert "k: keep both, as a (2).png" in said
