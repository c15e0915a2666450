"""Files and folders as a person gives them, to files with the names they get in an archive."""

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


class Source(NamedTuple):
    """A file on disk, and the name that it gets in an archive."""

    path: Path
    name: str


def collect(paths: Iterable[Path | Source]) -> list[Source]:
    """The files of paths, with a name for each that no other has.

    A Source is named as it says. A file is named as it is; what is in a folder begins with the
    folder's name. Folders are gone through in order, without hidden files, the desktop's
    litter, archives, and folders that are links. A path that cannot be looked into comes back
    as it is: whoever reads it meets the error.
    """
    found: list[Source] = []
    taken: set[str] = set()
    for path in paths:
        for file, parts in _files(path):
            name = free_name(_name(parts), taken.__contains__)
            taken.add(name)
            found.append(Source(file, name))
    return found


def into(folder: str, paths: Iterable[Path]) -> list[Path | Source]:
    """The paths, to be named below a folder of the archive, "" being that which holds all."""
    if not folder:
        return list(paths)
    found: list[Path | Source] = []
    for path in paths:
        named = path.resolve() if path.name in ("", "..") else path
        found.append(Source(path, f"{folder}/{named.name}" if named.name else folder))
    return found


def _files(path: Path | Source) -> Iterator[tuple[Path, tuple[str, ...]]]:
    if isinstance(path, Source):
        parts = tuple(path.name.split("/"))
        yield from _inside(path.path, parts) if path.path.is_dir() else [(path.path, parts)]
        return
    path = Path(path)
    # ".", ".." and "folder/.." have names only once they are resolved.
    named = path.resolve() if path.name in ("", "..") else path
    if os.path.isdir(path):  # Path.is_dir raises where the path is too long
        yield from _inside(path, (named.name,) if named.name else ())
    else:
        yield path, (named.name,)


def _inside(folder: Path, parts: tuple[str, ...]) -> Iterator[tuple[Path, tuple[str, ...]]]:
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
        elif not entry.is_dir():
            yield Path(entry), (*parts, entry.name)


def _name(parts: tuple[str, ...]) -> str:
    try:
        return archive_name(parts)
    except HostileNameError:  # too long: adding it will say so
        return "/".join(shown(part) for part in parts) or "/"


def free_name(name: str, is_taken: Callable[[str], bool]) -> str:
    """The name, with a number before its suffix where another file has it."""
    path, number = PurePosixPath(name), 2
    while is_taken(name):
        name = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        number += 1
    return name
