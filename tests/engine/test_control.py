"""Pausing and stopping work from another thread."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from core.control import CancelToken
from core.errors import Cancelled


class Worker:
    """Counts as fast as it may."""

    def __init__(self, token: CancelToken) -> None:
        self.count = 0
        self.cancelled = threading.Event()
        self._token = token
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            while True:
                self._token.check()
                self.count += 1
                time.sleep(0.001)
        except Cancelled:
            self.cancelled.set()

    def goes_on(self) -> bool:
        before, deadline = self.count, time.monotonic() + 1
        while self.count < before + 3 and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.count >= before + 3


def test_paused_work_waits_and_goes_on() -> None:
    token = CancelToken()
    worker = Worker(token)
    try:
        assert worker.goes_on()
        token.pause()
        time.sleep(0.1)
        before = worker.count
        time.sleep(0.1)
        assert worker.count == before
        assert token.paused
        token.resume()
        assert worker.goes_on()
        assert not token.paused
    finally:
        token.cancel()
    assert worker.cancelled.wait(1)


def test_cancel_takes_effect_while_paused() -> None:
    token = CancelToken()
    token.pause()
    worker = Worker(token)
    time.sleep(0.05)
    token.cancel()
    assert worker.cancelled.wait(1)
    assert worker.count == 0
    assert not token.paused


def test_the_clock_stands_still_while_work_waits() -> None:
    token = CancelToken()
    before = token.clock()
    token.pause()
    worker = Worker(token)
    time.sleep(0.3)
    waited = token.clock() - before
    assert waited < 0.2
    token.resume()
    assert worker.goes_on()
    token.cancel()
    assert worker.cancelled.wait(1)
    here = token.clock()
    time.sleep(0.05)
    assert token.clock() - here >= 0.05


def test_whoever_holds_a_lock_does_not_wait() -> None:
    token = CancelToken()
    token.pause()
    token.raise_if_cancelled()
    token.cancel()
    with pytest.raises(Cancelled):
        token.raise_if_cancelled()


def test_an_answer_is_waited_for_until_cancelled() -> None:
    token, answer = CancelToken(), Future[int]()
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(token.wait_for, answer)
        time.sleep(0.05)
        assert not waiting.done()
        answer.set_result(7)
        assert waiting.result(1) == 7
        waiting = pool.submit(token.wait_for, Future[int]())
        token.cancel()
        with pytest.raises(Cancelled):
            waiting.result(1)
