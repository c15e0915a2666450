"""The tables of an open archive, made once and handed to all who read or change them."""

from __future__ import annotations

from typing import NamedTuple

from core.archive.database import Database
from core.archive.entries import EntryTable
from core.archive.folders import FolderTable
from core.archive.models import ModelTable


class Tables(NamedTuple):
    """All tables but that of the chunks, which belong to entries."""

    entries: EntryTable
    folders: FolderTable
    models: ModelTable

    @classmethod
    def of(cls, database: Database) -> Tables:
        return cls(EntryTable(database), FolderTable(database), ModelTable(database))
