"""libtiff, inside Pillow, writes what it thinks of a damaged file straight to the terminal.

Python cannot catch that: it goes past ``sys.stderr``. A program that prints one clear line for
each file that failed has to switch it off in the library itself.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import logging
from collections.abc import Iterator
from pathlib import Path

import PIL

_log = logging.getLogger(__name__)


def silence_libtiff() -> bool:
    """Switches libtiff's own messages off; whether its library was found.

    Errors still come back as return codes, which Pillow raises.
    """
    for name in _candidates():
        try:
            library = ctypes.CDLL(name)
            for function in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
                function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
                function(None)
        except (OSError, AttributeError):
            continue
        return True
    _log.debug("libtiff not found: its messages about damaged files will reach stderr")
    return False


def _candidates() -> Iterator[str]:
    """Where Pillow's libtiff may be: beside it in a wheel, or the system's."""
    package = Path(PIL.__file__).parent
    for folder in (package.parent / "pillow.libs", package / ".dylibs"):
        yield from (str(path) for path in sorted(folder.glob("libtiff*")))
    system = ctypes.util.find_library("tiff")
    if system:
        yield system
