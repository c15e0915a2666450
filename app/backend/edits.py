"""Edits of an archive, each with its undo. They are slow: call them on a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import core.archive
from core.archive.entry import Entry
from core.archive.shelf import Shelf
from core.errors import UnwritableFileError

#: The old and new names of entries and folders.
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Edit:
    """The effect of an edit."""

    gone: Sequence[str]  #: names of entries and folders that were removed, first of all
    came: Sequence[Entry]  #: entries that were then added or replaced
    made: Sequence[str]  #: folders that were made
    undo: Undo
    kept: Sequence[Path] = ()  #: the files that undoing needs


#: Undoing is an edit, too.
Undo = Callable[[], Edit]


class Edits(Protocol):
    """All edits of archives that can be undone."""

    def new_folder(self, archive: Path, name: str) -> Edit: ...

    def rename(self, archive: Path, pairs: Pairs) -> Edit: ...

    def remove(self, archive: Path, names: Sequence[str]) -> Edit: ...

    def undo_adding(
        self, archive: Path, names: Sequence[str], replaced: Sequence[Path]
    ) -> Edit: ...

    def forget(self, kept: Sequence[Path]) -> None: ...


class CoreEdits:
    """Edits by :mod:`core`. Removed entries wait on a shelf until the program ends."""

    def __init__(self, folder: Path | None = None) -> None:
        """The shelf is made below ``folder``, else in the system's temporary folder."""
        self._folder = folder
        self._making = threading.Lock()
        self._shelf: Shelf | None = None

    def shelf(self) -> Shelf:
        """The shelf, made on first use. Raises UnwritableFileError."""

        with self._making:
            if self._shelf is None:
                try:
                    self._shelf = Shelf(self._folder)
                except UnwritableFileError:
                    if self._folder is None:
                        raise
                    self._shelf = Shelf()  # no reason to refuse the edit
            return self._shelf

    def close(self) -> None:
        """Remove what is kept for undoing."""
        with self._making:
            if self._shelf is not None:
                self._shelf.close()
            self._shelf = None

    def forget(self, kept: Sequence[Path]) -> None:
        """Delete the files of edits that will not be undone any more."""
        for path in kept:
            with suppress(OSError):  # it is deleted with the shelf
                path.unlink()

    def new_folder(self, archive: Path, name: str) -> Edit:
        """Make an empty folder."""
        with _opened(archive) as opened:
            name = opened.new_folder(name)
        return Edit([], [], [name], partial(self.remove, archive, [name]))

    def rename(self, archive: Path, pairs: Pairs) -> Edit:
        """Give entries and folders new names, all or none."""
        with _opened(archive) as opened:
            before = set(opened.folders())
            renamed = opened.rename(*pairs)
            came = [opened.entry(new) for _, new in renamed]
            after = opened.folders()
        gone = [old for old, _ in renamed] + [old for old, _ in pairs]
        made = [name for name in after if name not in before]
        back = [(new, old) for old, new in reversed(pairs)]
        return Edit(gone, came, made, partial(self.rename, archive, back))

    def remove(self, archive: Path, names: Sequence[str]) -> Edit:
        """Remove entries and folders."""
        return self._exchange(archive, names, [])

    def undo_adding(self, archive: Path, names: Sequence[str], replaced: Sequence[Path]) -> Edit:
        """Remove what was added, and restore what it replaced."""
        return self._exchange(archive, names, replaced)

    def _exchange(self, archive: Path, names: Sequence[str], kept: Sequence[Path]) -> Edit:
        parcel = self.shelf().parcel()
        with _opened(archive) as opened:
            back = opened.exchange(names, parcel, kept)
            folders = set(opened.folders())
            found = [opened.find(name) for name in back]
        self.forget(kept)
        parcels = [parcel] if names else []
        return Edit(
            list(names),
            [entry for entry in found if entry is not None],
            [name for name in back if name in folders],
            partial(self._exchange, archive, back, parcels),
            parcels,
        )


def _opened(archive: Path) -> core.archive.Archive:
    return core.archive.Archive.open(archive, write=True)
