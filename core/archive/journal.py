"""Files that SQLite looks for beside a database, checked before SQLite acts on them.

A rollback journal that a killed program left is played back on the next access. SQLite does more
than that with a foreign one: it deletes any file that the journal names as its super-journal,
and a write-ahead log takes precedence over the database itself.
"""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

from core.errors import DamagedArchiveError, UnreadableFileError

_MAGIC = bytes.fromhex("d9d505f920a163d7")
_HEADER = struct.Struct(">8s 12x 2I")  # magic, ..., bytes of a sector and of a page


def is_interrupted(real: Path, path: Path, page_bytes: int) -> bool:
    """Whether a journal of Floe waits to be played back into the archive ``real``.

    ``path`` is what the user calls it, ``page_bytes`` the size of its pages. Raises
    DamagedArchiveError for files beside the archive that Floe never writes, and
    UnreadableFileError.
    """
    for suffix in ("-wal", "-shm"):
        if os.path.lexists(f"{real}{suffix}"):
            raise _foreign(path, f"{real.name}{suffix}")
    journal = Path(f"{real}-journal")
    try:
        status = os.lstat(journal)
    except FileNotFoundError:
        return False
    except OSError as error:
        reason = f"its journal cannot be read ({error.strerror or error})"
        raise UnreadableFileError(path, reason) from error
    if not stat.S_ISREG(status.st_mode):
        raise _foreign(path, journal.name)
    try:
        with open(journal, "rb") as file:
            start = file.read(_HEADER.size)
            file.seek(max(os.fstat(file.fileno()).st_size - len(_MAGIC), 0))
            end = file.read(len(_MAGIC))
    except FileNotFoundError:  # another program has just finished
        return False
    except OSError as error:
        reason = f"its journal cannot be read ({error.strerror or error})"
        raise UnreadableFileError(path, reason) from error
    if end == _MAGIC and len(start) == _HEADER.size:  # as after the name of a super-journal
        raise _foreign(path, journal.name)
    if start[:1] in (b"", b"\0"):
        return False  # not in force yet, or no longer
    # A program that was killed in the middle of a write leaves a part of the mark. SQLite then
    # plays nothing back, but needs to write, too: it looks at the first byte only.
    is_torn = not start.startswith(_MAGIC) or len(start) < _HEADER.size
    if is_torn and not _MAGIC.startswith(start[: len(_MAGIC)].rstrip(b"\0")):
        raise _foreign(path, journal.name)
    if not is_torn and _HEADER.unpack(start)[2] != page_bytes:
        raise _foreign(path, journal.name)
    return True


def _foreign(path: Path, name: str) -> DamagedArchiveError:
    return DamagedArchiveError(
        path, f"the file {name} beside it is not of Floe: move it away to open the archive"
    )
