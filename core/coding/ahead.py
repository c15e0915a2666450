"""Work that is done one step ahead, on a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


def ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """The same items; while one is used, the next is made, and no more than that.

    What making one raises is raised where it is asked for. Who stops early waits for the one that
    is being made.
    """
    end = object()
    with ThreadPoolExecutor(1, "ahead") as thread:
        future = thread.submit(next, items, end)
        while (item := future.result()) is not end:
            future = thread.submit(next, items, end)
            yield item  # type: ignore[misc]
