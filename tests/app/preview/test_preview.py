"""The tab with the picture and its map, driven by real events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QImage,
    QNativeGestureEvent,
    QPointingDevice,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication

from app.backend.executors import Executors
from app.details.preview import PreviewTab
from app.preview import scale
from app.preview.view import Mode, PictureView
from app.window.window import Window
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import FakeDialogs, MakeWindow

NAMES = ("a.png", "b.png", "stored.jpg", "bad.png", "long.png")


@pytest.fixture
def archive(backend: FakeBackend, tmp_path: Path) -> Path:
    path = tmp_path / "x.floe"
    backend.create(path)
    changes: dict[str, dict[str, Any]] = {
        "stored.jpg": {"codec": "stored", "reason": "JPEG keeps its own bytes"},
        "long.png": {"verify_seconds": 95.0},
        "b.png": {"width": 300, "height": 200},
    }
    backend.archives[path] = {name: make_entry(name, **changes.get(name, {})) for name in NAMES}
    return path


@pytest.fixture
def window(qtbot: Any, make_window: MakeWindow, archive: Path) -> Window:
    window = make_window()
    window.session.open(archive)
    window.details.setCurrentWidget(window.details.preview)
    return window


def select(window: Window, name: str) -> PreviewTab:
    model = window.session.model
    window.entries.clearSelection()
    for row in range(model.rowCount()):
        if model.index(row, 0).data() == name:
            window.entries.selectRow(row)
    return window.details.preview


@pytest.fixture
def tab(qtbot: Any, window: Window) -> PreviewTab:
    tab = select(window, "a.png")
    qtbot.waitUntil(lambda: tab.legend.isVisible())
    return tab


@pytest.fixture
def view(tab: PreviewTab) -> PictureView:
    return tab.view


def centre(view: PictureView) -> QPointF:
    return QPointF(view.width() / 2, view.height() / 2)


def wheel(view: PictureView, at: QPointF, angle: int) -> None:
    event = QWheelEvent(
        at,
        QPointF(view.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, angle),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def colour_at(view: PictureView, point: QPointF) -> QColor:
    image = view.grab().toImage()
    ratio = image.devicePixelRatio()
    return image.pixelColor(round(point.x() * ratio), round(point.y() * ratio))


def test_a_selected_image_is_seen_and_its_bits_are_told(tab: PreviewTab) -> None:
    assert tab.value.text() == "768 \N{MULTIPLICATION SIGN} 512"
    assert tab.legend.summary() == "min 0.00, mean 11.98, max 23.97 bits a pixel"
    assert "mean 11.98" in tab.view.accessibleDescription()
    assert tab.view.viewport.fitted
    assert not tab.note.isVisible()


def test_it_is_decoded_once_however_often_it_is_told(
    tab: PreviewTab, window: Window, backend: FakeBackend, qtbot: Any
) -> None:
    window.details.setCurrentWidget(window.details.timing)
    window.details.setCurrentWidget(tab)
    window._show_selection()
    qtbot.wait(200)
    assert backend.previewed == ["a.png"]


def test_the_map_has_the_colours_of_its_bits(tab: PreviewTab, view: PictureView) -> None:
    tab.toolbar.modes[Mode.MAP].trigger()
    area = view.viewport.area()
    for share in (0.1, 0.5, 0.9):
        point = QPointF(area.left() + share * area.width(), area.center().y())
        expected = scale.colours()[round(255 * share * 24 / 30)]
        found = colour_at(view, point).getRgb()[:3]
        assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 8
    before = colour_at(view, area.center())
    tab.opacity.setValue(0)
    assert colour_at(view, area.center()) != before


def test_the_value_under_the_pointer(qtbot: Any, tab: PreviewTab, view: PictureView) -> None:
    area = view.viewport.area()
    zoom = view.viewport.zoom
    point = area.topLeft() + QPointF(384.5, 100.5) * zoom
    qtbot.mouseMove(view, QPoint(1, 1))
    qtbot.mouseMove(view, point.toPoint())
    at = view.viewport.pixel(QPointF(point.toPoint()))
    assert at is not None
    x, y = at
    assert abs(x - 384) <= 3
    assert tab.value.text().split("   ") == [
        f"x {x}, y {y}",
        f"RGB {x & 255}, {y & 255}, {(x + y) & 255}",
        f"{np.float32(x * (24 / 768)):.2f} bits",
    ]
    qtbot.mouseMove(view, QPoint(view.width() // 2, 2))  # beside the picture
    assert tab.value.text() == "768 \N{MULTIPLICATION SIGN} 512"


def test_the_wheel_zooms_around_the_pointer(view: PictureView, tab: PreviewTab) -> None:
    point = centre(view) + QPointF(40, 10)
    fitting = view.viewport.zoom
    wheel(view, point, 1200)
    before = view.viewport.to_picture(point)
    wheel(view, point, 240)
    assert view.viewport.zoom == pytest.approx(fitting * 1.25**12)
    assert (
        view.viewport.to_picture(point) - before
    ).manhattanLength() < 2 / view.viewport.zoom + 0.1
    assert tab.zoom.text() == f"{100 * view.viewport.zoom:.0f} %"
    wheel(view, point, -9000)
    assert view.viewport.zoom <= fitting


def test_pinching_zooms(view: PictureView) -> None:
    before = view.viewport.zoom
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture,
        QPointingDevice.primaryPointingDevice(),
        2,
        centre(view),
        centre(view),
        QPointF(view.mapToGlobal(centre(view).toPoint())),
        0.5,
        QPointF(),
    )
    QApplication.sendEvent(view, event)
    assert view.viewport.zoom == pytest.approx(1.5 * before)


def test_dragging_moves_the_picture(qtbot: Any, view: PictureView) -> None:
    view.actual_size()
    start = centre(view).toPoint()
    held = view.viewport.pixel(QPointF(start))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(view, start + QPoint(30, -20))
    assert view.cursor().shape() is Qt.CursorShape.ClosedHandCursor
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=start + QPoint(30, -20))
    moved = view.viewport.pixel(QPointF(start + QPoint(30, -20)))
    assert held is not None
    assert moved is not None
    assert abs(moved[0] - held[0]) <= 1
    qtbot.mouseMove(view, start)  # nothing is held any more
    assert view.viewport.pixel(QPointF(start + QPoint(30, -20))) == moved


def test_the_slider_is_dragged_and_divides(qtbot: Any, tab: PreviewTab, view: PictureView) -> None:
    tab.toolbar.modes[Mode.SLIDER].trigger()
    area = view.viewport.area()
    point = QPointF(area.left() + 0.7 * area.width(), area.center().y() - 40)
    mapped = colour_at(view, point)
    start = centre(view).toPoint()
    qtbot.mouseMove(view, QPoint(1, 1))
    qtbot.mouseMove(view, start)
    assert view.cursor().shape() is Qt.CursorShape.SplitHCursor
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    end = QPoint(round(view.width() * 0.9), start.y())
    qtbot.mouseMove(view, end)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)
    assert view.divider == pytest.approx(0.9, abs=0.01)
    assert view.viewport.fitted  # the picture stood still
    shown = colour_at(view, point)
    assert shown != mapped
    tab.toolbar.modes[Mode.PICTURE].trigger()
    assert colour_at(view, point) == shown


def test_side_by_side_both_show_the_same_place(tab: PreviewTab, view: PictureView) -> None:
    tab.toolbar.modes[Mode.SIDE_BY_SIDE].trigger()
    quarter = QPointF(view.width() / 4, view.height() / 2)
    wheel(view, quarter, 600)
    left = view._pixel(quarter)
    right = view._pixel(quarter + QPointF(view.width() / 2 + 2, 0))
    assert left is not None
    assert left == right
    assert colour_at(view, quarter) != colour_at(view, quarter + QPointF(view.width() / 2 + 2, 0))


def test_keys(qtbot: Any, tab: PreviewTab, view: PictureView) -> None:
    view.setFocus()
    fitting = view.viewport.zoom
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.viewport.zoom == pytest.approx(1.25 * fitting)
    qtbot.keyClick(view, Qt.Key.Key_Minus)
    assert view.viewport.zoom == pytest.approx(fitting)
    qtbot.keyClick(view, Qt.Key.Key_1)
    assert view.viewport.zoom == 1
    before = view.viewport.area().left()
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.viewport.area().left() == before - 48
    tab.toolbar.modes[Mode.SLIDER].trigger()
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert view.divider == pytest.approx(0.48)
    qtbot.keyClick(view, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert view.divider == pytest.approx(0.48)
    assert view.viewport.area().left() == before
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.viewport.fitted


def test_double_click_goes_to_full_size_and_back(qtbot: Any, view: PictureView) -> None:
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=centre(view).toPoint())
    assert view.viewport.zoom == 1
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=centre(view).toPoint())
    assert view.viewport.fitted


def test_copying(qtbot: Any, tab: PreviewTab, view: PictureView) -> None:
    QGuiApplication.clipboard().clear()
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    image = QGuiApplication.clipboard().image()
    assert (image.width(), image.height()) == (768, 512)
    assert image.pixelColor(7, 5).getRgb()[:3] == (7, 5, 12)
    tab.toolbar.copy_map.trigger()
    image = QGuiApplication.clipboard().image()
    assert image.pixelColor(0, 0).getRgb()[:3] == scale.colours()[0]


def test_the_map_is_saved(
    qtbot: Any, tab: PreviewTab, window: Window, dialogs: FakeDialogs
) -> None:
    tab.toolbar.save_map.trigger()
    assert dialogs.asked[-1] == "map a-map.png"
    assert dialogs.map_file is not None
    with Image.open(dialogs.map_file) as image:
        assert image.size == (768, 512)
    assert "map.png" in window.message.text
    dialogs.map_file = dialogs.map_file / "no" / "folder.png"
    tab.toolbar.save_map.trigger()
    assert "folder.png" in window.message.text
    assert "not a folder" in window.message.text


def test_a_stored_file_has_a_picture_and_no_map(qtbot: Any, window: Window) -> None:
    tab = select(window, "stored.jpg")
    qtbot.waitUntil(lambda: tab.note.isVisible())
    assert "JPEG keeps its own bytes" in tab.note.text()
    assert not tab.legend.isVisible()
    assert not tab.toolbar.modes[Mode.MAP].isEnabled()
    assert tab.toolbar.modes[Mode.PICTURE].isEnabled()
    assert tab.value.text() == "768 \N{MULTIPLICATION SIGN} 512"


def test_an_error_says_what_happened(qtbot: Any, window: Window) -> None:
    tab = select(window, "bad.png")
    qtbot.waitUntil(lambda: bool(tab.view.message))
    assert tab.view.message == "bad.png: its data is damaged: a checksum does not match"
    select(window, "a.png")
    qtbot.waitUntil(lambda: tab.legend.isVisible())
    assert tab.view.message == ""


def test_no_image_and_several(qtbot: Any, window: Window) -> None:
    tab = select(window, "nothing")
    assert tab.view.message == "Select one image to see it."
    window.entries.selectAll()
    assert tab.view.message == "Select one image to see it."
    window.session.close()
    qtbot.waitUntil(lambda: tab.view.message == "The selected image is shown here.")


def test_what_takes_minutes_is_asked_for(qtbot: Any, window: Window, backend: FakeBackend) -> None:
    tab = select(window, "long.png")
    qtbot.wait(250)
    assert backend.previewed == []
    assert "1:35" in tab.view.message
    qtbot.mouseClick(tab.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.legend.isVisible())
    assert backend.previewed == ["long.png"]


def test_decoding_shows_its_progress_and_stops(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, threads: Executors, archive: Path
) -> None:
    window = make_window(threads)
    window.session.open(archive)
    qtbot.waitUntil(lambda: bool(window.session.model.entries) and not window.session.busy)
    window.details.setCurrentWidget(window.details.preview)
    backend.pause = 0.1
    backend.threads.clear()
    tab = select(window, "a.png")
    with qtbot.waitSignal(tab._loader.part_arrived):
        pass
    ground = colour_at(tab.view, QPointF(tab.view.width() / 2, 3))
    assert colour_at(tab.view, centre(tab.view)) != ground  # coarse, but there
    qtbot.waitUntil(lambda: 200 <= tab.progress.value() < 1000)
    assert tab.state.text() == f"Decoding, {tab.progress.value() / 10:.0f} %"
    qtbot.mouseClick(tab.button, Qt.MouseButton.LeftButton)
    assert tab.view.message == "Stopped."
    qtbot.wait(300)
    assert backend.previewed == []
    qtbot.mouseClick(tab.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.legend.isVisible(), timeout=5000)
    assert "MainThread" not in backend.threads
    assert any(name.startswith("floe-preview") for name in backend.threads)


def test_another_selection_gives_up_the_first(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, threads: Executors, archive: Path
) -> None:
    window = make_window(threads)
    window.session.open(archive)
    qtbot.waitUntil(lambda: bool(window.session.model.entries) and not window.session.busy)
    window.details.setCurrentWidget(window.details.preview)
    backend.pause = 0.05
    tab = select(window, "a.png")
    qtbot.waitUntil(lambda: tab.progress.value() > 0)
    select(window, "b.png")
    qtbot.waitUntil(lambda: tab.legend.isVisible(), timeout=5000)
    assert backend.previewed == ["b.png"]
    assert tab.value.text() == "300 \N{MULTIPLICATION SIGN} 200"
    backend.pause = 0.2
    select(window, "a.png")
    qtbot.waitUntil(lambda: tab.progress.value() > 0)
    window.details.setCurrentWidget(window.details.timing)  # nobody sees it any more
    qtbot.wait(400)
    assert not tab._loader.busy
    backend.pause = 0.0
    window.details.setCurrentWidget(tab)
    qtbot.waitUntil(lambda: tab.legend.isVisible(), timeout=5000)
    assert backend.previewed == ["b.png", "a.png"]


def test_what_was_seen_is_seen_the_next_day(
    qtbot: Any, make_window: MakeWindow, tab: PreviewTab, window: Window, settings: QSettings
) -> None:
    tab.toolbar.modes[Mode.SIDE_BY_SIDE].trigger()
    tab.opacity.setValue(60)
    window.close()
    assert settings.value("window/tab") == "PreviewTab"
    other = make_window().details.preview
    assert other.view.mode is Mode.SIDE_BY_SIDE
    assert other.toolbar.modes[Mode.SIDE_BY_SIDE].isChecked()
    assert other.view.opacity == 0.6


def test_painting_a_large_picture_is_quick(qtbot: Any) -> None:
    """24 megapixels: what is painted is what is seen, at any zoom."""
    import time

    from app.preview.pyramid import Pyramid
    from core.control import CancelToken

    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (4000, 6000, 3), dtype=np.uint8)
    bits = random.random((4000, 6000), dtype=np.float32)
    view = PictureView()
    qtbot.addWidget(view)
    view.resize(900, 700)
    view.show_picture(
        Pyramid.of_pixels(pixels, CancelToken()), Pyramid.of_map(bits, 1.0, CancelToken())
    )
    view.set_mode(Mode.SLIDER)
    image = QImage(view.size(), QImage.Format.Format_RGB32)
    for zoom in (None, 0.3, 0.9, 1.7, 6.0):
        if zoom:
            view._zoom_to(zoom)
        times = []
        for _ in range(3):
            began = time.perf_counter()
            view.render(image)
            times.append(time.perf_counter() - began)
        assert min(times) < 0.25, zoom


def test_a_screen_of_twice_the_pixels(qtbot: Any, view: PictureView) -> None:
    assert view.viewport.zoom < 1
    view.viewport.set_pane(view.viewport._pane, 2.0)
    fitting = view.viewport.zoom
    view.actual_size()
    assert fitting == pytest.approx(min(1.0, 2 * view.width() / 768, 2 * view.height() / 512))
    assert view.viewport.area().width() == 768 / 2


def test_leaving_the_view_clears_the_value(tab: PreviewTab, view: PictureView, qtbot: Any) -> None:
    qtbot.mouseMove(view, QPoint(1, 1))
    qtbot.mouseMove(view, centre(view).toPoint())
    assert "bits" in tab.value.text()
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert "bits" not in tab.value.text()
