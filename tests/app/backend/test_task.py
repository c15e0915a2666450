"""Calls and generators on executors: what they yield, return and raise arrives as signals."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PySide6.QtCore import QObject, QThread

from app.backend.task import INTERVAL_MS, Settling, Task
from core.control import CancelToken
from core.errors import Cancelled, FloeError
from tests.app.stand_ins import InlineExecutor


@pytest.fixture
def worker() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


class Log:
    """What a task's signals say, in order, all on the thread of the test."""

    def __init__(self, task: Task) -> None:
        self.values: list[object] = []
        self.batches = 0
        self.ends: list[object] = []
        self._thread = QThread.currentThread()
        task.yielded.connect(self._on_yielded)
        task.succeeded.connect(lambda result: self._note(("succeeded", result)))
        task.failed.connect(lambda error: self._note(("failed", error)))
        task.ended.connect(lambda _: self._note("ended"))

    def _on_yielded(self, values: list[object]) -> None:
        assert not self.ends
        assert QThread.currentThread() is self._thread
        self.values += values
        self.batches += 1

    def _note(self, end: object) -> None:
        assert QThread.currentThread() is self._thread
        self.ends.append(end)


@pytest.fixture
def parent(qapp: Any) -> QObject:
    return QObject()


def test_a_call(qtbot: Any, parent: QObject, worker: ThreadPoolExecutor) -> None:
    task = Task(parent)
    log = Log(task)
    task.start(worker, lambda: 7)
    qtbot.waitUntil(lambda: "ended" in log.ends)
    assert log.ends == [("succeeded", 7), "ended"]
    assert log.values == []


def test_every_value_of_a_generator_arrives_in_order_and_in_few_batches(
    qtbot: Any, parent: QObject, worker: ThreadPoolExecutor
) -> None:
    task = Task(parent)
    log = Log(task)
    task.start(worker, (number for number in range(10_000)))
    qtbot.waitUntil(lambda: "ended" in log.ends, timeout=20_000)
    assert log.values == list(range(10_000))
    assert log.batches < 2_000
    assert log.ends == [("succeeded", None), "ended"]


def test_values_of_one_key_replace_each_other(
    qtbot: Any, parent: QObject, worker: ThreadPoolExecutor
) -> None:
    task = Task(parent)
    log = Log(task)

    def work() -> None:
        for number in range(1_000):
            task.tell(("a", number), key="a")
            task.tell(("b", number), key="b")

    task.start(worker, work)
    qtbot.waitUntil(lambda: "ended" in log.ends)
    assert len(log.values) < 1_000
    for name in "ab":
        numbers = [number for key, number in log.values if key == name]  # type: ignore[misc]
        assert numbers == sorted(numbers)
        assert numbers[-1] == 999  # the last one is never lost


def test_without_threads_all_arrives_at_once(parent: QObject) -> None:
    task = Task(parent)
    log = Log(task)
    task.start(InlineExecutor(), (letter for letter in "abc"))
    assert log.values == ["a", "b", "c"]
    assert log.ends == [("succeeded", None), "ended"]


def test_an_error_becomes_a_sentence(
    qtbot: Any, parent: QObject, worker: ThreadPoolExecutor
) -> None:
    def work() -> Generator[str, None, None]:
        yield "first"
        raise FloeError("the disk is full")

    task = Task(parent)
    log = Log(task)
    task.start(worker, work())
    qtbot.waitUntil(lambda: "ended" in log.ends)
    assert log.values == ["first"]
    assert log.ends == [("failed", "the disk is full"), "ended"]


def test_cancelled_is_no_failure(qtbot: Any, parent: QObject, worker: ThreadPoolExecutor) -> None:
    def work() -> None:
        raise Cancelled

    task = Task(parent)
    log = Log(task)
    task.start(worker, work)
    qtbot.waitUntil(lambda: bool(log.ends))
    assert log.ends == ["ended"]


def test_what_comes_after_a_cancel_is_dropped(
    qtbot: Any, parent: QObject, worker: ThreadPoolExecutor
) -> None:
    cancel, gate, closed = CancelToken(), threading.Event(), threading.Event()

    def work() -> Generator[str, None, None]:
        try:
            yield "early"
            gate.wait(10)
            yield "late"
        finally:
            closed.set()

    task = Task(parent)
    log = Log(task)
    task.start(worker, work(), cancel)
    qtbot.waitUntil(lambda: log.values == ["early"])
    cancel.cancel()
    gate.set()
    qtbot.waitUntil(lambda: bool(log.ends))
    assert log.values == ["early"]
    assert log.ends == ["ended"]
    assert closed.wait(10)  # the generator has cleaned up


def test_work_that_waits_can_be_withdrawn(
    qtbot: Any, parent: QObject, worker: ThreadPoolExecutor
) -> None:
    gate, begun = threading.Event(), threading.Event()
    worker.submit(gate.wait, 10)
    task = Task(parent)
    log = Log(task)
    task.start(worker, begun.set)
    task.withdraw()
    qtbot.waitUntil(lambda: bool(log.ends))
    gate.set()
    assert log.ends == ["ended"]
    assert not begun.is_set()


def test_delivery_is_throttled(qtbot: Any, parent: QObject, worker: ThreadPoolExecutor) -> None:
    goes_on = threading.Event()

    def work() -> None:
        while not goes_on.wait(0.001):
            task.tell(0, key="progress")

    task = Task(parent)
    log = Log(task)
    task.start(worker, work)
    qtbot.wait(10 * INTERVAL_MS)
    goes_on.set()
    qtbot.waitUntil(lambda: bool(log.ends))
    assert 0 < log.batches <= 13  # about ten, and those at both ends


def test_settling_waits_for_the_last_start(qtbot: Any, parent: QObject) -> None:
    settling, seen = Settling(60, parent), []
    settling.timeout.connect(lambda: seen.append(None))
    for _ in range(5):
        settling.start()
        qtbot.wait(10)
    assert seen == []
    qtbot.waitUntil(lambda: len(seen) == 1)


def test_a_task_does_not_end_before_its_worker_is_done_with_it(
    qtbot: Any, parent: QObject, worker: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end deletes it: Qt would crash in a worker that still emits."""
    gate, inside, returned = threading.Event(), threading.Event(), threading.Event()
    task = Task(parent)
    log = Log(task)

    class Woken:
        def emit(self) -> None:
            inside.set()
            time.sleep(0.2)
            returned.set()

    monkeypatch.setattr(task, "_woken", Woken())
    task.start(worker, lambda: gate.wait(10))
    gate.set()  # only now, so that it ends on the worker
    assert inside.wait(10)
    task.deliver()
    assert returned.is_set()
    assert log.ends == [("succeeded", True), "ended"]
