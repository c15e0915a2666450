"""The table of entries: rows found, listed, written and removed, each held to its checksum."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from core.archive.chunks import ChunkTable, all_pieces, digest_of
from core.archive.database import Database, Row
from core.archive.entry import Entry
from core.archive.names import shown
from core.archive.opening import damage_of
from core.archive.packed import Packed
from core.archive.rows import COLUMN_NAMES, entry_of_row, entry_values, row_crc32
from core.control import CancelToken
from core.errors import (
    DamagedArchiveError,
    DamagedEntryError,
    NoSuchEntryError,
    VerificationError,
)

_COLUMNS = ("id", "crc32", *COLUMN_NAMES)
_NAME = _COLUMNS.index("name")
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM entry"
_INSERT = f"INSERT INTO entry ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"


class EntryTable:
    """The entries of an open archive, and the numbers of their rows."""

    def __init__(self, database: Database, chunks: ChunkTable) -> None:
        self._database, self._chunks = database, chunks

    def all(self) -> list[Entry]:
        """All entries in the order of adding; of a damaged archive, those that are left.

        Raises DamagedArchiveError if there are none.
        """
        try:
            return [entry for _, entry in self._scan("ASC")]
        except DamagedArchiveError:
            left = self._scan_until_damage()
            short = damage_of(self._database.path)
            if short and not left:
                raise DamagedArchiveError(
                    self._database.path, f"{short}, and the list of its images is lost"
                ) from None
            if not left:
                raise
            return left

    def check(self) -> None:
        """Raises DamagedArchiveError if a row is damaged."""
        for _ in self._scan("ASC"):
            pass

    def find(self, name: str) -> tuple[int, Entry]:
        """The id of a name's row, and its entry.

        Raises NoSuchEntryError, DamagedEntryError and DamagedArchiveError.
        """
        number, crc32, *values = self._row(name)
        try:
            return number, entry_of_row(number, values, crc32)
        except ValueError as error:
            raise DamagedEntryError(
                shown(name), f"its row in the archive's list is damaged ({error})"
            ) from error

    def insert(self, name: str, packed: Packed, cancel: CancelToken) -> None:
        """Write an entry and its chunks, inside a transaction, and read all of it back.

        Raises sqlite3.IntegrityError if the name is taken, VerificationError if something else
        is read than was written, and Cancelled.
        """
        started = time.perf_counter()
        number = self._database.next_id("entry")
        values = entry_values(name, packed, time.time_ns())
        self._database.change(_INSERT, number, row_crc32(number, values), *values)
        self._chunks.insert(number, packed.parts, cancel)
        seconds = time.perf_counter() - started
        self._update(number, values, "write_seconds", seconds)
        self._check_written(name, values, packed)

    def rename(self, old: str, new: str) -> None:
        """Give an entry a name that is free, inside a transaction.

        Raises NoSuchEntryError, DamagedEntryError and DamagedArchiveError.
        """
        self.find(old)  # a damaged row never gets a right checksum
        number, _, *values = self._row(old)
        self._update(number, values, "name", new)

    def remove(self, name: str) -> None:
        """Delete an entry, even a damaged one. Raises NoSuchEntryError, DamagedArchiveError."""
        self._database.change("DELETE FROM entry WHERE id = ?", self._row(name)[0])

    def copy(self, name: str, to: EntryTable) -> None:
        """Copy an entry unchanged, even a damaged one, to another archive in a transaction.

        It keeps its id, and so its position in the order, unless that is taken.
        """
        kept, crc32, *values = self._row(name)
        number = kept
        if to._database.rows("SELECT 1 FROM entry WHERE id = ?", kept):
            number = to._database.next_id("entry")
            if crc32 == row_crc32(kept, values):
                crc32 = row_crc32(number, values)
        to._database.change(_INSERT, number, crc32, *values)
        self._chunks.copy(kept, to._chunks, number)

    def has(self, name: str) -> bool:
        """Whether an entry has this name, even a damaged one."""
        return bool(self._names("WHERE name = ?", name))

    def below(self, folder: str) -> list[str]:
        """The names of the entries in a folder and in its folders."""
        # "0" is what follows "/".
        return self._names("WHERE name >= ? AND name < ? ORDER BY id", f"{folder}/", f"{folder}0")

    def names(self) -> list[str]:
        """The names of all entries in the order of adding."""
        return self._names("ORDER BY id")

    def _check_written(self, name: str, values: list[Any], packed: Packed) -> None:
        reason = "the archive does not contain what was written; nothing was added"
        try:
            number, _, *found = self._row(name)
            pieces = self._chunks.pieces(number)
            stored = digest_of(all_pieces(self._chunks, pieces))
        except DamagedArchiveError as error:
            raise VerificationError(shown(name), reason) from error
        if found != values or stored != packed.stored_sha256:
            raise VerificationError(shown(name), reason)

    def _names(self, clause: str, *values: str) -> list[str]:
        return [
            name for (name,) in self._database.rows(f"SELECT name FROM entry {clause}", *values)
        ]

    def _update(self, number: int, values: list[Any], column: str, value: Any) -> None:
        values[COLUMN_NAMES.index(column)] = value
        self._database.change(
            f"UPDATE entry SET {column} = ?, crc32 = ? WHERE id = ?",
            value,
            row_crc32(number, values),
            number,
        )

    def _row(self, name: str) -> Row:
        # The index gives the id only, and the row is asked for its name: in a damaged file the
        # two may differ, and another image would come out.
        try:
            rows = self._database.rows(
                f"{_SELECT} WHERE id = (SELECT id FROM entry WHERE name = ?)", name
            )
        except DamagedArchiveError:
            return self._scanned_row(name)
        if not rows:
            raise _no_such(name)
        return rows[0] if rows[0][_NAME] == name else self._scanned_row(name)

    def _scanned_row(self, name: str) -> Row:
        """A row without the index of names, which is damaged; from both ends of the table."""
        damage: DamagedArchiveError | None = None
        for order in ("ASC", "DESC"):
            query = f"{_SELECT} NOT INDEXED ORDER BY id {order}"
            try:
                for row in self._database.scan(query):
                    if row[_NAME] == name:
                        return row
            except DamagedArchiveError as error:
                damage = error
        raise damage or _no_such(name)

    def _scan(self, order: str, *, skip: bool = False) -> Iterator[tuple[int, Entry]]:
        """All rows; those that no entry has written are an error, or skipped."""
        for number, crc32, *values in self._database.scan(f"{_SELECT} ORDER BY id {order}"):
            try:
                entry = entry_of_row(number, values, crc32)
            except ValueError as error:
                if skip:
                    continue
                raise DamagedArchiveError(
                    self._database.path, f"the archive's list of entries is damaged ({error})"
                ) from error
            yield number, entry

    def _scan_until_damage(self) -> list[Entry]:
        """What can be read of the list of entries, from both of its ends."""
        found: dict[int, Entry] = {}
        for order in ("ASC", "DESC"):
            try:
                found.update(self._scan(order, skip=True))  # keeps what came before an error
            except DamagedArchiveError:
                continue
        return [found[number] for number in sorted(found)]


def _no_such(name: str) -> NoSuchEntryError:
    return NoSuchEntryError(shown(name), "the archive has no entry of this name")
