"""Pause, resume, cancel and retry, in the real window on the real engine, with a quick codec."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from app.backend.backend import CoreBackend
from app.backend.executors import Executors
from app.jobs.files_model import FILE, STATE
from app.jobs.jobs import Job, State
from app.window.window import Window
from core.archive.archive import Archive
from core.engine import Answer, Choice
from tests.app.stand_ins import FakeDialogs, MakeWindow
from tests.fakes import FakeCodec


def ramp(seed: int) -> np.ndarray[Any, Any]:
    rows, columns = np.mgrid[0:96, 0:128]
    return np.stack([rows + seed, columns, rows + columns], axis=2).astype(np.uint8)


def save(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ramp(seed)).save(path, compress_level=0)
    return path


@pytest.fixture
def codec() -> FakeCodec:
    return FakeCodec(tile=32)


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    return [save(tmp_path / "holiday" / f"img{number}.png", number) for number in range(4)]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "x.floe"
    Archive.create(path).close()
    return path


@pytest.fixture
def window(
    qtbot: Any, make_window: MakeWindow, threads: Executors, codec: FakeCodec, archive: Path
) -> Window:
    window = make_window(threads, CoreBackend(lambda: codec))
    window.session.open(archive)
    qtbot.waitUntil(lambda: window.session.path == archive)
    return window


def settle(qtbot: Any, window: Window) -> None:
    qtbot.waitUntil(lambda: not window.session.busy, timeout=10_000)


def until(qtbot: Any, condition: Callable[[], bool]) -> None:
    qtbot.waitUntil(condition, timeout=10_000)


def states(window: Window) -> dict[str, str]:
    model = window.jobs_panel.model
    rows = range(model.rowCount())
    return {model.index(row, FILE).data(): model.index(row, STATE).data() for row in rows}


def listed(path: Path) -> list[str]:
    with Archive.open(path) as archive:
        return sorted(entry.name for entry in archive.entries())


def last(window: Window) -> Job:
    job = window.session.jobs.last
    assert job is not None
    return job


def start_and_pause(qtbot: Any, window: Window, codec: FakeCodec, paths: list[Path]) -> Job:
    """Pauses a job by its button in the middle of a file."""
    codec.pause = 0.02
    window.archive.add(paths)
    until(qtbot, lambda: any(0 < file.fraction < 1 for file in last(window).files))
    qtbot.mouseClick(window.jobs_panel.pause_button, Qt.MouseButton.LeftButton)
    qtbot.wait(150)  # the work gets to its next check
    return last(window)


def test_pause_and_resume(
    qtbot: Any, window: Window, codec: FakeCodec, photographs: list[Path], archive: Path
) -> None:
    job = start_and_pause(qtbot, window, codec, photographs)
    done = job.meter.fraction
    elapsed = job.meter.elapsed_seconds
    assert window.jobs_panel._title.text().startswith("Paused: Adding ")
    assert window.status.jobs.text().startswith("Paused at ")
    assert window.jobs_panel.pause_button.text() == "Res&ume"
    assert "Paused" in states(window).values()
    qtbot.wait(300)
    assert job.meter.fraction == done
    assert job.meter.elapsed_seconds == elapsed
    control_shift = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_P, control_shift)
    assert not job.paused
    assert window.jobs_panel.pause_button.text() == "&Pause"
    settle(qtbot, window)
    assert window.status.jobs.text() == ""
    assert len(listed(archive)) == 4
    with Archive.open(archive) as opened:
        seconds = [entry.encode_seconds for entry in opened.entries()]
    # 12 tiles of 0.02 s; the pause of 0.45 s is no part of it.
    assert all(0.2 < second < 0.6 for second in seconds if second is not None)


def test_cancel_while_paused(
    qtbot: Any, window: Window, codec: FakeCodec, photographs: list[Path], archive: Path
) -> None:
    job = start_and_pause(qtbot, window, codec, photographs)
    before = listed(archive)
    started = time.perf_counter()
    qtbot.mouseClick(window.jobs_panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.session.busy, timeout=1000)
    assert time.perf_counter() - started < 1
    assert job.state is State.CANCELLED
    assert "Cancelled" in states(window).values()
    assert listed(archive) == before


def test_others_can_write_while_a_job_is_paused(
    qtbot: Any, window: Window, codec: FakeCodec, photographs: list[Path], archive: Path
) -> None:
    start_and_pause(qtbot, window, codec, photographs)
    with Archive.open(archive, write=True) as opened:
        opened.check_writable()
    window.actions_.pause.trigger()
    settle(qtbot, window)
    assert len(listed(archive)) == 4


def test_closing_while_paused(
    qtbot: Any, window: Window, codec: FakeCodec, dialogs: FakeDialogs, photographs: list[Path]
) -> None:
    job = start_and_pause(qtbot, window, codec, photographs)
    dialogs.closing = False
    assert not window.close()
    assert job.paused
    dialogs.closing = True
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=1000)
    assert dialogs.asked.count("close") == 2


def test_failed_files_are_tried_again_under_their_names(
    qtbot: Any, window: Window, photographs: list[Path], archive: Path, unreadable: set[Path]
) -> None:
    unreadable.update(photographs[1:3])
    assert not window.actions_.retry.isEnabled()
    window.archive.add([photographs[0].parent])
    settle(qtbot, window)
    assert listed(archive) == ["holiday/img0.png", "holiday/img3.png"]
    window.actions_.copy_errors.trigger()
    copied = QGuiApplication.clipboard().text().splitlines()
    assert [line.partition(":")[0] for line in copied] == [str(path) for path in photographs[1:3]]
    assert window.jobs_panel.retry_button.isVisible()
    unreadable.remove(photographs[1])
    qtbot.mouseClick(window.jobs_panel.retry_button, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert listed(archive) == ["holiday/img0.png", "holiday/img1.png", "holiday/img3.png"]
    assert len(last(window).files) == 2
    assert len(window.session.jobs.with_failures) == 1
    assert window.message.text.startswith("1 file added to x.floe: ")
    assert window.message.text.endswith("; 1 failed")
    unreadable.clear()
    window.actions_.retry.trigger()
    settle(qtbot, window)
    assert len(listed(archive)) == 4
    assert not window.actions_.retry.isEnabled()


def test_failures_alone(
    qtbot: Any, window: Window, photographs: list[Path], unreadable: set[Path]
) -> None:
    unreadable.add(photographs[2])
    window.archive.add(photographs)
    settle(qtbot, window)
    panel = window.jobs_panel
    shown = panel.files.model()
    assert shown.rowCount() == 4
    assert panel.failures_button.text() == "1 &failed"
    qtbot.mouseClick(panel.failures_button, Qt.MouseButton.LeftButton)
    assert [shown.index(row, FILE).data() for row in range(shown.rowCount())] == ["img2.png"]
    panel.files.selectAll()
    panel.files.copy.trigger()
    assert QGuiApplication.clipboard().text().startswith("img2.png\t")
    unreadable.clear()
    window.actions_.retry.trigger()
    settle(qtbot, window)
    assert panel.failures_button.isHidden()
    assert shown.rowCount() == 5


def test_rows_are_copied(
    qtbot: Any, window: Window, photographs: list[Path], unreadable: set[Path]
) -> None:
    unreadable.add(photographs[0])
    window.archive.add(photographs[:2])
    settle(qtbot, window)
    table = window.jobs_panel.files
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    name, _, state = QGuiApplication.clipboard().text().partition("\t")
    assert name == "img0.png"
    assert state == states(window)["img0.png"]


def test_what_is_there_already_is_said(
    qtbot: Any, window: Window, codec: FakeCodec, photographs: list[Path]
) -> None:
    window.archive.add(photographs[:3])
    settle(qtbot, window)
    window.archive.add(photographs)
    settle(qtbot, window)
    assert codec.n_encoded == 4
    title = window.jobs_panel._title.text()
    assert title.startswith("1 file added to x.floe: ")
    assert title.endswith("; 3 already there")
    model = window.jobs_panel.model
    again = [model.index(row, STATE).data() for row in range(3, 7)]
    assert again[:3] == ["Already in the archive"] * 3
    assert again[3].endswith("%)")


def change(paths: list[Path]) -> None:
    for number, path in enumerate(paths):
        save(path, 60 + number)


def open_question(qtbot: Any, window: Window, dialogs: FakeDialogs, paths: list[Path]) -> Any:
    """Adds files whose names are taken by others, up to the open question."""
    window.archive.add(paths)
    settle(qtbot, window)
    change(paths)
    window.archive.add(paths)
    until(qtbot, lambda: bool(dialogs.questions))
    return dialogs.questions[0]


def test_a_question_is_answered_for_all(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: list[Path], archive: Path
) -> None:
    question = open_question(qtbot, window, dialogs, photographs)
    assert question.query.name == "img0.png"
    assert window.jobs_panel._title.text() == "Waiting for your answer"
    assert window.status.jobs.text() == "Waiting for your answer"
    until(qtbot, lambda: set(question.pictures) == {0, 1})
    assert {(p.width(), p.height()) for p in question.pictures.values()} == {(128, 96)}
    assert question.pictures[0] != question.pictures[1]
    question.answer(Answer(Choice.KEEP_BOTH, for_all=True))
    settle(qtbot, window)
    assert len(dialogs.questions) == 1
    assert len(listed(archive)) == 8
    assert "img2 (2).png" in {entry.name for entry in window.session.model.entries}
    until(qtbot, lambda: question.withdrawn)
    assert not window.session.jobs.asking


def test_files_are_left_out(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: list[Path]
) -> None:
    dialogs.answers = [Answer(Choice.SKIP), Answer(Choice.SKIP), Answer(Choice.REPLACE)]
    open_question(qtbot, window, dialogs, photographs[:3])
    settle(qtbot, window)
    title = window.jobs_panel._title.text()
    assert title.startswith("1 file added to x.floe: ")
    assert title.endswith("; 2 skipped")
    model = window.jobs_panel.model
    assert [model.index(row, STATE).data() for row in (3, 4)] == ["Skipped"] * 2


@pytest.mark.parametrize("by", ["job", "dialog"])
def test_cancel_while_a_question_is_open(
    qtbot: Any,
    window: Window,
    dialogs: FakeDialogs,
    photographs: list[Path],
    archive: Path,
    by: str,
) -> None:
    question = open_question(qtbot, window, dialogs, photographs)
    before = archive.read_bytes()
    if by == "job":
        qtbot.mouseClick(window.jobs_panel.cancel_button, Qt.MouseButton.LeftButton)
    else:
        question.answer(None)
    qtbot.waitUntil(lambda: not window.session.busy, timeout=1000)
    assert last(window).state is State.CANCELLED
    assert archive.read_bytes() == before
    until(qtbot, lambda: question.withdrawn)
    question.answer(Answer(Choice.REPLACE))  # too late, and no harm


def test_closing_while_a_question_is_open(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: list[Path]
) -> None:
    question = open_question(qtbot, window, dialogs, photographs)
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=1000)
    assert "close" in dialogs.asked
    qtbot.waitUntil(lambda: question.withdrawn)


def test_files_that_exist_are_asked_about(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: list[Path], tmp_path: Path
) -> None:
    window.archive.add(photographs)
    settle(qtbot, window)
    for number in (1, 2):
        (tmp_path / "out" / f"img{number}.png").write_text("mine")
    dialogs.answers = [Answer(Choice.SKIP), Answer(Choice.KEEP_BOTH)]
    window.extraction.extract_all()
    settle(qtbot, window)
    assert dialogs.asked[-2:] == ["FileExists img1.png", "FileExists img2.png"]
    assert (tmp_path / "out" / "img1.png").read_text() == "mine"
    assert (tmp_path / "out" / "img2.png").read_text() == "mine"
    made = np.asarray(Image.open(tmp_path / "out" / "img2 (2).png"))
    assert np.array_equal(made, ramp(2))
    assert window.message.text == "3 files extracted from x.floe, 1 skipped"


def test_the_meter_does_not_count_the_time_of_a_question(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: list[Path]
) -> None:
    question = open_question(qtbot, window, dialogs, photographs[:1])
    qtbot.wait(400)
    question.answer(Answer(Choice.REPLACE))
    settle(qtbot, window)
    assert last(window).meter.elapsed_seconds < 0.4
