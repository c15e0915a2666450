"""The menus that the menu bar and the context menus share: recent archives and columns."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from app.browser.list import EntriesView
from app.session.recent import Recent


class RecentMenu(QMenu):
    """The archives that were opened lately; filled each time it opens."""

    chosen = Signal(object)  #: Path

    def __init__(self, recent: Recent, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Open &Recent"))
        self._recent = recent
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List the archives of the moment."""
        self.clear()
        for path in self._recent.paths:
            action = self.addAction(path.name)
            action.setToolTip(str(path))
            action.triggered.connect(partial(self._choose, path))
        if self.isEmpty():
            self.addAction(self.tr("None yet")).setEnabled(False)

    def _choose(self, path: Path) -> None:
        self.chosen.emit(path)


class ColumnMenu(QMenu):
    """The columns of the list; filled each time it opens."""

    def __init__(self, entries: EntriesView, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("&Columns"))
        self.aboutToShow.connect(partial(entries.fill_column_menu, self))
