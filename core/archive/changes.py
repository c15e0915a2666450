"""Changes of an archive: names, folders, entries taken out and put back.

Each can be undone by another one: a rename by the reverse rename, and taking out by putting
back. A name stands for its entry or folder and for everything below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core.archive.database import Database, Row
from core.archive.names import folders_above, shown, typed_name
from core.archive.opening import create_database, open_database
from core.archive.tables import Tables
from core.errors import (
    DamagedArchiveError,
    EntryError,
    EntryExistsError,
    NoSuchEntryError,
    UnwritableFileError,
)


class Changes:
    """Changes of several tables of an open archive, always inside a transaction."""

    def __init__(self, database: Database, tables: Tables) -> None:
        self._path = database.path
        self._entries, self._folders = tables.entries, tables.folders
        self._models = tables.models

    def check_free(self, name: str) -> None:
        """Raises EntryExistsError where no entry or folder of this name can be made."""
        if self._entries.has(name):
            raise EntryExistsError(shown(name), "the archive has an entry of this name already")
        if self._entries.below(name) or self._folders.at_or_below(name):
            raise EntryExistsError(shown(name), "the archive has a folder of this name already")
        for above in folders_above(name):
            if self._entries.has(above):
                raise EntryExistsError(shown(above), "this is a file and cannot contain others")

    def new_folder(self, name: str) -> str:
        """Make an empty folder and return its name. Raises EntryExistsError, HostileNameError."""
        name = typed_name(name)
        self.check_free(name)
        self._folders.insert(name)
        return name

    def rename(self, old: str, new: str) -> list[tuple[str, str]]:
        """Rename an entry or a folder, and return the old and new names of entries.

        Raises NoSuchEntryError, HostileNameError, EntryExistsError, DamagedEntryError, and
        EntryError where a folder would come into itself.
        """
        new = typed_name(new)
        if new == old:
            return []
        if new.startswith(f"{old}/"):
            raise EntryError(shown(old), "a folder cannot be moved into itself")
        names, folders = self._found([old])
        self.check_free(new)
        pairs = [(name, typed_name(new + name.removeprefix(old))) for name in names]
        for pair in pairs:
            self._entries.rename(*pair)
        for number, name, _ in folders:
            self._folders.rename(number, typed_name(new + name.removeprefix(old)))
        return pairs

    def remove(self, names: Iterable[str]) -> None:
        """Delete entries and folders. Raises NoSuchEntryError."""
        entries, folders = self._found(names)
        self._remove(entries, folders)
        self._models.drop_unused()

    def take(self, names: Iterable[str], parcel: Path) -> None:
        """Move entries and folders as they are, damaged ones too, into a new archive.

        Raises NoSuchEntryError, and UnwritableFileError and DamagedArchiveError if something
        cannot be moved.
        """
        entries, folders = self._found(names)
        with self._keeping_in(parcel):
            create_database(parcel)
            # A parcel need not survive the program, nor a power cut.
            with closing(open_database(parcel, write=True, durable=False)) as database:
                other = Tables.of(database)
                with database.transaction():
                    for name in entries:
                        self._entries.copy(name, other.entries)
                    self._folders.copy(folders, other.folders)
                self._remove(entries, folders)
                with database.transaction():
                    self._models.copy_unused(other.models)
        self._models.drop_unused()

    def put_back(self, parcel: Path) -> list[str]:
        """Copy all of a parcel to where it was, and return the names of entries and folders.

        Raises EntryExistsError if a name has been taken meanwhile.
        """
        with closing(open_database(parcel, write=False)) as database:
            other = Tables.of(database)
            names = other.entries.names()
            for name in names:
                self.check_free(name)
                other.entries.copy(name, self._entries)
            folders = other.folders.rows()
            other.folders.copy(folders, self._folders)
            other.models.copy_all(self._models)
        return names + [name for _, name, _ in folders]

    def _found(self, names: Iterable[str]) -> tuple[list[str], list[Row]]:
        """The entries and folders that names stand for, each once."""
        entries: dict[str, None] = {}
        folders: dict[Row, None] = {}
        for name in names:
            found = [name] if self._entries.has(name) else []
            found += self._entries.below(name)
            made = self._folders.at_or_below(name)
            if not found and not made:
                raise NoSuchEntryError(shown(name), "the archive has no entry of this name")
            entries.update(dict.fromkeys(found))
            folders.update(dict.fromkeys(made))
        return list(entries), list(folders)

    def _remove(self, entries: Iterable[str], folders: Iterable[Row]) -> None:
        for name in entries:
            self._entries.remove(name)
        self._folders.remove(folders)

    @contextmanager
    def _keeping_in(self, parcel: Path) -> Iterator[None]:
        """Say what went wrong with a parcel in terms of its purpose."""
        try:
            yield
        except UnwritableFileError as error:
            if error.path != parcel:
                raise
            raise UnwritableFileError(
                parcel.parent,
                f"what is removed cannot be kept here for undoing ({error.reason}): make room, "
                "remove less at a time, or remove it for good with floe remove",
            ) from error
        except DamagedArchiveError as error:
            if error.path != parcel:
                raise
            raise DamagedArchiveError(
                self._path,
                "the rows of these entries are too damaged to be put back later: remove them for "
                "good with floe remove",
            ) from error
