"""Rows of the table of entries: what goes in, and what comes out as an Entry."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from core.archive.entry import Entry
from core.archive.packing import Packed

#: The columns of a row between its id and its checksum, in the order of the table, of
#: :func:`entry_values` and of :func:`entry_of_row`.
ENTRY_COLUMNS = (
    "name",
    "kind",
    "codec",
    "coder",
    "model",
    "width",
    "height",
    "channels",
    "original_bytes",
    "packed_bytes",
    "pixel_sha256",
    "file_sha256",
    "file_exact",
    "modified_at",
    "added_at",
    "reason",
    "theoretical_bits",
    "borrowed_bits",
    "lost_bits",
    "encode_seconds",
    "verify_seconds",
    "network_seconds",
    "coding_seconds",
    "read_seconds",
    "write_seconds",
    "device",
)

_TEXTS = {"name", "kind", "codec", "coder", "model", "reason", "device"}
_HASHES = {"pixel_sha256", "file_sha256"}
_NUMBERS = {"theoretical_bits", "encode_seconds", "verify_seconds", "network_seconds"}
_NUMBERS |= {"coding_seconds", "read_seconds", "write_seconds"}
_SIZES = {"width", "height", "channels", "original_bytes", "packed_bytes"}
_OPTIONAL = {"coder", "model", "reason", "device", "pixel_sha256", "borrowed_bits", "lost_bits"}
_OPTIONAL |= _NUMBERS


def _check(column: str, value: Any) -> None:
    """Raises ValueError unless the value is one that :func:`entry_values` gives."""
    if value is None and column in _OPTIONAL:
        return
    if column in _TEXTS:
        right = isinstance(value, str)
    elif column in _HASHES:
        right = isinstance(value, bytes) and len(value) == 32
    elif column in _NUMBERS:
        right = isinstance(value, int | float) and math.isfinite(value)
    else:
        right = isinstance(value, int) and (value >= 0 or column not in _SIZES)
    if not right:
        raise ValueError(f"an impossible {column}")


def entry_values(name: str, packed: Packed, added_at: int) -> list[Any]:
    """A row for what was packed."""
    report = packed.report
    values: dict[str, Any] = {
        "name": name,
        "kind": packed.kind,
        "codec": packed.codec,
        "coder": packed.coder,
        "model": packed.model,
        "width": packed.width,
        "height": packed.height,
        "channels": packed.channels,
        "original_bytes": len(packed.file),
        "packed_bytes": packed.n_bytes,
        "pixel_sha256": packed.pixel_sha256,
        "file_sha256": packed.file_sha256,
        "file_exact": int(packed.file_exact),
        "modified_at": packed.modified_at,
        "added_at": added_at,
        "reason": packed.reason,
        "theoretical_bits": float(report.theoretical_bits) if report else None,
        "borrowed_bits": int(report.borrowed_bits) if report else None,
        "lost_bits": int(report.lost_bits) if report else None,
        "encode_seconds": packed.encode_seconds,
        "verify_seconds": packed.verify_seconds,
        "network_seconds": float(report.network_seconds) if report else None,
        "coding_seconds": float(report.coding_seconds) if report else None,
        "read_seconds": packed.read_seconds,
        "write_seconds": None,  # known once all is written
        "device": report.device if report else None,
    }
    return [values[column] for column in ENTRY_COLUMNS]


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

    The table is STRICT, but SQLite does not look again at what is in a damaged file.
    """
    values = dict(zip(ENTRY_COLUMNS, row, strict=True))
    for column, value in values.items():
        _check(column, value)
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
