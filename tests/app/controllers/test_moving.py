"""Rows that are dragged onto folders and crumbs of the same window are moved in the archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QWidget

from app.backend.executors import Executors
from app.window.window import Window
from tests.app.drops import drop, drop_data
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import MakeWindow

NAMES = ("a.png", "b.png", "sea/c.png", "town/d.png")


@pytest.fixture
def filled(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, threads: Executors, tmp_path: Path
) -> Window:
    path = tmp_path / "holiday.floe"
    backend.create(path)
    for name in NAMES:
        backend.archives[path][name] = make_entry(name)
    window = make_window(threads)
    window.session.open(path)
    qtbot.waitUntil(lambda: not window.session.busy and len(window.session.model.items) == 4)
    return window


def names(window: Window) -> list[str]:
    return sorted(entry.name for entry in window.session.model.entries)


def row_place(window: Window, path: str) -> QPoint:
    row = window.session.model.row_of(path)
    assert row is not None
    return window.entries.visualRect(window.session.model.index(row, 0)).center()


def drag_selection(qtbot: Any, window: Window, widget: QWidget, place: QPoint) -> list[bool]:
    """The drag itself, which a mouse would steer, is let go over a place of a widget."""
    taken: list[bool] = []

    def run(drag: QDrag) -> Qt.DropAction:
        taken.append(drop_data(window, drag.mimeData(), widget.mapTo(window, place)))
        return Qt.DropAction.CopyAction

    window.exchange.drag_out.run = run
    window.entries.drag_wanted.emit()
    qtbot.waitUntil(lambda: bool(taken))
    return taken


def test_onto_a_folder(qtbot: Any, filled: Window) -> None:
    filled.entries.selectRow(2)
    view = filled.entries.viewport()
    assert drag_selection(qtbot, filled, view, row_place(filled, "sea")) == [True]
    qtbot.waitUntil(lambda: "sea/a.png" in names(filled))
    assert names(filled) == ["b.png", "sea/a.png", "sea/c.png", "town/d.png"]
    filled.actions_.undo.trigger()
    qtbot.waitUntil(lambda: names(filled) == sorted(NAMES))


def test_onto_a_crumb(qtbot: Any, filled: Window) -> None:
    filled.browser.enter("sea")
    filled.entries.selectRow(0)
    crumb = filled.browser.crumbs.crumbs[0]
    qtbot.waitUntil(lambda: crumb.width() > 0)
    bar = filled.browser.crumbs
    drag_selection(qtbot, filled, bar, crumb.geometry().center())
    qtbot.waitUntil(lambda: "c.png" in names(filled))
    assert bar.crumbs[-1].text() == "holiday.floe"  # the folder went with its last image


def test_not_onto_itself_nor_where_it_is_nor_onto_an_image(qtbot: Any, filled: Window) -> None:
    filled.entries.selectRow(0)
    view = filled.entries.viewport()
    for path in ("sea", "b.png"):
        drag_selection(qtbot, filled, view, row_place(filled, path))
    bar = filled.browser.crumbs
    drag_selection(qtbot, filled, bar, bar.crumbs[0].geometry().center())
    qtbot.waitUntil(lambda: not filled.session.busy)
    assert names(filled) == sorted(NAMES)
    assert not filled.session.history.undo_text


def test_letting_go_over_a_folder_does_not_wait_for_files(
    qtbot: Any, filled: Window, backend: FakeBackend
) -> None:
    backend.pause = 0.2
    filled.entries.selectRow(3)
    filled.entries.drag_wanted.emit()
    assert filled.exchange.overlay.isVisible()
    view = filled.entries.viewport()
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=row_place(filled, "town"))
    assert filled.exchange.overlay.isHidden()
    qtbot.waitUntil(lambda: "town/b.png" in names(filled), timeout=5000)


def test_files_of_others_are_still_added(qtbot: Any, filled: Window, images: list[Path]) -> None:
    assert drop(filled, [images[0]], onto=filled.entries.viewport())
    qtbot.waitUntil(lambda: len(names(filled)) == 5)
