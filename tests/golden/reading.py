"""What lies in an archive, read with SQLite alone, and in a PNG file."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

from core.images.png import read_parts


def chunks_of(path: Path, name: str, part: str = "pixels") -> list[bytes]:
    """The chunks of an entry's part, in order."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT data FROM chunk JOIN entry ON entry.id = chunk.entry "
            "WHERE name = ? AND part = ? ORDER BY place",
            (name, part),
        ).fetchall()
    finally:
        connection.close()
    return [data for (data,) in rows]


def other_chunks(png: bytes) -> list[list[str]]:
    """Kind and SHA-256 of the chunks of a PNG file that are not its image data."""
    parts = read_parts(png)
    return [
        [chunk.kind.decode(), hashlib.sha256(chunk.data).hexdigest()]
        for chunk in parts.before + parts.after
    ]
