"""Painted cells: a name with its thumbnail, and the saved share as a bar."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.browser.thumbnails import Thumbnails
from app.language import formats
from app.session.entries_model import ITEM_ROLE, SORT_ROLE, EntriesModel
from app.session.tree import File, Item
from app.widgets import colours, icons
from app.widgets.name_editor import NamingDelegate
from app.widgets.style import paint_progress

Index = QModelIndex | QPersistentModelIndex

_IN_ROWS = QSize(36, 26)
_ROW_MARGIN = 6
_LABEL_LINES = 2
_LEAST_EDITOR = 160


def drop_focus_frame(option: QStyleOptionViewItem) -> None:
    """A selected row has no frame around one of its cells."""
    if option.state & QStyle.StateFlag.State_Selected:
        option.state &= ~QStyle.StateFlag.State_HasFocus


class CellDelegate(QStyledItemDelegate):
    """Text cells of the list."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        drop_focus_frame(option)


class ThumbnailDelegate(NamingDelegate):
    """Paints thumbnails, or placeholders, as icons; edits the names.

    A thumbnail is requested when its row is painted: rows out of sight cost nothing.
    """

    fills_selection = False  #: whether a selected item has the full colour of the highlight

    def __init__(self, thumbnails: Thumbnails, box: QSize, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._thumbnails, self.box = thumbnails, box

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        item: Item = index.data(ITEM_ROLE)
        ratio = option.widget.devicePixelRatioF() if option.widget is not None else 1.0
        option.features |= QStyleOptionViewItem.ViewItemFeature.HasDecoration
        option.decorationSize = self.box
        option.icon = QIcon()
        palette: QPalette = option.palette
        grey = colours.faint(palette, 0.45 if isinstance(item, File) else 0.7)
        lit = palette.color(QPalette.ColorRole.HighlightedText) if self.fills_selection else grey
        # A photograph is not tinted by selection; a glyph has to be seen on it.
        option.icon.addPixmap(self._picture(item, ratio, grey), QIcon.Mode.Normal)
        option.icon.addPixmap(self._picture(item, ratio, lit), QIcon.Mode.Selected)

    def problem(self, index: Index, text: str) -> str | None:
        model = index.model()
        assert isinstance(model, EntriesModel)
        return model.problem_of_name(index, text)

    def _picture(self, item: Item, ratio: float, colour: QColor) -> QPixmap:
        if isinstance(item, File):
            thumbnail = self._thumbnails.pixmap(item.entry, self.box, ratio)
            if thumbnail is not None:
                return thumbnail
        name = "folder"
        if isinstance(item, File):
            name = "picture" if item.entry.is_image else "file"
        size = min(self.box.width(), self.box.height()) * (0.85 if self.box.height() < 40 else 0.5)
        return icons.centred(name, colour.rgb(), size, self.box, ratio)


class NameDelegate(ThumbnailDelegate):
    """The first column of the list."""

    fills_selection = True

    def __init__(self, thumbnails: Thumbnails, view: QAbstractItemView) -> None:
        super().__init__(thumbnails, _IN_ROWS, view)

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        drop_focus_frame(option)

    @property
    def height(self) -> int:
        """The height of a row."""
        return _IN_ROWS.height() + _ROW_MARGIN


class TileDelegate(ThumbnailDelegate):
    """A thumbnail with its name below."""

    def __init__(self, thumbnails: Thumbnails, box: QSize, view: QAbstractItemView) -> None:
        super().__init__(thumbnails, box, view)
        self._edited = QPersistentModelIndex()

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        self._edited = QPersistentModelIndex(index)
        return super().createEditor(parent, option, index)

    def destroyEditor(self, editor: QWidget, index: Index) -> None:
        self._edited = QPersistentModelIndex()
        super().destroyEditor(editor, index)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self.tile(option.fontMetrics.height())

    def tile(self, line_height: int) -> QSize:
        """The size of all tiles."""
        return QSize(self.box.width() + 20, self.box.height() + _LABEL_LINES * line_height + 18)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Styles highlight the name only, and do not draw its second line."""
        cell = QStyleOptionViewItem(option)
        self.initStyleOption(cell, index)
        palette: QPalette = cell.palette
        highlight = palette.color(QPalette.ColorRole.Highlight)
        ground = palette.color(QPalette.ColorRole.Base)
        area = QRectF(cell.rect).adjusted(2, 2, -2, -2)
        selected = bool(cell.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if selected or cell.state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(colours.blend(highlight, ground, 0.3 if selected else 0.1))
            painter.drawRoundedRect(area, 5, 5)
        if cell.state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(highlight)
            painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        picture = QRect(cell.rect.left(), cell.rect.top() + 8, cell.rect.width(), self.box.height())
        cell.icon.paint(painter, picture)
        if self._edited == index:  # the editor covers one of the two lines
            painter.restore()
            return
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        painter.setFont(cell.font)
        below = area.adjusted(4, self.box.height() + 10, -4, -2)
        wrap = QTextOption(Qt.AlignmentFlag.AlignHCenter)
        wrap.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        room = int(below.width() * (_LABEL_LINES - 0.3))
        text = cell.fontMetrics.elidedText(cell.text, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(below, text, wrap)
        painter.restore()

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        """Over the label; it is wider than a small tile, but stays inside the view."""
        view = editor.parentWidget()
        assert view is not None
        cell, around = option.rect, view.rect()
        width = min(max(cell.width() - 4, _LEAST_EDITOR), around.width())
        left = cell.center().x() - width // 2
        left = max(around.left(), min(left, around.right() + 1 - width))
        top = cell.top() + self.box.height() + 10
        editor.setGeometry(left, top, width, editor.sizeHint().height())


class SavedDelegate(CellDelegate):
    """A thin bar and the percentage, as light as the text around it."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell = QStyleOptionViewItem(option)
        self.initStyleOption(cell, index)
        text, cell.text = cell.text, ""
        view: QWidget = cell.widget
        view.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, cell, painter, view)
        fraction = index.data(SORT_ROLE)
        palette: QPalette = cell.palette
        selected = bool(cell.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        front = palette.color(role)
        area = QRectF(cell.rect).adjusted(_ROW_MARGIN, 0, -_ROW_MARGIN - 1, 0)
        bar = area.adjusted(0, 0, -cell.fontMetrics.horizontalAdvance(formats.percent(1.0)) - 8, 0)
        if 0 < fraction <= 1 and bar.width() > 12:
            full = front if selected else palette.color(QPalette.ColorRole.Highlight)
            paint_progress(painter, bar, fraction, colours.line(palette), full)
        painter.save()
        painter.setPen(front)
        painter.setFont(cell.font)
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()
