"""Properties of what is selected, and recent archives on the empty page, in the real window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QDialog, QLabel

from app.details.info import InfoTab
from app.details.properties import rows_of
from app.language import formats
from app.window.window import Window
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import MakeWindow


@pytest.fixture
def filled(qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path) -> Window:
    path = tmp_path / "holiday.floe"
    backend.create(path)
    for entry in (
        make_entry("a.png"),
        make_entry("sea/b.png", original_bytes=1_000_000, packed_bytes=250_000),
        make_entry("sea/deep/c.png", original_bytes=1_000_000, packed_bytes=750_000),
        make_entry("sea/copy.png", codec="stored", coder=None, file_exact=False),
    ):
        backend.archives[path][entry.name] = entry
    window = make_window()
    window.session.open(path)
    qtbot.waitUntil(lambda: not window.session.busy)
    return window


def shown_dialog(qtbot: Any, window: Window) -> QDialog:
    qtbot.keyClick(window.entries, Qt.Key.Key_Return, Qt.KeyboardModifier.AltModifier)
    return next(d for d in window.findChildren(QDialog) if d.isVisible())


def test_an_image_is_told_of_with_its_picture(qtbot: Any, filled: Window) -> None:
    filled.entries.setFocus()
    filled.entries.selectRow(1)
    dialog = shown_dialog(qtbot, filled)
    assert dialog.windowTitle() == "Properties of a.png"
    (info,) = dialog.findChildren(InfoTab)
    entry = filled.entries.selected()[0]
    assert (info.tr("Pixels"), entry.pixel_sha256) in dict(info.rows())["Checksums (SHA-256)"]
    assert any(not label.pixmap().isNull() for label in dialog.findChildren(QLabel))
    assert filled.isEnabled()
    dialog.reject()


def test_a_folder_and_a_selection_are_summed_up(qtbot: Any, filled: Window) -> None:
    filled.entries.setFocus()
    filled.entries.selectRow(0)
    dialog = shown_dialog(qtbot, filled)
    assert dialog.windowTitle() == "Properties of sea"
    rows = dict(rows_of(filled.entries.selected_items()))
    said = {label.accessibleName() or label.text() for label in dialog.findChildren(QLabel)}
    assert set(rows.values()) <= said
    assert rows["Images"] == "3"
    assert rows["Folders inside"] == "1"
    assert rows["State"] == "Compressed 2, Kept as it was 1"
    assert rows["Files exact"] == "2 byte for byte"
    assert rows["Pixels exact"].startswith("1 more")
    dialog.reject()
    filled.entries.selectAll()
    assert dict(rows_of(filled.entries.selected_items()))["Images"] == "4"
    assert shown_dialog(qtbot, filled).windowTitle() == "Properties of 2 items"


def test_sizes_are_summed(filled: Window) -> None:
    folder = filled.session.model.item("sea")
    deep = filled.session.model.item("sea/deep")
    assert folder is not None
    assert deep is not None
    rows = dict(rows_of([deep]))
    assert rows["Original size"] == formats.exact_size(1_000_000)
    assert rows["Packed size"] == formats.exact_size(750_000)
    assert rows["Saved"] == "250.0 kB saved (25 %)"
    assert dict(rows_of([folder, deep])) == dict(rows_of([folder]))  # none is counted twice


def test_without_a_selection_the_folder_that_is_shown_is_meant(qtbot: Any, filled: Window) -> None:
    filled.entries.setFocus()
    assert shown_dialog(qtbot, filled).windowTitle() == "Properties of holiday.floe"


def test_enter_on_an_image_shows_it_large(qtbot: Any, filled: Window) -> None:
    filled.entries.setFocus()
    filled.entries.selectRow(1)
    qtbot.keyClick(filled.entries, Qt.Key.Key_Return)
    large = filled.viewing.large
    assert large is not None
    assert large.windowTitle() == "a.png"
    large.close()


def test_recent_archives_are_on_the_empty_page(qtbot: Any, filled: Window) -> None:
    path = filled.session.path
    filled.actions_.close.trigger()
    buttons = {
        b.text(): b for b in filled.stack.empty.findChildren(QAbstractButton) if b.isVisible()
    }
    assert list(buttons) == ["&New…", "&Open…", "holiday"]
    qtbot.keyClick(buttons["holiday"], Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not filled.session.busy)
    assert filled.session.path == path
