"""A picture in squares, each small enough for a processor's caches, several at a time.

One thread for each square keeps all cores busy without any of them waiting inside of an operation.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

#: Of the largest squares; and of the smallest into which a picture is divided for more threads.
LARGEST, SMALLEST = 128, 24

Slices = tuple[slice, ...]


@dataclass(frozen=True)
class Square:
    """Where it lies in (1, C, H, W): with its margin; without it, in that; and in the whole."""

    outer: Slices
    inner: Slices
    target: Slices


def squares(height: int, width: int, reach: int, threads: int) -> Iterator[Square]:
    """Rectangles that cover a picture, with margins of ``reach`` where it goes on.

    All about as large, and as many as keep all threads busy, if the picture is large enough.
    """
    rows, columns = -(-height // LARGEST), -(-width // LARGEST)
    while rows * columns % threads and height // (rows + 1) >= SMALLEST:
        rows += 1
    for vertical in _spans(height, rows, reach):
        for horizontal in _spans(width, columns, reach):
            outer, inner, target = (
                (slice(None), slice(None), *pair) for pair in zip(vertical, horizontal, strict=True)
            )
            yield Square(outer, inner, target)


def _spans(length: int, parts: int, reach: int) -> Iterator[tuple[slice, slice, slice]]:
    for i in range(parts):
        start, stop = length * i // parts, length * (i + 1) // parts
        outer = max(0, start - reach)
        yield (
            slice(outer, min(length, stop + reach)),
            slice(start - outer, stop - outer),
            slice(start, stop),
        )


def for_each(
    work: Callable[[Square], None],
    places: Iterator[Square],
    threads: int,
    check: Callable[[], None],
) -> None:
    """Does the work for each square, so many at a time; as many more wait for a free thread.

    check: called before each, and may raise; what is being done then is waited for.
    """
    if threads == 1:
        for square in places:
            check()
            work(square)
        return
    under_way: deque[Future[None]] = deque()
    try:
        for square in places:
            if len(under_way) == 2 * threads:
                under_way.popleft().result()
            check()
            under_way.append(_pool().submit(work, square))
        while under_way:
            under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel() or future.exception()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, "squares")
