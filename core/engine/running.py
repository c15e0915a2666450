"""One job at work: each file is one call on an executor, and succeeds or fails on its own."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace as changed
from functools import partial
from pathlib import Path
from typing import TypeVar

from core.control import CancelToken, Progress, ProgressListener
from core.engine.conflicts import Decision, Destination
from core.engine.queries import Asking, Choice, ContinueAfterError, Queries
from core.engine.results import FileResult, Listener, Outcome, Silent
from core.errors import (
    ArchiveBusyError,
    Cancelled,
    FloeError,
    ModelError,
    UnwritableFileError,
)
from core.runtime import THREADS_PER_IMAGE

T = TypeVar("T")

_log = logging.getLogger(__name__)

#: Files in progress at a time where no executor is given: each keeps four cores busy and needs
#: its own memory.
N_WORKERS = min(max((os.cpu_count() or 1) // THREADS_PER_IMAGE, 1), 4)

#: Errors that the next files are likely to meet, too.
_LASTING = (UnwritableFileError, ArchiveBusyError, ModelError)


class Run:
    """One job: its listener, its questions, and the handling of each of its files."""

    def __init__(
        self,
        archive: Path,
        listener: Listener | None,
        cancel: CancelToken | None,
        queries: Queries | None,
    ) -> None:
        self.cancel = cancel or CancelToken()
        self.asking = Asking(queries, self.cancel) if queries is not None else None
        self._archive = archive
        self._listener = _Ordered(listener or Silent())

    def progress_of(self, file: FileResult) -> ProgressListener:
        """Progress of a file under the name by which the job knows it."""
        return lambda event: self._listener.progress(changed(event, name=file.name))

    def decide(
        self, files: Sequence[FileResult], decide: Callable[[FileResult], Decision]
    ) -> list[Decision]:
        """Decide about each file before any is worked on; report those that need no work."""
        decided = []
        for file in files:
            decision = self._attempt(file, partial(decide, file))
            if isinstance(decision, FileResult):
                self._listener.started(file.name)
                self._listener.finished(decision)
            decided.append(decision)
        return decided

    def work(
        self,
        files: Sequence[FileResult],
        decided: Sequence[Decision],
        begin: Callable[[FileResult, Destination], Callable[[], FileResult]],
        executor: Executor | None,
    ) -> list[FileResult]:
        """Do the work on each file that has a destination, and report the results.

        ``begin`` returns what does the work on one file; it is called again if the user wants
        another attempt, and may keep what the last one has done.
        """

        def one(file: FileResult, destination: Destination) -> FileResult:
            self._listener.started(file.name)
            result = self._attempt(file, begin(file, destination))
            self._listener.finished(result)
            return result

        with ExitStack() as stack:
            if executor is None:
                workers = min(N_WORKERS, max(len(files), 1))
                executor = stack.enter_context(ThreadPoolExecutor(workers, "floe-file"))
            futures: list[FileResult | Future[FileResult]] = []
            try:
                for file, destination in zip(files, decided, strict=True):
                    if isinstance(destination, Destination):
                        futures.append(executor.submit(one, file, destination))
                    else:
                        futures.append(destination)
                return [f.result() if isinstance(f, Future) else f for f in futures]
            except BaseException:
                # Ctrl-C, say: the pool is left only once all workers have stopped.
                self.cancel.cancel()
                for future in futures:
                    if isinstance(future, Future):
                        future.cancel()
                raise

    def _attempt(self, file: FileResult, call: Callable[[], T]) -> T | FileResult:
        """What the call returns, or the file's failure; tried again if the user wants that."""
        while True:
            try:
                self.cancel.check()
                return call()
            except Cancelled:
                return changed(file, outcome=Outcome.CANCELLED)
            except FloeError as error:
                sentence, lasting = str(error), isinstance(error, _LASTING)
            except MemoryError:
                sentence = f"{file.name}: there is not enough memory for this image"
                lasting = True
            except Exception as error:  # a bug of ours must not take the other files with it
                _log.exception("%s", file.name)
                sentence = f"{file.name}: unexpected {type(error).__name__}: {error}"
                lasting = False
            if self.asking is None or not lasting:
                return file.failed(sentence)
            try:
                query = ContinueAfterError(self._archive, file.name, sentence)
                if self.asking.ask(query) is not Choice.RETRY:
                    return file.failed(sentence)
            except Cancelled:
                return file.failed(sentence)


def each(
    work: Callable[[FileResult, Destination], FileResult],
) -> Callable[[FileResult, Destination], Callable[[], FileResult]]:
    """For :meth:`Run.work`, where every attempt is the same."""
    return lambda file, destination: partial(work, file, destination)


class _Ordered:
    """A listener that passes on events of many threads, one at a time."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self._lock = listener, threading.Lock()

    def started(self, name: str) -> None:
        with self._lock:
            self._listener.started(name)

    def progress(self, p: Progress) -> None:
        with self._lock:
            self._listener.progress(p)

    def finished(self, r: FileResult) -> None:
        with self._lock:
            self._listener.finished(r)
