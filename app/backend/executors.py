"""The executors that the window is given; tests pass others."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Executors:
    """One executor for each kind of work, so that no kind waits for another."""

    jobs: Executor  #: one worker: writers to archives wait for each other
    reading: Executor  #: one worker: lists of entries, quick questions to the disk
    comparing: Executor  #: one worker: codelengths of other codecs
    outgoing: Executor  #: one worker: files that are about to be dragged or copied
    thumbnails: Executor  #: one worker: small pictures of the rows in sight
    previewing: Executor  #: one worker: pictures and maps

    @classmethod
    def threads(cls) -> Executors:
        """The program's threads.

        All have the same priority: a low-priority thread that holds the interpreter's lock waits
        for a processor while the window's thread waits for the lock.
        """
        return cls(
            jobs=ThreadPoolExecutor(1, thread_name_prefix="floe-job"),
            reading=ThreadPoolExecutor(1, thread_name_prefix="floe-read"),
            comparing=ThreadPoolExecutor(1, thread_name_prefix="floe-compare"),
            outgoing=ThreadPoolExecutor(1, thread_name_prefix="floe-outgoing"),
            thumbnails=ThreadPoolExecutor(1, thread_name_prefix="floe-thumbnail"),
            previewing=ThreadPoolExecutor(1, thread_name_prefix="floe-preview"),
        )

    def shutdown(self) -> None:
        """Wait for running calls, and drop those that have not begun."""
        for field in fields(self):
            executor: Executor = getattr(self, field.name)
            executor.shutdown(wait=True, cancel_futures=True)
