"""The SQLite connection of an archive: it waits for others, and its errors name the archive."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from core.archive.file import ArchiveFile
from core.control import CancelToken
from core.errors import (
    ArchiveBusyError,
    DamagedArchiveError,
    FloeError,
    NotAnArchiveError,
    UnreadableFileError,
    UnwritableFileError,
)

T = TypeVar("T")

#: A row as SQLite returns it.
Row = tuple[Any, ...]

#: How long to wait for another program that has locked the archive: to read, and to write what
#: may have taken minutes to code. Cancelling ends the wait.
READ_SECONDS = 20.0
WRITE_SECONDS = 300.0

#: How long SQLite itself waits, between two looks at the cancel token.
WAKE_SECONDS = 0.1


class Database:
    """A path and the connection to it. To be used from the thread that opened it."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        file: ArchiveFile,
        cancel: CancelToken | None = None,
    ) -> None:
        """Own the connection and one use of the file. ``cancel`` ends all waiting."""
        self.path = path
        self._absolute = Path(os.path.abspath(path))
        self._connection, self._file = connection, file
        self._cancel = cancel or CancelToken()

    def close(self) -> None:
        self._connection.close()
        self._file.close()

    @property
    def file_bytes(self) -> int:
        """The length of the file."""
        return self._file.n_bytes

    def rows(self, sql: str, *values: object) -> list[Row]:
        """All rows of a query. Raises DamagedArchiveError, UnreadableFileError and the like."""
        with self._reading():
            try:
                return self._execute(sql, values, READ_SECONDS).fetchall()
            except UnicodeEncodeError:  # lone surrogates: no text in the file has them
                return []

    def scan(self, sql: str, *values: object) -> Iterator[Row]:
        """The rows of a query one by one; what comes before a damaged page is returned."""
        with self._reading():
            yield from self._execute(sql, values, READ_SECONDS)

    def configure(self, *pragmas: str) -> None:
        """Set pragmas, some of which read the file. Raises sqlite3.Error."""
        for pragma in pragmas:
            self._execute(f"PRAGMA {pragma}", (), READ_SECONDS)

    def next_id(self, table: str) -> int:
        """An id above all that a table has. Raises DamagedArchiveError."""
        ((number,),) = self.rows(f"SELECT ifnull(max(id), 0) + 1 FROM {table}")
        if not isinstance(number, int):  # beyond 64 bits SQLite continues in floating point
            raise DamagedArchiveError(self.path, "the archive contains impossible numbers")
        return number

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes made inside, or none of them.

        Raises ArchiveBusyError, UnwritableFileError, DamagedArchiveError and Cancelled.
        """
        with self._file.writing(self._cancel), sqlite_errors(self.path, writing=True):
            self._execute("BEGIN IMMEDIATE", (), WRITE_SECONDS)
            try:
                self._file.check_at(self._absolute)
                yield
                self._execute("COMMIT", (), WRITE_SECONDS)
            except BaseException:
                self._roll_back()
                raise

    def change(self, sql: str, *values: object) -> None:
        """Run a statement inside a transaction, which translates its errors."""
        self._connection.execute(sql, values)

    def change_many(self, sql: str, rows: Iterable[Row]) -> None:
        """Run a statement for each row inside a transaction."""
        self._connection.executemany(sql, rows)

    def shrink(self) -> None:
        """Return free pages to the file system. Raises sqlite3.Error and Cancelled."""
        # execute() would stop after the first page: this pragma returns a row without columns
        # for each page, and rows without columns are not fetched.
        with self._file.writing(self._cancel):
            self._connection.executescript("PRAGMA incremental_vacuum")

    def check_writable(self) -> None:
        """Begin a change and take it back. Raises as :meth:`transaction`.

        A lock alone can be had on a medium that cannot be written, and in a folder that takes
        no journal.
        """
        with suppress(_Undo), self.transaction():
            ((version,),) = self.rows("PRAGMA user_version")
            self.change(f"PRAGMA user_version = {version}")
            raise _Undo

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with sqlite_errors(self.path, writing=False):
            yield

    def _execute(self, sql: str, values: tuple[object, ...], seconds: float) -> sqlite3.Cursor:
        """Execute a statement as soon as no other program has the archive locked."""
        until = time.monotonic() + seconds
        while True:
            try:
                return self._connection.execute(sql, values)
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                    raise
            self._cancel.raise_if_cancelled()

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            # After some errors SQLite has rolled back already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            # After a full disk SQLite leaves the rest of it to the next access: not to a copy
            # that is made without the journal.
            self._connection.execute("PRAGMA schema_version").fetchone()


class _Undo(Exception):
    """The end of a transaction that was only an attempt."""


@contextmanager
def sqlite_errors(path: Path, *, writing: bool) -> Iterator[None]:
    """Translate SQLite's errors into Floe's."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, path, writing) from error
    except UnicodeDecodeError as error:  # SQLite's message quotes bytes of the file
        raise DamagedArchiveError(path, "the archive is damaged") from error
    except OverflowError as error:
        raise DamagedArchiveError(path, "the archive contains impossible numbers") from error


def _code(error: sqlite3.Error) -> int:
    """The primary result code: the lowest byte. The others say where it happened."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _translated(error: sqlite3.Error, path: Path, writing: bool) -> FloeError:
    code = _code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ArchiveBusyError(path, "another program is writing to the archive: try again")
    if code == sqlite3.SQLITE_FULL:
        return UnwritableFileError(path, "no space is left for the archive")
    if code == sqlite3.SQLITE_READONLY:
        if not writing:
            return UnreadableFileError(
                path,
                "a change of the archive was interrupted, and cannot be undone because the archive "
                "or its folder is not writable",
            )
        return UnwritableFileError(path, "no permission to write to the archive or its folder")
    if writing and code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM):
        return UnwritableFileError(path, f"the archive cannot be written ({error})")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM):
        return UnreadableFileError(path, f"the archive cannot be read ({error})")
    if code == sqlite3.SQLITE_NOTADB:
        return NotAnArchiveError(path, "not a Floe archive")
    if code == sqlite3.SQLITE_NOMEM:
        return UnreadableFileError(path, "there is not enough memory for the archive")
    if writing and code == sqlite3.SQLITE_TOOBIG:
        return UnwritableFileError(path, "a part of the image is too large for the archive")
    if code == sqlite3.SQLITE_MISUSE:
        return UnreadableFileError(path, f"the archive cannot be used ({error})")
    return DamagedArchiveError(path, f"the archive is damaged ({error})")
