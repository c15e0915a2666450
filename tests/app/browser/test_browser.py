"""Walking about in an archive, in the real window: folders, breadcrumb, tiles, thumbnails."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings, QSize, Qt
from PySide6.QtWidgets import QToolButton

from app.session.entries_model import EntriesModel
from app.window.window import Window
from tests.app.drops import drop
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import MakeWindow

NAMES = ("a.png", "b.png", "beach/b1.png", "beach/b2.png", "beach/raw/r.png", "city/c.png")


def fill(backend: FakeBackend, path: Path, names: Any) -> Path:
    backend.create(path)
    for name in names:
        backend.archives[path][name] = make_entry(name)
    return path


@pytest.fixture
def filled(qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path) -> Window:
    window = make_window()
    window.session.open(fill(backend, tmp_path / "holiday.floe", NAMES))
    qtbot.waitUntil(lambda: not window.session.busy)
    return window


def rows(window: Window) -> list[str]:
    model = window.session.model
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def crumbs(window: Window) -> list[str]:
    return [crumb.text() for crumb in window.browser.crumbs.crumbs]


def test_folders_are_entered_and_left_by_keys(qtbot: Any, filled: Window) -> None:
    view = filled.entries
    view.setFocus()
    assert rows(filled) == ["beach", "city", "a.png", "b.png"]
    view.selectRow(0)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert rows(filled) == ["raw", "b1.png", "b2.png"]
    assert crumbs(filled) == ["holiday.floe", "beach"]
    assert filled.entries.selected() == []
    view.selectRow(0)
    qtbot.keyClick(view, Qt.Key.Key_Enter)
    assert rows(filled) == ["r.png"]
    qtbot.keyClick(view, Qt.Key.Key_Backspace)
    assert [item.path for item in view.selected_items()] == ["beach/raw"]
    qtbot.keyClick(view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert [item.path for item in view.selected_items()] == ["beach"]
    assert not filled.actions_.up.isEnabled()


def test_folders_are_entered_by_double_click(qtbot: Any, filled: Window) -> None:
    view = filled.entries
    place = view.visualRect(filled.session.model.index(1, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert rows(filled) == ["c.png"]


def test_the_breadcrumb_by_mouse_and_keys(qtbot: Any, filled: Window) -> None:
    filled.browser.enter("beach/raw")
    assert crumbs(filled) == ["holiday.floe", "beach", "raw"]
    bar = filled.browser.crumbs
    bar.crumbs[2].setFocus()
    qtbot.keyClick(bar.crumbs[2], Qt.Key.Key_Left)
    assert bar.crumbs[1].hasFocus()
    qtbot.keyClick(bar.crumbs[1], Qt.Key.Key_Space)
    assert crumbs(filled) == ["holiday.floe", "beach"]
    assert bar.crumbs[1].hasFocus()
    qtbot.mouseClick(bar.crumbs[0], Qt.MouseButton.LeftButton)
    assert rows(filled) == ["beach", "city", "a.png", "b.png"]
    assert bar.count == "4 items"
    assert all(
        button.accessibleName() or button.toolTip() for button in bar.findChildren(QToolButton)
    )


def test_crumbs_without_room_are_in_a_menu(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path
) -> None:
    deep = "/".join(f"folder number {n}" for n in range(12))
    window = make_window()
    window.session.open(fill(backend, tmp_path / "deep.floe", [f"{deep}/x.png"]))
    window.browser.enter(deep)
    bar = window.browser.crumbs
    qtbot.waitUntil(lambda: bar.crumbs[-1].isVisible() and not bar.crumbs[0].isVisible())
    hidden = [crumb.toolTip() for crumb in bar.crumbs if not crumb.isVisible()]
    actions = bar._more.menu().actions()
    assert [action.text() for action in actions] == hidden
    actions[1].trigger()
    assert window.session.model.folder.path == "folder number 0"


def test_a_selected_folder_stands_for_what_is_in_it(qtbot: Any, filled: Window) -> None:
    filled.entries.selectRow(0)
    assert [entry.name for entry in filled.entries.selected()] == [
        "beach/raw/r.png",
        "beach/b1.png",
        "beach/b2.png",
    ]
    filled.actions_.verify.trigger()
    qtbot.waitUntil(lambda: not filled.session.busy)
    assert filled.message.text == "3 files of holiday.floe verified, exact"


def test_the_selection_is_kept_over_changes(qtbot: Any, filled: Window) -> None:
    for row in (2, 3):
        filled.entries.selectionModel().select(
            filled.session.model.index(row, 0),
            filled.entries.selectionModel().SelectionFlag.Select
            | filled.entries.selectionModel().SelectionFlag.Rows,
        )
    expected = ["a.png", "b.png"]
    assert [entry.name for entry in filled.entries.selected()] == expected
    filled.session.model.put(make_entry("a0.png"))
    filled.session.model.put(make_entry("zoo/z.png"))
    filled.session.model.remove(["city/c.png"])
    filled.entries.sortByColumn(4, Qt.SortOrder.DescendingOrder)
    assert sorted(entry.name for entry in filled.entries.selected()) == expected
    filled.filter.setText("b")
    assert [entry.name for entry in filled.entries.selected()] == ["b.png"]
    filled.session.model.reset([make_entry(name) for name in NAMES])
    assert [entry.name for entry in filled.entries.selected()] == ["b.png"]


def test_the_panel_hears_of_a_selection_that_a_folder_ends(qtbot: Any, filled: Window) -> None:
    told: list[int] = []
    filled.entries.selection_changed.connect(lambda: told.append(len(filled.entries.selected())))
    filled.entries.selectRow(2)
    filled.browser.enter("city")
    assert told[-1] == 0


def test_the_filter_counts(filled: Window) -> None:
    filled.browser.enter("beach")
    filled.filter.setText("b")
    assert rows(filled) == ["b1.png", "b2.png"]
    assert filled.browser.crumbs.count == "2 found among 3 images"
    filled.filter.setText("")
    assert filled.browser.crumbs.count == "3 items"


def test_another_archive_is_shown_from_its_top(
    qtbot: Any, filled: Window, backend: FakeBackend, tmp_path: Path
) -> None:
    filled.browser.enter("beach")
    filled.session.open(fill(backend, tmp_path / "other.floe", ["beach/x.png"]))
    qtbot.waitUntil(lambda: not filled.session.busy)
    assert crumbs(filled) == ["other.floe"]
    assert rows(filled) == ["beach"]


def test_tiles_have_the_same_selection_and_are_remembered(
    qtbot: Any, filled: Window, make_window: MakeWindow, settings: QSettings
) -> None:
    filled.entries.selectRow(2)
    qtbot.keyClick(filled, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    tiles = filled.browser.tiles
    assert tiles.isVisible()
    assert [entry.name for entry in filled.entries.selected()] == ["a.png"]
    tiles.setCurrentIndex(filled.session.model.index(0, 0))
    tiles.setFocus()
    before = tiles.visualRect(filled.session.model.index(0, 0)).width()
    filled.actions_.zoom_in.trigger()
    qtbot.waitUntil(lambda: tiles.visualRect(filled.session.model.index(0, 0)).width() > before)
    qtbot.keyClick(tiles, Qt.Key.Key_Return)
    assert rows(filled) == ["raw", "b1.png", "b2.png"]
    filled.close()
    again = make_window()
    assert again.actions_.tiles.isChecked()
    assert again.browser.tiles.zoom == tiles.zoom


def test_thumbnails_are_made_for_rows_in_sight_only(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, threads: Any, tmp_path: Path
) -> None:
    window = make_window(threads)
    names = [f"{n:04}.png" for n in range(500)]
    window.session.open(fill(backend, tmp_path / "many.floe", names))
    qtbot.waitUntil(lambda: ("0003.png", 64) in backend.thumbnails)
    qtbot.waitUntil(lambda: window.thumbnails._task is None)
    in_sight = window.entries.viewport().height() // window.entries.rowHeight(0) + 2
    assert {name for name, _ in backend.thumbnails} <= set(names[:in_sight])
    assert len(backend.thumbnails) == len(set(backend.thumbnails))
    window.entries.scrollToBottom()
    qtbot.waitUntil(lambda: ("0499.png", 64) in backend.thumbnails)
    assert ("0250.png", 64) not in backend.thumbnails
    assert any(name.startswith("floe-thumbnail") for name in backend.threads)
    qtbot.waitUntil(lambda: window.thumbnails._task is None)


def test_thumbnails_are_sharp_and_in_proportion(filled: Window) -> None:
    entry = filled.session.model.entries[0]
    filled.thumbnails.pixmap(entry, QSize(60, 60), 2.0)
    found = filled.thumbnails.pixmap(entry, QSize(60, 60), 2.0)
    assert found is not None
    assert found.devicePixelRatio() == 2.0
    assert found.width() == 120
    assert found.height() in (79, 80)
    assert found is filled.thumbnails.pixmap(entry, QSize(60, 60), 2.0)


def test_a_broken_entry_keeps_its_placeholder(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path
) -> None:
    window = make_window()
    window.session.open(fill(backend, tmp_path / "x.floe", ["broken.png"]))
    window.grab()
    window.grab()
    assert backend.thumbnails == [("broken.png", 64)]
    assert window.message.text == ""
    entry = window.session.model.entries[0]
    assert window.thumbnails.pixmap(entry, QSize(36, 26), 1.0) is None


def test_memory_of_thumbnails_is_bounded(filled: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.browser.thumbnails._MAX_BYTES", 300_000)
    for n in range(60):
        entry = make_entry(f"{n}.png")
        for _ in range(2):
            filled.thumbnails.pixmap(entry, QSize(100, 100), 1.0)
    held = sum(image.sizeInBytes() for image in filled.thumbnails._made.values())
    pixmaps = filled.thumbnails._pixmaps.values()
    assert held + sum(4 * p.width() * p.height() for p in pixmaps) <= 300_000
    assert filled.thumbnails._n_bytes <= 300_000


def test_ten_thousand_entries(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path
) -> None:
    """Bounds that only another order of growth would break; docs have the figures."""
    names = [(f"{n % 40}/" if n % 3 else "") + f"img{n}.png" for n in range(10_000)]
    window = make_window()
    path = fill(backend, tmp_path / "many.floe", names)
    n_asked = 0
    real = EntriesModel._text  # not data(): Qt remembers whose that is

    def counting(*arguments: Any) -> Any:
        nonlocal n_asked
        n_asked += 1
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EntriesModel, "_text", counting)
        started = time.perf_counter()
        window.session.open(path)
        window.grab()
        assert time.perf_counter() - started < 2
        window.filter.setText("img1")
        window.grab()
        window.entries.selectAll()
        window.grab()
    assert 0 < n_asked < 5_000  # those of the rows in sight, for each picture
    assert len(window.entries.selected()) == len(rows(window)) == 1111


def test_what_is_added_inside_a_folder_lands_there(
    qtbot: Any, filled: Window, images: list[Path]
) -> None:
    filled.browser.enter("beach")
    drop(filled, images[:2])
    qtbot.waitUntil(lambda: not filled.session.busy)
    qtbot.waitUntil(lambda: rows(filled) == ["raw", "b1.png", "b2.png", "img1.png", "img2.png"])
    filled.session.history.undo()
    qtbot.waitUntil(lambda: rows(filled) == ["raw", "b1.png", "b2.png"])
    filled.browser.enter("")
    assert rows(filled) == ["beach", "city", "a.png", "b.png"]
