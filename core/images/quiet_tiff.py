"""Switch off libtiff's own messages, which it writes straight to the terminal.

Python cannot catch them, because they bypass ``sys.stderr``. Floe prints one clear line for each
failed file instead.
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
    """Switch off libtiff's messages; return whether the library was found.

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
    """Possible paths of Pillow's libtiff: bundled in its wheel, or the system's."""
    package = Path(PIL.__file__).parent
    for folder in (package.parent / "pillow.libs", package / ".dylibs"):
        yield from (str(path) for path in sorted(folder.glob("libtiff*")))
    system = ctypes.util.find_library("tiff")
    if system:
        yield system
