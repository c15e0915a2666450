"""Many files at once: into an archive, out of it, or checked in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.engine.planning import LeftOut, OnLeftOut, Source, plan, plan_again
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
from core.engine.results import FileResult, Listener, Outcome, Silent

if TYPE_CHECKING:
    from core.engine.discarding import Discardable, discard, discardables
    from core.engine.jobs import add, extract, verify
else:
    from core.lazy import lazy

    __getattr__ = lazy(
        __name__,
        dict.fromkeys(("add", "extract", "verify"), "core.engine.jobs")
        | dict.fromkeys(("Discardable", "discard", "discardables"), "core.engine.discarding"),
    )

__all__ = [
    "Always",
    "Answer",
    "Choice",
    "ContinueAfterError",
    "Discardable",
    "FileExists",
    "FileResult",
    "LeftOut",
    "Listener",
    "NameConflict",
    "OnLeftOut",
    "Outcome",
    "Queries",
    "Query",
    "Silent",
    "Source",
    "add",
    "discard",
    "discardables",
    "extract",
    "plan",
    "plan_again",
    "verify",
]
