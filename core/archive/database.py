"""The SQLite connection of an archive; every SQLite error becomes one that names the archive."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from core.errors import (
    ArchiveBusyError,
    DamagedArchiveError,
    FloeError,
    NotAnArchiveError,
    UnreadableFileError,
    UnwritableFileError,
)

#: A row as SQLite returns it.
Row = tuple[Any, ...]


class Database:
    """A path and the connection to it. To be used from the thread that opened it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, *values: object) -> list[Row]:
        """All rows of a query. Raises DamagedArchiveError, UnreadableFileError and the like."""
        with self._reading():
            try:
                return self._connection.execute(sql, values).fetchall()
            except UnicodeEncodeError:  # lone surrogates: no text in the file has them
                return []

    def scan(self, sql: str, *values: object) -> Iterator[Row]:
        """The rows of a query one by one; what comes before a damaged page is returned."""
        with self._reading():
            yield from self._connection.execute(sql, values)

    def next_id(self, table: str) -> int:
        """An id above all that a table has. Raises DamagedArchiveError."""
        ((number,),) = self.rows(f"SELECT ifnull(max(id), 0) + 1 FROM {table}")
        if not isinstance(number, int):  # beyond 64 bits SQLite continues in floating point
            raise DamagedArchiveError(self.path, "the archive holds impossible numbers")
        return number

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes made inside, or none of them.

        Raises ArchiveBusyError, UnwritableFileError and DamagedArchiveError.
        """
        with sqlite_errors(self.path, writing=True):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # After some errors SQLite has rolled back already.
                if self._connection.in_transaction:
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise

    def change(self, sql: str, *values: object) -> None:
        """Runs a statement inside a transaction, which translates its errors."""
        self._connection.execute(sql, values)

    def change_many(self, sql: str, rows: Iterable[Row]) -> None:
        """Runs a statement for each row inside a transaction."""
        self._connection.executemany(sql, rows)

    def shrink(self) -> None:
        """Returns free pages to the file system. Raises sqlite3.Error."""
        # execute() would stop after the first page: this pragma returns a row without columns
        # for each page, and rows without columns are not fetched.
        self._connection.executescript("PRAGMA incremental_vacuum")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with sqlite_errors(self.path, writing=False):
            yield


@contextmanager
def sqlite_errors(path: Path, *, writing: bool) -> Iterator[None]:
    """Translates SQLite's errors into Floe's."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, path, writing) from error
    except OverflowError as error:
        raise DamagedArchiveError(path, "the archive holds impossible numbers") from error


def _translated(error: sqlite3.Error, path: Path, writing: bool) -> FloeError:
    # The lowest byte is the primary code; the others say where it happened.
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ArchiveBusyError(path, "another program is writing to the archive: try again")
    if code == sqlite3.SQLITE_FULL:
        return UnwritableFileError(path, "no space is left for the archive")
    if code == sqlite3.SQLITE_READONLY:
        if not writing:
            return UnreadableFileError(
                path,
                "the archive was left in the middle of a change, and cannot be put in order "
                "because it or its folder is not writable",
            )
        return UnwritableFileError(path, "no permission to write to the archive or its folder")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM):
        if writing:
            return UnwritableFileError(path, f"the archive cannot be written ({error})")
        return UnreadableFileError(path, f"the archive cannot be read ({error})")
    if code == sqlite3.SQLITE_NOTADB:
        return NotAnArchiveError(path, "not a Floe archive")
    return DamagedArchiveError(path, f"the archive is damaged ({error})")
