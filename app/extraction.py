"""Extraction as a conversation: where to, and what about the files that are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QSettings
from PySide6.QtWidgets import QWidget

from app.dialogs import Dialogs, Overwrite
from app.session import ArchiveSession

_SETTING = "extract/folder"


class Extraction(QObject):
    """Asks first, so that a job once started needs no answers."""

    def __init__(
        self, session: ArchiveSession, dialogs: Dialogs, settings: QSettings, window: QWidget
    ) -> None:
        super().__init__(window)
        self._session, self._dialogs = session, dialogs
        self._settings, self._window = settings, window
        self.folder: Path | None = None
        session.existing_found.connect(self._on_existing_found)

    def start(self, names: Sequence[str]) -> None:
        """Asks for the folder, then has the disk looked at on a worker."""
        archive = self._session.path
        if archive is None or not names:
            return
        last = self._settings.value(_SETTING, str(archive.parent))
        folder = self._dialogs.extraction_folder(self._window, Path(str(last)))
        if folder is not None:
            self._settings.setValue(_SETTING, str(folder))
            self._session.find_existing(names, folder)

    def _on_existing_found(self, found: tuple[list[str], Path, list[str]]) -> None:
        names, folder, existing = found
        overwrite = False
        if existing:
            answer = self._dialogs.overwrite(self._window, existing, folder)
            if answer is Overwrite.CANCEL:
                return
            overwrite = answer is Overwrite.REPLACE
            if not overwrite:
                there = set(existing)
                names = [name for name in names if name not in there]
        self.folder = folder
        if names and self._session.path is not None:
            self._session.extract(names, folder, overwrite=overwrite)
