"""The archives that were open lately, and the folder to start looking in."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

_KEPT = 8


class Recent(QObject):
    """Remembered in the settings, the latest first."""

    chosen = Signal(object)  #: Path

    def __init__(self, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings

    @property
    def paths(self) -> list[Path]:
        """At most eight; they may have gone since."""
        stored = self._settings.value("recent/archives", [])
        names = [stored] if isinstance(stored, str) else stored
        return [Path(str(name)) for name in names] if isinstance(names, list) else []

    @property
    def folder(self) -> Path:
        """Where the latest archive is."""
        paths = self.paths
        return paths[0].parent if paths else Path.home()

    def add(self, path: Path) -> None:
        """Puts an archive first."""
        kept = [path, *(other for other in self.paths if other != path)][:_KEPT]
        self._settings.setValue("recent/archives", [str(p) for p in kept])

    def menu(self, parent: QWidget) -> QMenu:
        """A menu that is filled each time it opens."""
        menu = QMenu(self.tr("Open &Recent"), parent)
        menu.aboutToShow.connect(self._fill)
        self._menu = menu
        return menu

    def _fill(self) -> None:
        self._menu.clear()
        for path in self.paths:
            action = self._menu.addAction(path.name)
            action.setToolTip(str(path))
            action.setData(str(path))
            action.triggered.connect(self._on_triggered)
        if self._menu.isEmpty():
            self._menu.addAction(self.tr("None yet")).setEnabled(False)

    def _on_triggered(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.chosen.emit(Path(action.data()))
