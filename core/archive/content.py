"""The bytes of a file in pieces, as often as they are needed: in memory, or on the disk."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from core.errors import UnreadableFileError, UnwritableFileError
from core.images.reading import open_file

#: Files are cut into pieces of this many bytes, so that they can be read in parts.
PIECE_BYTES = 4 * 2**20

_CHANGED = "the file changed while it was read: try again"

#: What is compressed stays in memory up to this many bytes, and else in a file without a name.
_IN_MEMORY_BYTES = 32 * 2**20


class Content(Protocol):
    """All bytes of a file, in pieces of PIECE_BYTES; only the last one may be shorter."""

    @property
    def n_bytes(self) -> int: ...

    def __iter__(self) -> Iterator[memoryview]: ...

    def parts(self, starts: Iterable[int], n_bytes: int) -> bytes:
        """As many bytes from each place on, one after the other."""


class InMemory:
    """Bytes that are there already."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)

    @property
    def n_bytes(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[memoryview]:
        for at in range(0, len(self._data), PIECE_BYTES):
            yield self._data[at : at + PIECE_BYTES]

    def parts(self, starts: Iterable[int], n_bytes: int) -> bytes:
        return b"".join(self._data[start : start + n_bytes] for start in starts)


class OnDisk:
    """A file of any length that is read anew each time, and must stay as it is.

    Iterating raises UnreadableFileError, also if the file has changed since it was first seen.
    """

    def __init__(self, path: Path) -> None:
        """Raises UnreadableFileError."""
        self._path = path
        with open_file(path) as file:
            self._state = _state(file.fileno())

    @property
    def n_bytes(self) -> int:
        return self._state[0]

    def __iter__(self) -> Iterator[memoryview]:
        with open_file(self._path) as file:
            left = self.n_bytes
            while left:
                piece = file.read(min(left, PIECE_BYTES))
                if not piece:
                    break
                left -= len(piece)
                yield memoryview(piece)
            if left or _state(file.fileno()) != self._state:
                raise UnreadableFileError(self._path, _CHANGED)

    def parts(self, starts: Iterable[int], n_bytes: int) -> bytes:
        with open_file(self._path) as file:
            found = []
            for start in starts:
                file.seek(start)
                found.append(file.read(n_bytes))
            return b"".join(found)


class Scratch:
    """Bytes that are written once; beyond 32 MiB they lie in a folder, in a file without a name."""

    def __init__(self, folder: Path, pieces: Iterable[bytes]) -> None:
        """Raises UnwritableFileError, and what the pieces raise."""
        self._folder = folder
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self.n_bytes = 0
        for piece in pieces:
            self.n_bytes += len(piece)
            try:
                self._file.write(piece)
            except OSError as error:
                reason = f"nothing more can be written here ({error.strerror or error})"
                raise UnwritableFileError(folder, reason) from error

    def __iter__(self) -> Iterator[memoryview]:
        self._file.seek(0)
        while piece := self._file.read(PIECE_BYTES):
            yield memoryview(piece)


def sample(content: Content, count: int = 16, n_bytes: int = 2**14) -> bytes:
    """Parts of a file, evenly spread; all of a short one. Raises UnreadableFileError."""
    length = content.n_bytes
    if length <= count * n_bytes:
        return content.parts([0], length)
    return content.parts([(length - n_bytes) * n // (count - 1) for n in range(count)], n_bytes)


def _state(descriptor: int) -> tuple[int, int, int]:
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns, status.st_ino
