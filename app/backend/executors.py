"""Where work runs: executors are handed to the window, so that tests may hand in others."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from app.language import sentences
from core.errors import Cancelled


@dataclass(frozen=True)
class Executors:
    """One executor for each kind of work, so that none waits behind another kind."""

    jobs: Executor  #: one worker: whatever writes to an archive queues up
    reading: Executor  #: one worker: lists of entries, quick questions to the disk
    comparing: Executor  #: one worker: codelengths for the panel on the right
    outgoing: Executor  #: one worker: files that are about to be dragged or copied
    thumbnails: Executor  #: one worker: small pictures of the rows in sight
    previewing: Executor  #: one worker: pictures and maps for the panel on the right

    @classmethod
    def threads(cls) -> Executors:
        """What the program runs on.

        All threads have the same priority: one of low priority that holds the interpreter's lock
        waits for a processor, while the window's thread waits for it.
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
        """Lets running calls end and forgets those that wait."""
        for executor in (
            self.jobs,
            self.reading,
            self.comparing,
            self.outgoing,
            self.thumbnails,
            self.previewing,
        ):
            executor.shutdown(wait=True, cancel_futures=True)


class Task(QObject):
    """One call on an executor whose outcome arrives on the thread that made the task."""

    succeeded = Signal(object)
    failed = Signal(str)
    ended = Signal(object)  #: always last, with the task

    _arrived = Signal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._arrived.connect(self._deliver)

    def start(self, executor: Executor, call: Callable[[], object]) -> None:
        """Connect to the signals first: an executor may run at once."""
        executor.submit(call).add_done_callback(self._on_done)

    def _on_done(self, future: Future[object]) -> None:
        # On the worker's thread: a signal is the only thing that may be touched here.
        error: BaseException | None
        try:
            result, error = future.result(), None
        except BaseException as raised:  # also pyo3's panics, which are no Exception
            result, error = None, raised
        self._arrived.emit(result, error)

    def _deliver(self, result: object, error: BaseException | None) -> None:
        if error is None:
            self.succeeded.emit(result)
        elif not isinstance(error, Cancelled):
            self.failed.emit(sentences.of(error))
        self.ended.emit(self)
        self.deleteLater()
