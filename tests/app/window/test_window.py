"""The window without threads: everything happens at once, dialogs answer as told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QSettings, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QLineEdit

from app.jobs.files_model import FILE, STATE
from app.window.window import Window
from tests.app.drops import drop, drop_data
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import FakeDialogs, MakeWindow


def shown(window: Window) -> list[str]:
    return [entry.name for entry in window.entries.shown()]


def settle(qtbot: Any, window: Window) -> None:
    qtbot.waitUntil(lambda: not window.session.busy)


@pytest.fixture
def filled(qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path) -> Window:
    """A window that shows an archive of three images."""
    path = tmp_path / "holiday.floe"
    backend.create(path)
    for name in ("a.png", "b.png", "c.png"):
        backend.archives[path][name] = make_entry(name)
    window = make_window()
    window.session.open(path)
    settle(qtbot, window)
    return window


def test_an_empty_window_says_what_to_do(make_window: MakeWindow) -> None:
    window = make_window()
    assert window.stack.currentWidget() is window.stack.empty
    assert window.status.summary.text() == "No archive is open"
    assert window.windowTitle() == "Floe"
    buttons = [b for b in window.stack.empty.findChildren(QAbstractButton) if b.isVisible()]
    assert [button.text() for button in buttons] == ["&New…", "&Open…"]


def test_the_buttons_of_the_empty_page(
    qtbot: Any, make_window: MakeWindow, dialogs: FakeDialogs
) -> None:
    window = make_window()
    new, *_others = window.stack.empty.findChildren(QAbstractButton)
    qtbot.mouseClick(new, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    assert dialogs.new is not None
    assert window.session.path == dialogs.new
    assert "new.floe holds no images yet" in window.stack.empty.text
    buttons = [b for b in window.stack.empty.findChildren(QAbstractButton) if b.isVisible()]
    assert [button.text() for button in buttons] == ["&Add Images…", "Add &Folder…"]


def test_dropped_images_ask_for_an_archive(
    qtbot: Any, make_window: MakeWindow, dialogs: FakeDialogs, images: list[Path]
) -> None:
    window = make_window()
    assert drop(window, images)
    settle(qtbot, window)
    assert dialogs.asked == ["new photographs.floe"]
    assert shown(window) == ["img1.png", "img2.png", "img10.png"]
    assert window.stack.currentWidget() is window.browser
    assert window.status.summary.text().startswith("3 files: 2.2 MB to ")


def test_nothing_happens_when_no_archive_is_chosen(
    make_window: MakeWindow, dialogs: FakeDialogs, images: list[Path]
) -> None:
    dialogs.new = None
    window = make_window()
    drop(window, images)
    assert window.session.path is None
    assert not window.session.busy


@pytest.mark.parametrize("place", ["entries", "filter", "details", "jobs_panel", "statusBar"])
def test_drops_anywhere(qtbot: Any, filled: Window, images: list[Path], place: str) -> None:
    filled.jobs_panel.show()
    widget = getattr(filled, place)
    widget = widget() if callable(widget) else widget
    assert drop(filled, [images[0].parent], onto=widget)
    settle(qtbot, filled)
    assert len(shown(filled)) == 6
    assert filled.filter.text() == ""


def test_a_dropped_archive_is_opened(
    qtbot: Any, filled: Window, backend: FakeBackend, tmp_path: Path
) -> None:
    other = tmp_path / "other.FLOE"
    backend.create(other)
    drop(filled, [other])
    settle(qtbot, filled)
    assert filled.session.path == other
    assert filled.stack.currentWidget() is filled.stack.empty


def test_an_archive_among_images_is_left_out(
    qtbot: Any, filled: Window, images: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "other.floe").touch()
    drop(filled, [tmp_path / "other.floe", images[0]])
    settle(qtbot, filled)
    assert "other.floe was left out" in filled.message.text
    assert "img1.png" in shown(filled)


def test_text_is_not_taken(filled: Window) -> None:
    data = QMimeData()
    data.setText("hello")
    assert not drop_data(filled, data, QPoint(100, 200))


def test_failed_files_are_listed_and_the_others_done(
    qtbot: Any, filled: Window, images: list[Path]
) -> None:
    bad = images[0].with_name("bad.png")
    bad.write_bytes(b"1")
    filled.archive.add([*images, bad])
    settle(qtbot, filled)
    assert len(shown(filled)) == 6
    model = filled.jobs_panel.model
    rows = {model.index(r, FILE).data(): model.index(r, STATE).data() for r in range(4)}
    assert rows["bad.png"] == "The image is cut short; nothing was added"
    assert rows["img1.png"].endswith("%)")
    assert filled.message.text.startswith("3 files added to holiday.floe: ")
    assert filled.message.text.endswith("; 1 failed")


def test_extraction_by_shortcut(
    qtbot: Any, filled: Window, dialogs: FakeDialogs, tmp_path: Path
) -> None:
    filled.entries.selectRow(1)
    qtbot.keyClick(filled, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, filled)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.png"]
    assert filled.message.text == "1 file extracted from holiday.floe"
    qtbot.keyClick(
        filled,
        Qt.Key.Key_E,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    settle(qtbot, filled)
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_verification(qtbot: Any, filled: Window) -> None:
    qtbot.keyClick(filled, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, filled)
    assert filled.message.text == "3 files of holiday.floe verified, exact"


def test_removal_asks(qtbot: Any, filled: Window, dialogs: FakeDialogs) -> None:
    filled.entries.setFocus()
    filled.entries.selectRow(1)
    dialogs.removing = False
    qtbot.keyClick(filled.entries, Qt.Key.Key_Delete)
    settle(qtbot, filled)
    assert shown(filled) == ["a.png", "b.png", "c.png"]
    dialogs.removing = True
    qtbot.keyClick(filled.entries, Qt.Key.Key_Delete)
    settle(qtbot, filled)
    assert dialogs.asked == ["remove b.png", "remove b.png"]
    assert shown(filled) == ["a.png", "c.png"]
    assert filled.status.summary.text().startswith("2 files")


def test_delete_in_the_filter_line_removes_no_image(
    qtbot: Any, filled: Window, dialogs: FakeDialogs
) -> None:
    filled.entries.selectAll()
    filled.filter.setFocus()
    qtbot.keyClicks(filled.filter, "png")
    qtbot.keyClick(filled.filter, Qt.Key.Key_Home)
    qtbot.keyClick(filled.filter, Qt.Key.Key_Delete)
    assert filled.filter.text() == "ng"
    assert dialogs.asked == []


def test_a_broken_archive_is_told_of(
    qtbot: Any, filled: Window, dialogs: FakeDialogs, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.floe"
    broken.write_bytes(b"nonsense")
    dialogs.opened = broken
    filled.actions_.open.trigger()
    settle(qtbot, filled)
    assert filled.message.text == f"{broken}: is no Floe archive"
    assert shown(filled) == ["a.png", "b.png", "c.png"]
    assert [path.name for path in filled.recent.paths] == ["holiday.floe"]


def test_the_filter(qtbot: Any, filled: Window) -> None:
    qtbot.keyClick(filled, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert filled.filter.hasFocus()
    qtbot.keyClicks(filled.filter, "B")
    assert shown(filled) == ["b.png"]
    filled.actions_.extract.trigger()
    settle(qtbot, filled)


def test_totals_until_one_is_selected(qtbot: Any, filled: Window) -> None:
    assert len(filled.details.codelength.chart.bars) == 2
    filled.entries.selectRow(0)
    assert [bar.text for bar in filled.details.codelength.chart.bars[2:5]] == ["measuring…"] * 3
    with qtbot.waitSignal(filled.details.comparison.finished):
        pass
    bars = filled.details.codelength.chart.bars
    assert [bar.label for bar in bars] == ["Theory", "Achieved", "PNG", "WebP", "JPEG XL", "Raw"]
    assert [bar.text for bar in bars[2:]] == ["4.200", "3.200", "not installed", "8.000"]
    assert bars[1].value == filled.entries.selected()[0].achieved_bpd
    filled.details.setCurrentWidget(filled.details.timing)
    assert [bar.text for bar in filled.details.timing.chart.bars] == [
        *("0.05", "1.71", "0.44", "0.16", "2.12", "0.02"),
    ]
    filled.details.setCurrentWidget(filled.details.codelength)
    filled.entries.selectAll()
    assert len(filled.details.codelength.chart.bars) == 2


def test_codelengths_are_measured_once(qtbot: Any, filled: Window, backend: FakeBackend) -> None:
    for row in (0, 1, 0):
        filled.entries.selectRow(row)
        qtbot.waitUntil(lambda: len(filled.details.comparison.known()) == 3)
    assert len(backend.measured) == 6


def test_columns_and_geometry_are_remembered(make_window: MakeWindow, settings: QSettings) -> None:
    window = make_window()
    window.resize(790, 640)  # the offscreen screen is 800 wide, and windows are kept on it
    keys = [column.key for column in window.session.model.columns]
    hidden = keys.index("channels")
    window.entries.setColumnHidden(hidden, False)
    window.entries.horizontalHeader().resizeSection(3, 133)
    window.actions_.details.setChecked(False)
    window.close()
    again = make_window(size=None)
    assert (again.width(), again.height()) == (790, 640)
    assert not again.entries.isColumnHidden(hidden)
    assert again.entries.columnWidth(3) == 133
    assert again.details.isHidden()
    again.entries.reset_columns()
    assert again.entries.isColumnHidden(hidden)


def test_the_column_menu(filled: Window) -> None:
    filled.menus.columns.aboutToShow.emit()
    actions = {action.text(): action for action in filled.menus.columns.actions()}
    assert "Name" not in actions
    actions["Lost bits"].trigger()
    keys = [column.key for column in filled.session.model.columns]
    assert not filled.entries.isColumnHidden(keys.index("lost_bits"))


def test_recent_archives(qtbot: Any, filled: Window) -> None:
    path = filled.session.path
    filled.actions_.close.trigger()
    assert filled.session.path is None
    assert shown(filled) == []
    filled.menus.recent.fill()
    (action,) = filled.menus.recent.actions()
    action.trigger()
    settle(qtbot, filled)
    assert filled.session.path == path


def test_shortcuts_are_all_different_and_everything_has_a_name(filled: Window) -> None:
    actions = [a for a in filled.actions_.findChildren(QAction) if not a.isSeparator()]
    keys = [a.shortcut().toString() for a in actions if a.shortcut() != QKeySequence()]
    assert len(keys) == len(set(keys)) >= 14
    for button in filled.findChildren(QAbstractButton):
        named = button.accessibleName() or button.text() or button.toolTip()
        is_qts_own = button.objectName().startswith("qt_")
        assert named or is_qts_own or isinstance(button.parent(), QLineEdit), button


def test_clearing_finished_jobs_hides_the_panel(
    qtbot: Any, filled: Window, images: list[Path]
) -> None:
    assert filled.jobs_panel.isHidden()
    filled.archive.add(images)
    settle(qtbot, filled)
    assert filled.jobs_panel.isVisible()
    filled.actions_.clear_jobs.trigger()
    assert filled.jobs_panel.isHidden()
    assert filled.jobs_panel.model.rowCount() == 0


def test_folding_the_list_of_files(qtbot: Any, filled: Window, images: list[Path]) -> None:
    filled.archive.add(images)
    settle(qtbot, filled)
    assert filled.jobs_panel.files.isHidden()  # all went well
    qtbot.mouseClick(filled.jobs_panel._fold, Qt.MouseButton.LeftButton)
    assert filled.jobs_panel.files.isVisible()
    qtbot.mouseClick(filled.jobs_panel._fold, Qt.MouseButton.LeftButton)
    assert filled.jobs_panel.files.isHidden()
    assert filled.jobs_panel.height() < 60
