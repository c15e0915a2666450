"""The entry point, as the command line calls it."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication

from app.start import gui
from app.window.window import Window
from core.archive.archive import Archive


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    handler = signal.getsignal(signal.SIGINT)
    for name in ("RUNTIME_DIR", "CACHE_HOME"):  # no running window's
        folder = tmp_path / name.lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(f"XDG_{name}", str(folder))
    yield
    signal.signal(signal.SIGINT, handler)
    gc.unfreeze()


def test_an_archive_that_is_not_there_is_made_and_shown(
    qapp: Any, settings: QSettings, tmp_path: Path
) -> None:
    path, titles = tmp_path / "x.floe", []

    def look() -> None:
        windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, Window)]
        (window,) = [w for w in windows if w.isVisible()]  # earlier tests' may wait for deletion
        if window.session.path is not None:
            timer.stop()
            titles.append(window.windowTitle())
            window.close()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(20)
    QTimer.singleShot(20_000, qapp.quit)  # a test that fails must end, too
    assert gui.run(path, settings=settings) == 0
    assert titles == ["x.floe \N{EM DASH} Floe"]
    assert gc.get_freeze_count() > 10_000  # what stays is never looked through again
    with Archive.open(path) as archive:
        assert archive.entries() == []
