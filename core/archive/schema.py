"""The tables of a .floe file, compared with those in a file before SQLite acts on it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import DamagedArchiveError, NewerFormatError, NotAnArchiveError

#: SQLite's application_id of every .floe file: "Floe" in ASCII.
APPLICATION_ID = 0x466C6F65

#: SQLite's user_version. Raised whenever an older program could not read what is written.
FORMAT_VERSION = 1

PAGE_BYTES = 4096

# The statements are compared with those in a file, letter by letter: never reformat them.
ENTRY_TABLE = """CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    codec TEXT NOT NULL,
    coder TEXT,
    model TEXT,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    channels INTEGER NOT NULL,
    original_bytes INTEGER NOT NULL,
    packed_bytes INTEGER NOT NULL,
    pixel_sha256 BLOB,
    file_sha256 BLOB NOT NULL,
    file_exact INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    reason TEXT,
    theoretical_bits REAL,
    borrowed_bits INTEGER,
    lost_bits INTEGER,
    encode_seconds REAL,
    verify_seconds REAL,
    network_seconds REAL,
    coding_seconds REAL,
    read_seconds REAL,
    write_seconds REAL,
    device TEXT,
    crc32 INTEGER NOT NULL
) STRICT"""

CHUNK_TABLE = """CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL REFERENCES entry(id) ON DELETE CASCADE,
    part TEXT NOT NULL,
    place INTEGER NOT NULL,
    crc32 INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (entry, part, place)
) STRICT"""

# Few rows, so that no index is worth its being damaged: whoever writes keeps ids different.
MODEL_TABLE = """CREATE TABLE model (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    family TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    data BLOB NOT NULL
) STRICT"""

# Folders that were made, empty ones too; a folder of entries need not be among them.
FOLDER_TABLE = """CREATE TABLE folder (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    crc32 INTEGER NOT NULL
) STRICT"""

STATEMENTS = {
    "entry": ENTRY_TABLE,
    "chunk": CHUNK_TABLE,
    "model": MODEL_TABLE,
    "folder": FOLDER_TABLE,
}

#: SQLite's own index for each UNIQUE constraint: its name and that of its table.
_INDEXES = {"sqlite_autoindex_entry_1": "entry", "sqlite_autoindex_chunk_1": "chunk"}

#: What ANALYZE leaves, as any tool may run it; it only guides SQLite's choice of indexes.
_STATISTICS = {
    "sqlite_stat1": "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
    "sqlite_stat4": "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
}

#: An object of a schema: type, name, table, statement.
SchemaObject = tuple[object, object, object, object]

_REQUIRED: set[SchemaObject] = {
    *(("table", name, name, sql) for name, sql in STATEMENTS.items()),
    *(("index", name, table, None) for name, table in _INDEXES.items()),
}
_ALLOWED = _REQUIRED | {("table", name, name, sql) for name, sql in _STATISTICS.items()}

_HEADER_BYTES = 100
_APPLICATION_AT = 68
_MAGIC = b"SQLite format 3\0"
_LEAF_OF_A_TABLE = 0x0D


@dataclass(frozen=True)
class Header:
    """What the first 100 bytes of an SQLite file say about the rest."""

    page_bytes: int
    n_pages: int


def check_header(path: Path, start: bytes, file_bytes: int) -> Header:
    """Read the first bytes of a file before SQLite does.

    Raises NotAnArchiveError, NewerFormatError, and DamagedArchiveError if the header is not
    whole or not one that Floe writes.
    """
    if not file_bytes:
        raise NotAnArchiveError(path, "the file is empty, so not a Floe archive")
    if not start.startswith(_MAGIC[: len(start)]):
        raise NotAnArchiveError(path, "not a Floe archive")
    if len(start) < _HEADER_BYTES:
        raise DamagedArchiveError(path, "the archive is cut short: nothing of it is left")
    page_bytes, writing, reading, n_pages, encoding, version, application_id = struct.unpack(
        ">16xHBB8xI24xIi4xI28x", start[:_HEADER_BYTES]
    )
    if application_id != APPLICATION_ID:
        raise NotAnArchiveError(path, "a database, but not a Floe archive")
    if version > FORMAT_VERSION:
        raise NewerFormatError(
            path,
            f"the archive is in format {version}, and this version of Floe reads formats up to "
            f"{FORMAT_VERSION}: a newer version of Floe is needed",
        )
    if version < 1:
        raise DamagedArchiveError(path, f"the archive claims to be in format {version}")
    if page_bytes == 1:
        page_bytes = 65536
    if 2 in (writing, reading):
        raise DamagedArchiveError(
            path,
            "another program has switched it to a write-ahead log, which Floe does not read: "
            "switch it back there with PRAGMA journal_mode = DELETE",
        )
    sizes = [1 << power for power in range(9, 17)]
    if (writing, reading, encoding) != (1, 1, 1) or page_bytes not in sizes:
        raise DamagedArchiveError(path, "its first bytes are not those of a Floe archive")
    return Header(page_bytes, n_pages)


def is_archive_start(start: bytes) -> bool:
    """Whether the first 100 bytes of a file are those of an archive, of whatever version."""
    return (
        len(start) >= _HEADER_BYTES
        and start.startswith(_MAGIC)
        and struct.unpack_from(">I", start, _APPLICATION_AT)[0] == APPLICATION_ID
    )


def check_first_page(path: Path, page: bytes) -> None:
    """Compare the schema on a database's first page with Floe's, before SQLite reads it.

    All of Floe's schema fits there. Raises DamagedArchiveError.
    """
    try:
        objects = list(_objects(page))
    except (ValueError, IndexError, struct.error) as error:
        raise _foreign(path) from error
    check_objects(path, objects)


def check_objects(path: Path, objects: Sequence[SchemaObject]) -> None:
    """Raises DamagedArchiveError for any object but Floe's tables, their indexes and statistics."""
    found = set(objects)
    if len(found) < len(objects) or not _REQUIRED <= found <= _ALLOWED:
        raise _foreign(path)


def _foreign(path: Path) -> DamagedArchiveError:
    return DamagedArchiveError(path, "its tables are not those of a Floe archive")


def _objects(page: bytes) -> Iterator[SchemaObject]:
    """The rows of sqlite_schema, if all of them are on page 1 (SQLite's file format, 1.6 and 2)."""
    usable = len(page) - page[20]
    kind, n_cells = struct.unpack_from(">B2xH", page, _HEADER_BYTES)
    if kind != _LEAF_OF_A_TABLE:
        raise ValueError("the schema does not fit page 1")
    roots = set()
    for (at,) in struct.iter_unpack(">H", page[_HEADER_BYTES + 8 :][: 2 * n_cells]):
        n_bytes, at = _varint(page, at)
        _, at = _varint(page, at)  # the row's id
        if n_bytes > usable - 35 or at + n_bytes > usable:
            raise ValueError("a row goes beyond its page")
        *described, root, sql = _record(page[at : at + n_bytes])
        if not isinstance(root, int) or root < 2 or root in roots:
            raise ValueError("a table without a page of its own")
        roots.add(root)
        kind_of, name, table = described
        yield kind_of, name, table, sql


def _record(data: bytes) -> list[object]:
    """The values of a record: integers, texts and NULL, which are all that a schema has."""
    header_bytes, at = _varint(data, 0)
    values: list[object] = []
    value_at = header_bytes
    while at < header_bytes:
        serial, at = _varint(data, at)
        n_bytes = (serial - 13) // 2 if serial >= 13 else serial
        value = data[value_at : value_at + n_bytes]
        if len(value) != n_bytes or 4 < serial < 13 or (serial > 12 and serial % 2 == 0):
            raise ValueError("not a value of a schema")
        value_at += n_bytes
        if serial >= 13:
            values.append(value.decode())
        else:
            values.append(int.from_bytes(value, "big", signed=True) if serial else None)
    if at != header_bytes or value_at != len(data):
        raise ValueError("a record of another length")
    return values


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, the most significant first; and where it ends."""
    value = 0
    for n in range(8):
        byte = data[at + n]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + n + 1
    return value << 8 | data[at + 8], at + 9
