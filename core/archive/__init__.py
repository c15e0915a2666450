"""The container: one .floe file that holds many images, and what it says about each."""

from __future__ import annotations

from core.archive.archive import Archive
from core.archive.entry import Entry

__all__ = ["Archive", "Entry"]
