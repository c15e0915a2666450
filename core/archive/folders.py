"""The table of folders: those that were made, which may be empty."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from core.archive.database import Database, Row
from core.archive.rows import row_crc32
from core.errors import DamagedArchiveError

_SELECT = "SELECT id, name, crc32 FROM folder"
_INSERT = "INSERT INTO folder (id, name, crc32) VALUES (?, ?, ?)"


class FolderTable:
    """The folders of an open archive. A folder that has entries need not have a row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[str]:
        """Their names in the order of creation; of a damaged list, those that are left."""
        rows: list[Row] = []
        # check() reports damage; what came before it is kept, and no image is lost by the rest.
        with suppress(DamagedArchiveError):
            rows.extend(self._database.scan(f"{_SELECT} ORDER BY id"))
        return [row[1] for row in rows if _is_whole(row)]

    def check(self) -> None:
        """Raises DamagedArchiveError if a row is damaged."""
        if not all(map(_is_whole, self.rows())):
            raise DamagedArchiveError(
                self._database.path, "the archive's list of folders is damaged"
            )

    def at_or_below(self, name: str) -> list[Row]:
        """The rows of a folder and of those inside it."""
        inside = f"{name}/"
        return self.rows("WHERE name = ? OR substr(name, 1, ?) = ?", name, len(inside), inside)

    def insert(self, name: str) -> None:
        """Write a folder that has no row, inside a transaction."""
        number = self._database.next_id("folder")
        self._database.change(_INSERT, number, name, row_crc32(number, [name]))

    def copy(self, rows: Iterable[Row], to: FolderTable) -> None:
        """Copy rows unchanged to another archive in a transaction.

        They keep their ids unless these are taken. Folders that the other one has are left out.
        """
        for kept, name, crc32 in rows:
            if to.rows("WHERE name = ?", name):
                continue
            number = kept
            if to.rows("WHERE id = ?", kept):
                number = to._database.next_id("folder")
                if crc32 == row_crc32(kept, [name]):
                    crc32 = row_crc32(number, [name])
            to._database.change(_INSERT, number, name, crc32)

    def rename(self, number: int, name: str) -> None:
        """Give a folder another name, inside a transaction."""
        self._database.change(
            "UPDATE folder SET name = ?, crc32 = ? WHERE id = ?",
            name,
            row_crc32(number, [name]),
            number,
        )

    def remove(self, rows: Iterable[Row]) -> None:
        """Delete rows, inside a transaction."""
        self._database.change_many("DELETE FROM folder WHERE id = ?", [row[:1] for row in rows])

    def rows(self, condition: str = "", *values: object) -> list[Row]:
        """Rows (id, name, crc32) unchecked. Raises DamagedArchiveError."""
        return self._database.rows(f"{_SELECT} {condition} ORDER BY id", *values)


def _is_whole(row: Row) -> bool:
    number, name, crc32 = row
    return isinstance(name, str) and row_crc32(number, [name]) == crc32
