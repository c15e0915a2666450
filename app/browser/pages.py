"""The left side of the window: the archive's contents, or the page that invites to fill it."""

from __future__ import annotations

from PySide6.QtWidgets import QRubberBand, QStackedWidget, QWidget

from app.browser.browser import Browser
from app.browser.empty_page import EmptyPage
from app.session.recent import Recent
from app.session.session import ArchiveSession
from app.widgets.actions import Actions


class Pages(QStackedWidget):
    """Shows the browser while there is something to browse, else the empty page."""

    def __init__(
        self,
        session: ArchiveSession,
        recent: Recent,
        actions: Actions,
        browser: Browser,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._recent, self._browser = session, recent, browser
        self.empty = EmptyPage(
            [actions.new, actions.open], [actions.add_files, actions.add_folder], self
        )
        self.empty.chosen.connect(session.open)
        self._band = QRubberBand(QRubberBand.Shape.Rectangle, self)
        self.addWidget(self.empty)
        self.addWidget(browser)
        session.opened.connect(self._on_opened)
        session.refreshed.connect(self._turn)
        self._on_opened()

    def set_hovered(self, hovered: bool) -> None:
        """Highlight the page while something is dragged over the window."""
        self.empty.set_hovered(hovered)
        self._band.setGeometry(self.rect())
        self._band.setVisible(hovered and self.currentWidget() is self._browser)

    def _on_opened(self) -> None:
        path = self._session.path
        name = path.name if path is not None else None
        if path is not None:
            self._recent.add(path)
        self._browser.crumbs.set_archive(name or "")
        self.empty.set_archive(name, self._recent.paths)
        self._turn()

    def _turn(self) -> None:
        session = self._session
        busy = any(job.archive == session.path for job in session.jobs.active)
        shows = not session.model.is_empty or (busy and session.path is not None)
        self.setCurrentWidget(self._browser if shows else self.empty)
