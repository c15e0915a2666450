"""The filter of names, and what is shown if nothing matches."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

_WIDTH = 220


class Filter(QLineEdit):
    """Narrows the list to names that contain what is typed."""

    left = Signal()  #: the user goes on to the list

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(self.tr("Filter names"))
        self.setAccessibleName(self.tr("Filter names"))
        self.setClearButtonEnabled(True)
        self.setAcceptDrops(False)  # it would insert dropped files as text
        self.setFixedWidth(_WIDTH)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Escape:
                self.clear()
                self.left.emit()
            case Qt.Key.Key_Down | Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.left.emit()
            case _:
                super().keyPressEvent(event)


class NothingFound(QWidget):
    """A sentence in place of an empty list, and a button that clears the filter."""

    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        text = QLabel(self.tr("Nothing here matches the filter."), self)
        text.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.clear = QPushButton(self.tr("&Clear Filter"), self)
        self.clear.clicked.connect(self.cleared)
        column = QVBoxLayout(self)
        column.addStretch(2)
        column.addWidget(text, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(8)
        column.addWidget(self.clear, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
