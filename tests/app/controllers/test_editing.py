"""Renaming, deleting, folders, undo and redo in the window, by keys; then on real archives."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel

from app.backend.backend import CoreBackend
from app.backend.executors import Executors
from app.dialogs.dialogs import QtDialogs
from app.dialogs.name_dialog import NameDialog
from app.widgets.name_editor import NameEditor
from app.window.window import Window
from core.archive.archive import Archive
from core.archive.codec import Codecs
from core.engine.queries import Answer, Choice
from tests.app.drops import drop
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import FakeDialogs, MakeWindow
from tests.fakes import FakeCodec

KEY, CTRL = Qt.Key, Qt.KeyboardModifier.ControlModifier
CTRL_SHIFT = CTRL | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def filled(qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path) -> Window:
    path = tmp_path / "holiday.floe"
    backend.create(path)
    for name in ("a.png", "b.png", "c.png"):
        backend.archives[path][name] = make_entry(name)
    window = make_window()
    window.session.open(path)
    qtbot.waitUntil(lambda: not window.session.busy)
    return window


def names(window: Window) -> list[str]:
    return sorted(entry.name for entry in window.session.model.entries)


def select(window: Window, *chosen: str) -> None:
    window.entries.clearSelection()
    mode = window.entries.selectionMode()
    window.entries.setSelectionMode(window.entries.SelectionMode.MultiSelection)
    shown = [item.path for item in window.session.model.items]
    for name in chosen:
        window.entries.selectRow(shown.index(name))
    window.entries.setSelectionMode(mode)
    window.entries.setFocus()


def edit(qtbot: Any, window: Window, typed: str) -> NameEditor:
    """Presses F2 and types a name in the place of what is there."""
    qtbot.keyClick(window.browser.view, KEY.Key_F2)
    (editor,) = window.browser.view.findChildren(NameEditor)
    editor.selectAll()
    qtbot.keyClicks(editor, typed)
    return editor


def rename(qtbot: Any, window: Window, new: str) -> None:
    """Renames what is selected."""
    qtbot.keyClick(edit(qtbot, window, new), KEY.Key_Return)
    qtbot.waitUntil(lambda: not window.browser.view.findChildren(NameEditor))


def test_a_rename_is_undone_and_done_again(qtbot: Any, filled: Window) -> None:
    assert filled.actions_.undo.text() == "&Undo"
    assert not filled.actions_.undo.isEnabled()
    select(filled, "b.png")
    rename(qtbot, filled, "sea.png")
    assert names(filled) == ["a.png", "c.png", "sea.png"]
    assert filled.actions_.undo.text() == "&Undo rename"
    qtbot.keyClick(filled, KEY.Key_Z, CTRL)
    assert names(filled) == ["a.png", "b.png", "c.png"]
    assert filled.actions_.redo.text() == "&Redo rename"
    assert not filled.actions_.undo.isEnabled()
    qtbot.keyClick(filled, KEY.Key_Z, CTRL_SHIFT)
    assert names(filled) == ["a.png", "c.png", "sea.png"]
    assert not filled.actions_.redo.isEnabled()


def test_several_steps_are_undone_in_turn(
    qtbot: Any, filled: Window, dialogs: FakeDialogs, images: list[Path]
) -> None:
    select(filled, "a.png", "b.png")
    qtbot.keyClick(filled.entries, KEY.Key_Delete)
    assert dialogs.asked == ["remove a.png b.png"]
    filled.archive.add(images)
    qtbot.waitUntil(lambda: not filled.session.busy)
    dialogs.typed = "sea"
    qtbot.keyClick(filled, KEY.Key_N, CTRL_SHIFT)
    filled.session.move(["c.png"], "sea")
    after = names(filled)
    assert after == ["img1.png", "img10.png", "img2.png", "sea/c.png"]
    texts = []
    while filled.actions_.undo.isEnabled():
        texts.append(filled.actions_.undo.text())
        qtbot.keyClick(filled, KEY.Key_Z, CTRL)
    assert texts == ["&Undo move", "&Undo new folder", "&Undo add", "&Undo delete"]
    assert names(filled) == ["a.png", "b.png", "c.png"]
    assert filled.status.summary.text().startswith("3 files")
    for _ in texts:
        qtbot.keyClick(filled, KEY.Key_Z, CTRL_SHIFT)
    assert names(filled) == after


@pytest.mark.parametrize("tiles", [False, True])
def test_a_name_is_edited_where_it_stands(qtbot: Any, filled: Window, tiles: bool) -> None:
    filled.actions_.tiles.setChecked(tiles)
    select(filled, "b.png")
    filled.browser.view.setFocus()
    qtbot.keyClick(filled.browser.view, KEY.Key_F2)
    (editor,) = filled.browser.view.findChildren(NameEditor)
    assert editor.selectedText() == "b"  # what is typed leaves the suffix alone
    cell = filled.browser.view.visualRect(filled.session.model.index(1, 0))
    assert cell.intersects(editor.geometry())
    assert filled.browser.view.viewport().rect().contains(editor.geometry())
    qtbot.keyClicks(editor, "sea")
    qtbot.keyClick(editor, KEY.Key_Escape)
    qtbot.waitUntil(lambda: not filled.browser.view.findChildren(NameEditor))
    assert names(filled) == ["a.png", "b.png", "c.png"]
    rename(qtbot, filled, "sea.png")
    assert names(filled) == ["a.png", "c.png", "sea.png"]
    assert [entry.name for entry in filled.entries.selected()] == ["sea.png"]
    assert filled.browser.view.hasFocus()


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("c.png", "This name is taken"),
        ("x/y.png", "cannot contain a slash"),
        ("..", "too long or contains invalid"),
        ("x" * 300, "too long or contains invalid"),
        ("a\u202eb", "too long or contains invalid"),
    ],
)
def test_names_that_cannot_be(qtbot: Any, filled: Window, typed: str, problem: str) -> None:
    select(filled, "b.png")
    editor = edit(qtbot, filled, "")
    editor.setText(typed)
    assert problem in editor.problem.text()
    assert problem in editor.accessibleDescription()
    assert editor.problem.isVisible()
    assert editor.problem.width() >= editor.problem.fontMetrics().height() * 5
    assert filled.entries.viewport().rect().contains(editor.problem.geometry())
    qtbot.keyClick(editor, KEY.Key_Return)
    assert editor.isVisible()  # and says why
    editor.setText("sea.png")
    assert not editor.problem.isVisible()
    editor.setText(typed)
    label = editor.problem
    filled.filter.setFocus()  # leaving what cannot be is thinking better of it
    qtbot.waitUntil(lambda: not filled.entries.findChildren(NameEditor))
    qtbot.waitUntil(lambda: label not in filled.entries.viewport().findChildren(QLabel))
    assert names(filled) == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("tiles", [False, True])
def test_an_editor_outlives_a_look_for_garbage(qtbot: Any, filled: Window, tiles: bool) -> None:
    filled.actions_.tiles.setChecked(tiles)
    select(filled, "b.png")
    filled.browser.view.setFocus()
    qtbot.keyClick(filled.browser.view, KEY.Key_F2)
    gc.collect()  # views hold what they were given in C++ only
    qtbot.keyClicks(filled.focusWidget(), "sea")
    qtbot.keyClick(filled.focusWidget(), KEY.Key_Return)
    qtbot.waitUntil(lambda: names(filled) == ["a.png", "c.png", "sea.png"])


def test_leaving_a_name_that_can_be_takes_it(qtbot: Any, filled: Window) -> None:
    select(filled, "b.png")
    edit(qtbot, filled, " sea.png ")
    filled.filter.setFocus()
    qtbot.waitUntil(lambda: names(filled) == ["a.png", "c.png", "sea.png"])


def test_the_same_name_is_no_change(qtbot: Any, filled: Window) -> None:
    select(filled, "b.png")
    rename(qtbot, filled, "b.png")
    assert not filled.actions_.undo.isEnabled()


def test_in_a_filtered_list_the_name_is_edited_not_the_path(qtbot: Any, filled: Window) -> None:
    filled.session.move(["b.png"], "sea")
    filled.filter.setText("b.p")
    select(filled, "sea/b.png")
    qtbot.keyClick(filled.entries, KEY.Key_F2)
    (editor,) = filled.entries.findChildren(NameEditor)
    assert editor.text() == "b.png"
    editor.setText("b.pgm")
    qtbot.keyClick(editor, KEY.Key_Return)
    qtbot.waitUntil(lambda: names(filled) == ["a.png", "c.png", "sea/b.pgm"])


def test_one_is_renamed_at_a_time(filled: Window) -> None:
    assert not filled.actions_.rename.isEnabled()
    select(filled, "a.png", "b.png")
    assert not filled.actions_.rename.isEnabled()
    select(filled, "b.png")
    assert filled.actions_.rename.isEnabled()


def test_a_change_that_fails_is_told_and_leaves_no_step(filled: Window) -> None:
    filled.session.rename("gone.png", "x.png")
    assert filled.message.text == "gone.png: is not in the archive"
    assert not filled.actions_.undo.isEnabled()
    assert names(filled) == ["a.png", "b.png", "c.png"]


def test_an_undo_that_fails_can_be_tried_again(
    qtbot: Any, filled: Window, backend: FakeBackend
) -> None:
    assert filled.session.path is not None
    filled.session.rename("b.png", "sea.png")
    entries = backend.archives[filled.session.path]
    entries["b.png"] = make_entry("b.png")  # by another program
    qtbot.keyClick(filled, KEY.Key_Z, CTRL)
    assert filled.message.text == "b.png: is in the archive already"
    assert filled.actions_.undo.text() == "&Undo rename"
    del entries["b.png"]
    qtbot.keyClick(filled, KEY.Key_Z, CTRL)
    assert names(filled) == ["a.png", "b.png", "c.png"]


def test_another_archive_has_its_own_past(
    qtbot: Any, filled: Window, backend: FakeBackend, tmp_path: Path
) -> None:
    filled.session.rename("b.png", "sea.png")
    backend.create(tmp_path / "other.floe")
    filled.session.open(tmp_path / "other.floe")
    qtbot.waitUntil(lambda: not filled.session.busy)
    assert not filled.actions_.undo.isEnabled()
    assert filled.actions_.undo.text() == "&Undo"


def test_undo_in_the_filter_line_is_of_the_text(qtbot: Any, filled: Window) -> None:
    filled.session.rename("b.png", "sea.png")
    filled.filter.setFocus()
    qtbot.keyClicks(filled.filter, "abc")
    qtbot.keyClick(filled.filter, KEY.Key_Z, CTRL)
    assert filled.filter.text() == ""
    assert names(filled) == ["a.png", "c.png", "sea.png"]


# The dialog that asks for names


def in_dialog(act: Callable[[NameDialog], None]) -> None:
    def look() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, NameDialog)
        act(dialog)

    QTimer.singleShot(0, look)


def problem_of(text: str) -> str | None:
    return "Taken." if text == "taken.png" else None if text else ""


def test_the_dialog_of_names_takes_only_what_is_one(qtbot: Any, filled: Window) -> None:
    def act(dialog: NameDialog) -> None:
        assert dialog.line.selectedText() == "beach"
        ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
        assert dialog.problem.text() == ""
        dialog.line.setText("taken.png")
        assert not ok.isEnabled()
        assert dialog.problem.text() == "Taken."
        qtbot.keyClick(dialog.line, KEY.Key_Return)
        assert dialog.isVisible()
        dialog.line.clear()
        assert not ok.isEnabled()
        qtbot.keyClicks(dialog.line, " sea ")
        qtbot.keyClick(dialog.line, KEY.Key_Return)

    in_dialog(act)
    assert QtDialogs().name(filled, "New Folder", "Its name:", "beach", problem_of) == "sea"
    in_dialog(lambda dialog: qtbot.keyClick(dialog, KEY.Key_Escape))
    assert QtDialogs().name(filled, "New Folder", "Its name:", "beach", problem_of) is None


# On real archives and threads


@pytest.fixture
def codec() -> FakeCodec:
    return FakeCodec(tile=48)


@pytest.fixture
def window(
    make_window: MakeWindow, threads: Executors, codec: FakeCodec, tmp_path: Path
) -> Iterator[Window]:
    backend = CoreBackend(lambda: codec, shelf=tmp_path / "shelf")
    yield make_window(threads, backend)
    backend.close()
    assert list((tmp_path / "shelf").glob("*")) == []


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    rows, columns = np.mgrid[0:96, 0:128]
    paths = [tmp_path / f"img{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        pixels = np.stack([rows + number, columns, rows + columns], axis=2).astype(np.uint8)
        Image.fromarray(pixels).save(path, compress_level=0)
    return paths


def settle(qtbot: Any, window: Window, until: Callable[[], bool]) -> None:
    qtbot.waitUntil(lambda: not window.session.busy and until(), timeout=10_000)


def contents(window: Window) -> dict[str, str]:
    """Names and hashes of what is really in the archive."""
    assert window.session.path is not None
    with Archive.open(window.session.path, codecs=Codecs(lambda: FakeCodec(tile=48))) as archive:
        archive.check_structure()
        for entry in archive.entries():
            archive.verify(entry.name)
        return {entry.name: entry.file_sha256 for entry in archive.entries()}


def test_all_changes_are_undone_and_redone_in_the_file(
    qtbot: Any, window: Window, codec: FakeCodec, dialogs: FakeDialogs, photographs: list[Path]
) -> None:
    drop(window, photographs)
    settle(qtbot, window, lambda: len(names(window)) == 3)
    n_encoded, states = codec.n_encoded, [contents(window)]

    def step(act: Callable[[], Any]) -> None:
        before = window.session.history._done[:]
        act()
        settle(qtbot, window, lambda: window.session.history._done != before)
        states.append(contents(window))
        assert names(window) == sorted(states[-1])

    def rename_first() -> None:
        select(window, "img0.png")
        rename(qtbot, window, "first.png")

    def new_folder() -> None:
        dialogs.typed = "sea"
        qtbot.keyClick(window, KEY.Key_N, CTRL_SHIFT)

    def delete() -> None:
        select(window, "img2.png", "first.png")
        qtbot.keyClick(window.entries, KEY.Key_Delete)

    step(rename_first)
    step(new_folder)
    step(lambda: window.session.move(["img1.png"], "sea"))
    step(delete)
    assert sorted(states[-1]) == ["sea/img1.png"]
    assert len(states) == 5
    for _ in range(4):  # without waiting for each
        qtbot.keyClick(window, KEY.Key_Z, CTRL)
    settle(qtbot, window, lambda: window.session.history.undo_text == "add")
    assert contents(window) == states[0]
    qtbot.keyClick(window, KEY.Key_Z, CTRL)
    settle(qtbot, window, lambda: window.session.history.undo_text is None)
    assert contents(window) == {}
    assert names(window) == []
    for state in states:
        qtbot.keyClick(window, KEY.Key_Z, CTRL_SHIFT)
        settle(qtbot, window, lambda state=state: names(window) == sorted(state))
        assert contents(window) == state
    assert window.session.history.redo_text is None
    assert codec.n_encoded == n_encoded  # nothing was coded again


def test_what_was_replaced_comes_back(
    qtbot: Any,
    window: Window,
    codec: FakeCodec,
    dialogs: FakeDialogs,
    photographs: list[Path],
    tmp_path: Path,
) -> None:
    drop(window, photographs)
    settle(qtbot, window, lambda: len(names(window)) == 3)
    before = contents(window)
    other = tmp_path / "other" / "img1.png"
    other.parent.mkdir()
    Image.fromarray(np.full((40, 40, 3), 7, np.uint8)).save(other, compress_level=0)
    dialogs.answers = [Answer(Choice.REPLACE)]
    drop(window, [other])
    settle(qtbot, window, lambda: contents(window) != before)
    after, n_encoded = contents(window), codec.n_encoded
    assert after.keys() == before.keys()
    for key, expected in ((CTRL, before), (CTRL_SHIFT, after), (CTRL, before)):
        qtbot.keyClick(window, KEY.Key_Z, key)
        settle(qtbot, window, lambda expected=expected: contents(window) == expected)
        shown = {entry.name: entry.file_sha256 for entry in window.session.model.entries}
        assert shown == expected
    assert codec.n_encoded == n_encoded


def test_undo_waits_for_what_is_being_added(
    qtbot: Any, window: Window, codec: FakeCodec, photographs: list[Path]
) -> None:
    drop(window, photographs[:1])
    settle(qtbot, window, lambda: len(names(window)) == 1)
    codec.pause = 0.05
    window.archive.add(photographs[1:])
    qtbot.waitUntil(lambda: window.session.writing)
    qtbot.keyClick(window, KEY.Key_Z, CTRL)
    assert "can be undone once that is done" in window.message.text
    window.session.rename("img0.png", "first.png")  # after the job, and undone before it
    settle(qtbot, window, lambda: "first.png" in names(window))
    assert len(names(window)) == 3
    codec.pause = 0
    assert window.session.history.undo_text == "rename"
    qtbot.keyClick(window, KEY.Key_Z, CTRL)
    qtbot.keyClick(window, KEY.Key_Z, CTRL)
    settle(qtbot, window, lambda: names(window) == ["img0.png"])
    assert list(contents(window)) == ["img0.png"]


def test_what_is_kept_goes_when_nothing_can_put_it_back(
    qtbot: Any, window: Window, photographs: list[Path], tmp_path: Path
) -> None:
    drop(window, photographs)
    settle(qtbot, window, lambda: len(names(window)) == 3)
    window.session.remove(["img0.png", "img1.png"])
    settle(qtbot, window, lambda: len(names(window)) == 1)
    assert len(list((tmp_path / "shelf").rglob("*.floe"))) == 1
    window.session.close()
    settle(qtbot, window, lambda: list((tmp_path / "shelf").rglob("*.floe")) == [])


def made(window: Window) -> list[str]:
    """The empty folders that the window shows."""
    return list(window.session.model.root.made_below())


def test_empty_folders_are_extracted_with_all(
    qtbot: Any, window: Window, dialogs: FakeDialogs, photographs: list[Path], tmp_path: Path
) -> None:
    drop(window, photographs)
    settle(qtbot, window, lambda: len(names(window)) == 3)
    window.session.new_folder("sea/deep")
    settle(qtbot, window, lambda: made(window) == ["sea/deep"])
    assert window.session.has("sea")
    qtbot.keyClick(window, KEY.Key_E, CTRL_SHIFT)
    settle(qtbot, window, lambda: window.message.text != "")
    assert window.message.text.startswith("3 files extracted")
    assert (tmp_path / "out" / "sea" / "deep").is_dir()
    window.session.rename("sea", "lake")
    settle(qtbot, window, lambda: made(window) == ["lake/deep"])
    window.session.history.undo()
    window.session.history.undo()
    settle(qtbot, window, lambda: made(window) == [])


def test_thousands_are_renamed_without_a_pause(
    qtbot: Any, filled: Window, backend: FakeBackend
) -> None:
    assert filled.session.path is not None
    many = {f"sea/{n:05}.png": make_entry(f"sea/{n:05}.png") for n in range(10_000)}
    backend.archives[filled.session.path].update(many)
    filled.session.open(filled.session.path)
    qtbot.waitUntil(lambda: len(names(filled)) == 10_003)
    changed = backend.rename(filled.session.path, [("sea", "lake")])
    n_calls = 0

    def count(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal n_calls
        n_calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        filled.session._apply(changed)
    finally:
        sys.setprofile(None)
    assert n_calls < 100 * 10_000  # 42 for each entry; were one quadratic, 10 000 and more
    assert len(names(filled)) == 10_003
    assert filled.session.has("lake")
    assert not filled.session.has("sea")
