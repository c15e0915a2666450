"""Undo and redo of changes, by the session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.backend.edits import Edit
from app.session.history import History, Start


def changed(log: list[str], name: str, kept: tuple[Path, ...] = ()) -> Edit:
    def undo() -> Edit:
        log.append(name)
        other = name.removeprefix("un") if name.startswith("un") else f"un{name}"
        return changed(log, other, kept)

    return Edit([], [], [], undo, kept)


class Slow:
    """Starts changes, and ends them when it is told to."""

    def __init__(self) -> None:
        self.running: list[tuple[Any, Any]] = []

    def start(self, change: Any, done: Any) -> None:
        self.running.append((change, done))

    def end(self, *, fails: bool = False) -> None:
        change, done = self.running.pop(0)
        done(None if fails else change())


def at_once(change: Any, done: Any) -> None:
    done(change())


@pytest.fixture
def log() -> list[str]:
    return []


def make(start: Start) -> History:
    return History(start)


def test_steps_are_undone_and_done_again_in_order(log: list[str]) -> None:
    history = make(at_once)
    assert (history.undo_text, history.redo_text) == (None, None)
    history.undo()
    for name in ("un1", "un2", "un3"):
        history.push(name[2:], changed(log, name))
    assert history.undo_text == "3"
    history.undo()
    history.undo()
    assert log == ["un3", "un2"]
    assert (history.undo_text, history.redo_text) == ("1", "2")
    history.redo()
    history.redo()
    history.redo()
    assert log == ["un3", "un2", "2", "3"]
    history.undo()
    history.push("4", changed(log, "un4"))
    assert (history.undo_text, history.redo_text) == ("4", None)


def test_requests_wait_for_each_other(log: list[str]) -> None:
    slow = Slow()
    history = make(slow.start)
    history.push("1", changed(log, "un1"))
    history.push("2", changed(log, "un2"))
    for request in (history.undo, history.undo, history.undo, history.redo):
        request()
    assert len(slow.running) == 1
    while slow.running:
        slow.end()
    assert log == ["un2", "un1", "1"]
    assert (history.undo_text, history.redo_text) == ("1", "2")


def test_one_that_fails_ends_those_behind(log: list[str]) -> None:
    slow = Slow()
    history = make(slow.start)
    history.push("1", changed(log, "un1"))
    history.push("2", changed(log, "un2"))
    history.undo()
    history.undo()
    slow.end(fails=True)
    assert slow.running == []
    assert history.undo_text == "2"
    history.undo()
    slow.end()
    assert log == ["un2"]


def test_what_nothing_will_put_back_is_dropped(log: list[str]) -> None:
    slow, dropped = Slow(), []
    history = make(slow.start)
    history.dropped.connect(dropped.append)
    one, two = Path("1.floe"), Path("2.floe")
    history.push("1", changed(log, "un1", (one,)))
    history.push("2", changed(log, "un2", (two,)))
    history.undo()
    slow.end()
    history.push("3", changed(log, "un3"))
    assert dropped == [[two]]
    history.undo()
    history.clear()
    assert dropped == [[two], [one]]
    assert history.undo_text is None
    slow.end()  # what was on its way is of an archive that is no longer shown
    assert (history.undo_text, history.redo_text) == (None, None)
