"""Files and folders that a user gives, as files with the names they get in an archive."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from core.archive.names import archive_name, shown
from core.errors import HostileNameError

#: What desktops leave in folders, in lower case; hidden files are left out as well.
_LITTER = frozenset({"thumbs.db", "desktop.ini", "icon\r", "__macosx"})

_ARCHIVES = (".floe", ".floe-journal")

#: The parts of a name in an archive.
_Parts = tuple[str, ...]


class Source(NamedTuple):
    """A file on disk, and the name that it gets in an archive."""

    path: Path
    name: str

    @property
    def n_bytes(self) -> int:
        """The size of the file now; 0 if it cannot be read."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0


def plan(paths: Iterable[Path], into: str = "") -> list[Source]:
    """The files of paths, each with a name of its own below the folder ``into`` of the archive.

    A file keeps its name; the names of what is in a folder begin with the folder's name. Folders
    are read in order, without hidden files, the desktop's litter, archives, and links to
    folders. A folder that cannot be read is returned itself: adding it reports the error.
    """
    above: _Parts = tuple(into.split("/")) if into else ()
    return _named(file for path in paths for file in _files(Path(path), above))


def plan_again(sources: Iterable[Source]) -> list[Source]:
    """Sources that failed, for another attempt: folders that could not be read are read again."""
    return _named(
        file for source in sources for file in _at(source.path, tuple(source.name.split("/")))
    )


def _named(files: Iterable[tuple[Path, _Parts]]) -> list[Source]:
    found: list[Source] = []
    taken: set[str] = set()
    for path, parts in files:
        name = free_name(_name(parts), taken.__contains__)
        taken.add(name)
        found.append(Source(path, name))
    return found


def _files(path: Path, above: _Parts) -> Iterator[tuple[Path, _Parts]]:
    # ".", ".." and "folder/.." have names only once they are resolved.
    named = path.resolve() if path.name in ("", "..") else path
    return _at(path, (*above, named.name) if named.name else above)


def _at(path: Path, parts: _Parts) -> Iterator[tuple[Path, _Parts]]:
    # Path.is_dir raises where the path is too long.
    return _inside(path, parts) if os.path.isdir(path) else iter([(path, parts)])


def _inside(folder: Path, parts: _Parts) -> Iterator[tuple[Path, _Parts]]:
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        yield folder, parts
        return
    for entry in listed:
        lower = entry.name.lower()
        if lower.startswith(".") or lower in _LITTER or lower.endswith(_ARCHIVES):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _inside(Path(entry), (*parts, entry.name))
        elif not os.path.isdir(entry):  # entry.is_dir() raises for a link in a circle
            yield Path(entry), (*parts, entry.name)


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
