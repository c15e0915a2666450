"""Archives and what comes into them: new, open, close, add."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.dialogs.dialogs import ARCHIVE_SUFFIX, Dialogs
from app.session.recent import Recent
from app.session.session import ArchiveSession
from app.widgets.actions import Actions
from app.widgets.message_bar import MessageBar


class ArchiveControl(QObject):
    """Asks which archive and which files, and hands them to the session."""

    def __init__(
        self,
        session: ArchiveSession,
        actions: Actions,
        dialogs: Dialogs,
        recent: Recent,
        message: MessageBar,
        lasts: Callable[[Path], bool],
        window: QWidget,
    ) -> None:
        """``lasts`` tells whether a file will still be there when the program has ended."""
        super().__init__(window)
        self._session, self._actions, self._dialogs = session, actions, dialogs
        self._recent, self._message = recent, message
        self._lasts, self._window = lasts, window
        for action, slot in (
            (actions.new, self.new),
            (actions.open, self.open),
            (actions.close, session.close),
            (actions.add_files, self.add_files),
            (actions.add_folder, self.add_folder),
        ):
            action.triggered.connect(slot)
        session.refreshed.connect(self._enable)
        self._enable()

    def new(self) -> None:
        """Ask where, and make an empty archive there."""
        path = self._dialogs.new_archive(self._window, self._suggestion())
        if path is not None:
            self._session.create(path)

    def open(self) -> None:
        """Ask which, and open it."""
        path = self._dialogs.open_archive(self._window, self._recent.folder)
        if path is not None:
            self._session.open(path)

    def add_files(self) -> None:
        """Ask for images, and add them."""
        self.add(self._dialogs.images_to_add(self._window, self._recent.folder))

    def add_folder(self) -> None:
        """Ask for a folder, and add the images in it."""
        folder = self._dialogs.folder_to_add(self._window, self._recent.folder)
        self.add([folder] if folder is not None else [])

    def add(self, paths: Sequence[Path], folder: str | None = None) -> None:
        """Add to a folder, or to the one that is shown; ask for an archive if none is open."""
        if not paths:
            return
        if self._session.path is not None:
            self._session.add(paths, folder)
            return
        path = self._dialogs.new_archive(self._window, self._suggestion(paths[0]))
        if path is not None:
            self._session.create(path, then_add=paths)

    def take(
        self, archives: Sequence[Path], others: Sequence[Path], folder: str | None = None
    ) -> None:
        """Open an archive that was dropped or pasted; add all other files."""
        if archives and not others:
            self._session.open(archives[0])
            if len(archives) > 1:
                self._message.inform(self.tr("One archive is shown at a time."))
            return
        if archives:
            self._message.complain(
                self.tr("{0} was left out: an archive is not added to another one.").format(
                    archives[0].name
                )
            )
        self.add(others, folder)

    def _suggestion(self, source: Path | None = None) -> Path:
        photographs = self.tr("Photographs")
        if source is None or not self._lasts(source):
            return self._recent.folder / f"{photographs}{ARCHIVE_SUFFIX}"
        name = source.name if source.suffix == "" else source.parent.name
        return source.parent / f"{name or photographs}{ARCHIVE_SUFFIX}"

    def _enable(self) -> None:
        self._actions.close.setEnabled(self._session.path is not None)
