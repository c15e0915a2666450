"""Work that is done a few steps ahead, on a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

_Item = TypeVar("_Item")


def ahead(items: Iterator[_Item], steps: int) -> Generator[_Item, None, None]:
    """The same items; while one is used, as many as ``steps`` more are made, one by one.

    What making one raises is raised where it is asked for. Who stops early waits for the one that
    is being made.
    """
    end = object()
    with ThreadPoolExecutor(1, "ahead") as thread:
        made: deque[Any] = deque(thread.submit(next, items, end) for _ in range(steps))
        try:
            while (item := made.popleft().result()) is not end:
                made.append(thread.submit(next, items, end))
                yield item
        finally:
            for future in made:
                future.cancel()
