"""A picture cut into squares that fit a processor's caches, several computed at a time.

With one thread for each square no thread waits for another inside of an operation.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

#: Sides of the largest squares, and of the smallest that a picture is cut into for more threads.
LARGEST, SMALLEST = 128, 24

Slices = tuple[slice, ...]


@dataclass(frozen=True)
class Square:
    """Slices of (1, C, H, W): ``outer`` with the margin, ``inner`` inside of that, ``target``."""

    outer: Slices
    inner: Slices
    target: Slices

    def within(self, margin: int) -> Slices:
        """Slices inside of ``outer``: ``inner`` with a margin that is as wide as this at most."""
        batch, channels, *sides = self.inner
        spans = zip(sides, self.outer[2:], strict=True)
        return (
            batch,
            channels,
            *(
                slice(
                    max(0, side.start - margin), min(outer.stop - outer.start, side.stop + margin)
                )
                for side, outer in spans
            ),
        )


def squares(height: int, width: int, reach: int, threads: int) -> Iterator[Square]:
    """Rectangles of about equal size that cover a picture, with margins of ``reach`` inside it.

    Enough of them to keep all threads busy, if the picture is large enough.
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
    parts: Iterator[Square],
    threads: int,
    check: Callable[[], None],
) -> None:
    """Calls ``work`` for each square on this many threads; as many more squares are queued.

    check: called before each square, may raise; squares in progress are finished first.
    """
    if threads == 1:
        for square in parts:
            check()
            work(square)
        return
    under_way: deque[Future[None]] = deque()
    try:
        for square in parts:
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
