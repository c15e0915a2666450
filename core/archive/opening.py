"""Archives are created whole, and opened with suspicion: checked before SQLite acts on them."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from core.archive.database import WAKE_SECONDS, Database, sqlite_errors
from core.archive.drafts import Folder, draft
from core.archive.file import ArchiveFile
from core.archive.journal import is_interrupted
from core.archive.schema import (
    APPLICATION_ID,
    FORMAT_VERSION,
    PAGE_BYTES,
    STATEMENTS,
    Header,
    check_first_page,
    check_header,
    check_objects,
    is_archive_start,
)
from core.control import CancelToken
from core.errors import (
    ArchiveBusyError,
    DamagedArchiveError,
    FloeError,
    TargetExistsError,
    UnreadableFileError,
    UnwritableFileError,
)

#: The longest row, in bytes; SQLite refuses longer ones before it allocates.
MAX_ROW_BYTES = 64 * 2**20

#: Changes above this go to the file before they are complete, and then nobody can read it.
WRITE_CACHE_BYTES = 256 * 2**20

_OLDEST_SQLITE = (3, 37)
_START_BYTES = 100
_MAX_PAGE_BYTES = 65536

_log = logging.getLogger(__name__)

_SAFE_PRAGMAS = (
    "cell_size_check = ON",
    "foreign_keys = ON",
    # EXTRA also syncs the folder once the journal is gone. Otherwise a power cut brings it back,
    # and undoes what was reported as done.
    "synchronous = EXTRA",
    "fullfsync = ON",  # macOS: not only to the disk, but to what it keeps
    "temp_store = MEMORY",
    "mmap_size = 0",
)


def create_database(path: Path, *, overwrite: bool = False) -> None:
    """Make an empty archive, which appears under its name only once it is whole.

    Raises TargetExistsError and UnwritableFileError.
    """
    if not overwrite and os.path.lexists(path):
        dangling = os.path.islink(path) and not os.path.exists(path)
        raise TargetExistsError(
            path, "is a link that leads nowhere" if dangling else "exists already"
        )
    if "\0" in str(path):
        raise UnwritableFileError(path, "not a valid path")
    _check_sqlite(path)
    try:
        with (
            Folder.open(path.parent) as folder,
            draft(folder, "new") as new,
            sqlite_errors(path, writing=True),
        ):
            _write_empty(new.path)
            if overwrite:
                # The journal of the old file would be played back into the new one.
                folder.remove(f"{path.name}-journal")
            new.publish(folder, path.name, overwrite=overwrite)
    except FileExistsError as error:
        raise TargetExistsError(path, "exists already") from error
    except OSError as error:
        raise UnwritableFileError(path, f"cannot be created ({error.strerror})") from error


def open_database(
    path: Path,
    *,
    write: bool,
    salvage: bool = False,
    durable: bool = True,
    cancel: CancelToken | None = None,
) -> Database:
    """The database of an archive whose file, journal and schema are Floe's.

    SQLite does nothing to the file before these were checked without it. With ``salvage`` an
    archive that was cut short is opened as well, to read what is left of it. Without ``durable``
    what is written may not survive a power cut. Raises UnreadableFileError, NotAnArchiveError,
    NewerFormatError, DamagedArchiveError, ArchiveBusyError and Cancelled.
    """
    _check_sqlite(path)
    file = ArchiveFile.open(path)
    try:
        real = Path(os.path.realpath(path))  # where SQLite looks for the journal
        header = _check_start(path, file)
        if is_interrupted(real, path, header.page_bytes):
            _roll_back(real, path, cancel)
            header = _check_start(path, file)
        cut_short = _cut_short(file, header)
        if cut_short and not salvage:
            raise DamagedArchiveError(path, f"{cut_short} (extracting may still recover images)")
        with sqlite_errors(path, writing=write):
            connection = _connect(real, "rw" if write else "ro")
        database = Database(path, connection, file, cancel)
    except BaseException:
        file.close()
        raise
    try:
        with sqlite_errors(path, writing=write):
            if not cut_short:
                _defend(connection)
            _configure(database, write=write, durable=durable, cut_short=bool(cut_short))
        # SQLite must have read what was checked on the first page.
        check_objects(path, database.rows("SELECT type, name, tbl_name, sql FROM sqlite_schema"))
        file.check_at(path)
    except BaseException:
        database.close()
        raise
    return database


def damage_of(path: Path) -> str | None:
    """The damage that the size of an archive shows: a sentence if it was cut short.

    Raises UnreadableFileError, NotAnArchiveError, NewerFormatError and DamagedArchiveError.
    """
    file = ArchiveFile.open(path)
    try:
        return _cut_short(file, _check_start(path, file))
    finally:
        file.close()


def is_archive(path: Path) -> bool:
    """Whether a file begins as an archive does, of whatever version, whole or not.

    Use it instead of opening the file: see core.archive.file.
    """
    try:
        file = ArchiveFile.open(path)
    except FloeError:
        return False
    try:
        return is_archive_start(file.start(_START_BYTES))
    except OSError:
        return False
    finally:
        file.close()


def _check_start(path: Path, file: ArchiveFile) -> Header:
    try:
        start, file_bytes = file.start(_MAX_PAGE_BYTES), file.n_bytes
    except OSError as error:
        raise UnreadableFileError(path, f"cannot be read ({error.strerror or error})") from error
    header = check_header(path, start[:_START_BYTES], file_bytes)
    if len(start) < header.page_bytes:
        raise DamagedArchiveError(path, "the archive is cut short: nothing of it is left")
    check_first_page(path, start[: header.page_bytes])
    return header


def _cut_short(file: ArchiveFile, header: Header) -> str | None:
    expected, file_bytes = header.page_bytes * header.n_pages, file.n_bytes
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
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        for statement in STATEMENTS.values():
            connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        connection.close()


def _connect(real: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{real.as_uri()}?mode={mode}",
        uri=True,
        timeout=WAKE_SECONDS,
        isolation_level=None,  # transactions begin only where Floe begins them
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    # A name that is not UTF-8 must not make the other entries unreadable.
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    return connection


def _configure(database: Database, *, write: bool, durable: bool, cut_short: bool) -> None:
    database.configure("trusted_schema = OFF")
    if cut_short:
        # Without this SQLite refuses a file that has fewer pages than its header says. The
        # connection only reads, and its schema is checked.
        database.configure("writable_schema = ON")
    database.configure(*_SAFE_PRAGMAS)
    if not durable:
        database.configure("synchronous = OFF")
    if write:
        database.configure(f"cache_size = -{WRITE_CACHE_BYTES // 1024}")
    else:
        database.configure("query_only = ON")


def _defend(connection: sqlite3.Connection) -> None:
    """Keep even Floe's own SQL from changing the schema; views are off, as there are none."""
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)


def _roll_back(real: Path, path: Path, cancel: CancelToken | None) -> None:
    """Finish what a killed program left: SQLite plays its journal back on the next access.

    A read-only connection could not do so. Where that is not possible, the connection that is
    opened next reports why.
    """
    file = ArchiveFile.open(path)
    try:
        with sqlite_errors(path, writing=False):
            connection = _connect(real, "rw")
        with closing(Database(path, connection, file, cancel)) as database:
            database.rows("PRAGMA schema_version")  # reads page 1, and parses no schema
    except ArchiveBusyError:
        raise
    except FloeError as error:
        _log.warning("%s: an interrupted change cannot be undone (%s)", path, error)
