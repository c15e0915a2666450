"""What the right button and the menu key offer, everywhere in the window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from app.figures.charts import BarChart
from app.jobs.jobs import State
from app.window.window import Window
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import FakeDialogs, MakeWindow

KEY = Qt.Key


@pytest.fixture
def filled(qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path) -> Window:
    path = tmp_path / "holiday.floe"
    backend.create(path)
    for name in ("a.png", "b.png", "sea/c.png"):
        backend.archives[path][name] = make_entry(name)
    window = make_window()
    window.session.open(path)
    qtbot.waitUntil(lambda: not window.session.busy)
    return window


def menu_at(
    qtbot: Any,
    widget: QWidget,
    place: QPoint,
    reason: QContextMenuEvent.Reason = QContextMenuEvent.Reason.Mouse,
) -> dict[str, QAction]:
    """What is offered there, by its words, once the menu is open."""
    event = QContextMenuEvent(reason, place, widget.mapToGlobal(place))
    QApplication.sendEvent(widget, event)
    qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    found = {a.text().replace("&", ""): a for a in menu.actions() if not a.isSeparator()}
    menu.setObjectName("seen")
    return found


def close() -> None:
    menu = QApplication.activePopupWidget()
    assert menu is not None
    menu.close()


def enabled(actions: dict[str, QAction]) -> list[str]:
    return [text for text, action in actions.items() if action.isEnabled()]


def row_place(window: Window, path: str) -> QPoint:
    row = window.session.model.row_of(path)
    assert row is not None
    return window.browser.view.visualRect(window.session.model.index(row, 0)).center()


@pytest.mark.parametrize("tiles", [False, True])
def test_on_rows(qtbot: Any, filled: Window, tiles: bool) -> None:
    filled.actions_.tiles.setChecked(tiles)
    filled.browser.select(["a.png"])
    view = filled.browser.view
    found = menu_at(qtbot, view.viewport(), row_place(filled, "a.png"))
    assert list(found) == [
        "View Image",
        "Open Folder",
        "Extract…",
        "Verify",
        "Copy",
        "Rename",
        "Move To…",
        "Delete…",
        "Properties",
    ]
    assert enabled(found) == [text for text in found if text != "Open Folder"]
    shown = {text: action.shortcut().toString() for text, action in found.items()}
    assert shown["Rename"] == "F2"
    assert shown["Move To…"] == "F6"
    assert "" not in shown.values()
    assert all(action.isShortcutVisibleInContextMenu() for action in found.values())
    close()
    filled.browser.select(["a.png", "sea"])
    found = menu_at(qtbot, view.viewport(), row_place(filled, "sea"))
    assert not found["Rename"].isEnabled()
    assert not found["Open Folder"].isEnabled()
    close()
    filled.browser.select(["sea"])
    found = menu_at(qtbot, view.viewport(), row_place(filled, "sea"))
    found["Open Folder"].trigger()
    close()
    assert filled.session.model.folder.path == "sea"


def test_return_opens_a_folder_and_tells_of_a_file(qtbot: Any, filled: Window) -> None:
    filled.browser.select(["sea"])
    filled.entries.setFocus()
    qtbot.keyClick(filled.entries, KEY.Key_Return)
    assert filled.session.model.folder.path == "sea"
    told: list[None] = []
    filled.browser.file_activated.connect(lambda: told.append(None))
    filled.browser.select(["sea/c.png"])
    qtbot.keyClick(filled.entries, KEY.Key_Return)
    assert len(told) == 1


@pytest.mark.parametrize("tiles", [False, True])
def test_around_rows(qtbot: Any, filled: Window, tiles: bool) -> None:
    filled.actions_.tiles.setChecked(tiles)
    filled.browser.select(["a.png"])
    view = filled.browser.view.viewport()
    found = menu_at(qtbot, view, view.rect().bottomRight() - QPoint(5, 5))
    assert filled.entries.selected_items() == []  # it is about the folder
    assert [text for text in found if text != "Columns"] == [
        "Add Images…",
        "Add Folder…",
        "Paste",
        "New Folder…",
        "Extract All…",
        "Select All",
        "Up",
        "Tiles",
        "Properties",
    ]
    assert not found["Up"].isEnabled()
    found["Select All"].trigger()
    close()
    assert len(filled.entries.selected_items()) == 3


def test_the_menu_key_is_about_the_selection(qtbot: Any, filled: Window) -> None:
    keyboard = QContextMenuEvent.Reason.Keyboard
    filled.browser.select(["b.png"])
    found = menu_at(qtbot, filled.entries, QPoint(), keyboard)
    assert "Rename" in found
    close()
    assert [item.path for item in filled.entries.selected_items()] == ["b.png"]
    filled.entries.clearSelection()
    found = menu_at(qtbot, filled.entries, QPoint(), keyboard)
    assert "New Folder…" in found
    close()


def test_without_an_archive(qtbot: Any, make_window: MakeWindow) -> None:
    window = make_window()
    found = menu_at(qtbot, window.stack.empty, QPoint(5, 5))
    assert enabled(found) == ["New…", "Open…", "Open Recent", "Add Images…", "Add Folder…", "Paste"]
    close()


def test_on_crumbs(qtbot: Any, filled: Window, dialogs: FakeDialogs, tmp_path: Path) -> None:
    filled.browser.enter("sea")
    crumbs = filled.browser.crumbs
    top, sea = crumbs.crumbs
    found = menu_at(qtbot, crumbs, sea.geometry().center())
    assert list(found) == ["Open Folder", "Up", "Extract…", "Verify", "New Folder…", "Properties"]
    assert not found["Open Folder"].isEnabled()  # it is
    found["Extract…"].trigger()
    close()
    qtbot.waitUntil(lambda: (tmp_path / "out" / "sea" / "c.png").exists())
    assert not (tmp_path / "out" / "a.png").exists()
    found = menu_at(qtbot, crumbs, top.geometry().center())
    dialogs.typed = "town"
    found["New Folder…"].trigger()
    found["Open Folder"].trigger()
    close()
    assert filled.session.has("town")
    assert filled.session.model.folder.path == ""


def test_on_rows_of_jobs(
    qtbot: Any,
    filled: Window,
    dialogs: FakeDialogs,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    filled.browser.enter("sea")
    filled.session.extract(["a.png"], [], tmp_path / "out")
    files = filled.jobs_panel.files
    qtbot.waitUntil(lambda: files.model().rowCount() == 1)
    qtbot.waitUntil(lambda: filled.session.jobs.last.state is State.DONE)
    files.selectRow(0)
    place = files.visualRect(files.model().index(0, 0)).center()
    found = menu_at(qtbot, files.viewport(), place)
    assert enabled(found) == ["Show in the List", "Open Folder of File", "Copy", "Clear Finished"]
    assert found["Pause"].shortcut().toString() == "Ctrl+Shift+P"
    found["Open Folder of File"].trigger()
    assert opened == [str(tmp_path / "out")]
    found["Show in the List"].trigger()
    close()
    assert [item.path for item in filled.entries.selected_items()] == ["a.png"]
    files.clearSelection()
    found = menu_at(qtbot, files.viewport(), files.viewport().rect().bottomLeft() + QPoint(5, -5))
    assert enabled(found) == ["Clear Finished"]
    close()


def test_on_a_job_at_work(qtbot: Any, filled: Window) -> None:
    from app.jobs.jobs import Job, JobKind, Work

    job = Job(JobKind.VERIFY, Path("x.floe"), Work(list, lambda listener, cancel: []), filled)
    menu = filled.panel_menus.on_job(job, None)
    stop = menu.actions()[0]
    assert stop.text() == "Cancel This &Job"
    stop.trigger()
    assert job.cancelling
    menu.deleteLater()


def test_on_the_preview(qtbot: Any, filled: Window) -> None:
    preview = filled.details.preview
    filled.details.setCurrentWidget(preview)
    found = menu_at(qtbot, preview.view, QPoint(5, 5))
    assert enabled(found) == []
    close()
    filled.browser.select(["a.png"])
    qtbot.waitUntil(preview.legend.isVisible)
    found = menu_at(qtbot, preview.view, QPoint(5, 5))
    assert enabled(found) == list(found)
    assert len(found) == 11
    assert found["Copy Image"].shortcut().toString() == "Ctrl+C"
    found["Picture and map side by side"].trigger()
    assert preview.view.mode.value == "side by side"
    close()


def test_on_panels(qtbot: Any, filled: Window, dialogs: FakeDialogs, tmp_path: Path) -> None:
    tab = filled.details.codelength
    filled.browser.select(["a.png"])
    qtbot.waitUntil(lambda: len(filled.details.comparison.known()) == 3)
    chart = tab.chart
    assert isinstance(chart, BarChart)
    qtbot.waitUntil(lambda: chart.height() > 50)
    found = menu_at(qtbot, chart, chart.rect().center())
    assert enabled(found) == list(found)
    assert list(found) == [
        "Copy as Table",
        "Export Panel…",
        "Copy Chart as Picture",
        "Export CSV…",
        "Export Report…",
    ]
    found["Copy Chart as Picture"].trigger()
    assert QGuiApplication.clipboard().image().size() == chart.size()
    found["Export Panel…"].trigger()
    close()
    assert dialogs.asked == ["report holiday-Codelength.csv"]
    lines = (tmp_path / "out" / "holiday-Codelength.csv").read_bytes()
    assert lines.startswith(b"\xef\xbb\xbfCodec,bits/dim")
    assert filled.message.text == "holiday-Codelength.csv written"


def test_a_panel_without_figures_has_nothing_to_copy(qtbot: Any, make_window: MakeWindow) -> None:
    window = make_window()
    tab = window.details.compare
    window.details.setCurrentWidget(tab)
    found = menu_at(qtbot, tab, QPoint(5, 5))
    assert enabled(found) == []
    close()
    assert window.actions_.copy_table.isEnabled()
    window.actions_.export_panel.trigger()
    assert "nothing in this panel" in window.message.text


def test_keys_of_a_context_menu_are_not_given_twice(filled: Window) -> None:
    path = Path(__file__).parents[3] / "resources" / "translations" / "de.json"
    german = json.loads(path.read_text("utf-8"))
    menus, panels = filled.archive_menus, filled.panel_menus
    tab = filled.details.codelength
    for menu in (
        menus.on_rows(),
        menus.around_rows(),
        menus.on_empty_page(),
        menus.on_crumb(""),
        panels.on_job(None, None),
        panels.on_panel(tab, tab.chart),
    ):
        texts = [action.text() for action in menu.actions() if action.text()]
        for spoken in (texts, [german[text] for text in texts]):
            keys = [text[text.index("&") + 1].lower() for text in spoken if "&" in text]
            assert len(keys) == len(set(keys)), spoken
        menu.deleteLater()
