"""Bars: lengths to scale, words for those who do not see them, sharp on any screen."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPalette

from app.figures.charts import BarChart, Histogram
from app.figures.figures import Bar, Bins, Tone


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


def test_long_labels_stand_above_their_bars_and_are_not_cut_off(qtbot: Any) -> None:
    chart = BarChart("Parts", "Bytes")
    qtbot.addWidget(chart)
    chart.set_bars([Bar("Zusatzinformationen der Kacheln", 2.0, "2"), Bar("b", 1.0, "1")])
    flat, stacked = chart.heightForWidth(900), chart.heightForWidth(240)
    assert stacked > 1.4 * flat
    chart.resize(240, stacked)
    image = chart.grab().toImage()
    colour = chart.palette().color(QPalette.ColorRole.Highlight).rgb()
    rows = [
        y
        for y in range(image.height())
        if sum(image.pixel(x, y) == colour for x in range(image.width())) > 60
    ]
    assert min(rows) > chart.fontMetrics().height()  # the label has the whole line above


def test_less_than_nothing_goes_the_other_way(qtbot: Any) -> None:
    chart = BarChart("Parts", "bytes")
    qtbot.addWidget(chart)
    chart.set_bars([Bar("a", 30.0, "30"), Bar("b", -10.0, "-10")])
    chart.resize(400, chart.sizeHint().height())
    image = chart.grab().toImage()
    colour = chart.palette().color(QPalette.ColorRole.Highlight).rgb()
    ends = []
    for row in (0, 1):
        y = round((row + 0.5) * image.height() / 2)
        found = [x for x in range(image.width()) if image.pixel(x, y) == colour]
        ends.append((min(found), max(found)))
    (left, right), (start, stop) = ends
    assert abs(stop - left) <= 3
    assert abs((right - left) - 3 * (stop - start)) <= 8


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=40))
def test_bins_hold_every_value_once(values: list[float]) -> None:
    bins = Bins.of(values)
    assert sum(bins.counts) == len(values)
    assert len(bins.edges) == len(bins.counts) + 1 <= 23
    slack = 1e-6 * max(1.0, *map(abs, values))
    assert bins.edges[0] - slack <= min(values)
    assert max(values) <= bins.edges[-1] + slack
    width = bins.edges[1] - bins.edges[0]
    assert width > 0
    assert math.isclose(width, bins.edges[-1] - bins.edges[-2], rel_tol=1e-3, abs_tol=slack)


def test_a_histogram_is_painted_and_read_aloud(qtbot: Any) -> None:
    chart = Histogram("Distribution", "%")
    qtbot.addWidget(chart)
    chart.grab()
    chart.set_bins(Bins.of([1.0, 1.5, 1.6, 2.5], at_most=2))
    assert chart.bins.counts == (3, 1)
    assert chart.accessibleDescription() == "1 \N{EN DASH} 2 %: 3; 2 \N{EN DASH} 3 %: 1"
    chart.resize(300, chart.sizeHint().height())
    image = chart.grab().toImage()
    colour = chart.palette().color(QPalette.ColorRole.Highlight).rgb()
    heights = [
        sum(image.pixel(x, y) == colour for y in range(image.height()))
        for x in (image.width() // 4, 3 * image.width() // 4)
    ]
    assert heights[1] > 5
    assert abs(heights[0] - 3 * heights[1]) <= 6  # edges are blended


@pytest.mark.parametrize("width", [160, 260, 380, 900])
@pytest.mark.parametrize("spread", [0.0, 0.0004, 0.01, 3.0, 4000.0])
def test_the_scale_of_a_histogram_can_be_read(qtbot: Any, width: int, spread: float) -> None:
    chart = Histogram("Distribution", "bits/dim")
    qtbot.addWidget(chart)
    chart.set_bins(Bins.of([3.2 + spread * i / 20 for i in range(21)]))
    chart.resize(width, chart.sizeHint().height())
    edges = list(chart._edges(80, width / len(chart.bins.counts)))
    assert len(edges) >= 2
    assert len({text for text, _ in edges}) == len(edges)
    for (_, left), (_, right) in pairwise(edges):
        assert left.right() + 4 < right.left()
    assert edges[0][1].left() >= 0
    assert edges[-1][1].right() <= width
