"""Exchange with the desktop: drop and paste, drag and copy."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QDateTime, QObject, QPoint, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.backend.backend import Backend
from app.backend.executors import Executors
from app.backend.private_cache import PrivateCache
from app.backend.task import Task
from app.browser.browser import Browser
from app.dialogs.dialogs import Dialogs
from app.exchange import incoming
from app.exchange.copying import Copying
from app.exchange.drag_out import DragOut
from app.exchange.drop_target import DropTarget
from app.exchange.incoming import Offer, Sorted
from app.exchange.outgoing import Outgoing, Picked, Preparation
from app.exchange.overlay import PreparingOverlay
from app.language.translation import counted
from app.session.session import ArchiveSession
from app.widgets.actions import Actions

_SHOWN = 3


class Exchange(QObject):
    """Turns what comes in into paths on this computer, and explains what cannot be taken."""

    arrived = Signal(object, object, object)  #: archives, other paths, the folder to add to
    informed = Signal(str)
    hinted = Signal(str)  #: a short note for the status bar
    failed = Signal(str)
    hovered = Signal(bool)  #: something is dragged over the window, but not over a folder

    def __init__(
        self,
        session: ArchiveSession,
        browser: Browser,
        covered: QWidget,
        actions: Actions,
        backend: Backend,
        executors: Executors,
        cache: PrivateCache,
        dialogs: Dialogs,
        window: QWidget,
    ) -> None:
        """Progress is shown over ``covered``; whatever is dropped on ``window`` is taken."""
        super().__init__(window)
        self._session, self._browser, self._actions = session, browser, actions
        self._cache, self._dialogs, self._window = cache, dialogs, window
        self._closed = False
        self._executor = executors.reading
        self.overlay = PreparingOverlay(covered)
        self.outgoing = Outgoing(backend, executors.outgoing, cache, self)
        views = (browser.list, browser.tiles)
        self.drag_out = DragOut(views, self.outgoing, self.overlay, self.picked, browser.thumbnail)
        self.copying = Copying(self.outgoing, self.overlay, self.picked, cache, self)
        self._drops = DropTarget(window, lambda: self.drag_out.dragging)
        self._drops.hovered.connect(self._on_hovered)
        self._drops.left.connect(self._on_left)
        self._drops.dropped.connect(self._on_dropped)
        for view in views:
            view.drag_wanted.connect(self.drag_out.begin)
        self.overlay.stopped.connect(self.copying.stop)
        self.overlay.stopped.connect(self.drag_out.give_up)
        self.drag_out.failed.connect(self._on_incomplete)
        self.copying.failed.connect(self._on_incomplete)
        self.copying.copied.connect(self._on_copied)
        self.copying.refused.connect(self._on_refused)
        actions.copy.triggered.connect(self.copying.copy)
        actions.paste.triggered.connect(self.paste)
        browser.selection_changed.connect(self._consider)
        session.refreshed.connect(self._consider)
        self._consider()
        executors.outgoing.submit(cache.sweep)

    def picked(self) -> Picked | None:
        """The selected images and folders; None if there are no images among them."""
        entries, archive = self._browser.list.selected(), self._session.path
        if archive is None or not entries:
            return None
        items = frozenset(item.path for item in self._browser.list.selected_items())
        return Picked(archive, tuple(entries), items)

    def _consider(self) -> None:
        picked = self.picked()
        self._actions.copy.setEnabled(picked is not None)
        # What nobody has asked for must not slow down a job that somebody has.
        self.outgoing.consider(None if self._session.jobs.active else picked)

    def paste(self) -> None:
        """Add the files or the image on the clipboard to the archive."""
        data = QGuiApplication.clipboard().mimeData()
        self.receive(incoming.read(data) if data is not None else Offer())

    def receive(self, offer: Offer, folder: str | None = None) -> None:
        """Take what was dropped or pasted, or explain why not.

        Files are added to ``folder``, or to the folder that is shown.
        """
        if offer.paths:
            self.bring(offer.paths, folder)
        elif offer.has_image:
            self._take_image(offer, folder)
        elif not offer.remote:
            self.informed.emit(self.tr("There are no files and no image on the clipboard."))
        if offer.remote and not offer.has_image:
            self.failed.emit(
                self.tr(
                    "{0}: not on this computer. Save it to a folder first, then add it."
                ).format(_listed(offer.remote))
            )

    def bring(self, paths: list[Path], folder: str | None = None) -> None:
        """Check paths on a worker; ``arrived`` is emitted with those that exist."""
        task = self._task()
        task.succeeded.connect(partial(self._on_sorted, folder))
        task.start(self._executor, partial(incoming.sort, paths))

    def close(self) -> None:
        """Stop all preparations, and clear files of the program from the clipboard."""
        self._closed = True
        self.copying.stop()
        self.drag_out.give_up()
        self.outgoing.cancel_all()
        self.copying.forget()

    def _on_hovered(self, point: QPoint) -> None:
        mark = self._browser.drop_mark
        mark.show(point)
        self.hovered.emit(not mark.visible)

    def _on_left(self) -> None:
        self._browser.drop_mark.hide()
        self.hovered.emit(False)

    def _on_dropped(self, offer: Offer, point: QPoint) -> None:
        self.receive(offer, self._browser.drop_mark.folder_at(point))

    def _take_image(self, offer: Offer, folder: str | None) -> None:
        now = QDateTime.currentDateTime().toString("yyyy-MM-dd HH-mm-ss")
        suggestion = self.tr("Pasted {0}").format(now) + ".png"
        name = self._dialogs.image_name(self._window, suggestion)
        if name is not None:
            task = self._task()
            task.succeeded.connect(partial(self._on_written, folder))
            task.start(self._executor, lambda: _write(offer, name, self._cache))

    def _task(self) -> Task:
        task = Task(self)
        task.failed.connect(self.failed)
        return task

    def _on_sorted(self, folder: str | None, found: Sorted) -> None:
        if (found.archives or found.others) and not self._closed:
            self.arrived.emit(found.archives, found.others, folder)
        sentences = []
        if found.missing:
            text = self.tr("{0}: not there any more, so nothing was added for it.")
            sentences.append(text.format(_listed([str(path) for path in found.missing])))
        if found.dangling:
            text = self.tr("{0}: a link to something that is not there; nothing was added for it.")
            sentences.append(text.format(_listed([str(path) for path in found.dangling])))
        if sentences:  # last, because opening an archive clears earlier messages
            self.failed.emit("\n".join(sentences))

    def _on_written(self, folder: str | None, path: Path) -> None:
        if not self._closed:
            self.arrived.emit([], [path], folder)

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

    def _on_refused(self) -> None:
        self.failed.emit(
            self.tr(
                "Another program holds the clipboard: nothing was copied. This happens after "
                "images were dragged into it; copying works again once Floe is restarted."
            )
        )

    def _on_copied(self, count: int) -> None:
        text = counted(
            count,
            "{0} file is on the clipboard until Floe is closed."
            "|{0} files are on the clipboard until Floe is closed.",
        )
        self.hinted.emit(text)


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} (+ {more})" if more > 0 else shown


def _write(offer: Offer, name: str, cache: PrivateCache) -> Path:  # on the worker
    return incoming.write_image(offer, name, cache.new_folder())
