"""The folders of files that can be regenerated."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def cache_folder(name: str) -> Path:
    """A folder below the user's cache; it need not exist."""
    return platformdirs.user_cache_path("floe", appauthor=False) / name
