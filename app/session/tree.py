"""The contents of an archive as a tree of folders. No Qt in here.

The archive knows full names only; folders are their parts before the slashes, and folders that
were made by hand and may be empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from app.language import naming
from core.archive.entry import Entry
from core.archive.totals import Totals


class File:
    """An entry in its folder; stays the same object when the entry is replaced."""

    __slots__ = ("entry", "folder", "name", "path", "searched")

    def __init__(self, entry: Entry, folder: Folder) -> None:
        self.entry, self.folder = entry, folder
        self.path = entry.name  #: the full name, with forward slashes
        self.name = entry.name.rpartition("/")[2]
        self.searched = entry.name.casefold()  #: what a filter searches

    def below(self) -> Iterator[Entry]:
        """The entry itself."""
        yield self.entry


class Folder:
    """Folders and files, each by its name."""

    __slots__ = ("_totals", "files", "folder", "folders", "made", "name", "path", "searched")

    def __init__(self, path: str, parent: Folder | None) -> None:
        self.path, self.folder = path, parent
        self.name = path.rpartition("/")[2]
        self.searched = path.casefold()
        self.made = False  #: by hand: it stays even if it is empty
        self.folders: dict[str, Folder] = {}
        self.files: dict[str, File] = {}
        self._totals: dict[object, Any] = {}

    def below(self) -> Iterator[Entry]:
        """All entries inside, at any depth."""
        for folder in self.folders.values():
            yield from folder.below()
        for file in self.files.values():
            yield file.entry

    def made_below(self) -> Iterator[str]:
        """The paths of this folder and of those inside it that were made by hand."""
        if self.made:
            yield self.path
        for folder in self.folders.values():
            yield from folder.made_below()

    def items(self) -> Iterator[Item]:
        """The items directly inside."""
        yield from self.folders.values()
        yield from self.files.values()

    def items_below(self) -> Iterator[Item]:
        """All items inside, at any depth."""
        for folder in self.folders.values():
            yield folder
            yield from folder.items_below()
        yield from self.files.values()

    def total(self, key: object, fold: Callable[[Sequence[Entry]], Any]) -> Any:
        """The value of a function of all entries inside, cached until one of them changes."""
        if key not in self._totals:
            self._totals[key] = fold(list(self.below()))
        return self._totals[key]

    @property
    def totals(self) -> Totals:
        """The totals of all entries inside."""
        totals: Totals = self.total("totals", Totals.of)
        return totals

    def changed(self) -> None:
        """Drop the cached totals, here and in the parents."""
        above: Folder | None = self
        while above is not None:
            above._totals.clear()
            above = above.folder


Item = File | Folder


class Tree:
    """The tree of one archive."""

    def __init__(self, entries: Iterable[Entry] = (), folders: Iterable[str] = ()) -> None:
        self.root = Folder("", None)
        self._files: dict[str, File] = {}
        self._entries: list[Entry] | None = None
        for path in folders:
            self.make_folder(path)
        for entry in entries:
            self.put(entry)

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries in the order of the archive, read-only."""
        if self._entries is None:
            self._entries = [file.entry for file in self._files.values()]
        return self._entries

    def file(self, path: str) -> File | None:
        """The file of this full name."""
        return self._files.get(path)

    def folder(self, path: str) -> Folder | None:
        """The folder of this path; the empty one is the root."""
        folder: Folder | None = self.root
        for name in path.split("/") if path else ():
            folder = folder.folders.get(name) if folder is not None else None
        return folder

    def nearest(self, path: str) -> Folder:
        """The folder of this path, or its nearest existing parent."""
        folder = self.root
        for name in path.split("/") if path else ():
            if name not in folder.folders:
                break
            folder = folder.folders[name]
        return folder

    def put(self, entry: Entry) -> File:
        """Add an entry, or replace the one of this name."""
        self._entries = None
        file = self._files.get(entry.name)
        if file is not None:
            file.entry = entry
        else:
            folder = self._way_to(entry.name.rpartition("/")[0])
            file = File(entry, folder)
            self._files[entry.name] = folder.files[file.name] = file
        file.folder.changed()
        return file

    def make_folder(self, path: str) -> Folder:
        """Make a folder that stays even if it is empty."""
        folder = self._way_to(path)
        folder.made = True
        return folder

    def remove(self, path: str) -> None:
        """Remove an entry, and the folders that are empty without it."""
        file = self._files.pop(path)
        self._entries = None
        del file.folder.files[file.name]
        file.folder.changed()
        self._prune(file.folder)

    def remove_folder(self, path: str) -> None:
        """Remove a folder that was made, and those inside; folders with entries stay."""
        folder = self.folder(path)
        if folder is None or folder is self.root:
            return
        inside = [item for item in folder.items_below() if isinstance(item, Folder)]
        for each in (folder, *inside):
            each.made = False
        for each in (folder, *inside)[::-1]:  # the innermost come last
            if self.folder(each.path) is each:
                self._prune(each)

    def _way_to(self, path: str) -> Folder:
        """The folder of this path, made if missing."""
        folder = self.root
        for name in path.split("/") if path else ():
            if name not in folder.folders:
                path = naming.inside(folder.path, name)
                folder.folders[name] = Folder(path, folder)
            folder = folder.folders[name]
        return folder

    def _prune(self, folder: Folder) -> None:
        while folder.folder is not None and not (folder.made or folder.folders or folder.files):
            del folder.folder.folders[folder.name]
            folder = folder.folder
