"""The tables of a .floe file, and how its first bytes tell what it is."""

from __future__ import annotations

import struct
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

_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True)
class Header:
    """What the first 100 bytes of an SQLite file say about the rest."""

    page_bytes: int
    n_pages: int


def check_header(path: Path, start: bytes, file_bytes: int) -> Header:
    """Reads the first bytes of a file before SQLite is let near it.

    Raises NotAnArchiveError, NewerFormatError, and DamagedArchiveError if not even the header
    is whole.
    """
    if not file_bytes:
        raise NotAnArchiveError(path, "the file is empty, and no Floe archive")
    if not start.startswith(_MAGIC[: len(start)]):
        raise NotAnArchiveError(path, "not a Floe archive")
    if len(start) < _HEADER_BYTES:
        raise DamagedArchiveError(path, "the archive is cut short: nothing of it is left")
    page_bytes, n_pages, version, application_id = struct.unpack(
        ">16xH10xI28xi4xI28x", start[:_HEADER_BYTES]
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
        raise DamagedArchiveError(path, f"the archive says that it is in format {version}")
    return Header(65536 if page_bytes == 1 else page_bytes, n_pages)
