"""Moving by a dialog: where to, a new folder on the way, and what cannot be."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication, QTreeWidgetItem

from app.dialogs.dialogs import QtDialogs
from app.dialogs.move_dialog import MoveDialog
from app.language import translation as language
from app.widgets.name_editor import NameEditor
from app.window.window import Window
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import FakeDialogs, MakeWindow
from tests.app.window.test_look import clipped

KEY, CTRL = Qt.Key, Qt.KeyboardModifier.ControlModifier
CTRL_SHIFT = CTRL | Qt.KeyboardModifier.ShiftModifier
NAMES = ("a.png", "b.png", "sea/b.png", "sea/deep/c.png", "town/d.png")


@pytest.fixture
def filled(qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path) -> Window:
    path = tmp_path / "holiday.floe"
    backend.create(path)
    for name in NAMES:
        backend.archives[path][name] = make_entry(name)
    window = make_window()
    window.session.open(path)
    qtbot.waitUntil(lambda: not window.session.busy)
    return window


def names(window: Window) -> list[str]:
    return sorted(entry.name for entry in window.session.model.entries)


def test_f6_moves_and_can_be_undone(qtbot: Any, filled: Window, dialogs: FakeDialogs) -> None:
    assert not filled.actions_.move.isEnabled()
    filled.browser.select(["a.png"])
    dialogs.moved_to = "town"
    qtbot.keyClick(filled, KEY.Key_F6)
    assert dialogs.asked == ["move a.png from holiday.floe"]
    assert "town/a.png" in names(filled)
    assert filled.actions_.undo.text() == "&Undo move"
    qtbot.keyClick(filled, KEY.Key_Z, CTRL)
    assert names(filled) == sorted(NAMES)


def test_moving_into_a_new_folder_is_one_step(
    qtbot: Any, filled: Window, dialogs: FakeDialogs
) -> None:
    filled.browser.select(["a.png", "sea"])
    dialogs.moved_to = "town/new"
    qtbot.keyClick(filled, KEY.Key_F6)
    assert "town/new/sea/deep/c.png" in names(filled)
    qtbot.keyClick(filled, KEY.Key_Z, CTRL)
    assert names(filled) == sorted(NAMES)
    assert not filled.session.has("town/new")
    assert not filled.actions_.undo.isEnabled()


def test_thinking_better_of_it(qtbot: Any, filled: Window, dialogs: FakeDialogs) -> None:
    filled.browser.select(["a.png"])
    qtbot.keyClick(filled, KEY.Key_F6)
    assert not filled.actions_.undo.isEnabled()


# The dialog itself


def in_dialog(window: Window, chosen: list[str], act: Callable[[MoveDialog], None]) -> str | None:
    """What the dialog answers when a person acts so."""

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, MoveDialog)
        try:
            act(dialog)
        finally:  # also where something is not so, since the test would wait for ever
            dialog.done(dialog.result())

    QTimer.singleShot(0, look)
    model = window.session.model
    return QtDialogs().move_target(window, "holiday.floe", model.root, chosen, model.folder.path)


def item(dialog: MoveDialog, path: str) -> QTreeWidgetItem:
    return next(each for each in dialog.items() if dialog.path_of(each) == path)


def test_the_tree_shows_all_folders_and_where_one_is(qtbot: Any, filled: Window) -> None:
    filled.browser.enter("sea")

    def act(dialog: MoveDialog) -> None:
        assert [dialog.path_of(each) for each in dialog.items()] == ["", "sea", "sea/deep", "town"]
        assert dialog.tree.topLevelItem(0).text(0) == "holiday.floe"
        assert dialog.folder == "sea"
        assert not dialog.ok.isEnabled()
        assert dialog.problem.text() == "It is in this folder already."
        qtbot.keyClick(dialog.tree, KEY.Key_Down)
        assert dialog.folder == "sea/deep"
        assert dialog.ok.isEnabled()
        assert dialog.problem.text() == ""
        qtbot.keyClick(dialog.tree, KEY.Key_Return)

    assert in_dialog(filled, ["sea/b.png"], act) == "sea/deep"


def test_what_cannot_take_it_says_so(qtbot: Any, filled: Window) -> None:
    def act(dialog: MoveDialog) -> None:
        assert item(dialog, "sea").isDisabled()
        assert item(dialog, "sea").childCount() == 0  # nothing inside it, either
        dialog.tree.setCurrentItem(item(dialog, "town"))
        assert dialog.ok.isEnabled()
        qtbot.keyClick(dialog, KEY.Key_Escape)

    assert in_dialog(filled, ["sea"], act) is None

    def taken(dialog: MoveDialog) -> None:
        dialog.tree.setCurrentItem(item(dialog, "sea"))
        assert not dialog.ok.isEnabled()
        assert "something named b.png" in dialog.problem.text()
        qtbot.keyClick(dialog, KEY.Key_Escape)

    assert in_dialog(filled, ["a.png", "b.png"], taken) is None


def test_a_folder_is_made_on_the_way(qtbot: Any, filled: Window) -> None:
    def act(dialog: MoveDialog) -> None:
        qtbot.waitUntil(dialog.isActiveWindow)
        dialog.tree.setCurrentItem(item(dialog, "town"))
        qtbot.keyClick(dialog, KEY.Key_N, CTRL_SHIFT)
        qtbot.waitUntil(lambda: bool(dialog.tree.findChildren(NameEditor)))
        (editor,) = dialog.tree.findChildren(NameEditor)
        assert editor.text() == "New folder"
        editor.setText("d.png")
        assert "taken" in editor.problem.text()
        qtbot.keyClick(editor, KEY.Key_Return)
        assert editor.isVisible()
        editor.setText("old")
        qtbot.keyClick(editor, KEY.Key_Return)
        qtbot.waitUntil(lambda: not dialog.tree.findChildren(NameEditor))
        assert dialog.isVisible()
        assert dialog.folder == "town/old"
        assert dialog.ok.isEnabled()
        dialog.ok.click()

    assert in_dialog(filled, ["a.png"], act) == "town/old"


def test_a_folder_that_is_not_wanted_after_all_goes(qtbot: Any, filled: Window) -> None:
    def act(dialog: MoveDialog) -> None:
        dialog.tree.setCurrentItem(item(dialog, "town"))
        dialog.new_folder.click()
        gc.collect()  # the view holds its editor in C++ only
        (editor,) = dialog.tree.findChildren(NameEditor)
        assert editor.hasAcceptableInput()
        qtbot.keyClick(editor, KEY.Key_Escape)
        assert not editor.isVisible()
        assert [dialog.path_of(each) for each in dialog.items()] == ["", "sea", "sea/deep", "town"]
        assert dialog.folder == "town"
        dialog.ok.click()

    assert in_dialog(filled, ["a.png"], act) == "town"


def test_in_german_nothing_is_clipped(
    qtbot: Any, qapp: QApplication, filled: Window, settings: QSettings
) -> None:
    settings.setValue(language.KEY, "de")
    translators = language.install(qapp, settings)

    def act(dialog: MoveDialog) -> None:
        qtbot.waitUntil(dialog.isActiveWindow)
        assert dialog.windowTitle() == "Verschieben"
        assert dialog.problem.text() == "Sie sind schon in diesem Ordner."
        assert clipped(dialog) == []

    try:
        assert in_dialog(filled, ["a.png", "b.png"], act) is None
    finally:
        for translator in translators:
            qapp.removeTranslator(translator)
