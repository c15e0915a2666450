"""The line in which the names to show are typed."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QWidget

_WIDTH = 220


class Filter(QLineEdit):
    """Narrows the list to names that contain what is typed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(self.tr("Filter names"))
        self.setAccessibleName(self.tr("Filter names"))
        self.setClearButtonEnabled(True)
        self.setAcceptDrops(False)  # it would insert dropped files as text
        self.setFixedWidth(_WIDTH)
