"""Calls into the system, counted, stopped, failed and logged by ``calls.c``."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

_SOURCE = Path(__file__).with_name("calls.c")
_LOADED = "FLOE_TORTURE_CALLS"


class Action(IntEnum):
    """What happens at a call, as in ``calls.c``."""

    COUNT = 0
    KILL = 1
    TEAR = 2
    FAIL = 3


def load() -> None:
    """Start this program again with the library before the C library, unless it is so already."""
    if _LOADED in os.environ:
        return
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        raise SystemExit("this torture needs Linux and a C compiler (cc)")
    library = Path(tempfile.mkdtemp(prefix="floe-torture-")) / "calls.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl"], check=True
    )
    os.environ |= {"LD_PRELOAD": str(library), _LOADED: str(library)}
    os.execv(sys.executable, [sys.executable, "-m", "tools.torture", *sys.argv[1:]])


def arm(
    folder: Path, action: Action = Action.COUNT, *, turn: int = 0, error: int = 0, log: int = -1
) -> None:
    """From now on watch the calls below a folder; ``turn`` is the number of the chosen one."""
    _library().torture_arm(os.fsencode(folder), log, int(action), ctypes.c_long(turn), error)


def disarm() -> int:
    """Watch no longer; return how many calls there were."""
    return int(_library().torture_disarm())


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    library.torture_disarm.restype = ctypes.c_long
    return library


@dataclass(frozen=True)
class Call:
    """A call that changed something: create, write, truncate, sync, unlink, rename or link."""

    kind: str  #: its letter in ``calls.c``
    path: str
    to: str
    offset: int  #: of a write; the new length of a truncation
    data: bytes


def read_log(path: Path) -> list[Call]:
    """The calls of a log, in order."""
    data, at, calls = path.read_bytes(), 0, []
    while at < len(data):
        kind = chr(data[at])
        n_path, n_to, offset, n_bytes = struct.unpack_from("<IIQQ", data, at + 1)
        at += 25
        name, to = data[at : at + n_path], data[at + n_path : at + n_path + n_to]
        at += n_path + n_to
        written = data[at : at + n_bytes] if kind == "w" else b""
        at += len(written)
        calls.append(Call(kind, os.fsdecode(name), os.fsdecode(to), offset, written))
    return calls
