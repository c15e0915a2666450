"""The folder under the pointer while something is dragged, with a mark on it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QPoint, QRect
from PySide6.QtWidgets import QAbstractItemView, QRubberBand, QTableView, QWidget

from app.browser.breadcrumb import Breadcrumb
from app.session.entries_model import EntriesModel
from app.session.tree import Folder


class DropMark(QObject):
    """Finds folders among rows, tiles and crumbs; all points are of the screen."""

    def __init__(
        self, model: EntriesModel, views: Sequence[QAbstractItemView], crumbs: Breadcrumb
    ) -> None:
        super().__init__(crumbs)
        self._model, self._views, self._crumbs = model, views, crumbs
        self._bands = {
            widget: QRubberBand(QRubberBand.Shape.Rectangle, widget)
            for widget in (*(view.viewport() for view in views), crumbs)
        }

    @property
    def visible(self) -> bool:
        """Whether a folder is marked."""
        return any(band.isVisible() for band in self._bands.values())

    def folder_at(self, point: QPoint) -> str | None:
        """The path of the folder at a point, or None."""
        found = self._find(point)
        return None if found is None else found[0]

    def show(self, point: QPoint) -> None:
        """Mark the folder at a point, and no other."""
        found = self._find(point)
        for widget, band in self._bands.items():
            if found is None or widget is not found[1]:
                band.hide()
            else:
                band.setGeometry(found[2])
                band.show()

    def hide(self) -> None:
        """Remove the mark."""
        for band in self._bands.values():
            band.hide()

    def _find(self, point: QPoint) -> tuple[str, QWidget, QRect] | None:
        """The folder at a point, the widget that shows it, and its area there."""
        inside = self._crumbs.mapFromGlobal(point)
        if self._is_at(self._crumbs, point) and (path := self._crumbs.path_at(inside)) is not None:
            return path, self._crumbs, self._crumbs.area_at(inside)
        for view in self._views:
            if not self._is_at(view.viewport(), point):
                continue
            index = view.indexAt(view.viewport().mapFromGlobal(point))
            item = self._model.items[index.row()] if index.isValid() else None
            if isinstance(item, Folder):
                area = view.visualRect(index)
                if isinstance(view, QTableView):  # the whole row
                    area.setLeft(0)
                    area.setRight(view.viewport().width() - 1)
                return item.path, view.viewport(), area
        return None

    @staticmethod
    def _is_at(widget: QWidget, point: QPoint) -> bool:
        return widget.isVisible() and widget.rect().contains(widget.mapFromGlobal(point))
