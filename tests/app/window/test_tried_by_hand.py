"""Faults that were found by using the window with mouse and keyboard, one test or more each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, QSettings, Qt, QUrl, qWarning
from PySide6.QtGui import (
    QClipboard,
    QDesktopServices,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QGuiApplication,
    QIcon,
    QPalette,
)
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QProxyStyle,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from app.backend.backend import CoreBackend
from app.details.properties import rows_of
from app.figures import report
from app.figures.report import ReportRow
from app.jobs.files_model import STATE
from app.language import formats
from app.widgets.colours import contrast, readable_highlight
from app.widgets.desktop import fitted
from app.widgets.style import RoomyStyle
from app.window.preferences import dark_palette, light_palette, restore_appearance
from app.window.window import Window
from core.archive import Archive, Codecs, Totals
from tests.app.drops import drop
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import FakeDialogs, MakeWindow
from tests.fakes import FakeCodec

STORED: dict[str, Any] = {
    "codec": "stored",
    "coder": None,
    "model": None,
    "theoretical_bpd": None,
    "packed_bytes": 812_345,
    "original_bytes": 812_345,
    "reason": "JPEG keeps its own bytes",
}


@pytest.fixture
def filled(qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path) -> Window:
    """A folder of coded images of two sizes and of stored ones, and a few beside it."""
    path = tmp_path / "holiday.floe"
    backend.create(path)
    for name, facts in {
        "a.png": {},
        "new/b.png": {},
        "new/large.png": {
            "width": 3000,
            "height": 2000,
            "original_bytes": 12_000_000,
            "packed_bytes": 5_000_000,
        },
        "new/c.jpg": STORED,
        "new/d.jpg": STORED | {"width": 30, "height": 20},
    }.items():
        backend.archives[path][name] = make_entry(name, **facts)
    window = make_window()
    window.session.open(path)
    qtbot.waitUntil(lambda: not window.session.busy)
    return window


def add(qtbot: Any, window: Window, images: list[Path]) -> None:
    window.archive.add(images)
    qtbot.waitUntil(lambda: not window.session.busy)


# The folded list of jobs (B1)


def test_folding_the_jobs_gives_their_room_to_the_archive(
    qtbot: Any, filled: Window, images: list[Path]
) -> None:
    add(qtbot, filled, images)
    panel = filled.jobs_panel
    panel.set_folded(False)
    qtbot.waitUntil(lambda: panel.height() >= panel.sizeHint().height() - 5)
    whole = filled.centre.height()
    unfolded = panel.height()
    panel.set_folded(True)
    qtbot.waitUntil(lambda: panel.height() == panel.folded_height)
    assert filled.centre.across.height() >= whole - panel.height() - 2
    panel.set_folded(False)
    qtbot.waitUntil(lambda: panel.height() == unfolded)


def test_the_list_of_jobs_folds_itself_when_all_went_well(
    qtbot: Any, filled: Window, backend: FakeBackend, images: list[Path]
) -> None:
    add(qtbot, filled, images)
    assert filled.jobs_panel.folded
    assert filled.jobs_panel.height() == filled.jobs_panel.folded_height
    bad = images[0].with_name("bad.png")
    bad.write_bytes(b"0")
    add(qtbot, filled, [bad])
    assert not filled.jobs_panel.folded  # the errors are to be read


# One definition of every figure (B2)


def figures_of(text: str) -> list[str]:
    return re.findall(r"\d+\.\d{3}", text)


def test_row_panel_status_properties_and_report_agree(qtbot: Any, filled: Window) -> None:
    entries = list(filled.session.model.folder.folders["new"].below())
    coded = [e for e in entries if not e.is_stored]
    n_dims = sum(e.n_dims for e in coded)
    achieved = sum(8 * e.packed_bytes for e in coded) / n_dims
    theory = sum((e.theoretical_bpd or 0) * e.n_dims for e in coded) / n_dims
    expected = formats.bits_per_dim(achieved)
    assert achieved != pytest.approx(sum(e.achieved_bpd for e in coded) / 2, abs=0.01)

    filled.browser.select(["new"])
    model = filled.session.model
    columns = {c.key: number for number, c in enumerate(model.columns)}
    row = model.row_of("new")
    assert row is not None
    assert model.index(row, columns["achieved_bpd"]).data() == expected
    assert model.index(row, columns["theoretical_bpd"]).data() == formats.bits_per_dim(theory)

    bars = {bar.label: bar.text for bar in filled.details.codelength.chart.bars}
    assert (bars["Theory"], bars["Achieved"]) == (formats.bits_per_dim(theory), expected)

    properties = dict(rows_of([model.items[row]]))
    assert figures_of(properties["Codelength"]) == [expected]

    page = report.html("new", [ReportRow(entry, {}) for entry in entries])
    assert figures_of(formats.summary(entries)) == [expected]
    assert f"{expected} bits/dim over 2 coded images" in page
    assert f">{expected}<" in page  # the bar of the chart

    everything = Totals.of(filled.session.model.entries).measured.achieved_bpd
    assert figures_of(filled.status.summary.text()) == [formats.bits_per_dim(everything)]


def test_what_is_not_in_a_mean_is_said(filled: Window) -> None:
    filled.browser.select(["new"])
    sentences = filled.details.codelength._note.text()
    assert "weighted by samples" in sentences
    assert "2 images that are kept as they were are not included" in sentences
    assert filled.status.summary.text().endswith("over 3 coded images")


# The clipboard after a drag to another program (B3)


def test_a_clipboard_that_is_not_ours_is_no_success(
    qtbot: Any, filled: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: QClipboard, __: QMimeData) -> None:
        qWarning("QXcbClipboard::setMimeData: Cannot set X11 selection owner")

    monkeypatch.setattr(QClipboard, "setMimeData", refuse)
    filled.browser.select(["a.png"])
    filled.actions_.copy.trigger()
    qtbot.waitUntil(lambda: "holds the clipboard" in filled.message.text)
    assert "on the clipboard" not in filled.statusBar().currentMessage()


# Time that was spent (B4)


class LengtheningCodec(FakeCodec):
    """Codes into more bytes than any file has."""

    def encode(self, *args: Any, **more: Any) -> Any:
        coded = super().encode(*args, **more)
        from dataclasses import replace

        return replace(coded, chunks=tuple(chunk + bytes(1_000_000) for chunk in coded.chunks))

    def decode(self, chunks: Any, *args: Any, **more: Any) -> Any:
        return super().decode(tuple(chunk[:-1_000_000] for chunk in chunks), *args, **more)


def test_time_spent_on_a_stored_image_is_shown(tmp_path: Path) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "screenshot.png")
    with Archive.create(tmp_path / "a.floe", codecs=Codecs(LengtheningCodec)) as archive:
        entry = archive.add_file(tmp_path / "screenshot.png", "screenshot.png")
    assert entry.is_stored
    assert entry.encode_seconds is not None
    assert entry.verify_seconds is not None


# Where dragged rows will land (B5)


def centre_of(window: Window, path: str) -> QPoint:
    """The centre of a row, in the window."""
    row = window.session.model.row_of(path)
    assert row is not None
    view = window.entries
    point = view.visualRect(window.session.model.index(row, 0)).center()
    return view.viewport().mapTo(window, point)


def hover(window: Window, point: QPoint, data: QMimeData) -> None:
    handle, none = window.windowHandle(), Qt.KeyboardModifier.NoModifier
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    QApplication.sendEvent(handle, QDragEnterEvent(point, copy, data, left, none))
    QApplication.sendEvent(handle, QDragMoveEvent(QPointF(point).toPoint(), copy, data, left, none))


def test_the_folder_under_dragged_files_lights_up_and_takes_them(
    qtbot: Any, filled: Window, images: list[Path]
) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(images[0]))])
    mark = filled.browser.drop_mark
    hover(filled, centre_of(filled, "new"), data)
    assert mark.visible
    hover(filled, centre_of(filled, "a.png"), data)
    assert not mark.visible
    hover(filled, centre_of(filled, "new"), data)
    QApplication.sendEvent(filled.windowHandle(), QDragLeaveEvent())
    assert not mark.visible
    assert drop_at(filled, images, centre_of(filled, "new"))
    qtbot.waitUntil(lambda: not filled.session.busy)
    assert filled.session.has(f"new/{images[0].name}")
    assert not filled.session.has(images[0].name)
    assert not mark.visible


def drop_at(window: Window, paths: list[Path], point: QPoint) -> bool:
    from tests.app.drops import drop_data

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return drop_data(window, data, point)


def test_the_folder_under_dragged_rows_lights_up(qtbot: Any, filled: Window) -> None:
    filled.browser.select(["a.png"])
    seen: list[bool] = []
    mark = filled.browser.drop_mark

    def run(drag: Any) -> Qt.DropAction:
        for path in ("new", "a.png"):
            hover(filled, centre_of(filled, path), drag.mimeData())
            seen.append(mark.visible)
        hover(filled, centre_of(filled, "new"), drag.mimeData())
        return Qt.DropAction.IgnoreAction

    filled.exchange.drag_out.run = run
    filled.entries.drag_wanted.emit()
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert seen == [True, False]
    assert not mark.visible  # the drag is over


# The filter by keyboard (B6)


def test_the_filter_by_keyboard(qtbot: Any, filled: Window) -> None:
    filled.activateWindow()
    filled.actions_.find.trigger()
    qtbot.keyClicks(filled.filter, "large")
    assert [item.path for item in filled.session.model.items] == ["new/large.png"]
    qtbot.keyClick(filled.filter, Qt.Key.Key_Down)
    assert filled.focusWidget() is filled.entries
    assert [e.name for e in filled.entries.selected()] == ["new/large.png"]
    filled.actions_.find.trigger()
    qtbot.keyClick(filled.filter, Qt.Key.Key_Return)
    assert filled.focusWidget() is filled.entries
    filled.actions_.find.trigger()
    qtbot.keyClick(filled.filter, Qt.Key.Key_Escape)
    assert filled.filter.text() == ""
    assert filled.focusWidget() is filled.entries
    assert len(filled.session.model.items) == 2


def test_a_filter_that_finds_nothing_says_so(qtbot: Any, filled: Window) -> None:
    filled.filter.setText("no such name")
    assert filled.browser.nothing_found.isVisible()
    assert not filled.entries.isVisible()
    qtbot.mouseClick(filled.browser.nothing_found.clear, Qt.MouseButton.LeftButton)
    assert filled.filter.text() == ""
    assert filled.entries.isVisible()
    assert not filled.browser.nothing_found.isVisible()


# The arrow of the sorted column (B7)


def test_the_sort_arrow_is_beside_the_title(qtbot: Any, filled: Window) -> None:
    labels: list[QRect] = []
    arrows: list[QRect] = []

    class Base(QProxyStyle):
        """What the style around it hands down."""

        def drawControl(self, element: Any, option: Any, painter: Any, widget: Any = None) -> None:
            if element is QStyle.ControlElement.CE_HeaderLabel and option.text == "Saved %":
                labels.append(QRect(option.rect))
            super().drawControl(element, option, painter, widget)

        def drawPrimitive(
            self, element: Any, option: Any, painter: Any, widget: Any = None
        ) -> None:
            if element == QStyle.PrimitiveElement.PE_IndicatorHeaderArrow:
                arrows.append(QRect(option.rect))
            super().drawPrimitive(element, option, painter, widget)

    style = RoomyStyle(Base("fusion"))
    header = filled.entries.horizontalHeader()
    header.setStyle(style)
    saved = next(i for i, c in enumerate(filled.session.model.columns) if c.key == "saved")
    filled.entries.sortByColumn(saved, Qt.SortOrder.DescendingOrder)
    header.grab()
    assert arrows
    assert labels
    assert labels[-1].right() < arrows[-1].left()
    assert labels[-1].width() >= header.fontMetrics().horizontalAdvance("Saved %")
    header.setStyle(filled.entries._roomy)


def test_numbers_are_sorted_from_the_largest_at_first(qtbot: Any, filled: Window) -> None:
    header = filled.entries.horizontalHeader()
    section = next(i for i, c in enumerate(filled.session.model.columns) if c.key == "packed_bytes")
    middle = QPoint(header.sectionViewportPosition(section) + 20, header.height() // 2)
    for order in (Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder):
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=middle)
        assert header.sortIndicatorSection() == section
        assert header.sortIndicatorOrder() is order


# Images that could not be compared (B8)


def test_images_that_failed_are_not_in_the_mean_nor_to_choose_from(
    qtbot: Any, filled: Window, images: list[Path]
) -> None:
    bad = images[0].with_name("bad.png")
    bad.write_bytes(b"0")
    tab = filled.details.compare
    tab.start([*images[:2], bad])
    qtbot.waitUntil(lambda: not filled.details.contest.running)
    shown = [tab.picture.itemText(i) for i in range(tab.picture.count())]
    assert shown == ["Mean of 2 images", images[0].name, images[1].name]
    tab.picture.setCurrentIndex(2)
    assert tab.attempts() == filled.details.contest.pictures[1].attempts
    assert "bad.png" in tab.state.text()


# The empty page of a small window (B9)


def test_the_empty_page_stays_in_its_frame(
    qtbot: Any, make_window: MakeWindow, settings: QSettings, tmp_path: Path
) -> None:
    recents = [str(tmp_path / f"archive with a long name {i}.floe") for i in range(5)]
    settings.setValue("recent/archives", recents)
    window = make_window()
    window.resize(800, 500)
    qtbot.wait(50)
    page = window.stack.empty
    frame = page.rect().adjusted(18, 18, -18, -18)
    for child in page.findChildren(QWidget):
        if child.isVisible() and not child.visibleRegion().isEmpty():
            seen = child.visibleRegion().boundingRect()
            corner = child.mapTo(page, seen.topLeft())
            assert frame.contains(QRect(corner, seen.size())), child


# Windows and dialogs on the screen (B10, B12)


def test_a_window_larger_than_the_screen_is_fitted(
    qtbot: Any, make_window: MakeWindow, settings: QSettings
) -> None:
    window = make_window()
    window.resize(5000, 4000)
    window._layout_memory.save(settings)
    again = make_window(size=None)
    available = again.screen().availableGeometry()
    assert available.contains(again.geometry())


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (QRect(100, 100, 200, 100), QRect(100, 100, 200, 100)),
        (QRect(100, -50, 200, 100), QRect(100, 0, 200, 100)),
        (QRect(700, 550, 200, 100), QRect(600, 500, 200, 100)),
        (QRect(-10, -10, 2000, 1000), QRect(0, 0, 800, 600)),
    ],
)
def test_rectangles_are_fitted_into_the_screen(frame: QRect, expected: QRect) -> None:
    assert fitted(frame, QRect(0, 0, 800, 600)) == expected


def test_properties_open_on_the_screen(qtbot: Any, filled: Window) -> None:
    filled.move(0, -300)
    filled.browser.select(["a.png"])
    filled.properties.show()
    (dialog,) = [d for d in filled.findChildren(QDialog) if d.isVisible()]
    qtbot.waitUntil(lambda: dialog.screen().availableGeometry().contains(dialog.geometry()))
    dialog.close()


# The focus after Clear Finished (B11)


def test_the_focus_goes_to_the_list_when_finished_jobs_are_cleared(
    qtbot: Any, filled: Window, images: list[Path]
) -> None:
    filled.activateWindow()
    add(qtbot, filled, images)
    filled.jobs_panel._clear.setFocus()
    qtbot.keyClick(filled.jobs_panel._clear, Qt.Key.Key_Space)
    assert filled.jobs_panel.isHidden()
    assert filled.focusWidget() is filled.entries


# Messages of the past (B13)


def test_a_message_goes_when_the_next_job_begins(
    qtbot: Any, filled: Window, backend: FakeBackend, images: list[Path]
) -> None:
    filled.extraction.extract_all()
    qtbot.waitUntil(lambda: "extracted" in filled.message.text)
    seen: list[str] = []
    filled.session.jobs.job_added.connect(lambda _: seen.append(filled.message.text))
    add(qtbot, filled, images)
    assert seen == [""]


def test_jobs_and_messages_of_an_archive_go_with_it(
    qtbot: Any, filled: Window, images: list[Path]
) -> None:
    add(qtbot, filled, images)
    assert filled.jobs_panel.isVisible()
    assert "added to holiday.floe" in filled.message.text
    filled.actions_.close.trigger()
    assert filled.jobs_panel.isHidden()
    assert filled.message.text == ""


def test_a_cancelled_job_that_did_nothing_says_just_that(
    qtbot: Any, filled: Window, backend: FakeBackend, images: list[Path]
) -> None:
    job = filled.session.jobs
    filled.session.jobs.job_added.connect(lambda added: added.cancel())
    add(qtbot, filled, images)
    assert job.last is not None
    assert filled.jobs_panel.outcome(job.last) == "Nothing added to holiday.floe, cancelled"


# A desktop without a file manager (B14)


def test_a_folder_that_nothing_opens(
    qtbot: Any, filled: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _: False)
    filled.message.inform("14 files extracted", "/some/folder")
    filled.message._open.click()
    assert "opens folders: /some/folder" in filled.message.text


# The selected row (B15)


def test_selected_text_is_readable(
    qtbot: Any, filled: Window, settings: QSettings, system_palette: None
) -> None:
    for name, palette in (("light", light_palette()), ("dark", dark_palette())):
        settings.setValue("window/appearance", name)
        restore_appearance(settings)
        shown = QGuiApplication.palette()
        text, ground = QPalette.ColorRole.HighlightedText, QPalette.ColorRole.Highlight
        assert contrast(shown.color(text), shown.color(ground)) >= 4.5
        assert contrast(palette.color(text), readable_highlight(palette)) >= 4.5


def test_the_glyph_of_a_selected_folder_has_the_colour_of_its_text(filled: Window) -> None:
    model = filled.session.model
    row = model.row_of("new")
    assert row is not None
    option = QStyleOptionViewItem()
    option.widget, option.palette = filled.entries, filled.entries.palette()
    option.state = QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_HasFocus
    filled.entries._name_delegate.initStyleOption(option, model.index(row, 0))
    glyph = option.icon.pixmap(option.decorationSize, QIcon.Mode.Selected).toImage()
    colours = {
        glyph.pixelColor(x, y).name()
        for x in range(glyph.width())
        for y in range(glyph.height())
        if glyph.pixelColor(x, y).alpha() > 250
    }
    assert filled.entries.palette().color(QPalette.ColorRole.HighlightedText).name() in colours
    assert not option.state & QStyle.StateFlag.State_HasFocus  # no frame around one cell


# What came of a job


def test_the_result_is_said_in_bytes(qtbot: Any, filled: Window, images: list[Path]) -> None:
    add(qtbot, filled, images)
    job = filled.session.jobs.last
    assert job is not None
    sums = Totals.of(job.added).all
    saved = formats.size(sums.original_bytes - sums.packed_bytes)
    expected = f"{saved} saved ({formats.percent(sums.saved or 0)})"
    assert filled.jobs_panel._title.text().startswith("3 files added to holiday.floe: ")
    for text in (filled.jobs_panel._title.text(), filled.message.text):
        assert expected in text
    totals = Totals.of(filled.session.model.entries).all
    in_all = formats.size(totals.original_bytes - totals.packed_bytes)
    assert f"{in_all} saved" in filled.status.summary.text()


def test_a_stored_image_is_kept_as_it_was_for_a_reason(
    qtbot: Any, make_window: MakeWindow, tmp_path: Path, dialogs: FakeDialogs
) -> None:
    from tests.golden.make import file_of

    window = make_window(None, CoreBackend(FakeCodec))
    path = tmp_path / "a.webp"
    path.write_bytes(
        file_of(np.random.default_rng(0).integers(0, 256, (60, 70, 3), np.uint8), "WEBP")
    )
    assert drop(window, [path])
    qtbot.waitUntil(lambda: not window.session.busy)
    model = window.session.model
    columns = {c.key: number for number, c in enumerate(model.columns)}
    index = model.index(0, columns["state"])
    assert index.data() == "Kept as it was"
    assert index.data(Qt.ItemDataRole.ToolTipRole)
    assert model.index(0, columns["saved"]).data() == formats.NOTHING
    states = window.jobs_panel.model
    assert states.index(0, STATE).data().startswith("Kept as it was: ")
