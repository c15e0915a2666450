"""Extraction: where to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QSettings
from PySide6.QtWidgets import QWidget

from app.dialogs.dialogs import Dialogs
from app.session.session import ArchiveSession

_SETTING = "extract/folder"


class Extraction(QObject):
    """Asks for the folder, and suggests the last one."""

    def __init__(
        self, session: ArchiveSession, dialogs: Dialogs, settings: QSettings, window: QWidget
    ) -> None:
        super().__init__(window)
        self._session, self._dialogs = session, dialogs
        self._settings, self._window = settings, window
        self.folder: Path | None = None

    def start(self, names: Sequence[str]) -> None:
        """Asks for the folder, and extracts these images to it."""
        archive = self._session.path
        if archive is None or not names:
            return
        last = self._settings.value(_SETTING, str(archive.parent))
        folder = self._dialogs.extraction_folder(self._window, Path(str(last)))
        if folder is not None and self._session.path == archive:
            self._settings.setValue(_SETTING, str(folder))
            self.folder = folder
            self._session.extract(names, folder)
