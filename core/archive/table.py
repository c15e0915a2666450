"""The table of entries: rows found, listed, written and removed, each held to its checksum."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.archive.database import damage_of, sqlite_errors
from core.archive.entry import Entry
from core.archive.names import shown
from core.archive.packing import Packed
from core.archive.rows import ENTRY_COLUMNS, entry_of_row, entry_values, row_crc32
from core.control import CancelToken
from core.errors import DamagedArchiveError, DamagedEntryError, NoSuchEntryError

_COLUMNS = ("id", "crc32", *ENTRY_COLUMNS)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM entry"
_INSERT = f"INSERT INTO entry ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_INSERT_CHUNK = "INSERT INTO chunk (entry, part, place, crc32, data) VALUES (?, ?, ?, ?, ?)"


class EntryTable:
    """The entries of an open archive, and the numbers of their rows."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def all(self) -> list[Entry]:
        """All entries, in the order in which they were added; of a damaged archive, those left.

        Raises DamagedArchiveError if none is.
        """
        try:
            return [entry for _, entry in self._scan("ASC")]
        except DamagedArchiveError:
            left = self._scan_until_damage()
            short = damage_of(self._path)
            if short and not left:
                raise DamagedArchiveError(
                    self._path, f"{short}, and the list of its images is lost"
                ) from None
            if not left:
                raise
            return left

    def check(self) -> None:
        """Raises DamagedArchiveError if a row is damaged."""
        for _ in self._scan("ASC"):
            pass

    def find(self, name: str) -> tuple[int, Entry]:
        """The entry of a name and its row's number.

        Raises NoSuchEntryError, DamagedEntryError and DamagedArchiveError.
        """
        number, crc32, *values = self._row(name)
        try:
            return number, entry_of_row(number, values, crc32)
        except ValueError as error:
            raise DamagedEntryError(
                shown(name), f"what the archive's list says of it is damaged ({error})"
            ) from error

    def insert(self, name: str, packed: Packed, cancel: CancelToken) -> None:
        """Writes an entry and its chunks, inside of a transaction, and how long that took.

        Raises sqlite3.IntegrityError if the name is taken, and Cancelled.
        """
        started = time.perf_counter()
        number = self._next_number()
        values = entry_values(name, packed, time.time_ns())
        self._connection.execute(_INSERT, (number, row_crc32(number, values), *values))
        for part, pieces in packed.parts.items():
            for place, piece in enumerate(pieces):
                cancel.raise_if_cancelled()  # no pause: the lock is held
                self._connection.execute(
                    _INSERT_CHUNK, (number, part, place, zlib.crc32(piece), piece)
                )
        values[ENTRY_COLUMNS.index("write_seconds")] = time.perf_counter() - started
        self._connection.execute(
            "UPDATE entry SET write_seconds = ?, crc32 = ? WHERE id = ?",
            (values[ENTRY_COLUMNS.index("write_seconds")], row_crc32(number, values), number),
        )

    def rename(self, old: str, new: str) -> None:
        """Gives an entry a name that is free, inside of a transaction.

        Raises NoSuchEntryError, DamagedEntryError and DamagedArchiveError.
        """
        self.find(old)  # nothing that is damaged gets a right checksum
        number, _, *values = self._row(old)
        values[ENTRY_COLUMNS.index("name")] = new
        self._connection.execute(
            "UPDATE entry SET name = ?, crc32 = ? WHERE id = ?",
            (new, row_crc32(number, values), number),
        )

    def remove(self, name: str) -> None:
        """Deletes an entry, even a damaged one. Raises NoSuchEntryError, DamagedArchiveError."""
        self._connection.execute("DELETE FROM entry WHERE id = ?", (self._row(name)[0],))

    def copy(self, name: str, to: EntryTable) -> None:
        """Copies an entry as it is, even a damaged one, to another archive in a transaction.

        It keeps its number, and so its place in the order, unless that is taken.
        """
        kept, crc32, *values = self._row(name)
        number = kept
        if to._connection.execute("SELECT 1 FROM entry WHERE id = ?", (kept,)).fetchone():
            number = to._next_number()
            if crc32 == row_crc32(kept, values):
                crc32 = row_crc32(number, values)
        to._connection.execute(_INSERT, (number, crc32, *values))
        to._connection.executemany(_INSERT_CHUNK, self._chunks(kept, number))

    def _chunks(self, number: int, new_number: int) -> Iterator[tuple[Any, ...]]:
        with sqlite_errors(self._path, writing=False):
            yield from self._connection.execute(
                "SELECT ?, part, place, crc32, data FROM chunk WHERE entry = ? "
                "ORDER BY part, place",
                (new_number, number),
            )

    def has(self, name: str) -> bool:
        """Whether an entry has this name, in whatever state it is."""
        return bool(self._names("WHERE name = ?", name))

    def below(self, folder: str) -> list[str]:
        """The names of the entries in a folder and in its folders."""
        # "0" is what follows "/".
        return self._names("WHERE name >= ? AND name < ? ORDER BY id", f"{folder}/", f"{folder}0")

    def names(self) -> list[str]:
        """The names of all entries, in the order in which they were added."""
        return self._names("ORDER BY id")

    def _names(self, clause: str, *values: str) -> list[str]:
        with sqlite_errors(self._path, writing=False):
            try:
                rows = self._connection.execute(f"SELECT name FROM entry {clause}", values)
            except UnicodeEncodeError:  # lone surrogates: no entry has them
                return []
            return [name for (name,) in rows]

    def _next_number(self) -> int:
        (number,) = self._connection.execute("SELECT ifnull(max(id), 0) + 1 FROM entry").fetchone()
        if not isinstance(number, int):  # beyond 64 bits, SQLite goes on in floating point
            raise DamagedArchiveError(self._path, "the archive holds impossible numbers")
        return number

    def _row(self, name: str) -> Sequence[Any]:
        with sqlite_errors(self._path, writing=False):
            try:
                # The index gives the number only, and the row is asked for its name: in a
                # damaged file the two may differ, and another image would come out.
                query = self._connection.execute(
                    f"{_SELECT} WHERE id = (SELECT id FROM entry WHERE name = ?)", (name,)
                )
            except UnicodeEncodeError:  # lone surrogates: no entry has them
                raise _no_such(name) from None
            row: Sequence[Any] | None = query.fetchone()
        if row is None:
            raise _no_such(name)
        if row[_COLUMNS.index("name")] != name:
            raise DamagedArchiveError(
                self._path, "the archive's list of entries and its index of names differ"
            )
        return row

    def _scan(self, order: str, *, skip: bool = False) -> Iterator[tuple[int, Entry]]:
        """All rows; those that no entry has written are an error, or skipped."""
        with sqlite_errors(self._path, writing=False):
            rows = self._connection.execute(f"{_SELECT} ORDER BY id {order}")
            for number, crc32, *values in rows:
                try:
                    entry = entry_of_row(number, values, crc32)
                except ValueError as error:
                    if skip:
                        continue
                    raise DamagedArchiveError(
                        self._path, f"the archive's list of entries is damaged ({error})"
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
