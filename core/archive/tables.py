"""The tables of an open archive, made once and handed to all who read or change them."""

from __future__ import annotations

from typing import NamedTuple

from core.archive.chunks import ChunkTable
from core.archive.database import Database
from core.archive.entries import EntryTable
from core.archive.folders import FolderTable
from core.archive.models import ModelTable


class Tables(NamedTuple):
    """The four tables of an archive."""

    entries: EntryTable
    chunks: ChunkTable
    folders: FolderTable
    models: ModelTable

    @classmethod
    def of(cls, database: Database) -> Tables:
        chunks = ChunkTable(database)
        entries = EntryTable(database, chunks)
        return cls(entries, chunks, FolderTable(database), ModelTable(database))
