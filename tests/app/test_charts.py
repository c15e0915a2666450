"""Bars: lengths to scale, words for those who do not see them, sharp on any screen."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPalette

from app.charts import Bar, BarChart, Tone


def coloured(image: QImage, row: int, rows: int, colour: int) -> int:
    y = round((row + 0.5) * image.height() / rows)
    return sum(image.pixel(x, y) == colour for x in range(image.width()))


def test_lengths_are_to_scale(qtbot: Any) -> None:
    chart = BarChart("Times", "s")
    qtbot.addWidget(chart)
    chart.set_bars([Bar("a", 1.0, "1"), Bar("b", 4.0, "4"), Bar("c", None, "measuring…")])
    chart.resize(400, chart.sizeHint().height())
    image = chart.grab().toImage()
    colour = chart.palette().color(QPalette.ColorRole.Highlight).rgb()
    short, long = (coloured(image, row, 3, colour) for row in (0, 1))
    assert long > 200
    assert abs(4 * short - long) <= 8
    assert coloured(image, 2, 3, colour) == 0


def test_it_can_be_read_aloud(qtbot: Any) -> None:
    chart = BarChart("Codelengths", "bits/dim")
    qtbot.addWidget(chart)
    chart.set_bars([Bar("PNG", 4.2, "4.200", Tone.OTHERS), Bar("WebP", None, "not installed")])
    assert chart.accessibleName() == "Codelengths"
    assert chart.accessibleDescription() == "PNG: 4.200 bits/dim; WebP: not installed"


def test_nothing_and_zero_are_painted(qtbot: Any) -> None:
    chart = BarChart("Times", "s")
    qtbot.addWidget(chart)
    chart.grab()
    chart.set_bars([Bar("a", 0.0, "0.00"), Bar("b", 0.0, "0.00")])
    chart.resize(40, 40)
    chart.grab()


def test_twice_the_pixels_on_a_screen_of_ratio_two(qtbot: Any) -> None:
    chart = BarChart("Times", "s")
    qtbot.addWidget(chart)
    chart.set_bars([Bar("a", 1.0, "1")])
    chart.resize(200, 30)
    image = QImage(400, 60, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(2)
    image.fill(Qt.GlobalColor.white)
    chart.render(image)
    colour = chart.palette().color(QPalette.ColorRole.Highlight).rgb()
    assert coloured(image, 0, 1, colour) > 200
