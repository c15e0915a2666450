"""The window's ways in from the desktop and out to it: drop and paste, drag and copy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QDateTime, QObject, Signal
from PySide6.QtGui import QGuiApplication

from app.backend.executors import Executors, Task
from app.backend.private_cache import PrivateCache
from app.dialogs.dialogs import Dialogs
from app.exchange import offers
from app.exchange.copying import Copying
from app.exchange.drag_out import DragOut
from app.exchange.drop_target import DropTarget
from app.exchange.offers import Offer, Sorted
from app.exchange.overlay import PreparingOverlay
from app.exchange.takeout import Picked, Preparation, Takeout
from app.language.translation import counted

if TYPE_CHECKING:
    from app.backend.backend import Backend
    from app.window.window import Window

_SHOWN = 3


class Exchange(QObject):
    """Says what has come as paths that are there, and what has not as sentences."""

    arrived = Signal(object, object)  #: archives, other paths
    informed = Signal(str)
    failed = Signal(str)
    hovered = Signal(bool)  #: something is dragged over the window

    def __init__(
        self,
        window: Window,
        backend: Backend,
        executors: Executors,
        cache: PrivateCache,
        dialogs: Dialogs,
        picked: Callable[[], Picked | None],
    ) -> None:
        super().__init__(window)
        self._window, self._cache, self._picked = window, cache, picked
        self._dialogs = dialogs
        self._closed = False
        self._executor = executors.reading
        self.overlay = PreparingOverlay(window.stack)
        self.takeout = Takeout(backend, executors.outgoing, cache, self)
        views = (window.browser.list, window.browser.tiles)
        self.drag_out = DragOut(views, self.takeout, self.overlay, picked)
        self.copying = Copying(self.takeout, self.overlay, picked, cache, self)
        self._drops = DropTarget(window, lambda: self.drag_out.dragging)
        self._drops.hovered.connect(self.hovered)
        self._drops.dropped.connect(self.receive)
        for view in views:
            view.drag_wanted.connect(self.drag_out.begin)
        self.overlay.stopped.connect(self.copying.stop)
        self.overlay.stopped.connect(self.drag_out.give_up)
        self.drag_out.failed.connect(self._on_incomplete)
        self.copying.failed.connect(self._on_incomplete)
        self.copying.copied.connect(self._on_copied)
        executors.outgoing.submit(cache.sweep)

    def consider(self) -> None:
        """The selection has changed."""
        # What nobody has asked for must not slow down what somebody has.
        jobs = self._window.session.jobs.active
        self.takeout.consider(None if jobs else self._picked())

    def copy(self) -> None:
        """The selection onto the clipboard."""
        self.copying.copy()

    def paste(self) -> None:
        """Whatever is on the clipboard into the archive."""
        data = QGuiApplication.clipboard().mimeData()
        self.receive(offers.read(data) if data is not None else Offer())

    def receive(self, offer: Offer) -> None:
        """Takes what was dropped or pasted, or says why not."""
        if offer.paths:
            self.bring(offer.paths)
        elif offer.has_image:
            self._take_image(offer)
        elif not offer.remote:
            self.informed.emit(self.tr("There are no files and no image on the clipboard."))
        if offer.remote and not offer.has_image:
            self.failed.emit(
                self.tr(
                    "{0}: not on this computer. Save it to a folder first, then add it."
                ).format(_listed(offer.remote))
            )

    def bring(self, paths: list[Path]) -> None:
        """Looks at paths on a worker; ``arrived`` tells of those that are there."""
        task = self._task()
        task.succeeded.connect(self._on_sorted)
        task.start(self._executor, partial(offers.sort, paths))

    def lasts(self, path: Path) -> bool:
        """Whether a path is a person's own, and not one that goes with the program."""
        return not self._cache.holds(path)

    def close(self) -> None:
        """Stops what is under way; the clipboard is left without what goes with the program."""
        self._closed = True
        self.copying.stop()
        self.drag_out.give_up()
        self.takeout.cancel_all()
        self.copying.forget()

    def _take_image(self, offer: Offer) -> None:
        now = QDateTime.currentDateTime().toString("yyyy-MM-dd HH-mm-ss")
        suggestion = self.tr("Pasted {0}").format(now) + ".png"
        name = self._dialogs.image_name(self._window, suggestion)
        if name is not None:
            task = self._task()
            task.succeeded.connect(self._on_written)
            task.start(self._executor, lambda: _write(offer, name, self._cache))

    def _task(self) -> Task:
        task = Task(self)
        task.failed.connect(self.failed)
        return task

    def _on_sorted(self, found: Sorted) -> None:
        if (found.archives or found.others) and not self._closed:
            self.arrived.emit(found.archives, found.others)
        sentences = []
        if found.missing:
            text = self.tr("{0}: not there any more, so nothing was added for it.")
            sentences.append(text.format(_listed([str(path) for path in found.missing])))
        if found.dangling:
            text = self.tr("{0}: a link to something that is not there; nothing was added for it.")
            sentences.append(text.format(_listed([str(path) for path in found.dangling])))
        if sentences:  # last, since opening an archive clears the messages before it
            self.failed.emit("\n".join(sentences))

    def _on_written(self, path: Path) -> None:
        if not self._closed:
            self.arrived.emit([], [path])

    def _on_incomplete(self, preparation: Preparation) -> None:
        text = preparation.errors[0]
        if len(preparation.errors) > 1:
            text = counted(
                len(preparation.errors) - 1,
                "{1} (and {0} more that could not be decoded)"
                "|{1} (and {0} more that could not be decoded)",
                text,
            )
        self.failed.emit(text)

    def _on_copied(self, count: int) -> None:
        text = counted(
            count,
            "{0} file is on the clipboard until Floe is closed."
            "|{0} files are on the clipboard until Floe is closed.",
        )
        self._window.statusBar().showMessage(text, 5000)


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} (+ {more})" if more > 0 else shown


def _write(offer: Offer, name: str, cache: PrivateCache) -> Path:  # on the worker
    return offers.write_image(offer, name, cache.new_folder())
