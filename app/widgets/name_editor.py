"""In-position editing of names: in the list, the tiles, and the tree of folders."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, QPoint, Qt
from PySide6.QtGui import QHideEvent, QMoveEvent, QPalette, QResizeEvent, QShowEvent, QValidator
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.language.naming import Problem, stem_length

Index = QModelIndex | QPersistentModelIndex

_WIDEST_PROBLEM = 320
_GAP = 3


class NameEditor(QLineEdit):
    """Shows below itself why a name is invalid; the Enter key is then ignored.

    The delegate handles Enter and Escape, and asks the validator first.
    """

    def __init__(self, parent: QWidget, name: str, problem: Problem) -> None:
        super().__init__(parent)
        self._around, self._problem_of = parent, problem
        self.problem = QLabel(parent)
        self.problem.setObjectName("problem of a name")
        self.problem.setFrameShape(QFrame.Shape.Box)
        self.problem.setWordWrap(True)
        self.problem.setMargin(4)
        self.problem.setAutoFillBackground(True)
        self.problem.setBackgroundRole(QPalette.ColorRole.ToolTipBase)
        self.problem.setForegroundRole(QPalette.ColorRole.ToolTipText)
        self.problem.hide()
        self.setAccessibleName(self.tr("New name of {0}").format(name))
        self.setValidator(_Validator(self))
        self.textChanged.connect(self._check)
        self.setText(name)

    @property
    def name(self) -> str:
        """The typed name."""
        return self.text().strip()

    def why_not(self, text: str) -> str | None:
        """Why a text is an invalid name, or None."""
        return self._problem_of(text.strip())

    def _check(self) -> None:
        problem = self.why_not(self.text()) or ""
        self.setAccessibleDescription(problem)
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem) and self.isVisible())
        self._place_problem()

    def _place_problem(self) -> None:
        """Below, or above if there is no room below; never beyond the edge."""
        if not self.problem.text():
            return
        around = self._around.rect()
        width = min(_WIDEST_PROBLEM, around.width())
        metrics = self.problem.fontMetrics()
        width = min(width, metrics.horizontalAdvance(self.problem.text()) + 16)
        height = self.problem.heightForWidth(width)
        position = self.geometry().bottomLeft() + QPoint(0, _GAP)
        if position.y() + height > around.bottom():
            position = self.geometry().topLeft() - QPoint(0, _GAP + height)
        position.setX(max(0, min(position.x(), around.width() - width)))
        self.problem.setGeometry(position.x(), position.y(), width, height)
        self.problem.raise_()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.setSelection(0, stem_length(self.text()))  # views select all before they show it

    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        self._place_problem()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_problem()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.problem.hide()


class _Validator(QValidator):
    """Any text can be typed; invalid names are not accepted."""

    def __init__(self, editor: NameEditor) -> None:
        super().__init__(editor)
        self._editor = editor

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        good = self._editor.why_not(text) is None
        return (QValidator.State.Acceptable if good else self.State.Intermediate), text, position


class NamingDelegate(QStyledItemDelegate):
    """Edits names; subclasses check them."""

    _editor: NameEditor | None = None

    def problem(self, index: Index, text: str) -> str | None:
        """Why this name is invalid for the row, or None."""
        raise NotImplementedError

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        row = QPersistentModelIndex(index)
        name = str(index.data(Qt.ItemDataRole.EditRole))
        editor = NameEditor(parent, name, lambda text: self.problem(row, text))
        editor.destroyed.connect(editor.problem.deleteLater)
        self._editor = editor  # else Python collects its half of what the view holds
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Nothing: the editor has the name, and views call this while the user types."""

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        assert isinstance(editor, NameEditor)
        if editor.hasAcceptableInput():  # else the focus left an invalid name: keep the old one
            model.setData(index, editor.name, Qt.ItemDataRole.EditRole)
