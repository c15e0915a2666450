"""Pictures in squares: every pixel once, with what lies around it, and no work left behind."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.flows.photo import squares as module
from core.flows.photo.squares import LARGEST, SMALLEST, Square, for_each, squares


@given(st.integers(1, 600), st.integers(1, 600), st.integers(0, 17), st.integers(1, 9))
def test_every_pixel_lies_in_one_square(height: int, width: int, reach: int, threads: int) -> None:
    numbers = np.arange(height * width).reshape(1, 1, height, width)
    covered = np.zeros(numbers.shape, int)
    found = np.zeros_like(numbers)
    for square in squares(height, width, reach, threads):
        covered[square.target] += 1
        found[square.target] = numbers[square.outer][square.inner]
        rows, columns = covered[square.target].shape[2:]
        assert 1 <= rows <= LARGEST
        assert 1 <= columns <= LARGEST
    assert (covered == 1).all()
    assert np.array_equal(found, numbers)


@given(st.integers(1, 600), st.integers(1, 600), st.integers(0, 17), st.integers(1, 9))
def test_margins_reach_as_far_as_they_must_and_no_further(
    height: int, width: int, reach: int, threads: int
) -> None:
    for square in squares(height, width, reach, threads):
        assert square.outer[:2] == square.inner[:2] == square.target[:2] == (slice(None),) * 2
        for outer, target, length in zip(
            square.outer[2:], square.target[2:], (height, width), strict=True
        ):
            assert outer.start == max(0, target.start - reach)
            assert outer.stop == min(length, target.stop + reach)


@given(st.integers(1, 600), st.integers(1, 600), st.integers(0, 17), st.integers(0, 17))
def test_smaller_margins_lie_within_larger_ones(
    height: int, width: int, reach: int, margin: int
) -> None:
    numbers = np.arange(height * width).reshape(1, 1, height, width)
    smaller = min(margin, reach)
    for whole, less in zip(
        squares(height, width, reach, 1), squares(height, width, smaller, 1), strict=True
    ):
        found = numbers[whole.outer][whole.within(smaller)]
        assert np.array_equal(found, numbers[less.outer])


@given(st.integers(1, 600), st.integers(1, 600), st.integers(1, 9))
def test_squares_are_about_as_large_and_keep_all_threads_busy(
    height: int, width: int, threads: int
) -> None:
    targets = [square.target[2:] for square in squares(height, width, 3, threads)]
    for of_axis in zip(*targets, strict=True):
        lengths = [part.stop - part.start for part in of_axis]
        assert max(lengths) - min(lengths) <= 1
    fewest = -(-height // LARGEST) * -(-width // LARGEST)
    if threads == 1:
        assert len(targets) == fewest
    elif len(targets) % threads:  # only where they would become too small
        rows = len({part.start for part, _ in targets})
        assert height // (rows + 1) < SMALLEST
    if len(targets) > fewest:
        assert min(part.stop - part.start for part, _ in targets) >= SMALLEST


# Work


PLACES = list(squares(128 * 4, 128 * 3, 0, 1))

on_any_threads = pytest.mark.parametrize("threads", [1, 2, 3, 8, 40])


def nothing() -> None:
    pass


class Work:
    """Takes its time, and notes what was begun and what is under way."""

    def __init__(self, seconds: float = 0.002, fails_at: int | None = None) -> None:
        self.seconds, self.fails_at = seconds, fails_at
        self.begun: list[Square] = []
        self.under_way = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, square: Square) -> None:
        with self._lock:
            self.begun.append(square)
            number = len(self.begun)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        try:
            time.sleep(self.seconds * (number % 3))
            if number == self.fails_at:
                raise KeyError(f"square {number}")
        finally:
            with self._lock:
                self.under_way -= 1


def left_alone(work: Work) -> bool:
    """Whether nothing is under way, and nothing is begun any more."""
    before = len(work.begun)
    time.sleep(0.02)
    return work.under_way == 0 and len(work.begun) == before


@on_any_threads
def test_the_work_is_done_for_each_and_waited_for(threads: int) -> None:
    work = Work()
    for_each(work, iter(PLACES), threads, nothing)
    assert work.under_way == 0
    assert work.most <= threads
    assert sorted(map(str, work.begun)) == sorted(map(str, PLACES))
    for_each(work, iter([]), threads, nothing)
    assert len(work.begun) == len(PLACES)


def test_one_thread_works_where_it_is_called() -> None:
    at: list[threading.Thread] = []
    for_each(lambda square: at.append(threading.current_thread()), iter(PLACES), 1, nothing)
    assert set(at) == {threading.current_thread()}


def test_so_many_are_done_at_a_time() -> None:
    """Each waits for the other: one at a time would never end."""
    both = threading.Barrier(2, timeout=20)
    for_each(lambda square: both.wait() and None, iter(PLACES), 2, nothing)


@on_any_threads
@pytest.mark.parametrize("at", [1, 2, 7, 12])
def test_what_checks_stops_the_work(threads: int, at: int) -> None:
    work, asked = Work(), []

    def check() -> None:
        asked.append(None)
        if len(asked) == at:
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        for_each(work, iter(PLACES), threads, check)
    assert len(asked) == at
    assert len(work.begun) < at
    assert left_alone(work)


@on_any_threads
@pytest.mark.parametrize("at", [1, 2, 7, 12])
def test_work_that_fails_stops_the_rest(threads: int, at: int) -> None:
    work = Work(fails_at=at)
    with pytest.raises(KeyError, match=f"square {at}"):
        for_each(work, iter(PLACES), threads, nothing)
    assert len(work.begun) <= at + (2 * threads if threads > 1 else 1)  # as many wait as work
    assert left_alone(work)


def test_of_two_that_fail_the_first_is_told() -> None:
    def work(square: Square) -> None:
        number = PLACES.index(square)
        time.sleep(0.02 if number == 0 else 0)
        raise KeyError(f"square {number}")

    with pytest.raises(KeyError, match="square 0"):
        for_each(work, iter(PLACES), 2, nothing)
    work_after = Work()
    for_each(work_after, iter(PLACES), 2, nothing)  # and the pool goes on
    assert len(work_after.begun) == len(PLACES)


def test_several_pictures_share_the_threads() -> None:
    done = [Work() for _ in range(4)]
    threads = [
        threading.Thread(target=for_each, args=(work, iter(PLACES), 3, nothing)) for work in done
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for work in done:
        assert len(work.begun) == len(PLACES)
        assert work.under_way == 0
    pool = [t for t in threading.enumerate() if t.name.startswith("squares")]
    assert len(pool) <= module._pool()._max_workers


@given(st.integers(1, 5000), st.integers(1, 60), st.integers(0, 20))
def test_spans_follow_each_other(length: int, parts: int, reach: int) -> None:
    parts = min(parts, length)
    targets = [target for _, _, target in module._spans(length, parts, reach)]
    assert targets[0].start == 0
    assert targets[-1].stop == length
    assert all(a.stop == b.start for a, b in pairwise(targets))
