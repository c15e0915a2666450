"""Undo and redo."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.backend.edits import Edit

#: Runs an edit on a worker, then calls the callback with it, or with None if it failed.
Start = Callable[[Callable[[], Edit], Callable[[Edit | None], None]], None]


@dataclass(frozen=True)
class UndoStep:
    """The undo or redo of an edit, and its name in the menu."""

    text: str
    turn: Callable[[], Edit]
    kept: Sequence[Path]


class History(QObject):
    """Two stacks of steps. Requests are queued; a failure drops those behind it."""

    changed = Signal()  #: the next step of undo or redo is another one
    dropped = Signal(object)  #: files that no step needs any more

    def __init__(self, start: Start, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._start = start
        self._done: list[UndoStep] = []
        self._undone: list[UndoStep] = []
        self._waiting: deque[bool] = deque()
        self._turning = False

    @property
    def undo_text(self) -> str | None:
        """The name of the next undo step."""
        return self._done[-1].text if self._done else None

    @property
    def redo_text(self) -> str | None:
        """The name of the next redo step."""
        return self._undone[-1].text if self._undone else None

    def push(self, text: str, changed: Edit) -> None:
        """Add an edit; what was undone before can no longer be redone."""
        self._drop(self._undone)
        self._done.append(UndoStep(text, changed.undo, changed.kept))
        self.changed.emit()

    def clear(self) -> None:
        """Drop all steps."""
        self._waiting.clear()
        self._drop(self._done)
        self._drop(self._undone)
        self.changed.emit()

    def undo(self) -> None:
        """Undoe the latest step, after earlier requests."""
        self._request(back=True)

    def redo(self) -> None:
        """Redoe the step that was undone last."""
        self._request(back=False)

    def _request(self, *, back: bool) -> None:
        self._waiting.append(back)
        self._next()

    def _next(self) -> None:
        if self._turning or not self._waiting:
            return
        back = self._waiting.popleft()
        source, target = (self._done, self._undone) if back else (self._undone, self._done)
        if not source:
            self._next()
            return
        step = source[-1]
        self._turning = True

        def turned(changed: Edit | None) -> None:
            self._turning = False
            if changed is None:
                self._waiting.clear()
            elif source and source[-1] is step:  # else another archive is open
                source.pop()
                target.append(UndoStep(step.text, changed.undo, changed.kept))
                self.changed.emit()
            else:
                self.dropped.emit(list(changed.kept))
            self._next()

        self._start(step.turn, turned)

    def _drop(self, steps: list[UndoStep]) -> None:
        kept = [path for step in steps for path in step.kept]
        steps.clear()
        if kept:
            self.dropped.emit(kept)
