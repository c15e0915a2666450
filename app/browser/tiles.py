"""The entries as tiles: larger thumbnails, their names below."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QWidget

from app.browser.delegates import TileDelegate
from app.browser.thumbnails import Thumbnails
from app.session.entries_model import EntriesModel

#: Widths of a thumbnail.
ZOOMS = (64, 96, 128, 176, 240, 320)
DEFAULT_ZOOM = 2


class TilesView(QListView):
    """The same rows and the same selection as the list."""

    drag_wanted = Signal()  #: the button is down on the selection, and the mouse moves

    def __init__(
        self, model: EntriesModel, thumbnails: Thumbnails, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._delegate = TileDelegate(thumbnails, QSize(), self)
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.setAccessibleName(self.tr("Images in the archive, as tiles"))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setDragEnabled(True)  # off by default in a static view
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setWordWrap(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionRectVisible(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.verticalScrollBar().setSingleStep(24)
        self.zoom = DEFAULT_ZOOM
        self.set_zoom(DEFAULT_ZOOM)

    def startDrag(self, supportedActions: Qt.DropAction) -> None:  # noqa: N803
        self.drag_wanted.emit()

    def set_zoom(self, zoom: int) -> None:
        """Set the zoom to an index of ZOOMS, or the nearest one."""
        self.zoom = max(0, min(zoom, len(ZOOMS) - 1))
        width = ZOOMS[self.zoom]
        self._delegate.box = QSize(width, width * 3 // 4)
        self.setIconSize(self._delegate.box)
        tile = self._delegate.tile(self.fontMetrics().height())
        self.setGridSize(tile + QSize(8, 8))
        self.scheduleDelayedItemsLayout()
