"""The container: one .floe file that holds many images, and what it says about each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.archive.entry import Entry

if TYPE_CHECKING:
    from core.archive.archive import Archive

__all__ = ["Archive", "Entry"]


def __getattr__(name: str) -> object:
    """Import Archive at its first use: it needs numpy, entries do not."""
    if name != "Archive":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from core.archive.archive import Archive

    return Archive
