"""A temporary folder for what was taken out of archives, from which it can be put back."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from core.errors import UnwritableFileError

_PREFIX = "floe-shelf-"
_LOCK = "lock"


class Shelf:
    """Paths for parcels: archives of what Archive.exchange has taken out.

    The folder is removed when the shelf is closed; those of killed programs are removed when the
    next shelf is opened. Thread-safe; a context manager.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """A shelf below a folder, or below the system's own for temporary files.

        Raises UnwritableFileError.
        """
        parent = Path(tempfile.gettempdir()) if folder is None else folder
        try:
            parent.mkdir(parents=True, exist_ok=True)
            _sweep(parent)
            self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        except OSError as error:
            raise UnwritableFileError(
                parent, f"nothing can be kept here for undoing ({error.strerror or error})"
            ) from error
        self._numbers = itertools.count(1)
        self._next = threading.Lock()
        # Locked to the end, so that the folder is not taken for one of a killed program.
        self._held = _lock(self.folder)

    def parcel(self) -> Path:
        """A new path."""
        with self._next:
            return self.folder / f"{next(self._numbers)}.floe"

    def close(self) -> None:
        """Remove all parcels. May be called again."""
        self._held.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _lock(folder: Path) -> sqlite3.Connection:
    """A lock by SQLite: it works on every system, and ends with the program."""
    connection = sqlite3.connect(
        folder / _LOCK, timeout=0, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _sweep(parent: Path) -> None:
    """Remove the shelves of programs that were killed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        # A new one that is not locked yet has no lock file.
        if not os.path.exists(folder / _LOCK):
            continue
        with suppress(OSError, sqlite3.Error):
            _lock(folder).close()
            shutil.rmtree(folder)
