"""Names that somebody types: why one cannot be given, and what of it is selected at first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from PySide6.QtCore import QCoreApplication

#: Why a text is no name: a sentence, an empty one if that is plain, None if it is one.
Problem = Callable[[str], str | None]


def problem(text: str, above: str, taken: Callable[[str], bool]) -> str | None:
    """Why a name cannot be given in a folder, "" being that which holds all."""
    from core.archive.names import typed_name
    from core.errors import HostileNameError

    translate = QCoreApplication.translate
    if not text:
        return ""
    if "/" in text:
        return translate("Naming", "A name holds no slash.")
    try:
        name = typed_name(inside(above, text))
    except HostileNameError:
        return translate(
            "Naming", "This cannot be a name: it is too long, or has unusual characters."
        )
    if taken(name):
        return translate("Naming", "There is something of this name already.")
    return None


def inside(folder: str, name: str) -> str:
    """The full name of what has this one in a folder, "" being that which holds all."""
    return f"{folder}/{name}" if folder else name


def new_folder_name(above: str, taken: Callable[[str], bool]) -> str:
    """A name for a new folder that nothing has yet."""
    translate = QCoreApplication.translate
    name, number = translate("Naming", "New folder"), 2
    while taken(inside(above, name)):
        name, number = translate("Naming", "New folder {0}").format(number), number + 1
    return name


def stem_length(name: str) -> int:
    """How many batch are selected at first: as in file managers, the suffix is left alone."""
    return len(PurePosixPath(name).stem)
