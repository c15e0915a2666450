"""Many files at once: into an archive, out of it, or checked in their place."""

from __future__ import annotations

from core.engine.collecting import Source, collect, into
from core.engine.jobs import add, extract, verify
from core.engine.originals import Original, discard, originals
from core.engine.queries import (
    Always,
    Answer,
    Choice,
    ContinueAfterError,
    FileExists,
    NameConflict,
    Queries,
    Query,
)
from core.engine.results import FileResult, Listener, Silent

__all__ = [
    "Always",
    "Answer",
    "Choice",
    "ContinueAfterError",
    "FileExists",
    "FileResult",
    "Listener",
    "NameConflict",
    "Original",
    "Queries",
    "Query",
    "Silent",
    "Source",
    "add",
    "collect",
    "discard",
    "extract",
    "into",
    "originals",
    "verify",
]
