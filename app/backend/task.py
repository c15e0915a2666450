"""The bridge from workers to signals: calls and generators that run on an executor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Hashable
from concurrent.futures import Executor, Future
from contextlib import closing

from PySide6.QtCore import QObject, QTimer, Signal

from app.language import sentences
from core.control import CancelToken
from core.errors import Cancelled

#: Values are delivered 20 times a second at most.
INTERVAL_MS = 50

#: A call, or a generator, which is run on the worker.
Work = Callable[[], object] | Generator[object, None, None]


class Task(QObject):
    """Work on an executor; its signals arrive on the thread that made the task.

    The worker only puts values down. They are delivered in batches, throttled, so that a fast
    worker cannot flood the event loop. Connect to the signals before the start: an executor may
    run the work at once.
    """

    yielded = Signal(list)  #: the values that a generator yielded since the last time, in order
    succeeded = Signal(object)  #: what a call returned; None after a generator
    failed = Signal(str)  #: a sentence; not emitted for Cancelled
    ended = Signal(object)  #: the task, always last

    _woken = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        # Held while the worker emits, so that a task that ends is not deleted before it has done
        # so; reentrant, since a worker may be the window's thread in tests.
        self._lock = threading.RLock()
        self._values: dict[Hashable, object] = {}  # not delivered yet; guarded, like the outcome
        self._outcome: tuple[object, BaseException | None] | None = None
        self._is_over = False
        self._cancel: CancelToken | None = None
        self._future: Future[object] | None = None
        self._delivered_at = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.deliver)
        self._woken.connect(self._on_woken)

    def start(self, executor: Executor, work: Work, cancel: CancelToken | None = None) -> None:
        """Run the work; once ``cancel`` is cancelled, nothing is delivered but ``ended``."""
        self._cancel = cancel
        self._future = executor.submit(self._run, work)
        self._future.add_done_callback(self._on_done)

    def withdraw(self) -> None:
        """End the task if its work has not begun."""
        if self._future is not None:
            self._future.cancel()

    def tell(self, value: object, key: Hashable = None) -> None:  # on the worker
        """Deliver a value as if it had been yielded, for work that reports by callbacks.

        A value with a key takes the place of an earlier one with this key that is not yet
        delivered, such as the progress of a file.
        """
        with self._lock:
            is_first = not self._values
            self._values[object() if key is None else key] = value
            if is_first:
                self._woken.emit()

    def deliver(self) -> None:
        """Emit what has arrived, and the end if it has come."""
        with self._lock:
            values, self._values = self._values, {}
            outcome = self._outcome
        self._delivered_at = time.monotonic()
        is_dropped = self._cancel is not None and self._cancel.cancelled
        if values and not is_dropped:
            self.yielded.emit(list(values.values()))
        if outcome is None or self._is_over:
            return
        self._is_over = True
        self._timer.stop()
        result, error = outcome
        if not is_dropped:
            if error is None:
                self.succeeded.emit(result)
            elif not isinstance(error, Cancelled):
                self.failed.emit(sentences.of(error))
        self.ended.emit(self)
        self.deleteLater()

    def _run(self, work: Work) -> object:  # on the worker
        self._check()
        if callable(work):
            return work()
        with closing(work):
            for value in work:
                self._check()
                self.tell(value)
        return None

    def _check(self) -> None:
        if self._cancel is not None:
            self._cancel.check()

    def _on_done(self, future: Future[object]) -> None:  # on the worker, or where it was withdrawn
        error: BaseException | None
        if future.cancelled():
            result, error = None, Cancelled()
        else:
            try:
                result, error = future.result(), None
            except BaseException as raised:  # also pyo3's panics, which are no Exception
                result, error = None, raised
        with self._lock:
            self._outcome = result, error
            self._woken.emit()

    def _on_woken(self) -> None:
        passed_ms = round(1000 * (time.monotonic() - self._delivered_at))
        if self._outcome is not None or passed_ms >= INTERVAL_MS:
            self.deliver()
        elif not self._timer.isActive():
            self._timer.start(INTERVAL_MS - passed_ms)


class Settling(QTimer):
    """Times out once nothing has started it for a while: what moves on is not worth the work."""

    def __init__(self, milliseconds: int, parent: QObject) -> None:
        super().__init__(parent)
        self.setSingleShot(True)
        self.setInterval(milliseconds)
