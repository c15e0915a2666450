"""Floe on the desktop: menu entry, icons and the file type of .floe files.

Files below ``XDG_DATA_HOME`` by the rules of freedesktop.org, for Linux and the BSDs; the desktop's
own tools take note of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from core.errors import FloeError, UnwritableFileError

#: The name of the menu entry, by which a desktop assigns windows to it.
DESKTOP_ID = "org.floe.Floe"
MIME_ICON = "application-x-floe"

_RESERVED = set("\"`$\\ \t\n'<>~|&;*?#()")


class NoDesktopEntriesError(FloeError):
    """This system registers programs and file types in another way."""


@dataclass
class Outcome:
    """What was done, for the user."""

    changed: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def data_home() -> Path:
    """Where the user's own programs are registered."""
    given = os.environ.get("XDG_DATA_HOME", "")
    return Path(given) if os.path.isabs(given) else Path.home() / ".local" / "share"


def install(base: Path, command: Sequence[str], *, refresh: bool = True) -> Outcome:
    """Write menu entry, file type and icons below ``base``; files of earlier versions are replaced.

    ``command`` starts the program. ``refresh`` runs the desktop's tools, so that it takes note.
    Raises UnwritableFileError.
    """
    _check_system()
    outcome = Outcome()
    for source, target in _places(base):
        content = source.read_bytes()
        if target.suffix == ".desktop":
            content = entry_for(content.decode(), command).encode()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            raise UnwritableFileError(target, error.strerror or str(error)) from error
        outcome.changed.append(target)
    if refresh:
        outcome.notes += _refresh(base)
    return outcome


def uninstall(base: Path) -> Outcome:
    """Remove the files of :func:`install`. Raises UnwritableFileError."""
    _check_system()
    outcome = Outcome()
    for _, target in _places(base):
        try:
            target.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UnwritableFileError(target, error.strerror or str(error)) from error
        outcome.changed.append(target)
    outcome.notes += _refresh(base)
    return outcome


def this_command() -> list[str]:
    """The command that starts this installation from anywhere, virtual environments included."""
    script = Path(sys.executable).with_name("floe")
    if os.access(script, os.X_OK):
        return [str(script)]
    found = shutil.which("floe")
    return [found] if found else [sys.executable, "-m", "app.cli"]


def entry_for(text: str, command: Sequence[str]) -> str:
    """The text of a menu entry with the command of this installation."""
    lines = []
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "Exec":
            arguments = value.split()[1:]
            line = f"Exec={' '.join([*map(_quoted, command), *arguments])}"
        elif key == "TryExec":
            line = f"TryExec={_escaped(command[0])}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def _quoted(argument: str) -> str:
    """An argument of ``Exec``: quoted as for a shell, and escaped as all values are."""
    argument = argument.replace("%", "%%")
    if _RESERVED & set(argument):
        for character in '\\"`$':
            argument = argument.replace(character, f"\\{character}")
        argument = f'"{argument}"'
    return _escaped(argument)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _places(base: Path) -> Iterator[tuple[Path, Path]]:
    """Source and target of each file."""
    ours = Path(str(files("resources"))) / "desktop"
    for name, folder in (
        (f"{DESKTOP_ID}.desktop", "applications"),
        (f"{DESKTOP_ID}.metainfo.xml", "metainfo"),
    ):
        yield ours / name, base / folder / name
    yield ours / f"{DESKTOP_ID}.mime.xml", base / "mime" / "packages" / f"{DESKTOP_ID}.xml"
    icons = base / "icons" / "hicolor"
    for name, kind in ((DESKTOP_ID, "apps"), (MIME_ICON, "mimetypes")):
        yield ours / f"{name}.svg", icons / "scalable" / kind / f"{name}.svg"
        for picture in sorted((ours / "png").glob(f"*/{name}.png")):
            size = picture.parent.name
            yield picture, icons / f"{size}x{size}" / kind / f"{name}.png"


def _refresh(base: Path) -> list[str]:
    """Run the desktop's tools; a missing one gives a note."""
    notes = []
    for tool, folder in (
        ("update-mime-database", base / "mime"),
        ("update-desktop-database", base / "applications"),
    ):
        if not folder.is_dir():
            continue
        program = shutil.which(tool)
        if program is None:
            notes.append(f"{tool} is not installed: the desktop may notice only at the next login")
            continue
        done = subprocess.run([program, str(folder)], capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            notes.append(f"{tool} failed: {said[-1] if said else f'status {done.returncode}'}")
    icons = base / "icons" / "hicolor"
    if icons.is_dir():
        os.utime(icons)  # desktops look at the folder's time
    return notes


def _check_system() -> None:
    if sys.platform == "win32":
        raise NoDesktopEntriesError(
            "Windows has no desktop entries, and nothing was changed. To open archives by a double "
            'click: right-click a .floe file, "Open with", and choose floe.exe; to have Floe in '
            "the Start menu, make a shortcut to floe.exe there."
        )
    if sys.platform == "darwin":
        raise NoDesktopEntriesError(
            "macOS has no desktop entries, and nothing was changed. It knows file types only of "
            "programs that come as an .app bundle, which Floe does not yet; open archives by "
            "`floe holiday.floe` or by dropping them on the window."
        )
