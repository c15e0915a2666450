"""Calls into libraries that can be neither stopped nor paused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from core.control import CancelToken

T = TypeVar("T")

#: How long to wait between two looks at the cancel token.
_LOOK_SECONDS = 0.1


def beside(
    calls: Sequence[Callable[[], T]],
    cancel: CancelToken,
    on_done: Callable[[], object] = lambda: None,
) -> list[T]:
    """The results of calls that cannot be stopped, each on a thread of its own.

    Cancelling leaves them to themselves. Raises Cancelled, and the first thing a call raises.
    """
    results: dict[int, T] = {}
    errors: list[BaseException] = []
    changed = threading.Condition()

    def run(number: int, call: Callable[[], T]) -> None:
        try:
            result = call()
            with changed:
                results[number] = result
        except BaseException as error:  # of a library: raised where it is waited for
            with changed:
                errors.append(error)
        with changed:
            changed.notify()

    for number, call in enumerate(calls):
        threading.Thread(target=run, args=(number, call), daemon=True).start()
    told = 0
    while True:
        cancel.check()
        with changed:
            if len(results) + len(errors) < len(calls):
                changed.wait(_LOOK_SECONDS)
            done, failed = len(results), list(errors)
        for _ in range(done - told):
            on_done()
        told = done
        if failed:
            raise failed[0]
        if done == len(calls):
            return [results[number] for number in range(len(calls))]
