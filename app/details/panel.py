"""The tabs on the right side of the window."""

from __future__ import annotations

from PySide6.QtCore import QSettings, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QTabWidget, QWidget

from app.backend.backend import Backend
from app.backend.executors import Executors
from app.details.codelength import CodelengthTab
from app.details.compare import CompareTab
from app.details.comparison import Comparison
from app.details.contest import Contest
from app.details.info import InfoTab
from app.details.preview import PreviewTab
from app.details.tab import Selection, Tab
from app.details.timing import TimingTab
from app.dialogs.dialogs import Dialogs
from app.figures.tables import Table
from app.preview.loader import Loader

#: The totals of a growing archive are updated no more often than this.
_REST_MS = 250


class DetailsPanel(QTabWidget):
    """Passes the selection to the visible tab; the others get it when they are shown."""

    def __init__(
        self,
        backend: Backend,
        executors: Executors,
        dialogs: Dialogs,
        settings: QSettings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._selection = Selection()
        self._waits = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._after_rest)
        self.comparison = Comparison(backend, executors.comparing, self)
        self.contest = Contest(backend, executors.comparing, self)
        self.preview = PreviewTab(Loader(backend, executors.previewing, self), dialogs)
        self.codelength = CodelengthTab(self.comparison, self)
        self.timing = TimingTab(self)
        self.info = InfoTab(backend, executors)
        self.compare = CompareTab(self.contest, dialogs, settings)
        for tab in (self.preview, self.codelength, self.timing, self.info, self.compare):
            tab.setObjectName(type(tab).__name__)
            self.addTab(tab, tab.title())
        self.setDocumentMode(True)
        self.tabBar().setDrawBase(True)
        self.setMinimumWidth(280)
        self.setAccessibleName(self.tr("Details"))
        self.currentChanged.connect(self._tell)
        self._tell()

    def show_selection(self, selection: Selection) -> None:
        """Turn to another selection."""
        self._selection = selection
        if selection.chosen or not self._rest.isActive():
            self._rest.start()
            self._tell()
        else:  # totals, which change with every file of a job
            self._waits = True

    def stop(self) -> None:
        """Measure nothing more."""
        self.comparison.cancel()
        self.contest.cancel()

    def turn_to(self, name: str) -> None:
        """Show the tab of this object name, if there is one."""
        tab = self.findChild(Tab, name)
        if tab is not None:
            self.setCurrentWidget(tab)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._tell()

    def table(self) -> Table | None:
        """The figures of the visible tab."""
        tab = self.currentWidget()
        return tab.table() if isinstance(tab, Tab) else None

    def title(self) -> str:
        """The title of the visible tab."""
        return self.tabText(self.currentIndex())

    def _after_rest(self) -> None:
        if self._waits:
            self._rest.start()
            self._tell()

    def _tell(self) -> None:
        self._waits = False
        tab = self.currentWidget()
        if isinstance(tab, Tab) and not self.isHidden():
            tab.show_selection(self._selection)
