"""A person who looks elsewhere is told; one who looks at the window is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from app.backend.executors import Executors
from app.jobs import notifier
from app.window.window import Window
from tests.app.fake_backend import FakeBackend
from tests.app.stand_ins import MakeWindow


@pytest.fixture
def alerts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    found: list[object] = []
    monkeypatch.setattr(QApplication, "alert", found.append)
    return found


def look(monkeypatch: pytest.MonkeyPatch, at: object) -> None:
    monkeypatch.setattr(QApplication, "activeWindow", lambda: at)


def add(qtbot: Any, window: Window, paths: list[Path], tmp_path: Path) -> None:
    if window.session.path is None:
        window.session.create(tmp_path / "x.floe")
        qtbot.waitUntil(lambda: window.session.path is not None)
    for path in paths:
        window.archive.add([path])
    qtbot.waitUntil(lambda: not window.session.busy, timeout=10_000)


def test_the_task_bar_is_told_once_when_all_is_done(
    qtbot: Any,
    make_window: MakeWindow,
    threads: Executors,
    backend: FakeBackend,
    images: list[Path],
    alerts: list[object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    backend.pause = 0.005
    window = make_window(threads)
    look(monkeypatch, None)
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: False)
    add(qtbot, window, images, tmp_path)
    assert alerts == [window]


def test_nothing_is_said_to_who_looks(
    qtbot: Any,
    make_window: MakeWindow,
    images: list[Path],
    alerts: list[object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    window = make_window()
    look(monkeypatch, window)
    add(qtbot, window, images, tmp_path)
    assert alerts == []


def test_the_tray_says_what_came_of_it(
    qtbot: Any,
    make_window: MakeWindow,
    images: list[Path],
    alerts: list[object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
    monkeypatch.setattr(QSystemTrayIcon, "supportsMessages", lambda: True)
    monkeypatch.setattr(notifier.QSystemTrayIcon, "show", lambda _: None)  # offscreen, Qt complains
    monkeypatch.setattr(
        notifier.QSystemTrayIcon, "showMessage", lambda _, title, text, icon: said.append(text)
    )
    window = make_window()
    look(monkeypatch, None)
    add(qtbot, window, images[:1], tmp_path)
    window.questions.asking.emit(True)
    window.questions.asking.emit(False)
    assert said[0].startswith("1 file added to x.floe: ")
    assert said[1:] == ["Floe waits for your answer."]
    assert alerts == []
