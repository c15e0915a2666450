"""An archive as a file of the disk, read without SQLite; and who writes to it in this process.

POSIX drops all locks that a process has on a file as soon as the process closes any descriptor
of it. So whoever reads an archive beside SQLite must not close the file while a connection is
open: each file has one descriptor for the whole process, closed when the last user is done.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from core.control import CancelToken
from core.errors import NotAnArchiveError, UnreadableFileError, UnwritableFileError

#: Device and inode; a file system without inodes has 0 for all, and such files are not shared.
_Identity = tuple[int, int]

_WAKE_SECONDS = 0.1


class ArchiveFile:
    """A regular file, open for reading and shared by all of this process that have it open."""

    _shared: ClassVar[dict[_Identity, ArchiveFile]] = {}
    _sharing = threading.Lock()

    def __init__(self, identity: _Identity) -> None:
        self.identity = identity
        self._descriptors: list[int] = []
        self._n_users = 0
        self._writing = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> ArchiveFile:
        """The file of a path. Call :meth:`close` as often. Raises as Archive.open does."""
        try:
            with cls._sharing:
                status = os.stat(path)
                if not stat.S_ISREG(status.st_mode):
                    raise NotAnArchiveError(path, "not a regular file, so not a Floe archive")
                file = cls._shared.get((status.st_dev, status.st_ino)) if status.st_ino else None
                if file is None:
                    file = cls._opened(path)
                file._n_users += 1
                return file
        except OSError as error:
            raise UnreadableFileError(path, _reason(error)) from error
        except ValueError as error:  # a NUL in the path
            raise UnreadableFileError(path, "not a valid path") from error

    @classmethod
    def _opened(cls, path: Path) -> ArchiveFile:
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags)
        status = os.fstat(descriptor)  # the path may have become another file meanwhile
        identity = (status.st_dev, status.st_ino)
        file = cls(identity)
        if status.st_ino:
            file = cls._shared.setdefault(identity, file)
        file._descriptors.append(descriptor)
        return file

    def close(self) -> None:
        """Give up one use of the file."""
        with self._sharing:
            self._n_users -= 1
            if self._n_users:
                return
            if self._shared.get(self.identity) is self:
                del self._shared[self.identity]
            for descriptor in self._descriptors:
                os.close(descriptor)

    @property
    def n_bytes(self) -> int:
        return os.fstat(self._descriptors[0]).st_size

    def start(self, n_bytes: int) -> bytes:
        """The first bytes of the file, fewer if it is shorter. Raises OSError."""
        with self._sharing:
            os.lseek(self._descriptors[0], 0, os.SEEK_SET)
            return os.read(self._descriptors[0], n_bytes)

    def is_at(self, path: Path) -> bool:
        """Whether the path still leads to this file."""
        try:
            status = os.stat(path)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self.identity

    def check_at(self, path: Path) -> None:
        """Raises UnwritableFileError if the path leads elsewhere: changes would be lost."""
        if not self.is_at(path):
            raise UnwritableFileError(
                path, "the archive was moved, deleted or replaced while it was open"
            )

    @contextmanager
    def writing(self, cancel: CancelToken) -> Iterator[None]:
        """Wait for the other threads of this process that write to the file. Raises Cancelled."""
        while not self._writing.acquire(timeout=_WAKE_SECONDS):
            cancel.raise_if_cancelled()
        try:
            yield
        finally:
            self._writing.release()


def _reason(error: OSError) -> str:
    return {
        errno.ENOENT: "there is no such archive",
        errno.ENOTDIR: "there is no such archive",
        errno.EACCES: "no permission to read the archive",
    }.get(error.errno or 0, f"cannot be read ({error.strerror or error})")
