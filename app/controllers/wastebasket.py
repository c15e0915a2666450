"""The desktop's wastebasket."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QFile


def move(path: Path) -> None:
    """Move a file to the wastebasket. Raises OSError."""
    file = QFile(str(path))
    if not file.moveToTrash():
        raise OSError(file.errorString())
