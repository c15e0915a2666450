"""Work done ahead: the same items, no more of them than asked for, and errors where they belong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from core.flows.photo.ahead import ahead


@pytest.mark.parametrize("steps", [1, 2, 16])
def test_items_come_in_their_order(steps: int) -> None:
    assert list(ahead(iter(range(10)), steps)) == list(range(10))
    assert list(ahead(iter([]), steps)) == []


def test_so_many_are_made_ahead_and_no_more() -> None:
    made: list[int] = []
    reached = threading.Event()

    def items() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            if i == 3:
                reached.set()
            yield i

    with closing(ahead(items(), 3)) as working:
        assert next(working) == 0
        assert reached.wait(20)  # three more, while nobody asks
        assert made == [0, 1, 2, 3]
    assert len(made) <= 5  # who stops waits for the one that is being made


def test_what_making_one_raises_comes_where_it_is_asked_for() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("second")

    working = ahead(items(), 2)
    assert next(working) == 1
    with pytest.raises(KeyError, match="second"):
        next(working)
    assert not any(thread.name.startswith("ahead") for thread in threading.enumerate())
