"""Progress, throughput and remaining time, on a clock that the test turns."""

from __future__ import annotations

import pytest

from app.jobs.meter import ADDING, TAKING_OUT, Meter
from core.control import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_encoding_and_verifying_are_half_of_a_file_each() -> None:
    meter = Meter(ADDING, Clock())
    meter.plan([("a", 300.0), ("b", 100.0)])
    assert meter.progress(Progress("a", "encoding", 50, 100)) == pytest.approx(0.25)
    assert meter.progress(Progress("a", "verifying", 50, 100)) == pytest.approx(0.75)
    assert meter.fraction == pytest.approx(0.75 * 0.75)
    assert meter.pixels_done == pytest.approx(75)


def test_a_fraction_never_falls() -> None:
    meter = Meter(ADDING, Clock())
    meter.progress(Progress("a", "verifying", 10, 100))
    assert meter.progress(Progress("a", "encoding", 10, 100)) == pytest.approx(0.55)


def test_a_file_that_failed_is_not_waited_for() -> None:
    meter = Meter(TAKING_OUT, Clock())
    meter.plan([("a", 1.0), ("b", 1.0)])
    meter.finish("a")
    assert meter.fraction == pytest.approx(0.5)


def test_throughput_and_remaining_time() -> None:
    clock = Clock()
    meter = Meter(TAKING_OUT, clock)
    meter.plan([("a", 1e6)])
    assert meter.remaining_seconds is None
    for step in range(5):
        meter.progress(Progress("a", "decoding", step * 100_000, 1_000_000))
        clock.now += 1
    assert meter.pixels_per_second == pytest.approx(100_000)
    assert meter.remaining_seconds == pytest.approx(5 * 0.6 / 0.4)


def test_no_pixels_at_all() -> None:
    meter = Meter(ADDING, Clock())
    meter.progress(Progress("a", "encoding", 0, 0))
    assert (meter.fraction, meter.pixels_per_second) == (0.0, 0.0)
