"""Archives are created whole, and opened with suspicion: checked before SQLite acts on them."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

from core.archive.database import Database, sqlite_errors
from core.archive.schema import (
    APPLICATION_ID,
    FORMAT_VERSION,
    PAGE_BYTES,
    STATEMENTS,
    check_header,
)
from core.errors import (
    DamagedArchiveError,
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
    """Makes an empty archive, which appears under its name only once it is whole.

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
            _write_empty(draft)
        _publish(draft, path)
    except OSError as error:
        raise UnwritableFileError(path, f"cannot be created ({error.strerror})") from error
    finally:
        for leftover in (draft, Path(f"{draft}-journal")):
            with suppress(OSError):
                leftover.unlink()


def open_database(
    path: Path, *, write: bool, salvage: bool = False, durable: bool = True
) -> Database:
    """The database of an archive whose header and tables are as they should be.

    With ``salvage`` an archive that was cut short is opened as well, to read what is left of it.
    Without ``durable`` nothing written survives a power cut for certain. Raises
    UnreadableFileError, NotAnArchiveError, NewerFormatError, DamagedArchiveError and
    ArchiveBusyError.
    """
    _check_sqlite(path)
    _roll_back_if_interrupted(path)
    cut_short = damage_of(path)
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
            if not durable:
                connection.execute("PRAGMA synchronous = OFF")
            if write:
                connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            else:
                connection.execute("PRAGMA query_only = ON")
            _check_schema(connection, path)
        except BaseException:
            connection.close()
            raise
    return Database(path, connection)


def damage_of(path: Path) -> str | None:
    """What the size of an archive says about damage: a sentence if it was cut short.

    Raises UnreadableFileError, NotAnArchiveError, NewerFormatError and DamagedArchiveError.
    """
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


def _check_sqlite(path: Path) -> None:
    """An SQLite without STRICT tables would call every archive damaged."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        needed = ".".join(map(str, _OLDEST_SQLITE))
        raise UnreadableFileError(
            path,
            f"archives need SQLite {needed}, and this Python has {sqlite3.sqlite_version}: "
            "install a newer Python",
        )


def _write_empty(path: Path) -> None:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rwc", uri=True, isolation_level=None
    )
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        # The space of removed entries is returned without rewriting all others.
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


def _publish(draft: Path, path: Path) -> None:
    """Gives the finished file its name, without replacing one that appeared meanwhile."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise TargetExistsError(path, "exists already") from None
    except (OSError, NotImplementedError, AttributeError):  # no hard links on this file system
        os.rename(draft, path)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # transactions begin only where Floe begins them
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    # A name that is not UTF-8 must not make the other entries unreadable.
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    return connection


def _roll_back_if_interrupted(path: Path) -> None:
    """Finishes what a killed program left: SQLite rolls its journal back on the next access.

    A read-only connection could not do so. Where the file is not writable, that connection
    reports the problem.
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
    """Raises DamagedArchiveError for any table but Floe's, and for every trigger or view."""
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
