"""The archives that were opened lately, and the folder to start looking in."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QSettings

_KEPT = 8


class Recent(QObject):
    """Kept in the settings, the latest first."""

    def __init__(self, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings

    @property
    def paths(self) -> list[Path]:
        """At most eight; they may have been removed since."""
        stored = self._settings.value("recent/archives", [])
        names = [stored] if isinstance(stored, str) else stored
        return [Path(str(name)) for name in names] if isinstance(names, list) else []

    @property
    def folder(self) -> Path:
        """The folder of the latest archive."""
        paths = self.paths
        return paths[0].parent if paths else Path.home()

    def add(self, path: Path) -> None:
        """Put an archive first."""
        kept = [path, *(other for other in self.paths if other != path)][:_KEPT]
        self._settings.setValue("recent/archives", [str(p) for p in kept])
