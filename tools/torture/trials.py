"""Trials: repeated within bounds of time, each in a process of its own where it may crash."""

from __future__ import annotations

import os
import pickle
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: A busy machine makes processes slow: the clock may run so many times as long as the processor.
_PATIENCE = 12


@dataclass
class Result:
    """What one trial came to."""

    kind: str  #: by which trials are counted
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  #: counted, no faults
    share: tuple[float, float] | None = None  #: of a curve: damaged pages, restored images


#: Runs a trial with its own random numbers in an empty folder.
Trial = Callable[[random.Random, Path], Result]


@dataclass
class Report:
    """All trials of a torture."""

    seconds: float = 0.0
    trials: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str, str]] = field(default_factory=list)  #: number, kind, sentence
    shares: list[tuple[float, float]] = field(default_factory=list)

    def add(self, number: int, result: Result) -> None:
        """Count a trial."""
        self.trials[result.kind] += 1
        self.notes.update(f"{result.kind}: {note}" for note in result.notes)
        self.faults += [(number, result.kind, fault) for fault in result.faults]
        if result.share is not None:
            self.shares.append(result.share)


def repeat(
    trial: Trial,
    *,
    seed: int,
    numbers: range,
    seconds: float,
    folder: Path,
    on_fault: Callable[[int, Result], None],
) -> Report:
    """Run the trials with these numbers, as many as end within ``seconds``."""
    report, began = Report(), time.monotonic()
    for number in numbers:
        if time.monotonic() - began > seconds:
            break
        place = folder / "trial"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        result = trial(random.Random(f"{seed}:{number}"), place)
        report.add(number, result)
        if result.faults:
            on_fault(number, result)
    report.seconds = time.monotonic() - began
    return report


@dataclass
class Ended:
    """How a process of a trial ended."""

    value: object = None  #: what the work returned
    error: str = ""  #: the traceback of what it raised
    signal: int = 0  #: that killed it
    seconds: float = 0.0
    peak_bytes: int = 0
    hung: bool = False


def isolated(
    work: Callable[[], object], *, seconds: int = 10, kill_after: float | None = None
) -> Ended:
    """Run work in a forked process.

    It counts as hung after ``seconds`` of a processor's time, or many times as long without any.
    ``kill_after`` kills it on purpose, after seconds of the clock.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        # Below the hard limit, which kills without saying why.
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        _child(work, writing)
    os.close(writing)
    limit = _PATIENCE * seconds if kill_after is None else kill_after
    ended = Ended()
    with os.fdopen(reading, "rb") as pipe:
        os.set_blocking(reading, False)
        parts: list[bytes] = []
        while True:
            done, status, usage = os.wait4(child, os.WNOHANG)
            parts.append(pipe.read() or b"")
            if done:
                break
            if time.monotonic() - began > limit:
                os.kill(child, signal.SIGKILL)
                done, status, usage = os.wait4(child, 0)
                ended.hung = kill_after is None
                parts.append(pipe.read() or b"")
                break
            time.sleep(0.0005)
    ended.seconds = time.monotonic() - began
    ended.peak_bytes = usage.ru_maxrss * 1024
    if os.WIFSIGNALED(status):
        ended.signal = os.WTERMSIG(status)
        ended.hung |= ended.signal == signal.SIGXCPU
    elif data := b"".join(parts):
        ended.value, ended.error = pickle.loads(data)
    return ended


def _child(work: Callable[[], object], writing: int) -> None:
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        try:
            data = pickle.dumps((work(), ""))
        except BaseException:
            data = pickle.dumps((None, traceback.format_exc()))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data)
    finally:
        os._exit(0)


def leftovers(folder: Path, *known: str) -> Iterator[str]:
    """Names in a folder that are none of the known ones."""
    yield from sorted(path.name for path in folder.iterdir() if path.name not in known)
