"""Files that are written whole under their names, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from core.archive.drafts import Folder, draft
from core.errors import TargetExistsError, UnwritableFileError


def write_file(
    target: Path,
    pieces: Iterable[bytes],
    *,
    overwrite: bool,
    modified_at: int | None = None,
    below: Path | None = None,
) -> None:
    """Write a file near its place, and move it there once all of it is on the disk.

    Folders that it needs are made only then. Between ``below`` and the file no link is followed,
    even one that is put there while the pieces are computed. ``modified_at`` is in nanoseconds
    since 1970. Whatever the pieces raise leaves no trace. Raises TargetExistsError and
    UnwritableFileError.
    """
    if not overwrite and os.path.lexists(target):
        raise TargetExistsError(target, "exists already")
    try:
        with ExitStack() as opened:
            folder, missing = _way_to(target.parent, below, opened)
            part = opened.enter_context(draft(folder, "part"))
            for piece in pieces:
                part.write(piece)
            if modified_at is not None:
                with suppress(OSError, OverflowError):  # a time that this file system cannot hold
                    os.utime(
                        part.descriptor if os.utime in os.supports_fd else part.path,
                        ns=(modified_at, modified_at),
                    )
            part.sync()
            for name in missing:
                folder = opened.enter_context(folder.make(name))
            part.publish(folder, target.name, overwrite=overwrite)
    except FileExistsError as error:
        raise TargetExistsError(target, "exists already") from error
    except OSError as error:
        raise UnwritableFileError(target, _reason(error)) from error


def make_folder(target: Path, *, below: Path | None = None) -> None:
    """Make a folder and those above it, unless it is there. Raises UnwritableFileError."""
    try:
        with ExitStack() as opened:
            folder, missing = _way_to(target, below, opened)
            for name in missing:
                folder = opened.enter_context(folder.make(name))
    except OSError as error:
        raise UnwritableFileError(target, _reason(error)) from error


def _way_to(target: Path, below: Path | None, opened: ExitStack) -> tuple[Folder, Sequence[str]]:
    """The last existing folder on the way to a folder, and the names of those that are missing."""
    base = target if below is None else below
    while base != base.parent and not os.path.lexists(base):
        base = base.parent
    folder = opened.enter_context(Folder.open(base))
    names = target.relative_to(base).parts
    for n_there, name in enumerate(names):
        try:
            folder = opened.enter_context(folder.enter(name))
        except FileNotFoundError:
            return folder, names[n_there:]
    return folder, ()


def _reason(error: OSError) -> str:
    return {
        errno.ENOSPC: "no space is left on the disk",
        errno.EDQUOT: "no space is left on the disk",
        errno.EACCES: "no permission to write here",
        errno.EPERM: "no permission to write here",
        errno.EROFS: "the disk is read-only",
        errno.ENAMETOOLONG: "the name is too long for this disk",
        errno.EISDIR: "a folder of this name is in the way",
        errno.ENOTDIR: "a part of the path is not a folder",
        errno.ELOOP: "a link is where a folder is needed",
        errno.EEXIST: "a file is where a folder is needed",
    }.get(error.errno or 0, f"cannot be written ({error.strerror or error})")
