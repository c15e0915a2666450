"""The archive's contents: the path bar above, the list or the tiles below."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QSettings,
    QSize,
    Signal,
)
from PySide6.QtGui import QAction, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QStackedWidget, QVBoxLayout, QWidget

from app.browser.breadcrumb import Breadcrumb
from app.browser.drop_mark import DropMark
from app.browser.filter import NothingFound
from app.browser.kept_selection import KeptSelection
from app.browser.list import EntriesView
from app.browser.thumbnails import Thumbnails
from app.browser.tiles import TilesView
from app.session.entries_model import EntriesModel
from app.session.tree import File, Folder
from core.archive.entry import Entry

_Flag = QItemSelectionModel.SelectionFlag


class Browser(QWidget):
    """Enters folders; files are left to others by a signal."""

    file_activated = Signal()  #: the current file
    selection_changed = Signal()

    def __init__(
        self,
        model: EntriesModel,
        thumbnails: Thumbnails,
        up: QAction,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._model, self._thumbnails, self._up = model, thumbnails, up
        self.crumbs = Breadcrumb(model, up, self)
        self.list = EntriesView(model, thumbnails, self)
        self.tiles = TilesView(model, thumbnails, self)
        self.tiles.setSelectionModel(self.list.selectionModel())
        self._views = QStackedWidget(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.crumbs)
        layout.addWidget(self._views, 1)
        self.nothing_found = NothingFound(self)
        layout.addWidget(self.nothing_found, 1)
        for view in (self.list, self.tiles):
            self._views.addWidget(view)
            view.activated.connect(self._on_activated)
            view.verticalScrollBar().valueChanged.connect(thumbnails.forget_waiting)
        self.drop_mark = DropMark(model, (self.list, self.tiles), self.crumbs)
        # After both views, which drop the selection when the model is reset.
        self._kept = KeptSelection(model, self.list)
        self._kept.restored.connect(self.list.selection_changed)
        self.list.selection_changed.connect(self.selection_changed)
        up.triggered.connect(self.leave)
        self.crumbs.chosen.connect(self.enter)
        thumbnails.arrived.connect(self._on_arrived)
        model.folder_changed.connect(self._on_folder_changed)
        for signal in (model.modelReset, model.rowsInserted, model.rowsRemoved):
            signal.connect(self._show_whether_found)
        self._on_folder_changed()
        self._show_whether_found()

    @property
    def view(self) -> QAbstractItemView:
        """The visible view."""
        return self.tiles if self.shows_tiles else self.list

    @property
    def shows_tiles(self) -> bool:
        """Whether the tiles are shown, not the list."""
        return self._views.currentWidget() is self.tiles

    def show_tiles(self, tiles: bool) -> None:
        """Show the tiles, or the list."""
        had_focus = self.view.hasFocus()
        self._views.setCurrentWidget(self.tiles if tiles else self.list)
        if had_focus:
            self.view.setFocus()
        current = self.list.currentIndex()
        if current.isValid():
            self.view.scrollTo(current.siblingAtColumn(0))

    def zoom_in(self) -> None:
        """Make the tiles larger."""
        self._zoom(1)

    def zoom_out(self) -> None:
        """Make the tiles smaller."""
        self._zoom(-1)

    def _zoom(self, steps: int) -> None:
        if self.shows_tiles:
            self._thumbnails.forget_waiting()
            self.tiles.set_zoom(self.tiles.zoom + steps)

    def thumbnail(self, entry: Entry, box: QSize) -> QPixmap | None:
        """The thumbnail of an image, if it is ready."""
        return self._thumbnails.pixmap(entry, box, self.devicePixelRatioF())

    def focus_view(self) -> None:
        """Focus the visible view."""
        self.view.setFocus()

    def focus_first(self) -> None:
        """Focus the visible view; select the first row if none is selected."""
        view = self.view
        view.setFocus()
        if not self.list.selectionModel().hasSelection() and self._model.items:
            self.select([self._model.items[0].path])

    def enter(self, path: str) -> None:
        """Show a folder."""
        self._model.show_folder(path)

    def open_folder(self) -> None:
        """Enter the selected item, if it is a folder."""
        items = self.list.selected_items()
        if len(items) == 1 and isinstance(items[0], Folder):
            self.enter(items[0].path)

    def leave(self) -> None:
        """Show the parent folder."""
        around = self._model.folder.folder
        if around is not None:
            self.enter(around.path)

    def select(self, paths: Sequence[str]) -> None:
        """Select these files and folders, as far as they are shown."""
        wanted = set(paths)
        rows = [row for row, item in enumerate(self._model.items) if item.path in wanted]
        if rows:
            selection = QItemSelection()
            for row in rows:
                index = self._model.index(row, 0)
                selection.select(index, index)
            chosen = self.list.selectionModel()
            chosen.setCurrentIndex(self._model.index(rows[0], 0), _Flag.NoUpdate)
            chosen.select(selection, _Flag.ClearAndSelect | _Flag.Rows)
            self.view.scrollTo(chosen.currentIndex())

    def edit_name(self, path: str) -> None:
        """Open the editor of a name in its row."""
        row = self._model.row_of(path)
        if row is not None:
            index = self._model.index(row, 0)
            self.view.setFocus()
            self.list.selectionModel().setCurrentIndex(index, _Flag.NoUpdate)
            self.view.scrollTo(index)
            self.view.edit(index)

    def _on_activated(self, index: QModelIndex) -> None:
        item = self._model.items[index.row()]
        if isinstance(item, Folder):
            self.enter(item.path)
        elif isinstance(item, File):
            self.file_activated.emit()

    def _on_arrived(self) -> None:
        self.view.viewport().update()

    def _on_folder_changed(self) -> None:
        self._thumbnails.forget_waiting()
        self._up.setEnabled(self._model.folder.folder is not None)

    def _show_whether_found(self) -> None:
        is_empty = self._model.filtered and not self._model.items
        self.nothing_found.setVisible(is_empty)
        self._views.setVisible(not is_empty)

    def save(self, settings: QSettings) -> None:
        """Save columns, view and zoom."""
        self.list.save(settings)
        settings.setValue("entries/tiles", self.shows_tiles)
        settings.setValue("entries/zoom", self.tiles.zoom)

    def restore(self, settings: QSettings) -> None:
        """Restore columns, view and zoom."""
        self.list.restore(settings)
        self.tiles.set_zoom(int(str(settings.value("entries/zoom", self.tiles.zoom))))
        self.show_tiles(bool(settings.value("entries/tiles", False, bool)))
