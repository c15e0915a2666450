"""The Compare tab: pictures dropped on it are measured, and nothing is archived."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt

from app.backend.backend import CoreBackend
from app.backend.executors import Executors
from app.details.compare import CompareTab
from app.language import formats
from app.window.window import Window
from tests.app.drops import drop
from tests.app.fake_backend import FakeBackend
from tests.app.stand_ins import FakeDialogs, MakeWindow
from tests.fakes import FakeCodec
from tests.golden.make import file_of, scene


def opened(window: Window) -> CompareTab:
    window.details.setCurrentWidget(window.details.compare)
    return window.details.compare


def bars(tab: CompareTab) -> dict[str, str]:
    return {bar.label: bar.text for bar in tab.chart.bars}


def test_a_dropped_picture_is_measured_by_all_and_not_archived(
    qtbot: Any, make_window: MakeWindow, threads: Executors, tmp_path: Path
) -> None:
    window = make_window(threads, CoreBackend(FakeCodec))
    tab = opened(window)
    path = tmp_path / "a.png"
    path.write_bytes(file_of(scene(60, 70), "PNG"))
    assert drop(window, [path], onto=tab)
    qtbot.waitUntil(
        lambda: len(tab.chart.bars) == 6 and not window.details.contest.running, timeout=60_000
    )
    assert [bar.label for bar in tab.chart.bars] == [
        *("Floe, theory", "Floe", "PNG", "WebP", "JPEG XL", "Raw"),
    ]
    chunks = FakeCodec().encode(np.asarray(Image.open(path))).chunks
    n_bytes = sum(len(chunk) + 4 for chunk in chunks)
    assert bars(tab)["Floe"] == f"{8 * n_bytes / (60 * 70 * 3):.3f}"
    assert bars(tab)["Raw"] == "8.000"
    assert [bar.label for bar in tab.encoding.bars] == ["Floe", "PNG", "WebP", "JPEG XL"]
    assert window.session.path is None
    assert not list(tmp_path.rglob("*.floe"))
    table = window.details.table()
    assert table is not None
    assert [row[:2] for row in table.rows][-1] == ["a.png", "Floe"]
    assert tab.progress.isHidden() or not tab.progress.isVisible()


def test_several_have_a_mean_and_one_that_is_none_is_said(
    qtbot: Any, make_window: MakeWindow, dialogs: FakeDialogs, tmp_path: Path
) -> None:
    window = make_window()
    tab = opened(window)
    dialogs.images = [tmp_path / name for name in ("a.png", "b.png", "bad.png")]
    tab.thorough.setChecked(True)
    qtbot.mouseClick(tab.choose, Qt.MouseButton.LeftButton)
    assert dialogs.asked == ["compare"]
    assert tab.picture.itemText(0) == "Mean of 2 images"
    assert bars(tab) == {"PNG": "4.000", "Floe": "2.000", "Floe, theory": "1.900"}
    assert {a.settings for a in tab.attempts()} == {"slow"}
    assert "bad.png" in tab.state.text()
    assert tab.picture.count() == 3  # the bad one has a sentence instead
    tab.picture.setCurrentIndex(2)
    assert len(tab.attempts()) == 2
    assert tab.attempts()[0].n_bytes == 100
    again = make_window()
    assert opened(again).thorough.isChecked()


def test_a_black_box_runs_on_request_and_is_told_from_what_archives_use(
    qtbot: Any, make_window: MakeWindow, tmp_path: Path
) -> None:
    window = make_window()
    tab = opened(window)
    tab.start([tmp_path / "a.png"])
    assert len(tab.attempts()) == 2
    assert "research" not in tab._codecs.text()
    tab.black_box.setChecked(True)
    tab.start([tmp_path / "a.png"])
    assert tab.attempts()[-1].name == "Local bits-back, black box"
    assert bars(tab)["Local bits-back, black box, theory"] == "1.400"
    assert f"{formats.number(12_345)} bits borrowed" in tab._codecs.text()
    assert "archives never use" in tab._codecs.text()
    table = window.details.table()
    assert table is not None
    assert table.rows[-1][table.titles.index("Borrowed bits")] == 12_345
    assert opened(make_window()).black_box.isChecked()


def test_cancel_is_heard_at_once_and_what_was_measured_stays(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, threads: Executors, tmp_path: Path
) -> None:
    window = make_window(threads)
    tab = opened(window)
    backend.codec_pause = 0.5
    tab.start([tmp_path / "a.png", tmp_path / "b.png"])
    qtbot.waitUntil(lambda: tab.progress.isVisible() and tab.progress.value() > 0, timeout=5000)
    qtbot.waitUntil(lambda: len(window.details.contest.pictures[0].attempts) == 1, timeout=5000)
    assert "0 of 2 done" in tab.state.text()
    began = time.perf_counter()
    qtbot.mouseClick(tab.cancel, Qt.MouseButton.LeftButton)
    assert not window.details.contest.running
    assert time.perf_counter() - began < 0.5
    assert not tab.cancel.isVisible()
    assert "Cancelled" in tab.state.text()
    qtbot.wait(700)
    assert [len(picture.attempts) for picture in window.details.contest.pictures] == [1, 0]
    backend.codec_pause = 0
    tab.start([tmp_path / "c.png"])
    qtbot.waitUntil(lambda: not window.details.contest.running, timeout=5000)
    assert len(tab.attempts()) == 2


def test_closing_stops_a_comparison(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, threads: Executors, tmp_path: Path
) -> None:
    window = make_window(threads)
    backend.codec_pause = 0.3
    opened(window).start([tmp_path / f"{i}.png" for i in range(20)])
    window.close()
    assert not window.isVisible()
    began = time.perf_counter()
    threads.shutdown()
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("width", [280, 420])
def test_nothing_is_cut_off(qtbot: Any, make_window: MakeWindow, width: int) -> None:
    window = make_window()
    tab = opened(window)
    tab.start([Path("a.png")])
    window.centre.across.setSizes([800 - width, width])
    for chart in (tab.chart, tab.encoding):
        qtbot.waitUntil(lambda c=chart: c.height() >= c.heightForWidth(c.width()) > 40)
    for button in (tab.choose, tab.thorough, tab.black_box):
        assert button.width() >= button.sizeHint().width() <= tab.width()
