"""Undo and redo: what was done, what undoes it, and what does it again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.backend.edits import Edit

#: Starts a change on a worker; then it calls what is told of the change, or of None if it failed.
Start = Callable[[Callable[[], Edit], Callable[[Edit | None], None]], None]


@dataclass(frozen=True)
class UndoStep:
    """A change that can be turned around, under the name that the menu gives it."""

    text: str
    turn: Callable[[], Edit]
    kept: Sequence[Path]


class History(QObject):
    """Two stacks of steps. Requests wait for each other, and one that fails ends those behind."""

    changed = Signal()  #: what can be undone or redone is another now
    dropped = Signal(object)  #: the files that nothing will put back any more

    def __init__(self, start: Start, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._start = start
        self._done: list[UndoStep] = []
        self._undone: list[UndoStep] = []
        self._waiting: deque[bool] = deque()
        self._turning = False

    @property
    def undo_text(self) -> str | None:
        """What would be undone."""
        return self._done[-1].text if self._done else None

    @property
    def redo_text(self) -> str | None:
        """What would be done again."""
        return self._undone[-1].text if self._undone else None

    def push(self, text: str, changed: Edit) -> None:
        """Something was done; what was undone before can no longer be done again."""
        self._drop(self._undone)
        self._done.append(UndoStep(text, changed.undo, changed.kept))
        self.changed.emit()

    def clear(self) -> None:
        """Nothing can be undone any more."""
        self._waiting.clear()
        self._drop(self._done)
        self._drop(self._undone)
        self.changed.emit()

    def undo(self) -> None:
        """Undoes the latest step, after those that are being undone."""
        self._request(back=True)

    def redo(self) -> None:
        """Does the step again that was undone last."""
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
            elif source and source[-1] is step:  # else another archive is shown
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
