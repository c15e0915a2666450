"""Images on the clipboard, as files that exist until the program ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import (
    QMessageLogContext,
    QMimeData,
    QObject,
    QtMsgType,
    QUrl,
    Signal,
    qInstallMessageHandler,
)
from PySide6.QtGui import QGuiApplication

from app.backend.private_cache import PrivateCache
from app.exchange.outgoing import Outgoing, Picked, Preparation
from app.exchange.overlay import PreparingOverlay


class Copying(QObject):
    """Decodes the selection, and then puts the files on the clipboard."""

    copied = Signal(int)  #: how many files
    failed = Signal(object)  #: Preparation with errors
    refused = Signal()  #: the clipboard could not be taken over

    def __init__(
        self,
        outgoing: Outgoing,
        overlay: PreparingOverlay,
        picked: Callable[[], Picked | None],
        cache: PrivateCache,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._outgoing, self._overlay = outgoing, overlay
        self._picked, self._cache = picked, cache
        self._waiting: Preparation | None = None

    def copy(self) -> None:
        """Copy the selection once it is decoded; a later copy replaces it."""
        picked = self._picked()
        if picked is None or (self._waiting is not None and self._waiting.picked == picked):
            return
        self.stop()
        preparation = self._outgoing.request(picked)
        if not preparation.running:
            self._put(preparation)
            return
        self._waiting = preparation
        preparation.ended.connect(self._on_ended)
        self._overlay.follow(preparation, self.tr("Preparing {0} of {1} for the clipboard…"))

    def stop(self) -> None:
        """Stop preparing; the clipboard stays as it is."""
        if self._waiting is not None:
            preparation, self._waiting = self._waiting, None
            preparation.ended.disconnect(self._on_ended)
            self._overlay.leave()
            preparation.cancel()

    def forget(self) -> None:
        """Clear the clipboard if its files are about to be deleted."""
        clipboard = QGuiApplication.clipboard()
        data = clipboard.mimeData()
        urls = data.urls() if data is not None else []
        if any(self._cache.made(Path(url.toLocalFile())) for url in urls):
            clipboard.clear()

    def _on_ended(self, preparation: Preparation) -> None:
        if preparation is self._waiting:
            self._waiting = None
            self._put(preparation)

    def _put(self, preparation: Preparation) -> None:
        if preparation.errors:
            self.failed.emit(preparation)
        if not preparation.paths:
            return
        paths = [str(path) for path in preparation.paths]
        urls = [QUrl.fromLocalFile(path) for path in paths]
        data = QMimeData()
        data.setUrls(urls)
        data.setText("\n".join(paths))  # for terminals and editors
        # GNOME's and KDE's file managers distinguish copying from cutting by these formats.
        lines = [b"copy", *(url.toEncoded().data() for url in urls)]
        data.setData("x-special/gnome-copied-files", b"\n".join(lines))
        data.setData("application/x-kde-cutselection", b"0")
        if not _put_on_clipboard(data):
            self.refused.emit()
            return
        self.copied.emit(preparation.n_files - len(preparation.errors))


def _put_on_clipboard(data: QMimeData) -> bool:
    """Whether the clipboard has the data now.

    On X11, Qt loses the clipboard to other programs after a drag to one of them. Only a warning
    says so: ``ownsClipboard`` is true nevertheless.
    """
    was_refused = False

    def listen(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        nonlocal was_refused
        if "selection owner" in text:
            was_refused = True
        elif before is not None:
            before(kind, context, text)

    before = qInstallMessageHandler(listen)
    try:
        QGuiApplication.clipboard().setMimeData(data)
    finally:
        qInstallMessageHandler(before)
    return not was_refused
