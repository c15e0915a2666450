"""What the desktop is told, read by the desktop's own tools where they are there."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib.resources import files
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from typer.testing import CliRunner

from app.cli.main import cli
from app.start import desktop_entry
from app.start.desktop_entry import DESKTOP_ID, NoDesktopEntriesError
from core.archive import Archive
from tools import icon_files

_OURS = Path(str(files("resources"))) / "desktop"
_linux = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="of Linux alone")


def read_entry(text: str) -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(delimiters="=", strict=True)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(text)
    return parser["Desktop Entry"]


def installed(base: Path) -> list[Path]:
    return [path for path in base.rglob("*") if path.is_file()]


def test_the_menu_entry_is_one() -> None:
    text = (_OURS / f"{DESKTOP_ID}.desktop").read_text()
    entry = read_entry(text)
    assert entry["Type"] == "Application"
    assert entry["Exec"] == "floe gui %F"
    assert entry["Icon"] == DESKTOP_ID
    assert entry["MimeType"] == "application/x-floe;"
    for key in ("Categories", "Keywords", "Keywords[de]"):
        assert entry[key].endswith(";")
    assert not [key for key in entry if key.endswith("[de]") and key[:-4] not in entry]


@pytest.mark.skipif(not shutil.which("desktop-file-validate"), reason="not installed")
def test_the_desktops_validator_accepts_it() -> None:
    subprocess.run(["desktop-file-validate", _OURS / f"{DESKTOP_ID}.desktop"], check=True)


def test_the_description_names_the_same_things() -> None:
    root = ElementTree.parse(_OURS / f"{DESKTOP_ID}.metainfo.xml").getroot()
    assert root.findtext("id") == DESKTOP_ID
    assert root.findtext("launchable") == f"{DESKTOP_ID}.desktop"
    assert root.findtext("provides/mediatype") == "application/x-floe"
    entry = read_entry((_OURS / f"{DESKTOP_ID}.desktop").read_text())
    assert root.findtext("summary") == entry["Comment"]


@pytest.mark.skipif(not shutil.which("appstreamcli"), reason="not installed")
def test_appstream_accepts_the_description() -> None:
    path = _OURS / f"{DESKTOP_ID}.metainfo.xml"
    subprocess.run(["appstreamcli", "validate", "--no-net", path], check=True, capture_output=True)


def test_the_icons_are_drawn_from_their_sources(qapp: object, tmp_path: Path) -> None:
    for source in _OURS.glob("*.svg"):
        ElementTree.parse(source)
        shutil.copy(source, tmp_path)
    drawn = icon_files.make(tmp_path)
    assert len(drawn) == 2 * len(icon_files.SIZES)
    for path in drawn:
        kept = QImage(str(_OURS / path.relative_to(tmp_path)))
        assert kept == QImage(str(path)), f"make icons: {path.name} was not drawn anew"
        assert kept.width() == kept.height() == int(path.parent.name)
        assert kept.pixelColor(0, 0).alpha() == 0
        assert kept.pixelColor(kept.width() // 2, kept.height() // 2).alpha() == 255


@_linux
def test_installing_twice_and_taking_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    other = tmp_path / "applications" / "other.desktop"
    other.parent.mkdir()
    other.write_text("[Desktop Entry]\n")
    for _ in range(2):
        done = CliRunner().invoke(cli, ["install-desktop"])
        assert done.exit_code == 0, done.output
        assert "21 files installed in" in done.output
    entry = read_entry((tmp_path / "applications" / f"{DESKTOP_ID}.desktop").read_text())
    program, *arguments = shlex.split(entry["Exec"])
    assert os.access(program, os.X_OK)
    assert arguments[-2:] == ["gui", "%F"]
    assert entry["TryExec"] == program
    done = CliRunner().invoke(cli, ["install-desktop", "--uninstall"])
    assert "21 files removed" in done.output
    assert not [path for path in installed(tmp_path) if "loe" in path.name]
    assert other.exists()


_WHAT_IS_IT = """
import sys
from PySide6.QtCore import QMimeDatabase
for path in sys.argv[1:]:
    kind = QMimeDatabase().mimeTypeForFile(path)
    print(kind.name(), kind.iconName())
"""


@_linux
def test_archives_are_known_by_their_name_and_by_their_first_bytes(tmp_path: Path) -> None:
    desktop_entry.install(tmp_path / "data", ["floe"])
    named, nameless, database = (tmp_path / name for name in ("a.floe", "nameless", "database"))
    named.touch()
    Archive.create(nameless).close()
    content = bytearray(nameless.read_bytes())
    content[68:72] = b"\0\0\0\0"
    database.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", _WHAT_IS_IT, named, nameless, database],
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=True,
    )
    kinds = done.stdout.splitlines()
    assert kinds[:2] == ["application/x-floe application-x-floe"] * 2
    assert "floe" not in kinds[2]


@pytest.mark.parametrize(
    ("command", "exec_line"),
    [
        (["/usr/bin/floe"], "Exec=/usr/bin/floe gui %F"),
        (["/my programs/floe"], 'Exec="/my programs/floe" gui %F'),
        (["/100%/a$b/floe"], 'Exec="/100%%/a\\\\$b/floe" gui %F'),
        (["/py", "-m", "app.cli"], "Exec=/py -m app.cli gui %F"),
    ],
)
def test_paths_in_the_menu_entry_are_quoted(command: list[str], exec_line: str) -> None:
    text = (_OURS / f"{DESKTOP_ID}.desktop").read_text()
    assert exec_line in desktop_entry.entry_for(text, command).splitlines()


@_linux
def test_missing_tools_are_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    outcome = desktop_entry.install(tmp_path, ["floe"])
    assert [note.split()[0] for note in outcome.notes] == [
        "update-mime-database",
        "update-desktop-database",
    ]


@_linux
def test_a_folder_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "applications").write_text("a file in the way")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    done = CliRunner().invoke(cli, ["install-desktop"])
    assert done.exit_code == 1
    assert str(tmp_path / "applications") in done.output


@pytest.mark.parametrize(("system", "word"), [("win32", "Open with"), ("darwin", ".app bundle")])
def test_other_systems_are_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, word: str
) -> None:
    monkeypatch.setattr(desktop_entry.sys, "platform", system)
    for action in (
        lambda: desktop_entry.install(tmp_path, ["floe"]),
        lambda: desktop_entry.uninstall(tmp_path),
    ):
        with pytest.raises(NoDesktopEntriesError, match=word):
            action()
    assert installed(tmp_path) == []
