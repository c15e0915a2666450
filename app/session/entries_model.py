"""The model of the list: one folder of the archive, or the matches of a filter below it.

The model sorts its rows itself, folders first: a proxy would ask for each value through Qt, ten
thousand times a keystroke.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from app.language import formats, naming
from app.session.columns import Column, columns, natural
from app.session.tree import File, Folder, Item, Tree
from core.archive.entry import Entry

Index = QModelIndex | QPersistentModelIndex
_Key = tuple[bool, Any, str, str]

#: The value that a column sorts by, in its own type.
SORT_ROLE = Qt.ItemDataRole.UserRole
#: The file or folder behind a row.
ITEM_ROLE = Qt.ItemDataRole.UserRole + 1

#: More changes than this at once reset the model: one by one, they would take too long.
_MANY = 50

_FLAGS = (
    Qt.ItemFlag.ItemIsSelectable
    | Qt.ItemFlag.ItemIsEnabled
    | Qt.ItemFlag.ItemIsDragEnabled
    | Qt.ItemFlag.ItemNeverHasChildren
)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class EntriesModel(QAbstractTableModel):
    """Shows one folder; knows all entries of the archive."""

    changed = Signal()  #: the contents of the archive, shown or not
    folder_changed = Signal()  #: another folder is shown, or another filter
    rename_wanted = Signal(str, str)  #: the old and the new full name of a file or folder

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = columns()
        self._tree = Tree()
        self._folder = self._tree.root
        self._words: list[str] = []
        self._column, self._descending = self.columns[0], False
        self._items: list[Item] = []
        self._below: list[Item] | None = None  #: all below the folder, sorted, while one filters

    # What there is

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries of the archive, read-only."""
        return self._tree.entries

    @property
    def root(self) -> Folder:
        """The root folder."""
        return self._tree.root

    @property
    def folder(self) -> Folder:
        """The folder that is shown."""
        return self._folder

    @property
    def filtered(self) -> bool:
        """Whether a filter is set: then paths are shown in place of names."""
        return bool(self._words)

    @property
    def is_empty(self) -> bool:
        """Whether the archive has neither entries nor folders."""
        return not (self._tree.entries or self._tree.root.folders)

    @property
    def items(self) -> Sequence[Item]:
        """The items of the rows, read-only."""
        return self._items

    def item(self, path: str) -> Item | None:
        """The file or folder of a full name, shown or not."""
        return self._tree.file(path) or self._tree.folder(path)

    def row_of(self, path: str) -> int | None:
        """The row of this full name, if it is shown."""
        rows = (row for row, item in enumerate(self._items) if item.path == path)
        return next(rows, None)

    # What changes

    def reset(self, entries: Iterable[Entry], folders: Iterable[str] = ()) -> None:
        """Show other contents; stay in the folder, or in what is left of its path."""
        self._tree = Tree(entries, folders)
        self._below = None
        self._show(self._tree.nearest(self._folder.path))
        self.changed.emit()

    def show_folder(self, path: str) -> None:
        """Show a folder, or the nearest existing parent."""
        self._show(self._tree.nearest(path))

    def set_filter(self, text: str) -> None:
        """Show the items whose path below the folder contains all these words."""
        words = text.casefold().split()
        if words != self._words:
            self._words = words
            self._show(self._folder)

    def put(self, entry: Entry) -> None:
        """Add an entry, or replace the one of this name."""
        self.change(came=[entry])

    def remove(self, paths: Iterable[str]) -> None:
        """Remove entries, and folders with their contents. Unknown paths are ignored."""
        self.change(gone=paths)

    def change(
        self,
        gone: Iterable[str] = (),
        came: Sequence[Entry] = (),
        made: Sequence[str] = (),
    ) -> None:
        """Remove entries and folders, then add or replace entries and make folders."""
        touched = self._take_out(gone)
        touched += [self._tree.put(entry) for entry in came]
        touched += [self._tree.make_folder(path) for path in made]
        self._below = None
        around = {id(item): item for start in touched for item in _upwards(start)}
        folder = self._tree.nearest(self._folder.path)
        if len(around) > _MANY or folder is not self._folder:
            self._show(folder)
        else:
            for item in around.values():
                self._refresh(item)
        self.changed.emit()

    def _take_out(self, paths: Iterable[str]) -> list[Item]:
        items = [item for path in paths if path and (item := self.item(path)) is not None]
        names = dict.fromkeys(entry.name for item in items for entry in item.below())
        files = [file for name in names if (file := self._tree.file(name)) is not None]
        for name in names:
            self._tree.remove(name)
        for item in items:
            if isinstance(item, Folder):
                self._tree.remove_folder(item.path)
        return [*items, *files]

    # Rows

    def _show(self, folder: Folder) -> None:
        self.beginResetModel()
        if folder is not self._folder or not self._words:
            self._below = None
        self._folder = folder
        self._items = self._found() if self._words else self._sorted(folder.items())
        self.endResetModel()
        self.folder_changed.emit()

    def _found(self) -> list[Item]:
        """The items that match the filter, as :meth:`_belongs` decides, but for thousands.

        All items are sorted once; further keystrokes only filter.
        """
        if self._below is None:
            self._below = self._sorted(self._folder.items_below())
        n_before = len(self._folder.searched) + 1 if self._folder.path else 0
        found = self._below
        for word in self._words:
            found = [item for item in found if item.searched.find(word, n_before) >= 0]
        return found

    def _sorted(self, items: Iterable[Item]) -> list[Item]:
        by_key = sorted(items, key=self._key, reverse=self._descending)
        by_key.sort(key=lambda item: isinstance(item, File))  # folders first; a stable sort
        return by_key

    def _refresh(self, item: Item) -> None:
        """Update the row of an item that was added, changed or removed."""
        shown = item in self._items
        if self.item(item.path) is not item:
            if shown:
                row = self._items.index(item)
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._items[row]
                self.endRemoveRows()
        elif shown:
            self._move(self._items.index(item))
        elif self._belongs(item):
            row = self._place(item)
            self.beginInsertRows(QModelIndex(), row, row)
            self._items.insert(row, item)
            self.endInsertRows()

    def _move(self, old: int) -> None:
        """Move a row whose values have changed to its position in the order."""
        item = self._items.pop(old)
        row = self._place(item)
        self._items.insert(old, item)
        if row != old:
            parent = QModelIndex()
            self.beginMoveRows(parent, old, old, parent, row if row < old else row + 1)
            self._items.insert(row, self._items.pop(old))
            self.endMoveRows()
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(self.columns) - 1))

    def _belongs(self, item: Item) -> bool:
        if not self._words:
            return item.folder is self._folder
        start = f"{self._folder.searched}/" if self._folder.path else ""
        path = item.searched
        if item is self._tree.root or not path.startswith(start):
            return False
        return all(word in path[len(start) :] for word in self._words)

    def _place(self, item: Item) -> int:
        """The row before which an item is to be inserted."""
        key, low, high = self._key(item), 0, len(self._items)
        while low < high:
            middle = (low + high) // 2
            if self._is_before(self._key(self._items[middle]), key):
                low = middle + 1
            else:
                high = middle
        return low

    def _is_before(self, one: _Key, other: _Key) -> bool:
        if one[0] != other[0]:
            return one[0] < other[0]
        return one > other if self._descending else one < other

    def _key(self, item: Item) -> _Key:
        path = self.shown_name(item)
        by_name = natural(path)
        is_name = self._column is self.columns[0]
        value = by_name if is_name else self._column.native(item)
        return isinstance(item, File), value, by_name, path

    def shown_name(self, item: Item) -> str:
        """The name of an item, or with a filter, its path below the folder."""
        if not self._words:
            return item.name
        return item.path[len(self._folder.path) + 1 :] if self._folder.path else item.path

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self.layoutAboutToBeChanged.emit()
        self._column = self.columns[column]
        self._descending = order == Qt.SortOrder.DescendingOrder
        before = self._items
        self._items, self._below = self._sorted(before), None
        rows = {id(item): row for row, item in enumerate(self._items)}
        old = self.persistentIndexList()
        new = [self.index(rows[id(before[index.row()])], index.column()) for index in old]
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()

    # Qt's interface

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._items)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return _FLAGS if index.column() else _FLAGS | Qt.ItemFlag.ItemIsEditable

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Request a new name; the row changes once the archive has it."""
        if index.column() or role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        item, name = self._items[index.row()], str(value)
        if name == item.name or self.problem_of_name(index, name) is not None:
            return False
        self.rename_wanted.emit(item.path, naming.inside(_above(item), name))
        return True

    def problem_of_name(self, index: Index, text: str) -> str | None:
        """Why this name is invalid for the row, or None."""
        item = self._items[index.row()]
        if text == item.name:
            return None
        return naming.problem(text, _above(item), lambda name: self.item(name) is not None)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item, column = self._items[index.row()], self.columns[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(item, column)
            case Qt.ItemDataRole.EditRole:
                return item.name if column is self.columns[0] else None
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column.is_number else _LEFT
            case Qt.ItemDataRole.ToolTipRole:
                return self._tool_tip(item, column)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(item, column)
            case _ if role == SORT_ROLE:
                return column.native(item) if index.column() else natural(self.shown_name(item))
            case _ if role == ITEM_ROLE:
                return item
        return None

    def _text(self, item: Item, column: Column) -> str:
        return self.shown_name(item) if column is self.columns[0] else column.text(item)

    def _spoken(self, item: Item, column: Column) -> str:
        text = self._text(item, column)
        if column is self.columns[0] and isinstance(item, Folder):
            count = formats.files(item.totals.all.n_entries)
            return self.tr("Folder: {0}, {1}").format(text, count)
        title = column.title.replace("\n", " ")
        return f"{title}: {text}"

    def _tool_tip(self, item: Item, column: Column) -> str | None:
        if column.key == "name":
            return item.path
        return column.explain(item.entry) if isinstance(item, File) else None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.title
            case Qt.ItemDataRole.ToolTipRole:
                return column.explanation
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column.is_number else _LEFT
        return None


def _above(item: Item) -> str:
    return item.folder.path if item.folder is not None else ""


def _upwards(item: Item) -> Iterator[Item]:
    """The item and its parents."""
    at: Item | None = item
    while at is not None:
        yield at
        at = at.folder
