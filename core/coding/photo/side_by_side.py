"""Independent work on several threads, with its callbacks on the thread that waits for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from core.errors import Cancelled

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: Has a callback run on the thread that called :func:`side_by_side`.
Post = Callable[[Callable[[], object]], None]

#: Called often by the work. Raises Cancelled once the work beside it has failed.
Check = Callable[[], None]


def side_by_side(
    work: Callable[[_Item, Post, Check], _Result], items: Sequence[_Item], n_threads: int
) -> list[_Result]:
    """The results of ``work(item, post, check)`` for all items, in their order.

    One item after the other on this thread if there is one thread or one item. Raises what the
    first work to fail, or a callback, has raised, after all other work has stopped.
    """
    if min(n_threads, len(items)) <= 1:
        return [work(item, _call, _go_on) for item in items]
    events: SimpleQueue[Callable[[], object] | Future[_Result]] = SimpleQueue()
    failures: list[BaseException] = []

    def check() -> None:
        if failures:
            raise Cancelled

    def guarded(item: _Item) -> _Result:
        check()
        try:
            return work(item, events.put, check)
        except BaseException as error:
            failures.append(error)
            raise

    with ThreadPoolExecutor(n_threads, "tiles") as pool:
        futures = [pool.submit(guarded, item) for item in items]
        for future in futures:
            future.add_done_callback(events.put)
        n_left = len(futures)
        try:
            while n_left and not failures:
                event = events.get()
                if isinstance(event, Future):
                    n_left -= 1
                else:
                    event()
        except BaseException as error:  # of a callback
            failures.append(error)
            raise
        finally:
            if failures:
                for future in futures:
                    future.cancel()
    if failures:
        raise failures[0]
    return [future.result() for future in futures]


def _call(callback: Callable[[], object]) -> None:
    callback()


def _go_on() -> None:
    pass
