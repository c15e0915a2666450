"""What tests of all parts need."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# No test may open a window on somebody's screen, or wait for a display that is not there.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

# Small networks lose by more threads, twofold beside a busy neighbour; and waiting threads may not
# spin (see core/runtime.py). Torch reads both when it is imported, which tests do before core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

# Nothing but chance is tested by the time that an example takes on a busy machine.
settings.register_profile("floe", deadline=None)
settings.load_profile("floe")

_NOBODY = 65534


@pytest.fixture
def guarded() -> Iterator[Path]:
    """An empty folder in which permissions hold, even where the tests run as root."""
    if sys.platform == "win32":
        pytest.skip("permissions of files are another matter on Windows")
    # Not below pytest's own folder, which others may not enter.
    folder = Path(tempfile.mkdtemp(prefix="floe-guarded-"))
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, _NOBODY, -1)
        os.seteuid(_NOBODY)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Put in paths of files, and the disk fails to read them, whoever asks."""
    from core.archive import packing  # not above: what is set there comes first
    from core.errors import UnreadableFileError

    failing: set[Path] = set()
    read = packing.read_file

    def read_file(path: Path) -> object:
        if path in failing:
            raise UnreadableFileError(path, "cannot be read (Input/output error)")
        return read(path)

    monkeypatch.setattr(packing, "read_file", read_file)
    return failing
