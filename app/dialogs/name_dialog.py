"""Asks for a name, and explains while it is typed why it is invalid."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from app.language.naming import Problem

_WIDTH = 380


class NameDialog(QDialog):
    """OK is enabled for a valid name only."""

    def __init__(
        self, parent: QWidget, title: str, label: str, name: str, problem: Problem
    ) -> None:
        super().__init__(parent)
        self._problem_of = problem
        self.setWindowTitle(title)
        self.line = QLineEdit(name, self)
        caption = QLabel(label, self)
        caption.setBuddy(self.line)
        caption.setWordWrap(True)
        self.line.setAccessibleName(label)
        self.problem = QLabel(self)
        self.problem.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (caption, self.line, self.problem, self.buttons):
            layout.addWidget(widget)
        self.setMinimumWidth(_WIDTH)
        # Two lines are reserved for a problem, so that nothing jumps when there is one.
        self.problem.setMinimumHeight(2 * self.problem.fontMetrics().height())
        self.line.textChanged.connect(self._check)
        self._check(name)
        self.line.selectAll()

    @property
    def name(self) -> str:
        """The text of the moment, without spaces around it."""
        return self.line.text().strip()

    def _check(self, _: str) -> None:
        problem = self._problem_of(self.name)
        self.problem.setText(problem or "")
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(problem is None and bool(self.name))
