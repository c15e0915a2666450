"""Keeps the selection and the current row when the model is reset."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QItemSelectionRange, QObject, Signal
from PySide6.QtWidgets import QAbstractItemView

from app.session.entries_model import EntriesModel

_Flag = QItemSelectionModel.SelectionFlag


def rows_of(chosen: QItemSelectionModel) -> list[int]:
    """The selected rows, in order; Qt's selectedRows asks for the flags of every cell."""
    ranges = cast(list[QItemSelectionRange], chosen.selection())
    return sorted({row for part in ranges for row in range(part.top(), part.bottom() + 1)})


class KeptSelection(QObject):
    """Selects again after a reset what was selected before, as far as it is still there.

    In a folder that was entered, nothing is selected; on the way back, the folder just left is.
    """

    restored = Signal()  #: a reset clears a selection without a signal

    def __init__(self, model: EntriesModel, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._model, self._view = model, view
        self._selected: set[str] = set()
        self._current = self._folder = ""
        model.modelAboutToBeReset.connect(self._remember)
        model.modelReset.connect(self._restore)

    def _remember(self) -> None:
        model, chosen = self._model, self._view.selectionModel()
        self._selected = {model.items[row].path for row in rows_of(chosen)}
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
        if self._selected or left:
            self.restored.emit()

    def _add(self, selection: QItemSelection, first: int, last: int) -> None:
        model = self._model
        selection.select(model.index(first, 0), model.index(last, model.columnCount() - 1))
