"""What is in an archive as a tree of folders. No Qt in here.

The archive itself knows full names only; folders are what these have before their slashes, and
those that were made by hand and may be empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.archive.entry import Entry


class File:
    """An entry in its place; stays the same object when the entry is replaced."""

    __slots__ = ("entry", "folder", "name", "path", "searched")

    def __init__(self, entry: Entry, folder: Folder) -> None:
        self.entry, self.folder = entry, folder
        self.path = entry.name  #: the full name, with forward slashes
        self.name = entry.name.rpartition("/")[2]
        self.searched = entry.name.casefold()  #: what a filter looks in

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
        self.made = False  #: by hand: it stays when it is empty
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
        """What is directly inside."""
        yield from self.folders.values()
        yield from self.files.values()

    def items_below(self) -> Iterator[Item]:
        """What is inside at any depth."""
        for folder in self.folders.values():
            yield folder
            yield from folder.items_below()
        yield from self.files.values()

    def total(self, key: object, fold: Callable[[Sequence[Entry]], Any]) -> Any:
        """What a function says of all entries inside; remembered until one of them changes."""
        if key not in self._totals:
            self._totals[key] = fold(list(self.below()))
        return self._totals[key]

    def changed(self) -> None:
        """Forgets the totals, here and above."""
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
        """All of them, in the order of the archive; not to be changed."""
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
        """The folder of this path, or what is left of the way there."""
        folder = self.root
        for name in path.split("/") if path else ():
            if name not in folder.folders:
                break
            folder = folder.folders[name]
        return folder

    def put(self, entry: Entry) -> File:
        """Adds an entry, or replaces the one of this name."""
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
        """A folder that stays when it is empty."""
        folder = self._way_to(path)
        folder.made = True
        return folder

    def remove(self, path: str) -> None:
        """Takes out an entry, and the folders that only it had kept."""
        file = self._files.pop(path)
        self._entries = None
        del file.folder.files[file.name]
        file.folder.changed()
        self._prune(file.folder)

    def remove_folder(self, path: str) -> None:
        """Forgets a folder that was made, and those inside; what holds entries stays."""
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
        """The folder of this path, made where it is not there."""
        folder = self.root
        for name in path.split("/") if path else ():
            if name not in folder.folders:
                inside = f"{folder.path}/{name}" if folder.path else name
                folder.folders[name] = Folder(inside, folder)
            folder = folder.folders[name]
        return folder

    def _prune(self, folder: Folder) -> None:
        while folder.folder is not None and not (folder.made or folder.folders or folder.files):
            del folder.folder.folders[folder.name]
            folder = folder.folder
