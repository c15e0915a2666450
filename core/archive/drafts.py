"""Files under construction, in the folder that they are for: finished whole, or removed.

Folders are held open while something is written into them, so that nobody can put a link in
their place (on Windows, where that is not possible, paths are used).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_NAME = re.compile(r"\.floe-(\d+)-[0-9a-f]{12}\.(?:new|part)(?:-journal)?")

_HAS_FOLDERS = os.open in os.supports_dir_fd and os.link in os.supports_dir_fd
_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)

#: Folders in which this process has looked for leftovers.
_swept: set[tuple[int, int]] = set()


class Folder:
    """An existing folder. Everything in it is named by :meth:`at` and ``descriptor``."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path, self.descriptor = path, descriptor

    @classmethod
    def open(cls, path: Path) -> Folder:
        """A folder by its path, through links. Raises OSError."""
        if not _HAS_FOLDERS:
            if not os.path.isdir(path):
                raise NotADirectoryError(20, "not a folder", str(path))
            return cls(path, None)
        return cls(path, os.open(path, os.O_RDONLY | _FOLDER))

    def enter(self, name: str) -> Folder:
        """A folder inside, which must not be a link. Raises OSError."""
        path = self.path / name
        if self.descriptor is None:
            if os.path.islink(path) or not os.path.isdir(path):
                missing = FileNotFoundError if not os.path.lexists(path) else NotADirectoryError
                raise missing(2, "not a folder", str(path))
            return Folder(path, None)
        flags = os.O_RDONLY | _FOLDER | _NO_LINK
        return Folder(path, os.open(name, flags, dir_fd=self.descriptor))

    def make(self, name: str) -> Folder:
        """The same, made if it is missing."""
        with suppress(FileExistsError):
            os.mkdir(self.at(name), dir_fd=self.descriptor)
            self.sync()
        return self.enter(name)

    def at(self, name: str) -> str:
        """What to call a file of the folder, together with ``descriptor``."""
        return name if self.descriptor is not None else str(self.path / name)

    def sync(self) -> None:
        """Make new names survive a power cut, if the system can do that for a folder."""
        if self.descriptor is not None:
            with suppress(OSError):
                os.fsync(self.descriptor)

    def remove(self, name: str) -> None:
        """Delete a file if it is there."""
        with suppress(OSError):
            os.unlink(self.at(name), dir_fd=self.descriptor)

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Draft:
    """A file under construction: an empty file of a name that nobody has, open for writing."""

    def __init__(self, folder: Folder, name: str, descriptor: int) -> None:
        self.folder, self.name, self.descriptor = folder, name, descriptor
        self._is_open = True

    @property
    def path(self) -> Path:
        return self.folder.path / self.name

    def write(self, data: bytes) -> None:
        """Raises OSError."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.descriptor, view) :]

    def sync(self) -> None:
        """Return once the data are on the disk. Raises OSError."""
        if sys.platform == "darwin":  # fsync is only as far as the disk's own memory
            with suppress(OSError):
                fcntl.fcntl(self.descriptor, fcntl.F_FULLFSYNC)
                return
        os.fsync(self.descriptor)

    def publish(self, folder: Folder, name: str, *, overwrite: bool) -> None:
        """Give the file its name; without ``overwrite`` it never replaces another one.

        Raises FileExistsError and other OSErrors.
        """
        if sys.platform == "win32":  # where an open file keeps its name
            self.close()
        source, target = self.folder.at(self.name), folder.at(name)
        there, here = self.folder.descriptor, folder.descriptor
        if not overwrite:
            try:
                os.link(source, target, src_dir_fd=there, dst_dir_fd=here)
            except FileExistsError:
                raise
            except (OSError, NotImplementedError):  # no hard links on this file system
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
                os.close(os.open(target, flags, dir_fd=here))
                os.replace(source, target, src_dir_fd=there, dst_dir_fd=here)
        else:
            os.replace(source, target, src_dir_fd=there, dst_dir_fd=here)
        folder.sync()

    def close(self) -> None:
        """May be called again."""
        if self._is_open:
            self._is_open = False
            os.close(self.descriptor)


@contextmanager
def draft(folder: Folder, kind: str) -> Iterator[Draft]:
    """A draft of the kind "new" or "part"; it goes at the end, published or not.

    Those that killed programs left in the folder go first. Raises OSError.
    """
    _sweep(folder)
    # Short, as the name itself may be as long as the file system allows.
    name = f".floe-{os.getpid()}-{os.urandom(6).hex()}.{kind}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(folder.at(name), flags, 0o666, dir_fd=folder.descriptor)
    part = Draft(folder, name, descriptor)
    try:
        _lock(descriptor)
        yield part
    finally:
        part.close()
        folder.remove(name)
        folder.remove(f"{name}-journal")


def _sweep(folder: Folder) -> None:
    """Remove the drafts of programs that were killed, once for a folder."""
    with suppress(OSError):
        where = folder.path if folder.descriptor is None else folder.descriptor
        status = os.stat(where)
        if (status.st_dev, status.st_ino) in _swept:
            return
        _swept.add((status.st_dev, status.st_ino))
        for name in os.listdir(where):
            found = _NAME.fullmatch(name)
            if found and not _is_in_use(folder, name, int(found[1])):
                folder.remove(name)


def _is_in_use(folder: Folder, name: str, process: int) -> bool:
    """Whether a draft may still be written to, by a process of this machine or another one."""
    if sys.platform == "win32":
        return False  # an open file cannot be removed there
    if _is_running(process):
        return True
    descriptor = os.open(folder.at(name), os.O_RDONLY | _NO_LINK, dir_fd=folder.descriptor)
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _lock(descriptor: int) -> bool:
    """Whether nobody else has the file locked; it is locked then until it is closed."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True
