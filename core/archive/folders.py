"""The table of folders: those that were made, which may be empty."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from core.archive.database import sqlite_errors
from core.archive.rows import row_crc32
from core.errors import DamagedArchiveError

#: A row as it is: number, name, checksum.
FolderRow = tuple[int, str, int]

_INSERT = "INSERT INTO folder (id, name, crc32) VALUES (?, ?, ?)"


class FolderTable:
    """The folders of an open archive. A folder that has entries need not have a row."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def all(self) -> list[str]:
        """Their names, in the order in which they were made; of a damaged list, those left."""
        rows: list[FolderRow] = []
        # check() tells of damage; what came before it is kept, and no image is lost by the rest.
        with suppress(DamagedArchiveError), sqlite_errors(self._path, writing=False):
            rows.extend(self._select())
        return [row[1] for row in rows if _is_whole(row)]

    def check(self) -> None:
        """Raises DamagedArchiveError if a row is damaged."""
        if not all(map(_is_whole, self.rows())):
            raise DamagedArchiveError(self._path, "the archive's list of folders is damaged")

    def at_or_below(self, name: str) -> list[FolderRow]:
        """The rows of a folder and of those inside it."""
        inside = f"{name}/"
        try:
            return self.rows("WHERE name = ? OR substr(name, 1, ?) = ?", name, len(inside), inside)
        except UnicodeEncodeError:  # lone surrogates: no folder has them
            return []

    def insert(self, name: str) -> None:
        """Writes a folder that has no row, inside of a transaction."""
        number = self._next_number()
        self._connection.execute(_INSERT, (number, name, row_crc32(number, [name])))

    def copy(self, rows: Iterable[FolderRow], to: FolderTable) -> None:
        """Copies rows as they are to another archive in a transaction.

        They keep their numbers unless these are taken. Those that it has by name are left out.
        """
        for kept, name, crc32 in rows:
            if to.rows("WHERE name = ?", name):
                continue
            number = kept
            if to.rows("WHERE id = ?", kept):
                number = to._next_number()
                if crc32 == row_crc32(kept, [name]):
                    crc32 = row_crc32(number, [name])
            to._connection.execute(_INSERT, (number, name, crc32))

    def rename(self, number: int, name: str) -> None:
        """Gives a folder another name, inside of a transaction."""
        self._connection.execute(
            "UPDATE folder SET name = ?, crc32 = ? WHERE id = ?",
            (name, row_crc32(number, [name]), number),
        )

    def remove(self, rows: Iterable[FolderRow]) -> None:
        """Deletes rows, inside of a transaction."""
        self._connection.executemany(
            "DELETE FROM folder WHERE id = ?", [(number,) for number, _, _ in rows]
        )

    def rows(self, condition: str = "", *values: object) -> list[FolderRow]:
        """Rows as they are. Raises DamagedArchiveError."""
        with sqlite_errors(self._path, writing=False):
            return self._select(condition, *values).fetchall()

    def _select(self, condition: str = "", *values: object) -> sqlite3.Cursor:
        return self._connection.execute(
            f"SELECT id, name, crc32 FROM folder {condition} ORDER BY id", values
        )

    def _next_number(self) -> int:
        (number,) = self._connection.execute("SELECT ifnull(max(id), 0) + 1 FROM folder").fetchone()
        if not isinstance(number, int):  # beyond 64 bits, SQLite goes on in floating point
            raise DamagedArchiveError(self._path, "the archive holds impossible numbers")
        return number


def _is_whole(row: FolderRow) -> bool:
    number, name, crc32 = row
    return isinstance(name, str) and row_crc32(number, [name]) == crc32
