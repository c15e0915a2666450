"""The container: one .floe file that holds many images, and the facts about each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.archive.entry import Entry, Method, Share
from core.archive.totals import Totals

if TYPE_CHECKING:
    from core.archive.archive import Archive
    from core.archive.codec import Codecs
else:
    from core.lazy import lazy

    __getattr__ = lazy(
        __name__, {"Archive": "core.archive.archive", "Codecs": "core.archive.codec"}
    )

__all__ = ["Archive", "Codecs", "Entry", "Method", "Share", "Totals"]
