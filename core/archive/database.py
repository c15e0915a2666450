"""SQLite, opened with suspicion; whatever it refuses, as an error that names the archive."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.archive.schema import (
    APPLICATION_ID,
    FORMAT_VERSION,
    PAGE_BYTES,
    STATEMENTS,
    check_header,
)
from core.errors import (
    ArchiveBusyError,
    DamagedArchiveError,
    FloeError,
    NotAnArchiveError,
    TargetExistsError,
    UnreadableFileError,
    UnwritableFileError,
)

#: How long to wait for another program that writes to the archive, in seconds.
BUSY_SECONDS = 5.0

#: No row of ours is longer, in bytes; SQLite refuses longer ones before it allocates.
MAX_ROW_BYTES = 64 * 2**20

_OLDEST_SQLITE = (3, 37)

_SAFE_PRAGMAS = (
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "foreign_keys = ON",
    "synchronous = FULL",
    "temp_store = MEMORY",
    "mmap_size = 0",
)


def create_database(path: Path) -> None:
    """Makes an empty archive; it appears under its name only once it is whole.

    Raises TargetExistsError and UnwritableFileError.
    """
    if os.path.lexists(path):
        raise TargetExistsError(path, "exists already")
    if "\0" in str(path):
        raise UnwritableFileError(path, "not a path that can be written")
    _check_sqlite(path)
    # Short, as the name itself may be as long as the file system allows.
    draft = path.with_name(f".floe-{os.getpid()}-{os.urandom(6).hex()}.new")
    try:
        with sqlite_errors(path, writing=True):
            connection = sqlite3.connect(
                f"{draft.absolute().as_uri()}?mode=rwc", uri=True, isolation_level=None
            )
            try:
                connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
                # Space given back by removing entries costs no rewriting of all others.
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
                for statement in STATEMENTS.values():
                    connection.execute(statement)
                connection.execute("COMMIT")
            finally:
                connection.close()
        _publish(draft, path)
    except OSError as error:
        raise UnwritableFileError(path, f"cannot be created ({error.strerror})") from error
    finally:
        for leftover in (draft, Path(f"{draft}-journal")):
            with suppress(OSError):
                leftover.unlink()


def _check_sqlite(path: Path) -> None:
    """An SQLite that knows no STRICT tables would call every archive damaged."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        needed = ".".join(map(str, _OLDEST_SQLITE))
        raise UnreadableFileError(
            path,
            f"archives need SQLite {needed}, and this Python has {sqlite3.sqlite_version}: "
            "install a newer Python",
        )


def _publish(draft: Path, path: Path) -> None:
    """Gives the finished file its name, without replacing one that came up meanwhile."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise TargetExistsError(path, "exists already") from None
    except (OSError, NotImplementedError, AttributeError):  # no hard links on this file system
        os.rename(draft, path)


def open_database(path: Path, *, write: bool, salvage: bool = False) -> sqlite3.Connection:
    """A connection to an archive whose header and tables are as they should be.

    With ``salvage`` an archive that was cut short is opened all the same, for reading what is
    left of it. Raises UnreadableFileError, NotAnArchiveError, NewerFormatError,
    DamagedArchiveError and ArchiveBusyError.
    """
    _check_sqlite(path)
    _roll_back_if_interrupted(path)
    cut_short = _check_file(path)
    if cut_short and not salvage:
        raise DamagedArchiveError(path, f"{cut_short} (extracting may still give what is whole)")
    with sqlite_errors(path, writing=write):
        connection = _connect(path, "rw" if write else "ro")
        try:
            if cut_short:
                # Without this SQLite refuses a file that has fewer pages than its header says.
                connection.execute("PRAGMA writable_schema = ON")
            for pragma in _SAFE_PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            if write:
                connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            else:
                connection.execute("PRAGMA query_only = ON")
            _check_schema(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def damage_of(path: Path) -> str | None:
    """What is wrong with the archive as a whole, as far as its size tells; None if nothing."""
    return _check_file(path)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # transactions begin where we say so
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    # A name that is no UTF-8 must not make the other entries unreadable.
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    return connection


def _check_file(path: Path) -> str | None:
    """Checks what can be checked without SQLite; a sentence if the file is cut short."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise NotAnArchiveError(path, "not a file, and no Floe archive")
        with open(path, "rb") as file:
            file_bytes = os.fstat(file.fileno()).st_size
            header = check_header(path, file.read(100), file_bytes)
    except OSError as error:
        reason = {
            errno.ENOENT: "there is no such archive",
            errno.ENOTDIR: "there is no such archive",
            errno.EACCES: "no permission to read the archive",
        }.get(error.errno or 0, f"cannot be read ({error.strerror or error})")
        raise UnreadableFileError(path, reason) from error
    except ValueError as error:  # a NUL in the path
        raise UnreadableFileError(path, "not a path that can be opened") from error
    expected = header.page_bytes * header.n_pages
    if file_bytes >= expected:
        return None
    return f"the archive is cut short: {file_bytes} of its {expected} bytes are there"


def _roll_back_if_interrupted(path: Path) -> None:
    """Finishes what a killed program left: SQLite rolls its journal back on the next access.

    A connection that may only read could not do so. Where the place is not writable, that
    connection says what is the matter.
    """
    journal = Path(f"{path}-journal")
    try:
        if not journal.exists() or not journal.stat().st_size or not path.is_file():
            return
        connection = _connect(path, "rw")
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        finally:
            connection.close()
    except (OSError, ValueError, sqlite3.Error):
        return


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raises DamagedArchiveError for tables other than ours: no trigger or view gets in."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
    # Of SQLite's own, indexes have no statement, and ANALYZE leaves statistics.
    found = {name: (kind, sql) for kind, name, sql in rows if not _is_of_sqlite(name, sql)}
    if found != {name: ("table", sql) for name, sql in STATEMENTS.items()}:
        raise DamagedArchiveError(path, "its tables are not those of a Floe archive")


def _is_of_sqlite(name: object, sql: object) -> bool:
    return (
        isinstance(name, str)
        and name.startswith("sqlite_")
        and (sql is None or name.startswith("sqlite_stat"))
    )


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All of what is written inside, or nothing. Raises ArchiveBusyError and the like."""
    with sqlite_errors(path, writing=True):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # After some errors SQLite has rolled back by itself.
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise


@contextmanager
def sqlite_errors(path: Path, *, writing: bool) -> Iterator[None]:
    """Whatever SQLite raises inside, as an error of ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _typed(error, path, writing) from error
    except OverflowError as error:
        raise DamagedArchiveError(path, "the archive holds impossible numbers") from error


def _typed(error: sqlite3.Error, path: Path, writing: bool) -> FloeError:
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
