"""Many files at once: into an archive, out of it, or checked in their place."""

from __future__ import annotations

from core.engine.collecting import Source, collect, into
from core.engine.discarding import Discardable, discard, discardables
from core.engine.jobs import add, extract, verify
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
    "Discardable",
    "FileExists",
    "FileResult",
    "Listener",
    "NameConflict",
    "Queries",
    "Query",
    "Silent",
    "Source",
    "add",
    "collect",
    "discard",
    "discardables",
    "extract",
    "into",
    "verify",
]
