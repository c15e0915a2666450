"""The selection that tabs show, and their common frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.figures.tables import Table
from app.language import formats
from app.widgets.labels import Caption, ElidedLabel
from core.archive.entry import Entry
from core.archive.totals import Totals


@dataclass(frozen=True)
class Selection:
    """The entries shown: the selected ones, or all if none is selected."""

    archive: Path | None = None
    entries: Sequence[Entry] = ()
    chosen: bool = False

    @property
    def single(self) -> Entry | None:
        """The selected entry, if it is exactly one."""
        return self.entries[0] if self.chosen and len(self.entries) == 1 else None


class Tab(QWidget):
    """A page of the panel. It gets the selection only while it is visible."""

    def title(self) -> str:
        """The title of the tab."""
        raise NotImplementedError

    def show_selection(self, selection: Selection) -> None:
        """Show this selection."""
        raise NotImplementedError

    def table(self) -> Table | None:
        """The figures shown, for other programs; None if there are none."""
        return None


class ScrollingTab(Tab):
    """A heading with the selection's name and size, and sections below it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = ElidedLabel(self)
        font = QFont(self.font())
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.15)
        self.heading.setFont(font)
        self.facts = Caption(self)
        self._body = QWidget()
        self.column = QVBoxLayout(self._body)
        self.column.setContentsMargins(16, 14, 16, 14)
        self.column.setSpacing(4)
        self.column.addWidget(self.heading)
        self.column.addWidget(self.facts)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(_Column(self._body, self))

    def add_section(self, heading: str, *parts: QWidget) -> QWidget:
        """Add a bold heading with widgets below it, as one widget that can be hidden."""
        section = QWidget(self._body)
        column = QVBoxLayout(section)
        column.setContentsMargins(0, 14, 0, 0)
        column.setSpacing(4)
        label = QLabel(heading, section)
        font = QFont(label.font())
        font.setBold(True)
        label.setFont(font)
        for part in (label, *parts):
            column.addWidget(part)
        self.column.addWidget(section)
        return section

    def show_heading(self, selection: Selection, invitation: str) -> None:
        """Show the name and size of one entry, the totals of several, or the invitation."""
        entry, entries = selection.single, selection.entries
        if not entries:
            self.heading.set_text(self.title())
            self.facts.setText(invitation)
            return
        size = formats.result(Totals.of(entries).all)
        if entry is None:
            self.heading.set_text(formats.files(len(entries)))
            self.facts.setText(size)
            return
        kind = self.tr("grey") if entry.channels == 1 else self.tr("colour")
        self.heading.set_text(entry.name)
        self.facts.setText(f"{formats.dimensions(entry.width, entry.height)}, {kind}\n{size}")


class _Column(QScrollArea):
    """A scroll area that scrolls vertically only."""

    def __init__(self, body: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self._body = body
        self.setWidget(body)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Word-wrapped labels must not ask for more width than there is.
        self._body.setMaximumWidth(self.viewport().width())
