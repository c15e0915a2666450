"""Files that exist as long as the program runs: one folder a process, in the user's cache."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from pathlib import Path

from PySide6.QtCore import QLockFile

from app.backend.caches import cache_folder

_log = logging.getLogger(__name__)

_LOCK_SUFFIX = ".lock"


class PrivateCache:
    """The first request makes the process's folder and a lock beside it.

    The lock is taken before the folder is made: a folder whose lock is free belongs to a process
    that has ended.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_folder("outgoing")
        self._mine: Path | None = None
        self._lock: QLockFile | None = None
        self._count = 0
        self._guard = threading.Lock()

    def new_folder(self) -> Path:
        """A new empty folder. Thread-safe."""
        with self._guard:
            if self._mine is None:
                self._mine = self._move_in()
            self._count += 1
            folder = self._mine / str(self._count)
        folder.mkdir(mode=0o700)
        return folder

    def outlives(self, path: Path) -> bool:
        """Whether a path lies elsewhere, where files last longer than a process."""
        return not path.is_relative_to(self.root)

    def made(self, path: Path) -> bool:
        """Whether a path lies in this process's own folder."""
        return self._mine is not None and path.is_relative_to(self._mine)

    def sweep(self) -> None:
        """Remove the folders of killed processes. Slow: call it on a worker."""
        try:
            found = {path.name.removesuffix(_LOCK_SUFFIX) for path in self.root.iterdir()}
        except FileNotFoundError:
            return
        except OSError as error:
            _log.warning("%s: cannot be cleared (%s)", self.root, error)
            return
        for name in sorted(found):
            lock = _lock_of(self.root / name)
            if lock.tryLock(0):
                _remove(self.root / name)
                lock.unlock()

    def remove(self) -> None:
        """Remove this process's folder; paths on the clipboard become invalid."""
        with self._guard:
            if self._mine is not None:
                _remove(self._mine)
            if self._lock is not None:
                self._lock.unlock()
            self._mine = self._lock = None

    def _move_in(self) -> Path:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = 0
        while True:
            folder = self.root / f"{os.getpid()}-{number}"
            lock = _lock_of(folder)
            # An existing folder is that of an ended process with the same number.
            if not os.path.lexists(folder) and lock.tryLock(0):
                folder.mkdir(mode=0o700)
                self._lock = lock
                return folder
            number += 1


def _lock_of(folder: Path) -> QLockFile:
    lock = QLockFile(f"{folder}{_LOCK_SUFFIX}")
    lock.setStaleLockTime(0)  # stale by the end of its process only, never by age
    return lock


def _remove(folder: Path) -> None:
    def tell(_function: object, path: str, info: tuple[object, BaseException, object]) -> None:
        if not isinstance(info[1], FileNotFoundError):
            _log.warning("%s: stays in the cache until the next start (%s)", path, info[1])

    shutil.rmtree(folder, onerror=tell)
