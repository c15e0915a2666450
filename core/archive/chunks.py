"""The table of chunks: the data of entries in pieces, found by index or else by a scan."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from core.archive.database import Database, Row
from core.archive.entry import Part
from core.control import CancelToken
from core.errors import DamagedArchiveError

#: What keeping a chunk costs beside its bytes: its checksum.
CHECKSUM_BYTES = 4

_COLUMNS = "id, entry, part, place, length(data)"
# By the index come only the ids, and the rows are asked what they belong to: in a damaged file
# the two may differ. Lengths are known without reading the data.
_BY_INDEX = f"SELECT {_COLUMNS} FROM chunk WHERE id IN (SELECT id FROM chunk WHERE entry = ?)"
_INSERT = "INSERT INTO chunk (entry, part, place, crc32, data) VALUES (?, ?, ?, ?, ?)"

#: The pieces of an entry: for each part its chunks in order.
Pieces = Mapping[Part, "list[Chunk]"]


class Chunk(NamedTuple):
    """Where a piece is, and how long."""

    id: int
    n_bytes: int


class ChunkTable:
    """The chunks of an open archive. Entries are given by the id of their row."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scanned: dict[int, list[Row]] | None = None

    def insert(
        self, entry: int, parts: Mapping[Part, Iterable[bytes | memoryview]], cancel: CancelToken
    ) -> None:
        """Write the pieces of an entry, inside a transaction. Raises Cancelled."""
        for part, pieces in parts.items():
            for place, piece in enumerate(pieces):
                cancel.raise_if_cancelled()  # no pause: the lock is held
                self._database.change(_INSERT, entry, str(part), place, zlib.crc32(piece), piece)

    def pieces(self, entry: int) -> Pieces:
        """The chunks of an entry, without reading them. Raises DamagedArchiveError.

        Parts that this version does not know are ignored.
        """
        return _in_order(self._database, self._database.rows(_BY_INDEX, entry), entry)

    def scanned_pieces(self, entry: int) -> Pieces:
        """The same without the index, which may be damaged: all rows are looked at once."""
        if self._scanned is None:
            self._scanned = {}
            for row in self._scan().values():
                self._scanned.setdefault(row[1], []).append(row)
        return _in_order(self._database, self._scanned.get(entry, []), entry)

    def read(self, chunk: Chunk) -> bytes:
        """The checked bytes of a chunk. Raises DamagedArchiveError."""
        rows = self._database.rows("SELECT crc32, data FROM chunk WHERE id = ?", chunk.id)
        for checksum, data in rows:
            if isinstance(data, bytes) and zlib.crc32(data) == checksum:
                return data
        raise DamagedArchiveError(
            self._database.path, "its data is damaged: a checksum does not match"
        )

    def copy(self, entry: int, to: ChunkTable, new_entry: int) -> None:
        """Copy chunks unchanged, even damaged ones, to another archive in a transaction."""
        rows = self._database.scan(
            "SELECT ?, part, place, crc32, data FROM chunk WHERE entry = ? ORDER BY part, place",
            new_entry,
            entry,
        )
        to._database.change_many(_INSERT, rows)

    def _scan(self) -> dict[int, Row]:
        """All rows by their ids, from both ends of the table as far as it can be read."""
        found: dict[int, Row] = {}
        for order in ("ASC", "DESC"):
            query = f"SELECT {_COLUMNS} FROM chunk NOT INDEXED ORDER BY id {order}"
            try:
                for row in self._database.scan(query):
                    found[row[0]] = row
            except DamagedArchiveError:
                continue
            break
        return found


def digest_of(pieces: Iterable[tuple[Part, Iterable[bytes | memoryview]]]) -> bytes:
    """SHA-256 over the data of an entry: parts in order of their names, pieces in order."""
    digest = hashlib.sha256()
    for part, data in sorted(pieces, key=lambda item: item[0]):
        for piece in data:
            digest.update(f"{part} {len(piece)} ".encode())
            digest.update(piece)
    return digest.digest()


def kept_bytes(pieces: Pieces) -> int:
    """What the pieces of an entry count for: of coded ones with their checksums."""
    coded = [chunk for part in (Part.PIXELS, Part.FRAME) for chunk in pieces.get(part, [])]
    return (
        sum(chunk.n_bytes + CHECKSUM_BYTES for chunk in coded)
        + sum(chunk.n_bytes for chunk in pieces.get(Part.FILE, []))
    )  # fmt: skip


def all_pieces(table: ChunkTable, pieces: Pieces) -> Iterator[tuple[Part, Iterator[bytes]]]:
    """The data of all parts, each piece checked as it is read."""
    for part, chunks in pieces.items():
        yield part, map(table.read, chunks)


def _in_order(database: Database, rows: Iterable[Row], entry: int) -> Pieces:
    found: dict[Part, dict[int, Chunk]] = {}
    for number, belongs_to, part, place, n_bytes in rows:
        if belongs_to != entry or not isinstance(n_bytes, int):
            raise DamagedArchiveError(
                database.path, "its data cannot be found: an index is damaged"
            )
        if part in _PARTS:
            found.setdefault(Part(part), {})[place] = Chunk(number, n_bytes)
    for chunks in found.values():
        if set(chunks) != set(range(len(chunks))):
            raise DamagedArchiveError(database.path, "parts of its data are missing")
    return {part: [chunks[place] for place in range(len(chunks))] for part, chunks in found.items()}


_PARTS = frozenset(str(part) for part in Part)
