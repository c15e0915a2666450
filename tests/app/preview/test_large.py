"""The large view: one image after the other, by keys, with map and zoom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt

from app.backend.backend import CoreBackend
from app.backend.decoding import upright
from app.preview.large import LargeView
from app.preview.view import Mode
from app.window.window import Window
from core.archive import Archive, Codecs
from core.control import CancelToken, ignore
from core.images.thumbnails import thumbnail_of_file
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import MakeWindow
from tests.fakes import FakeCodec

KEY = Qt.Key
NAMES = ("a.png", "b.png", "sea/c.png", "stored.jpg")


@pytest.fixture
def filled(qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path) -> Window:
    path = tmp_path / "holiday.floe"
    backend.create(path)
    stored = {"codec": "stored", "coder": None, "model": None, "theoretical_bpd": None}
    for name in NAMES:
        facts: dict[str, Any] = stored if name == "stored.jpg" else {}
        backend.archives[path][name] = make_entry(name, width=300, height=200, **facts)
    window = make_window()
    window.session.open(path)
    qtbot.waitUntil(lambda: not window.session.busy)
    return window


def opened(qtbot: Any, window: Window) -> LargeView:
    large = window.viewing.large
    assert large is not None
    assert large.isVisible()
    qtbot.waitUntil(lambda: large.progress.isHidden())
    return large


def test_the_space_bar_opens_and_closes_it(qtbot: Any, filled: Window) -> None:
    filled.browser.select(["a.png"])
    filled.entries.setFocus()
    qtbot.keyClick(filled.entries, KEY.Key_Space)
    large = opened(qtbot, filled)
    assert large.windowTitle() == "a.png"
    assert large.name.text() == "a.png"
    assert large.position.text().endswith("1 of 3")  # the folder is stepped over
    qtbot.keyClick(large.view, KEY.Key_Space)
    assert not large.isVisible()


def test_a_double_click_opens_it_and_properties_keep_their_key(qtbot: Any, filled: Window) -> None:
    row = filled.session.model.row_of("b.png")
    assert row is not None
    filled.browser.select(["b.png"])
    filled.browser.view.activated.emit(filled.session.model.index(row, 0))
    assert opened(qtbot, filled).windowTitle() == "b.png"
    assert filled.actions_.properties.shortcut().toString() == "Alt+Return"


def test_keys_and_buttons_step_and_the_selection_follows(qtbot: Any, filled: Window) -> None:
    filled.browser.select(["a.png"])
    filled.actions_.view.trigger()
    large = opened(qtbot, filled)
    assert not large.previous.isEnabled()
    qtbot.keyClick(large.view, KEY.Key_Right)
    opened(qtbot, filled)
    assert large.windowTitle() == "b.png"
    assert [e.name for e in filled.entries.selected()] == ["b.png"]
    qtbot.mouseClick(large.next, Qt.MouseButton.LeftButton)
    opened(qtbot, filled)
    assert large.windowTitle() == "stored.jpg"
    assert not large.next.isEnabled()
    qtbot.keyClick(large.view, KEY.Key_PageDown)
    assert large.windowTitle() == "stored.jpg"
    qtbot.keyClick(large.view, KEY.Key_PageUp)
    assert large.windowTitle() == "b.png"


def test_several_selected_images_are_stepped_through(qtbot: Any, filled: Window) -> None:
    filled.browser.select(["a.png", "stored.jpg"])
    filled.actions_.view.trigger()
    large = opened(qtbot, filled)
    assert large.position.text().endswith("1 of 2")
    large.step(1)
    assert large.windowTitle() == "stored.jpg"
    assert len(filled.entries.selected()) == 2  # what was selected stays selected


def test_arrows_move_a_picture_that_is_larger_than_the_view(qtbot: Any, filled: Window) -> None:
    filled.browser.select(["a.png"])
    filled.actions_.view.trigger()
    large = opened(qtbot, filled)
    qtbot.keyClick(large.view, KEY.Key_Plus)
    for _ in range(9):
        large.view.zoom_in()
    before = large.view.viewport.area().left()
    qtbot.keyClick(large.view, KEY.Key_Right)
    assert large.windowTitle() == "a.png"
    assert large.view.viewport.area().left() < before


def test_the_map_is_there_where_there_is_one(qtbot: Any, filled: Window) -> None:
    filled.browser.select(["a.png"])
    filled.actions_.view.trigger()
    large = opened(qtbot, filled)
    assert not large.legend.isVisible()
    large.toolbar.modes[Mode.MAP].trigger()
    assert large.view.mode is Mode.MAP
    assert large.legend.isVisible()
    large.step(2)
    opened(qtbot, filled)
    assert not large.legend.isVisible()
    assert not large.toolbar.modes[Mode.MAP].isEnabled()


def test_it_closes_with_its_archive(qtbot: Any, filled: Window) -> None:
    filled.browser.select(["a.png"])
    filled.actions_.view.trigger()
    large = opened(qtbot, filled)
    filled.actions_.close.trigger()
    assert not large.isVisible()
    assert not filled.actions_.view.isEnabled()


def test_a_damaged_image_says_so(qtbot: Any, filled: Window, backend: FakeBackend) -> None:
    path = filled.session.path
    assert path is not None
    backend.archives[path]["bad.png"] = make_entry("bad.png")
    filled.session.model.put(make_entry("bad.png"))
    filled.browser.select(["bad.png"])
    filled.actions_.view.trigger()
    large = filled.viewing.large
    assert large is not None
    qtbot.waitUntil(lambda: "damaged" in large.view.message)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_coded_image_is_seen_upright(tmp_path: Path, orientation: int) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (40, 60, 3), np.uint8)
    pixels[:] = pixels[:1, :1]  # one colour, so that it is coded
    pixels[:20, :30] = 255  # but for the corner
    source, exif = tmp_path / "a.png", Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(source, exif=exif)
    path = tmp_path / "a.floe"
    with Archive.create(path, codecs=Codecs(FakeCodec)) as archive:
        entry = archive.add_file(source, "a.png")
    assert not entry.is_stored
    decoded = CoreBackend(FakeCodec).preview(path, "a.png", ignore, lambda *_: None, CancelToken())
    expected = thumbnail_of_file(source.read_bytes(), source, 60)
    assert np.array_equal(decoded.pixels, expected)
    assert decoded.bits is not None
    assert decoded.bits.shape == expected.shape[:2]
    assert np.array_equal(decoded.pixels, upright(pixels, orientation))
