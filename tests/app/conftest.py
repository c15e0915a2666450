"""A window that tests drive: real threads or none, no dialogs, settings of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QLocale, QSettings, Qt
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from app.backend.executors import Executors
from app.backend.private_cache import PrivateCache
from app.window.window import Window
from tests.app.fake_backend import FakeBackend
from tests.app.stand_ins import FakeDialogs, InlineExecutor, MakeWindow

_NOISE = tuple(
    f"does not support {what}"
    for what in ("propagateSizeHints", r"raise\(\)", "grabbing the keyboard")
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The offscreen platform says so of every window; it means nothing."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.qt_log_ignore(*_NOISE, extend=True))


@pytest.fixture(autouse=True)
def temporary(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """What a backend keeps for undoing goes with the test's folders."""
    if "guarded" in request.fixturenames:
        return  # whoever has no rights may not enter those
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))


@pytest.fixture(autouse=True)
def usual_numbers() -> Iterator[None]:
    """How numbers are written in a language that a test chooses ends with it."""
    before = QLocale()
    yield
    QLocale.setDefault(before)


@pytest.fixture
def system_palette(qapp: Any) -> Iterator[None]:
    """What a test chooses of light and dark ends with it."""
    yield
    QGuiApplication.styleHints().setColorScheme(Qt.ColorScheme.Unknown)
    QApplication.setPalette(QPalette())


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def dialogs(tmp_path: Path) -> FakeDialogs:
    (tmp_path / "out").mkdir()
    return FakeDialogs(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def threads() -> Iterator[Executors]:
    executors = Executors.threads()
    yield executors
    executors.shutdown()


@pytest.fixture
def make_window(
    qtbot: Any, backend: FakeBackend, dialogs: FakeDialogs, settings: QSettings, tmp_path: Path
) -> Iterator[MakeWindow]:
    """Windows on real threads if they are given executors, else on none."""
    windows: list[tuple[Window, Executors]] = []

    def make(
        executors: Executors | None = None,
        with_backend: Any = None,
        size: tuple[int, int] | None = (1280, 760),  # the screen of the tests is smaller
    ) -> Window:
        inline = InlineExecutor()
        executors = executors or Executors(*[inline] * len(fields(Executors)))
        window = Window(
            with_backend or backend,
            executors,
            dialogs,
            settings,
            PrivateCache(tmp_path / "cache"),
        )
        # The first tab would decode whatever a test selects; those of the preview turn to it.
        window.details.setCurrentWidget(window.details.codelength)
        if size is not None:
            window.resize(*size)
        windows.append((window, executors))
        window.show()
        qtbot.waitExposed(window)
        # A test before this one may have left Ctrl pressed, as far as Qt knows.
        qtbot.keyClick(window, Qt.Key.Key_F35)
        return window

    yield make
    dialogs.closing = True
    for window, executors in windows:
        window.close()
        qtbot.waitUntil(lambda window=window: not window.session.busy, timeout=5000)
        # A worker that is not done must not find its task deleted: Qt would crash now and then.
        executors.shutdown()
        shiboken6.delete(window)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photographs"
    folder.mkdir()
    paths = [folder / f"img{number}.png" for number in (1, 2, 10)]
    for path in paths:
        path.write_bytes(b"0" * 1000)
    return paths
