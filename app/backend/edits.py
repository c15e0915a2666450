"""Changes of an archive, each with what undoes it. They are slow: called on a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.archive.archive import Archive
    from core.archive.entry import Entry
    from core.archive.shelf import Shelf

#: The old and new names of entries and folders.
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Edit:
    """What a change did."""

    gone: Sequence[str]  #: names of entries and folders that are no more; first these went
    came: Sequence[Entry]  #: then these came,
    made: Sequence[str]  #: and these folders
    undo: Undo
    kept: Sequence[Path] = ()  #: the files from which undoing puts back


#: What undoes a change is a change itself.
Undo = Callable[[], Edit]


class Edits(Protocol):
    """All changes of archives that can be undone."""

    def new_folder(self, archive: Path, name: str) -> Edit: ...

    def rename(self, archive: Path, pairs: Pairs) -> Edit: ...

    def remove(self, archive: Path, names: Sequence[str]) -> Edit: ...

    def undo_adding(
        self, archive: Path, names: Sequence[str], replaced: Sequence[Path]
    ) -> Edit: ...

    def forget(self, kept: Sequence[Path]) -> None: ...


class CoreEdits:
    """Changes by :mod:`core`. What is taken out waits on a shelf until the program ends."""

    def __init__(self, folder: Path | None = None) -> None:
        """The shelf is made below a folder, else where the system has its temporary files."""
        self._folder = folder
        self._making = threading.Lock()
        self._shelf: Shelf | None = None

    def shelf(self) -> Shelf:
        """The shelf, made on first use. Raises UnwritableFileError."""
        from core.archive.shelf import Shelf
        from core.errors import UnwritableFileError

        with self._making:
            if self._shelf is None:
                try:
                    self._shelf = Shelf(self._folder)
                except UnwritableFileError:
                    if self._folder is None:
                        raise
                    self._shelf = Shelf()  # no reason to refuse what is asked for
            return self._shelf

    def close(self) -> None:
        """Removes what is kept for undoing."""
        with self._making:
            if self._shelf is not None:
                self._shelf.close()
            self._shelf = None

    def forget(self, kept: Sequence[Path]) -> None:
        """Gives back the space of what will not be put back any more."""
        for path in kept:
            with suppress(OSError):  # it goes with the shelf
                path.unlink()

    def new_folder(self, archive: Path, name: str) -> Edit:
        """Makes an empty folder."""
        with _opened(archive) as opened:
            name = opened.new_folder(name)
        return Edit([], [], [name], partial(self.remove, archive, [name]))

    def rename(self, archive: Path, pairs: Pairs) -> Edit:
        """Gives entries and folders new names, all or none."""
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
        """Takes entries and folders out."""
        return self._exchange(archive, names, [])

    def undo_adding(self, archive: Path, names: Sequence[str], replaced: Sequence[Path]) -> Edit:
        """Takes out what was added, and puts back what it replaced."""
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


def _opened(archive: Path) -> Archive:
    from core.archive.archive import Archive

    return Archive.open(archive, write=True)
