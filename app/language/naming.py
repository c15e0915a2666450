"""Typed names: why one is invalid, and what an editor selects first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from PySide6.QtCore import QCoreApplication

#: Why a name is invalid: a sentence, "" for an empty name, None for a valid one.
Problem = Callable[[str], str | None]


def problem(text: str, above: str, taken: Callable[[str], bool]) -> str | None:
    """Why a name is invalid in a folder, or None; the folder "" is the top of the archive."""
    from core.archive.names import typed_name
    from core.errors import HostileNameError

    translate = QCoreApplication.translate
    if not text:
        return ""
    if "/" in text:
        return translate("Naming", "A name cannot contain a slash.")
    try:
        name = typed_name(inside(above, text))
    except HostileNameError:
        return translate("Naming", "The name is too long or contains invalid characters.")
    if taken(name):
        return translate("Naming", "This name is taken.")
    return None


def inside(folder: str, name: str) -> str:
    """The full name of an item of a folder; the folder "" is the top of the archive."""
    return f"{folder}/{name}" if folder else name


def new_folder_name(above: str, taken: Callable[[str], bool]) -> str:
    """An unused name for a new folder."""
    translate = QCoreApplication.translate
    name, number = translate("Naming", "New folder"), 2
    while taken(inside(above, name)):
        name, number = translate("Naming", "New folder {0}").format(number), number + 1
    return name


def stem_length(name: str) -> int:
    """The number of letters that an editor selects first: all but the suffix."""
    return len(PurePosixPath(name).stem)
