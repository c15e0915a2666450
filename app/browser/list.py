"""The list of entries, with columns that the user chooses."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QByteArray, QItemSelectionModel, QPoint, QSettings, Qt, Signal
from PySide6.QtGui import QAction, QFont, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QMenu, QTableView, QWidget

from app.browser.delegates import CellDelegate, NameDelegate, SavedDelegate
from app.browser.kept_selection import rows_of
from app.browser.thumbnails import Thumbnails
from app.session.columns import Column
from app.session.entries_model import EntriesModel
from app.session.tree import File, Item
from app.widgets.style import ARROW, RoomyStyle
from core.archive.entry import Entry

_LEAST_NAME_WIDTH = 180
_PADDING = 18


class EntriesView(QTableView):
    """Rows are selected as in a file manager."""

    selection_changed = Signal()
    drag_wanted = Signal()  #: the button is down on the selection, and the mouse moves

    def __init__(
        self, model: EntriesModel, thumbnails: Thumbnails, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model, self._columns = model, model.columns
        self.setModel(model)
        self._name_delegate = NameDelegate(thumbnails, self)
        self._saved_delegate = SavedDelegate(self)
        self.setItemDelegate(CellDelegate(self))
        self.setItemDelegateForColumn(0, self._name_delegate)
        saved = next(i for i, column in enumerate(self._columns) if column.key == "saved")
        self.setItemDelegateForColumn(saved, self._saved_delegate)
        self.setAccessibleName(self.tr("Images in the archive"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setDragEnabled(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._roomy = RoomyStyle()
        self.setStyle(self._roomy)
        self.horizontalHeader().setStyle(self._roomy)
        font = QFont(self.font())
        font.setFeature(QFont.Tag("tnum"), 1)
        self.setFont(font)
        self.verticalHeader().hide()
        height = max(self.fontMetrics().height() + 12, self._name_delegate.height)
        self.verticalHeader().setDefaultSectionSize(height)
        self._set_up_header()
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self._sorted_by = 0
        self.horizontalHeader().sectionClicked.connect(self._on_header_clicked)
        self.selectionModel().selectionChanged.connect(self.selection_changed)

    def _set_up_header(self) -> None:
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        # Columns are never selected; with the view's selection model, each painting of the header
        # would check every cell of ten thousand rows.
        header.setSelectionModel(QItemSelectionModel(self._model, header))
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignVCenter)
        header.setSectionsMovable(True)
        header.setMinimumSectionSize(44)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._on_header_menu)
        self.reset_columns()

    def reset_columns(self) -> None:
        """Reset the columns, their widths and their order to the default."""
        self._show_columns(lambda column: column.shown)

    def show_measurements(self) -> None:
        """Show the columns of measurements."""
        self._show_columns(lambda column: column.is_measurement)

    def _show_columns(self, wanted: Callable[[Column], bool]) -> None:
        header = self.horizontalHeader()
        for index, column in enumerate(self._columns):
            header.moveSection(header.visualIndex(index), index)
            header.setSectionHidden(index, not wanted(column))
            header.resizeSection(index, self._designed_width(column))
        self._fill()

    def _designed_width(self, column: Column) -> int:
        sample = self.fontMetrics().horizontalAdvance(column.widest)
        title = self.horizontalHeader().fontMetrics().size(0, column.title).width()
        return max(sample, title + 2 * ARROW) + _PADDING

    def startDrag(self, supportedActions: Qt.DropAction) -> None:  # noqa: N803
        self.drag_wanted.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fill()

    def _fill(self) -> None:
        """Give the name column the width that the others leave."""
        header = self.horizontalHeader()
        rest = header.length() - header.sectionSize(0)
        header.resizeSection(0, max(_LEAST_NAME_WIDTH, self.viewport().width() - rest))

    def fill_column_menu(self, menu: QMenu) -> None:
        """Fill a menu that shows and hide columns; the name is always shown."""
        menu.clear()
        for index, column in enumerate(self._columns[1:], start=1):
            action = menu.addAction(column.title.replace("\n", " "))
            action.setCheckable(True)
            action.setChecked(not self.isColumnHidden(index))
            action.setData(index)
            action.setStatusTip(column.explanation)
            action.toggled.connect(self._on_column_toggled)
        menu.addSeparator()
        menu.addAction(self.tr("&Measurements"), self.show_measurements)
        menu.addAction(self.tr("&Reset"), self.reset_columns)

    def _on_column_toggled(self, shown: bool) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.setColumnHidden(action.data(), not shown)
            self._fill()

    def _on_header_clicked(self, section: int) -> None:
        """The first click on a column of numbers sorts the largest first."""
        if section != self._sorted_by and self._columns[section].is_number:
            self.sortByColumn(section, Qt.SortOrder.DescendingOrder)
        self._sorted_by = section

    def _on_header_menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        self.fill_column_menu(menu)
        menu.exec(self.horizontalHeader().mapToGlobal(point))
        menu.deleteLater()

    def selected_items(self) -> list[Item]:
        """The selected files and folders, in the order shown."""
        return [self._model.items[row] for row in rows_of(self.selectionModel())]

    def selected(self) -> list[Entry]:
        """The selected entries, and those in selected folders, in the order shown."""
        found = (entry for item in self.selected_items() for entry in item.below())
        return list({entry.name: entry for entry in found}.values())

    def shown(self) -> list[Entry]:
        """The entries of all rows, in the order shown."""
        return [item.entry for item in self._model.items if isinstance(item, File)]

    def _titles(self) -> str:
        return "|".join(column.title for column in self._columns)

    def save(self, settings: QSettings) -> None:
        """Save the columns."""
        settings.setValue("entries/header", self.horizontalHeader().saveState())
        settings.setValue("entries/titles", self._titles())

    def restore(self, settings: QSettings) -> None:
        """Restore the columns, unless the program has others now, or other titles."""
        state = settings.value("entries/header")
        if isinstance(state, QByteArray) and settings.value("entries/titles") == self._titles():
            self.horizontalHeader().restoreState(state)
