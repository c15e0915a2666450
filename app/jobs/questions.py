"""The engine's questions, from a worker to a dialog and back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from app.backend.backend import Backend
from app.backend.task import Task
from app.widgets.images import ArrayImage
from core.control import CancelToken
from core.engine import Answer, FileExists, NameConflict, Query
from core.errors import Cancelled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: The longer side of the pictures in a question; they are loaded twice as large, for sharp screens.
PICTURE_SIDE = 144

#: Called with the answer, or with None if the job is to be cancelled.
OnAnswer = Callable[["Answer | None"], None]


class OpenQuestion(Protocol):
    """A dialog that waits for an answer and does not block the window."""

    def show_picture(self, side: int, picture: QImage) -> None:
        """Show the picture of the present file (0), or of the new one (1)."""
        ...

    def withdraw(self) -> None:
        """Close the dialog: the answer is not needed any more."""
        ...


class Asker(Protocol):
    """The part of the dialogs that is needed here."""

    def ask(self, parent: QWidget, query: Query, answer: OnAnswer) -> OpenQuestion: ...


class _Asked:
    """An open question and the future of its answer."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.reply: Future[Answer] = Future()
        self.dialog: OpenQuestion | None = None


class Questions(QObject):
    """An engine ``Queries`` whose worker waits while the window does not."""

    asking = Signal(bool)  #: whether a question is open

    _asked = Signal(object)
    _over = Signal(object)

    def __init__(
        self, dialogs: Asker, backend: Backend, executor: Executor, window: QWidget
    ) -> None:
        super().__init__(window)
        self._dialogs, self._window = dialogs, window
        self._backend, self._executor = backend, executor
        self._asked.connect(self._open)
        self._over.connect(self._close)

    def ask(self, query: Query, cancel: CancelToken) -> Answer:  # on the worker
        """Wait for the user's answer. Raises Cancelled."""
        asked = _Asked(query)
        self._asked.emit(asked)
        try:
            return cancel.wait_for(asked.reply)
        finally:
            asked.reply.cancel()
            self._over.emit(asked)

    def _open(self, asked: _Asked) -> None:
        if asked.reply.cancelled():  # the job was cancelled meanwhile
            return
        self.asking.emit(True)
        asked.dialog = self._dialogs.ask(self._window, asked.query, partial(_settle, asked))
        for side, load in enumerate(self._loaders(asked.query)):
            task = Task(self)
            task.succeeded.connect(partial(_show, asked, side))
            task.start(self._executor, load)

    def _close(self, asked: _Asked) -> None:
        if asked.dialog is not None:
            asked.dialog.withdraw()
            asked.dialog = None
        self.asking.emit(False)

    def _loaders(self, query: Query) -> list[Callable[[], QImage]]:
        """The calls that load the pictures of the present and of the new file, on a worker."""

        archive, backend = query.archive, self._backend
        entry = partial(backend.thumbnail, archive, query.name, 2 * PICTURE_SIDE)
        if isinstance(query, NameConflict):
            file = partial(backend.thumbnail_of_file, query.source, 2 * PICTURE_SIDE)
            return [partial(_picture, entry), partial(_picture, file)]
        if isinstance(query, FileExists):
            file = partial(backend.thumbnail_of_file, query.target, 2 * PICTURE_SIDE)
            return [partial(_picture, file), partial(_picture, entry)]
        return []


def _picture(load: Callable[[], NDArray[np.uint8]]) -> QImage:  # on a worker
    return ArrayImage(load())


def _show(asked: _Asked, side: int, picture: QImage) -> None:
    if asked.dialog is not None:
        asked.dialog.show_picture(side, picture)


def _settle(asked: _Asked, answer: Answer | None) -> None:
    if asked.reply.done() or not asked.reply.set_running_or_notify_cancel():
        return  # the job was cancelled meanwhile
    if answer is None:
        asked.reply.set_exception(Cancelled())
    else:
        asked.reply.set_result(answer)
