"""Dark palettes: other pixels, and no text that vanishes on its ground."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLabel

from app.window.window import Window
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import MakeWindow


def dark() -> QPalette:
    """As desktops in dark mode hand out."""
    palette = QPalette(QColor(45, 45, 48), QColor(32, 32, 35))
    palette.setColor(QPalette.ColorRole.Base, QColor(24, 24, 26))
    palette.setColor(QPalette.ColorRole.AlternateBase, QColor(30, 30, 33))
    palette.setColor(QPalette.ColorRole.Highlight, QColor(61, 142, 201))
    return palette


def luminance(colour: QColor) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue, _ = colour.getRgbF()
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(front: QColor, back: QColor) -> float:
    share = front.alphaF()
    mixed = QColor.fromRgbF(
        *(
            share * a + (1 - share) * b
            for a, b in zip(front.getRgbF()[:3], back.getRgbF()[:3], strict=True)
        )
    )
    high, low = sorted((luminance(mixed), luminance(back)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture
def window(qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Any) -> Any:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    before = application.palette()
    path = tmp_path / "x.floe"
    backend.create(path)
    backend.archives[path] = {n: make_entry(n) for n in ("a.png", "b.png")}
    window = make_window()
    window.session.open(path)
    window.entries.selectRow(0)
    qtbot.waitUntil(lambda: len(window.details.comparison.known()) == 3)
    yield window
    application.setPalette(before)


def test_the_window_follows_the_palette(qtbot: Any, window: Window) -> None:
    light = window.grab().toImage()
    QApplication.setPalette(dark())
    qtbot.wait(20)
    image = window.grab().toImage()
    assert image != light
    pixels = [
        image.pixelColor(x, y)
        for x in range(0, image.width(), 5)
        for y in range(0, image.height(), 5)
    ]
    assert sum(luminance(colour) < 0.1 for colour in pixels) > 0.8 * len(pixels)


def test_every_text_can_be_read(qtbot: Any, window: Window) -> None:
    for palette in (QApplication.palette(), dark()):
        QApplication.setPalette(palette)
        qtbot.wait(20)
        for label in window.findChildren(QLabel):
            colours = label.palette()
            front = colours.color(label.foregroundRole())
            back = colours.color(QPalette.ColorRole.Window)
            least = 3.0 if label.isEnabled() else 1.5
            assert contrast(front, back) > least, label.text()
        cells = window.entries.palette()
        text = cells.color(QPalette.ColorRole.Text)
        for ground in (QPalette.ColorRole.Base, QPalette.ColorRole.AlternateBase):
            assert contrast(text, cells.color(ground)) > 4.5
