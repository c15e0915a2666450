"""Names of entries: which are valid, how paths become names, and names paths.

A name is relative, in Unicode's NFC, its parts separated by "/". Names in an archive may have
been written by anyone, so they are checked again whenever they lead to a file.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from core.errors import HostileNameError

#: Lengths in UTF-8: of a part, as file systems have it, and of a whole name.
MAX_PART_BYTES = 255
MAX_NAME_BYTES = 4000

# What no part of a name contains: separators, and characters that make a terminal or a reader see
# another name (controls, line separators, lone surrogates, overrides of the writing direction).
_BAD_CHARACTERS = re.compile("[/\\\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_DRIVE = re.compile("^[A-Za-z]:")

_WINDOWS_BAD_CHARACTERS = re.compile('[<>:"|?*]')
_WINDOWS_DEVICE = re.compile(
    r"^(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])\s*(\..*)?$", re.I
)


def archive_name(parts: Sequence[str]) -> str:
    """The name of an entry for the parts of a path.

    Characters that are not allowed become "_". Raises HostileNameError if nothing is left, or if
    the path is too long.
    """
    cleaned = []
    for part in parts:
        part = _BAD_CHARACTERS.sub("_", part)
        # Normalising comes after replacing: it never makes a character of those above.
        cleaned.append(unicodedata.normalize("NFC", part))
    if cleaned and _DRIVE.match(cleaned[0]):
        cleaned[0] = cleaned[0].replace(":", "_", 1)
    name = "/".join(cleaned)
    check_name(name)
    return name


def typed_name(text: str) -> str:
    """A typed name of an entry or a folder. Raises HostileNameError."""
    name = unicodedata.normalize("NFC", text)
    check_name(name)
    return name


def folders_above(name: str) -> list[str]:
    """The folders on the way to a name, the outermost first."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def check_name(name: str) -> None:
    """Raises HostileNameError unless the name is one that :func:`archive_name` gives."""
    if not name:
        raise HostileNameError("(no name)", "an entry needs a name")
    if name.startswith("/") or _DRIVE.match(name):
        raise HostileNameError(shown(name), "the name is an absolute path")
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise HostileNameError(shown(name), 'a part of the name is empty, "." or ".."')
    if any(_BAD_CHARACTERS.search(part) for part in parts):
        raise HostileNameError(shown(name), "the name contains characters that are not allowed")
    if unicodedata.normalize("NFC", name) != name:
        raise HostileNameError(shown(name), "the name is not in Unicode's normal form C")
    if len(name.encode()) > MAX_NAME_BYTES or max(map(_size, parts)) > MAX_PART_BYTES:
        raise HostileNameError(shown(name), "the name is too long")


def _size(part: str) -> int:
    return len(part.encode())


def printable(text: str) -> str:
    """A text that may hold anyone's names, for a terminal: without control characters."""
    return re.sub(rf"(?![/\\]){_BAD_CHARACTERS.pattern}", "\ufffd", text)


def shown(name: str) -> str:
    """A name for a message: shortened, and without characters that would mislead its reader."""
    text = re.sub(f"(?!/){_BAD_CHARACTERS.pattern}", "\ufffd", name)
    return text if len(text) <= 200 else text[:200] + "\N{HORIZONTAL ELLIPSIS}"


def local_part(part: str, *, windows: bool) -> str:
    """A part of a name as a file name: Windows reserves some, and trims others."""
    if not windows:
        return part
    part = _WINDOWS_BAD_CHARACTERS.sub("_", part)
    part = re.sub(r"[. ]+$", lambda end: "_" * len(end.group()), part)
    return f"_{part}" if _WINDOWS_DEVICE.match(part) else part


def target_path(folder: Path, name: str, *, windows: bool = os.name == "nt") -> Path:
    """Where an entry is extracted to: always inside the folder.

    Raises HostileNameError if the name is invalid, or if a link inside the folder leads out of
    it. The folder itself, and those above it, may be links: they are the user's own.
    """
    check_name(name)
    root = folder.resolve()
    target = root.joinpath(*(local_part(part, windows=windows) for part in name.split("/")))
    try:
        parent = target.parent.resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise HostileNameError(shown(name), "the links on its path form a loop") from error
    if parent != root and root not in parent.parents:
        raise HostileNameError(shown(name), "a link would lead out of the folder")
    return parent / target.name
