"""The window on real threads: progress, cancel, close, and a heart that beats throughout."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, QTimer

from app.backend.executors import Executors
from app.jobs.files_model import PROGRESS, STATE
from app.jobs.jobs import State
from app.window.window import Window
from core.bench.contest import Attempt
from core.control import CancelToken, Progress, Stage
from core.engine import Listener
from tests.app.drops import drop
from tests.app.fake_backend import FakeBackend
from tests.app.stand_ins import FakeDialogs, MakeWindow


class Heartbeat(QObject):
    """Beats every 5 ms on the window's thread; remembers the longest silence."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._beat)
        self._timer.start(5)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last)
        self._last = now


def longest_allowed(qtbot: Any) -> float:
    """Seconds of silence that are no fault of a job's: a busy machine has them as well."""
    idle = Heartbeat()
    qtbot.wait(600)
    return 0.15 + 3 * idle.longest


@pytest.fixture
def window(make_window: MakeWindow, threads: Executors) -> Window:
    return make_window(threads)


def states(window: Window) -> list[str]:
    model = window.jobs_panel.model
    return [model.index(row, STATE).data() for row in range(model.rowCount())]


def test_progress_is_seen_for_each_file_and_in_all(
    qtbot: Any,
    window: Window,
    backend: FakeBackend,
    images: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = threading.Event()

    def pieces(name: str, stage: Stage, listener: Listener, cancel: CancelToken) -> None:
        for piece in range(1, 6):  # each is seen before the next, however busy the machine is
            looked.clear()
            listener.progress(Progress(name, stage, piece, 5))
            assert looked.wait(10)

    monkeypatch.setattr(backend, "_pieces", pieces)
    seen: list[tuple[str, str, str]] = []
    totals: list[int] = []
    times: list[float] = []

    def look() -> None:
        model = window.jobs_panel.model
        for row in range(model.rowCount()):
            if text := model.index(row, PROGRESS).data():
                seen.append((model.index(row, 0).data(), text, model.index(row, STATE).data()))
        totals.append(window.jobs_panel.total.value())
        times.append(time.perf_counter())
        looked.set()

    window.session.jobs.progressed.connect(look)
    drop(window, images)
    qtbot.waitUntil(lambda: len(window.session.model.entries) == 3, timeout=10_000)
    qtbot.waitUntil(lambda: not window.session.busy)
    assert {name for name, _, _ in seen} == {path.name for path in images}
    assert {stage for _, _, stage in seen} >= {"Encoding", "Verifying"}
    assert len({text for _, text, _ in seen}) > 8
    assert totals == sorted(totals)
    assert totals[-1] == 1000
    assert len(times) <= 21 * (times[-1] - times[0]) + 3
    assert all(state.endswith("%)") for state in states(window))


def test_nothing_of_the_backend_runs_on_the_windows_thread(
    qtbot: Any, window: Window, backend: FakeBackend, images: list[Path]
) -> None:
    drop(window, images)
    qtbot.waitUntil(lambda: len(window.session.model.entries) == 3)
    qtbot.waitUntil(lambda: not window.session.busy)
    window.entries.selectRow(0)
    qtbot.waitUntil(lambda: len(window.details.comparison.known()) == 3)
    window.editing.remove()
    qtbot.waitUntil(lambda: len(window.session.model.entries) == 2)
    kinds = {name.rpartition("_")[0] for name in backend.threads}
    assert kinds == {"floe-job", "floe-read", "floe-compare", "floe-thumbnail"}


def test_cancel_in_the_middle(
    qtbot: Any, window: Window, backend: FakeBackend, dialogs: FakeDialogs, images: list[Path]
) -> None:
    backend.pause = 0.02
    drop(window, images)
    qtbot.waitUntil(lambda: len(window.session.model.entries) == 1, timeout=5000)
    started = time.perf_counter()
    window.jobs_panel.cancel_button.click()
    assert not window.jobs_panel.cancel_button.isEnabled()
    qtbot.waitUntil(lambda: not window.session.busy, timeout=1000)
    assert time.perf_counter() - started < 1
    assert states(window)[1:] == ["Cancelled", "Cancelled"]
    assert window.session.jobs.last is not None
    assert window.session.jobs.last.state is State.CANCELLED
    assert dialogs.new is not None
    assert [e.name for e in backend.entries(dialogs.new)[0]] == ["img1.png"]


def test_jobs_queue_up_and_a_waiting_one_can_be_cancelled(
    qtbot: Any, window: Window, backend: FakeBackend, images: list[Path]
) -> None:
    backend.pause = 0.01
    drop(window, images[:1])
    qtbot.waitUntil(lambda: len(window.session.jobs.active) == 1)
    window.archive.add(images[1:2])
    window.archive.add(images[2:])
    assert len(window.session.jobs.active) == 3
    window.jobs_panel.refresh()
    assert "2 more waiting" in window.jobs_panel._title.text()
    window.session.jobs.active[1].cancel()
    qtbot.waitUntil(lambda: not window.session.busy, timeout=10_000)
    assert [e.name for e in window.session.model.entries] == ["img1.png", "img10.png"]


def test_closing_while_busy_may_be_refused(
    qtbot: Any, window: Window, backend: FakeBackend, dialogs: FakeDialogs, images: list[Path]
) -> None:
    backend.pause = 0.01
    drop(window, images)
    qtbot.waitUntil(lambda: bool(window.session.jobs.active))
    dialogs.closing = False
    assert not window.close()
    assert window.isVisible()
    qtbot.waitUntil(lambda: len(window.session.model.entries) == 3, timeout=10_000)
    assert dialogs.asked[-1] == "close"


def test_closing_while_busy_stops_and_waits_without_freezing(
    qtbot: Any, window: Window, backend: FakeBackend, dialogs: FakeDialogs, images: list[Path]
) -> None:
    backend.pause = 0.05
    drop(window, images)
    qtbot.waitUntil(lambda: bool(window.session.jobs.active))
    allowed = longest_allowed(qtbot)
    heart = Heartbeat()
    assert not window.close()
    assert window.isVisible()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=1000)
    assert heart.longest < max(allowed, longest_allowed(qtbot))
    assert dialogs.asked.count("close") == 1
    assert dialogs.new is not None
    assert backend.entries(dialogs.new).entries == []


def test_the_heart_beats_while_a_job_runs(
    qtbot: Any, window: Window, backend: FakeBackend, images: list[Path]
) -> None:
    backend.pause = 0.002
    for number in range(100, 160):
        images[0].with_name(f"more{number}.png").write_bytes(b"0")
    allowed = longest_allowed(qtbot)
    heart = Heartbeat()
    drop(window, [images[0].parent])
    qtbot.waitUntil(lambda: len(window.session.model.entries) == 63, timeout=30_000)
    assert heart.longest < max(allowed, longest_allowed(qtbot))


def test_a_selection_that_moves_on_cancels_the_comparison(
    qtbot: Any,
    window: Window,
    backend: FakeBackend,
    images: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved_on, measure = threading.Event(), backend.codelengths

    def codelengths(archive: Path, name: str, cancel: CancelToken) -> Iterator[Attempt]:
        for attempt in measure(archive, name, cancel):
            yield attempt
            assert moved_on.wait(10)  # the first image's second codec is still to come

    monkeypatch.setattr(backend, "codelengths", codelengths)
    drop(window, images)
    qtbot.waitUntil(lambda: len(window.session.model.entries) == 3)
    qtbot.waitUntil(lambda: not window.session.busy)
    window.entries.selectRow(0)
    qtbot.waitUntil(lambda: backend.measured == ["img1.png PNG"])
    window.entries.selectRow(1)
    moved_on.set()
    qtbot.waitUntil(lambda: len(window.details.comparison.known()) == 3)
    assert sum(text.startswith("img1.png") for text in backend.measured) == 1
    assert {bar.text for bar in window.details.codelength.chart.bars} >= {"4.200", "not installed"}


def test_an_error_of_the_program_itself_ends_only_the_job(
    qtbot: Any, window: Window, backend: FakeBackend, images: list[Path], monkeypatch: Any
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("out of memory")

    drop(window, images[:1])
    qtbot.waitUntil(lambda: len(window.session.model.entries) == 1)
    monkeypatch.setattr(backend, "add", fail)
    drop(window, images[1:])
    qtbot.waitUntil(lambda: "out of memory" in window.message.text)
    assert window.session.jobs.last is not None
    assert window.session.jobs.last.state is State.FAILED
    assert window.isVisible()


@pytest.mark.skipif(sys.platform != "linux", reason="there, threads have no priorities")
def test_no_worker_has_a_low_priority(threads: Executors) -> None:
    """One that holds the interpreter's lock and waits for a processor would stop the window."""

    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    each = (getattr(threads, field.name) for field in fields(threads))
    assert {executor.submit(priority).result() for executor in each} == {priority()}
