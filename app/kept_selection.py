"""Keeps selection, current row and place while a model shows other rows."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QObject, Signal
from PySide6.QtWidgets import QAbstractItemView

from app.entries_model import EntriesModel

_Flag = QItemSelectionModel.SelectionFlag


class KeptSelection(QObject):
    """What was selected and is still there after a reset is selected again.

    In a folder that was entered nothing is; on the way back, the folder that was left is current.
    """

    restored = Signal()  #: also where nothing was: resets clear a selection without a word

    def __init__(self, model: EntriesModel, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._model, self._view = model, view
        self._selected: set[str] = set()
        self._current = self._folder = ""
        model.modelAboutToBeReset.connect(self._remember)
        model.modelReset.connect(self._restore)

    def _remember(self) -> None:
        model, chosen = self._model, self._view.selectionModel()
        self._selected = {model.items[index.row()].path for index in chosen.selectedRows()}
        current = chosen.currentIndex()
        self._current = model.items[current.row()].path if current.isValid() else ""
        self._folder = model.folder.path

    def _restore(self) -> None:
        model, chosen = self._model, self._view.selectionModel()
        inside = f"{model.folder.path}/" if model.folder.path else ""
        left = ""
        if self._folder != model.folder.path and self._folder.startswith(inside):
            left = inside + self._folder[len(inside) :].partition("/")[0]
        selection = QItemSelection()
        current = start = None
        for row, item in enumerate(model.items):
            if item.path == (left or self._current):
                current = row
            if item.path in self._selected:
                start = row if start is None else start
            elif start is not None:
                self._add(selection, start, row - 1)
                start = None
        if start is not None:
            self._add(selection, start, len(model.items) - 1)
        if current is not None:
            index = model.index(current, 0)
            chosen.setCurrentIndex(index, _Flag.NoUpdate)
            if left:
                selection.select(index, model.index(current, model.columnCount() - 1))
            self._view.scrollTo(index)
        chosen.select(selection, _Flag.Select)
        self.restored.emit()

    def _add(self, selection: QItemSelection, first: int, last: int) -> None:
        model = self._model
        selection.select(model.index(first, 0), model.index(last, model.columnCount() - 1))
