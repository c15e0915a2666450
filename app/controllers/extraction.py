"""Extracting and verifying the selection, or all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QSettings
from PySide6.QtWidgets import QWidget

from app.dialogs.dialogs import Dialogs
from app.session.session import ArchiveSession
from app.session.tree import Folder, Item
from app.widgets.actions import Actions

_SETTING = "extract/folder"


class Extraction(QObject):
    """Asks for the folder to extract to, and suggests the last one."""

    def __init__(
        self,
        session: ArchiveSession,
        actions: Actions,
        dialogs: Dialogs,
        settings: QSettings,
        selected: Callable[[], Sequence[Item]],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._actions, self._dialogs = session, actions, dialogs
        self._settings, self._selected, self._window = settings, selected, window
        for action, slot in (
            (actions.extract, self.extract),
            (actions.extract_all, self.extract_all),
            (actions.verify, self.verify),
        ):
            action.triggered.connect(slot)
        session.refreshed.connect(self._enable)
        self._enable()

    def extract(self) -> None:
        """Extract the selection, or all."""
        self.extract_items(self._selected() or [self._session.model.root])

    def extract_all(self) -> None:
        """Extract all images, shown or not, and empty folders."""
        self.extract_items([self._session.model.root])

    def extract_items(self, items: Sequence[Item]) -> None:
        """Ask for a folder, and extract these files and folders to it."""
        names = dict.fromkeys(entry.name for item in items for entry in item.below())
        folders = [item for item in items if isinstance(item, Folder)]
        made = dict.fromkeys(name for folder in folders for name in folder.made_below())
        archive = self._session.path
        if archive is None or not (names or made):
            return
        last = self._settings.value(_SETTING, str(archive.parent))
        target = self._dialogs.extraction_folder(self._window, Path(str(last)))
        if target is not None and self._session.path == archive:
            self._settings.setValue(_SETTING, str(target))
            self._session.extract(list(names), list(made), target)

    def verify(self) -> None:
        """Verify the selection, or all."""
        self.verify_items(self._selected() or [self._session.model.root])

    def verify_items(self, items: Sequence[Item]) -> None:
        """Verify these files, and all files in these folders."""
        names = list(dict.fromkeys(entry.name for item in items for entry in item.below()))
        if names:
            self._session.verify(names)

    def _enable(self) -> None:
        actions, has_entries = self._actions, bool(self._session.model.entries)
        for action in (actions.extract, actions.extract_all, actions.verify):
            action.setEnabled(has_entries)
