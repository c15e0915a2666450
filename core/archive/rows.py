"""Rows of the table of entries: what goes in, and what comes out as an Entry."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from core.archive.entry import Entry
from core.archive.packed import Packed


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


class Kind(Enum):
    """A kind of value: its SQLite type, how it is written, and what is accepted on reading."""

    TEXT = ("TEXT", str, lambda v: isinstance(v, str))
    HASH = ("BLOB", bytes, lambda v: isinstance(v, bytes) and len(v) == 32)
    REAL = ("REAL", float, _is_number)
    INTEGER = ("INTEGER", int, lambda v: isinstance(v, int))
    SIZE = ("INTEGER", int, lambda v: isinstance(v, int) and v >= 0)

    def __init__(
        self, sql: str, written: Callable[[Any], Any], accepts: Callable[[Any], bool]
    ) -> None:
        self.sql, self.written, self.accepts = sql, written, accepts


@dataclass(frozen=True)
class Column:
    """One column of an entry's row."""

    name: str
    kind: Kind
    optional: bool = False
    reported: bool = False  # an attribute of the codec's Report

    def check(self, value: Any) -> None:
        """Raises ValueError for a value that :func:`entry_values` never gives."""
        if not (self.optional and value is None) and not self.kind.accepts(value):
            raise ValueError(f"an impossible {self.name}")


#: The columns of a row between its id and its checksum, in the order of the table.
COLUMNS = (
    Column("name", Kind.TEXT),
    Column("kind", Kind.TEXT),
    Column("codec", Kind.TEXT),
    Column("coder", Kind.TEXT, optional=True),
    Column("model", Kind.TEXT, optional=True),
    Column("width", Kind.SIZE),
    Column("height", Kind.SIZE),
    Column("channels", Kind.SIZE),
    Column("original_bytes", Kind.SIZE),
    Column("packed_bytes", Kind.SIZE),
    Column("pixel_sha256", Kind.HASH, optional=True),
    Column("file_sha256", Kind.HASH),
    Column("file_exact", Kind.INTEGER),
    Column("modified_at", Kind.INTEGER),
    Column("added_at", Kind.INTEGER),
    Column("reason", Kind.TEXT, optional=True),
    Column("theoretical_bits", Kind.REAL, optional=True, reported=True),
    Column("borrowed_bits", Kind.INTEGER, optional=True, reported=True),
    Column("lost_bits", Kind.INTEGER, optional=True, reported=True),
    Column("encode_seconds", Kind.REAL, optional=True),
    Column("verify_seconds", Kind.REAL, optional=True),
    Column("network_seconds", Kind.REAL, optional=True, reported=True),
    Column("coding_seconds", Kind.REAL, optional=True, reported=True),
    Column("read_seconds", Kind.REAL, optional=True),
    Column("write_seconds", Kind.REAL, optional=True),
    Column("device", Kind.TEXT, optional=True, reported=True),
)

COLUMN_NAMES = tuple(column.name for column in COLUMNS)


def entry_values(name: str, packed: Packed, added_at: int) -> list[Any]:
    """The row of what was packed. How long writing takes is not known yet."""
    given: dict[str, Any] = {"name": name, "added_at": added_at, "write_seconds": None}
    values: list[Any] = []
    for column in COLUMNS:
        holder = packed.report if column.reported else packed
        value = given.get(column.name)
        if column.name not in given and holder is not None:
            value = getattr(holder, column.name)
        values.append(None if value is None else column.kind.written(value))
    return values


def row_crc32(number: int, row: Sequence[Any]) -> int:
    """The checksum of a row: over its id and its columns, each as a letter and its bytes.

    Part of the format, see docs/format.md. Raises ValueError for values that SQLite has not.
    """
    crc = 0
    for value in (number, *row):
        crc = zlib.crc32(_serialised(value), crc)
    return crc


def _serialised(value: Any) -> bytes:
    match value:
        case None:
            return b"n"
        case int():
            return b"i" + struct.pack("<q", value)
        case float():
            return b"r" + struct.pack("<d", value)
        case str():
            data = value.encode("utf-8", "surrogatepass")
            return b"t" + struct.pack("<q", len(data)) + data
        case bytes():
            return b"b" + struct.pack("<q", len(value)) + value
        case _:
            raise ValueError(f"no value of a row: {value!r}")


def entry_of_row(number: int, row: Sequence[Any], crc32: Any) -> Entry:
    """The entry of a row. Raises ValueError for values that no entry has, or that have changed.

    The table is STRICT, but SQLite does not check the types in a damaged file again.
    """
    values = {}
    for column, value in zip(COLUMNS, row, strict=True):
        column.check(value)
        values[column.name] = value
    if row_crc32(number, row) != crc32:
        raise ValueError("a checksum does not match")
    theoretical_bits = values.pop("theoretical_bits")
    n_dims = values["width"] * values["height"] * values["channels"]
    pixel_sha256, file_sha256 = values.pop("pixel_sha256"), values.pop("file_sha256")
    return Entry(
        **values | {"file_exact": bool(values["file_exact"])},
        theoretical_bpd=(
            theoretical_bits / n_dims if theoretical_bits is not None and n_dims else None
        ),
        pixel_sha256=None if pixel_sha256 is None else pixel_sha256.hex(),
        file_sha256=file_sha256.hex(),
    )
