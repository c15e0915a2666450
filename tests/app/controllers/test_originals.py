"""Originals to the wastebasket, in the real window: the desktop's own, and ones that refuse."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QMessageBox

from app.backend.backend import CoreBackend
from app.backend.executors import Executors
from app.dialogs import dialogs as dialogs_module
from app.dialogs.dialogs import QtDialogs
from app.jobs.files_model import STATE
from app.window.window import Window
from core.archive import packing
from core.archive.archive import Archive
from tests.app.stand_ins import FakeDialogs, MakeWindow
from tests.fakes import FakeCodec


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "holiday"
    folder.mkdir()
    rows, columns = np.mgrid[0:48, 0:64]
    for number in range(3):
        pixels = np.stack([rows + number, columns, rows + columns], axis=2).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.bmp")
    return sorted(folder.iterdir())


@pytest.fixture
def window(qtbot: Any, make_window: MakeWindow, threads: Executors, tmp_path: Path) -> Window:
    archive, codec = tmp_path / "x.floe", FakeCodec()
    Archive.create(archive).close()
    window = make_window(threads, CoreBackend(lambda: codec))
    window.session.open(archive)
    qtbot.waitUntil(lambda: window.session.path == archive)
    return window


def asked(dialogs: FakeDialogs) -> list[str]:
    return [text for text in dialogs.asked if text.startswith("discard")]


def add(qtbot: Any, window: Window, paths: list[Path]) -> None:
    window.archive.add(paths)
    qtbot.waitUntil(lambda: not window.session.busy, timeout=10_000)


def last_states(window: Window, count: int) -> list[str]:
    model = window.jobs_panel.model
    return [model.index(r, STATE).data() for r in range(model.rowCount())][-count:]


def test_nobody_is_asked_who_did_not_ask(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: list[Path]
) -> None:
    assert not window.actions_.discard_originals.isChecked()
    add(qtbot, window, photographs)
    qtbot.wait(100)
    assert asked(dialogs) == []
    assert all(path.exists() for path in photographs)


@pytest.mark.skipif(sys.platform != "linux", reason="the wastebasket of other systems is shared")
def test_they_go_to_the_desktops_wastebasket(
    qtbot: Any,
    window: Window,
    dialogs: FakeDialogs,
    photographs: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unreadable: set[Path],
) -> None:
    home = tmp_path / "home"
    (home / "share").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "share"))
    contents = {path.name: path.read_bytes() for path in photographs}
    n_bytes = sum(map(len, contents.values()))
    window.actions_.discard_originals.trigger()
    (photographs[0].parent / "bad.bmp").write_text("no image")
    unreadable.add(photographs[0].parent / "bad.bmp")
    add(qtbot, window, [photographs[0].parent])
    qtbot.waitUntil(lambda: not any(path.exists() for path in photographs), timeout=10_000)
    qtbot.waitUntil(lambda: not window.session.busy)
    assert asked(dialogs) == [f"discard 3 {n_bytes} 1"]
    trash = home / "share" / "Trash" / "files"
    assert {path.name: path.read_bytes() for path in trash.iterdir()} == contents
    assert (photographs[0].parent / "bad.bmp").exists()
    assert window.message.text == "Originals of 3 files moved to the wastebasket"
    assert last_states(window, 3) == ["Moved to the wastebasket"] * 3


def test_a_person_may_think_better_of_it(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: list[Path]
) -> None:
    dialogs.discarding = False
    window.actions_.discard_originals.trigger()
    add(qtbot, window, photographs)
    qtbot.waitUntil(lambda: bool(asked(dialogs)))
    qtbot.wait(100)
    assert all(path.exists() for path in photographs)
    assert not window.session.busy


def test_refusals_and_changes_are_said_and_tried_again(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: list[Path]
) -> None:
    refusing, moved = True, list[str]()

    def move(path: Path) -> None:
        if refusing and path.name == "1.bmp":
            raise OSError("the disk has none")
        moved.append(path.name)

    window.originals._move = move
    window.actions_.discard_originals.trigger()
    ask = dialogs.discard_originals

    def change_meanwhile(*arguments: Any) -> bool:
        data = bytearray(photographs[2].read_bytes())
        data[-1] ^= 1
        photographs[2].write_bytes(data)
        return ask(*arguments)

    dialogs.discard_originals = change_meanwhile  # type: ignore[method-assign]
    add(qtbot, window, photographs)
    qtbot.waitUntil(lambda: "2 failed" in window.message.text, timeout=10_000)
    assert moved == ["0.bmp"]
    _, refused, changed = last_states(window, 3)
    assert refused == "Kept: it cannot be moved to the wastebasket (the disk has none)"
    assert changed == "Kept: it has changed since it was archived"
    refusing = False
    window.actions_.retry.trigger()
    qtbot.waitUntil(lambda: "1 failed" in window.message.text, timeout=10_000)
    assert moved == ["0.bmp", "1.bmp"]


def test_a_cancelled_job_offers_nothing(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: list[Path]
) -> None:
    window.actions_.discard_originals.trigger()
    window.archive.add(photographs)
    window.session.jobs.cancel_all()
    qtbot.waitUntil(lambda: not window.session.busy)
    qtbot.wait(100)
    assert asked(dialogs) == []


@pytest.mark.parametrize("exact", [True, False])
def test_png_files_of_which_only_the_pixels_come_back_stay(
    qtbot: Any, window: Window, dialogs: FakeDialogs, tmp_path: Path, monkeypatch: Any, exact: bool
) -> None:
    if not exact:
        monkeypatch.setattr(packing, "exact_picture", lambda picture, cancel: picture)
    path = tmp_path / "a.png"
    rows, columns = np.mgrid[0:48, 0:64]
    pixels = np.stack([rows, columns, rows + columns], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save(path, compress_level=0)
    window.actions_.discard_originals.trigger()
    add(qtbot, window, [path])
    assert window.session.model.entries[0].file_exact is exact
    if exact:
        qtbot.waitUntil(lambda: bool(asked(dialogs)))
    else:
        qtbot.waitUntil(lambda: "All originals stay" in window.message.text)
        assert asked(dialogs) == []


@pytest.mark.parametrize("accepting", [False, True])
def test_the_summary(qtbot: Any, window: Window, monkeypatch: Any, accepting: bool) -> None:
    said: list[str] = []

    def press(box: QMessageBox) -> int:
        said.extend([box.text(), box.informativeText()])
        assert box.defaultButton().text() == "&Keep"
        buttons = {button.text(): button for button in box.buttons()}
        buttons["&Move to Wastebasket" if accepting else "&Keep"].click()
        return 0

    monkeypatch.setattr(dialogs_module.QMessageBox, "exec", press)
    assert QtDialogs().discard_originals(window, 3, 9_100_000, 2) is accepting
    assert said[0] == "Move 3 files, 9.1 MB, to the wastebasket?"
    assert "2 files of this job stay" in said[1]
