"""Files and folders that a user gives, as files with the names they get in an archive.

Whatever is in a folder goes in: images, other files, hidden ones, empty folders. Left out, and
named, is what no archive needs.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from core.archive.names import archive_name, shown
from core.errors import HostileNameError

#: What desktops leave in folders and make again, in lower case.
_DROPPINGS = frozenset(
    {
        *(".ds_store", ".localized", ".apdisk", "icon\r", "__macosx", ".spotlight-v100"),
        *(".fseventsd", ".trashes", ".temporaryitems", ".documentrevisions-v100"),
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "$recycle.bin"),
        *("system volume information", ".directory", ".thumbnails"),
    }
)

_ARCHIVES = (".floe", ".floe-journal")

#: The parts of a name in an archive.
_Parts = tuple[str, ...]


class Source(NamedTuple):
    """A file or an empty folder on disk, and the name that it gets in an archive."""

    path: Path
    name: str

    @property
    def n_bytes(self) -> int:
        """The size of the file now; 0 if it cannot be read."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0


class LeftOut(NamedTuple):
    """Something in a folder that does not go in, and a few words why."""

    path: Path
    reason: str


#: Called with each thing that is left out.
OnLeftOut = Callable[[LeftOut], object]


def _ignore(_: LeftOut) -> None:
    pass


def plan(paths: Iterable[Path], into: str = "", on_left_out: OnLeftOut = _ignore) -> list[Source]:
    """The files of paths, each with a name of its own below the folder ``into`` of the archive.

    A file keeps its name; the names of what is in a folder begin with the folder's name. Folders
    are read in order, without the droppings of desktops, archives, links to folders and what is
    no file. A folder of which nothing goes in is returned itself, for the archive to have it as
    an empty one, and so is one that cannot be read: adding it reports the error. What is named
    itself is never left out.
    """
    above: _Parts = tuple(into.split("/")) if into else ()
    return _named(file for path in paths for file in _files(Path(path), above, on_left_out))


def plan_again(sources: Iterable[Source], on_left_out: OnLeftOut = _ignore) -> list[Source]:
    """Sources that failed, for another attempt: folders that could not be read are read again."""
    return _named(
        file
        for source in sources
        for file in _at(source.path, tuple(source.name.split("/")), on_left_out)
    )


def _named(files: Iterable[tuple[Path, _Parts]]) -> list[Source]:
    found: list[Source] = []
    taken: set[str] = set()
    for path, parts in files:
        name = _name(parts)
        if name in taken and os.path.isdir(path):
            continue  # two empty folders are one
        name = free_name(name, taken.__contains__)
        taken.add(name)
        found.append(Source(path, name))
    return found


def _files(path: Path, above: _Parts, on_left_out: OnLeftOut) -> Iterator[tuple[Path, _Parts]]:
    # ".", ".." and "folder/.." have names only once they are resolved.
    named = path.resolve() if path.name in ("", "..") else path
    return _at(path, (*above, named.name) if named.name else above, on_left_out)


def _at(path: Path, parts: _Parts, on_left_out: OnLeftOut) -> Iterator[tuple[Path, _Parts]]:
    # Path.is_dir raises where the path is too long.
    return _inside(path, parts, on_left_out) if os.path.isdir(path) else iter([(path, parts)])


def _inside(folder: Path, parts: _Parts, on_left_out: OnLeftOut) -> Iterator[tuple[Path, _Parts]]:
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        yield folder, parts
        return
    is_empty = True
    for entry in listed:
        if reason := _why_left_out(entry):
            on_left_out(LeftOut(Path(entry), reason))
            continue
        is_empty = False
        if entry.is_dir(follow_symlinks=False):
            yield from _inside(Path(entry), (*parts, entry.name), on_left_out)
        else:
            yield Path(entry), (*parts, entry.name)
    if is_empty and parts:
        yield folder, parts


def _why_left_out(entry: os.DirEntry[str]) -> str | None:
    name = entry.name.lower()
    if name in _DROPPINGS:
        return "a file of the desktop"
    if name.endswith(_ARCHIVES):
        return "a Floe archive"
    try:
        mode = entry.stat().st_mode
    except OSError:  # gone meanwhile, not to be reached, or a link to nothing
        return "a link to nothing" if entry.is_symlink() else None
    if entry.is_symlink() and stat.S_ISDIR(mode):
        return "a link to a folder"
    return None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "a pipe, socket or device"


def _name(parts: _Parts) -> str:
    try:
        return archive_name(parts)
    except HostileNameError:  # too long: adding it reports that
        return "/".join(shown(part) for part in parts) or "/"


def free_name(name: str, is_taken: Callable[[str], bool]) -> str:
    """The name, with a number before its suffix if the name is taken."""
    path, number = PurePosixPath(name), 2
    while is_taken(name):
        name = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        number += 1
    return name
