"""Read-ahead: an iterator evaluated a few items in advance, on a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

_Item = TypeVar("_Item")


def ahead(items: Iterator[_Item], steps: int) -> Generator[_Item, None, None]:
    """The same items; while one is in use, up to ``steps`` more are computed, one after the other.

    Exceptions surface at the item that raised them. Closing early waits for the item in progress.
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
