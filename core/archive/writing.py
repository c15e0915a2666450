"""Files that are either written whole under their name, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from core.errors import TargetExistsError, UnwritableFileError


def write_file(
    target: Path, pieces: Iterable[bytes], *, overwrite: bool, modified_at: int | None = None
) -> None:
    """Writes a file near its place, and moves it there once all of it is on the disk.

    Folders that it needs are made only then. ``modified_at`` is in nanoseconds since 1970.
    Whatever the pieces raise leaves no trace. Raises TargetExistsError and UnwritableFileError.
    """
    if not overwrite and os.path.lexists(target):
        raise TargetExistsError(target, "exists already")
    # Short, as the name itself may be as long as the file system allows.
    draft = _nearest_folder(target) / f".floe-{os.getpid()}-{os.urandom(6).hex()}.part"
    try:
        with open(draft, "xb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if modified_at is not None:
            with suppress(OSError, OverflowError):  # a time that this file system cannot hold
                os.utime(draft, ns=(modified_at, modified_at))
        if not overwrite and os.path.lexists(target):
            raise TargetExistsError(target, "exists already")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise UnwritableFileError(target, _reason(error)) from error
    finally:
        with suppress(OSError):
            draft.unlink()


def make_folder(target: Path) -> None:
    """Makes a folder and those above it, unless it is there. Raises UnwritableFileError."""
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableFileError(target, _reason(error)) from error


def _nearest_folder(target: Path) -> Path:
    """The folder of a file, or the one that there is on the way to it."""
    folder = target.parent
    while folder != folder.parent and not os.path.lexists(folder):
        folder = folder.parent
    return folder


def _sync_folder(folder: Path) -> None:
    """Makes the new name survive a power cut, where the system can do that for a folder."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: OSError) -> str:
    return {
        errno.ENOSPC: "no space is left on the disk",
        errno.EDQUOT: "no space is left on the disk",
        errno.EACCES: "no permission to write here",
        errno.EPERM: "no permission to write here",
        errno.EROFS: "the disk can only be read",
        errno.ENAMETOOLONG: "the name is too long for this disk",
        errno.EISDIR: "a folder of this name is in the way",
        errno.ENOTDIR: "a part of the path is no folder",
        errno.EEXIST: "a file is where a folder is needed",
    }.get(error.errno or 0, f"cannot be written ({error.strerror or error})")
