"""The files of all jobs as a table, or only those that failed."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSortFilterProxyModel, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app.jobs.files_model import FAILED_ROLE, FILE, FRACTION_ROLE, PROGRESS, STATE, JobFilesModel
from app.language import formats
from app.widgets import colours
from app.widgets.style import RoomyStyle, paint_progress


class ProgressDelegate(QStyledItemDelegate):
    """A thin bar and its percentage, as light as the text around it."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        fraction = index.data(FRACTION_ROLE)
        text = index.data(Qt.ItemDataRole.DisplayRole)
        cell = QStyleOptionViewItem(option)
        self.initStyleOption(cell, index)
        cell.text = ""
        view = cell.widget
        view.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, cell, painter, view)
        if fraction is None:
            return
        palette: QPalette = cell.palette
        selected = bool(cell.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        front = palette.color(role)
        full = front if selected else palette.color(QPalette.ColorRole.Highlight)
        metrics = cell.fontMetrics
        area = QRectF(cell.rect).adjusted(6, 0, -6, 0)
        width = metrics.horizontalAdvance(formats.percent(1.0)) + 8
        bar = area.adjusted(0, 0, -width, 0)
        paint_progress(painter, bar, fraction, colours.line(palette), full)
        painter.save()
        painter.setPen(front)
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()


class JobFilesView(QTableView):
    """Rows can be copied together with their states."""

    def __init__(self, model: JobFilesModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._files = model
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(model)
        self._proxy.setFilterRole(FAILED_ROLE)
        self.setModel(self._proxy)
        self.copy = QAction(self.tr("&Copy"), self)
        self.copy.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        self.copy.setShortcutVisibleInContextMenu(True)
        self.copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.copy.triggered.connect(self._copy_rows)
        self.copy.setEnabled(False)
        self.selectionModel().selectionChanged.connect(self._on_selection)
        self.addAction(self.copy)
        self._look()

    def show_failures_only(self, only: bool) -> None:
        """Show the failed files only, or all."""
        self._proxy.setFilterFixedString("true" if only else "")

    def reveal(
        self,
        row: int,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Scroll to a row of the model, if it is shown."""
        index = self._proxy.mapFromSource(self._files.index(row, FILE))
        if index.isValid():
            self.scrollTo(index, hint)

    def _on_selection(self) -> None:
        self.copy.setEnabled(self.selectionModel().hasSelection())

    def _copy_rows(self) -> None:
        """Copy the selected files and their states, one line each."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        lines = (
            "\t".join(self._proxy.index(row, column).data() for column in (FILE, STATE))
            for row in rows
        )
        QGuiApplication.clipboard().setText("\n".join(lines))

    def _look(self) -> None:
        self._roomy = RoomyStyle()
        self.setStyle(self._roomy)
        self.horizontalHeader().setStyle(self._roomy)
        self.setItemDelegateForColumn(PROGRESS, ProgressDelegate(self))
        self.setAccessibleName(self.tr("Files of the jobs"))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 9)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(STATE, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(FILE, 260)
        header.resizeSection(PROGRESS, 220)
