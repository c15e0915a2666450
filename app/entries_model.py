"""The table's contents: entries of an archive, one column a fact."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)

from app import texts

if TYPE_CHECKING:
    from core.archive.entry import Entry

Index = QModelIndex | QPersistentModelIndex
translate = QCoreApplication.translate

#: The value that a column sorts by, in its own type.
SORT_ROLE = Qt.ItemDataRole.UserRole
#: The entry behind a row.
ENTRY_ROLE = Qt.ItemDataRole.UserRole + 1

#: From so many rows on, removing them one by one would be seen as a pause.
_MANY = 50

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Column:
    """How one fact of an entry is headed, shown and sorted."""

    key: str
    title: str
    explanation: str
    text: Callable[[Entry], str]
    value: Callable[[Entry], Any]
    shown: bool = True  #: by default; the header's menu changes it
    is_number: bool = True


@lru_cache(maxsize=65_536)  # sorting asks for each name many times
def natural(name: str) -> str:
    """A key by which ``img2`` stands before ``img10``."""
    return re.sub(r"\d+", lambda match: match[0].zfill(12), name.casefold())


def _least(value: float | None) -> float:
    """Absent values stand before all others, rather than in no order."""
    return -1.0 if value is None else float(value)


def columns() -> list[Column]:
    """In the order of the table; in the language of the moment."""

    def tr(text: str) -> str:
        return translate("Columns", text)

    return [
        Column(
            "name",
            tr("Name"),
            tr("The file's name inside the archive"),
            lambda e: e.name,
            lambda e: natural(e.name),
            is_number=False,
        ),
        Column(
            "pixels",
            tr("Pixels"),
            tr("Width and height"),
            lambda e: texts.dimensions(e.width, e.height),
            lambda e: e.width * e.height,
        ),
        Column(
            "channels",
            tr("Channels"),
            tr("1 for grey, 3 for colour"),
            lambda e: texts.number(e.channels),
            lambda e: e.channels,
            shown=False,
        ),
        Column(
            "original",
            tr("Original"),
            tr("Size of the file that was added"),
            lambda e: texts.size(e.original_bytes),
            lambda e: e.original_bytes,
        ),
        Column(
            "packed",
            tr("Packed"),
            tr("All that the image takes in the archive"),
            lambda e: texts.size(e.packed_bytes),
            lambda e: e.packed_bytes,
        ),
        Column(
            "saved",
            tr("Saved"),
            tr("Share of the original size that is no longer needed"),
            lambda e: texts.percent(texts.saved_fraction(e.original_bytes, e.packed_bytes)),
            lambda e: texts.saved_fraction(e.original_bytes, e.packed_bytes),
        ),
        Column(
            "theoretical",
            tr("Theory\nb/dim"),
            tr("Theoretical codelength of the model, in bits for each dimension (sample)"),
            lambda e: texts.bits_per_dim(e.theoretical_bpd),
            lambda e: _least(e.theoretical_bpd),
        ),
        Column(
            "achieved",
            tr("Achieved\nb/dim"),
            tr("All bytes of the image in the archive, in bits for each dimension (sample)"),
            lambda e: texts.bits_per_dim(e.achieved_bpd),
            lambda e: _least(e.achieved_bpd),
        ),
        Column(
            "codec",
            tr("Codec"),
            tr("photo: coded by the model; stored: the file's own bytes"),
            lambda e: e.codec,
            lambda e: e.codec,
            is_number=False,
        ),
        Column(
            "coder",
            tr("Coder"),
            tr("How local bits-back coded the model's steps"),
            lambda e: e.coder or texts.NOTHING,
            lambda e: e.coder or "",
            shown=False,
            is_number=False,
        ),
        Column(
            "encode",
            tr("Encode\nseconds"),
            tr("Seconds that encoding took"),
            lambda e: texts.seconds(e.encode_seconds),
            lambda e: _least(e.encode_seconds),
        ),
        Column(
            "verify",
            tr("Verify\nseconds"),
            tr("Seconds that decoding and comparing took, before the image was kept"),
            lambda e: texts.seconds(e.verify_seconds),
            lambda e: _least(e.verify_seconds),
            shown=False,
        ),
        Column(
            "borrowed",
            tr("Borrowed\nbits"),
            tr("Auxiliary bits that bits-back coding took from the stack"),
            lambda e: texts.number(e.borrowed_bits),
            lambda e: _least(e.borrowed_bits),
            shown=False,
        ),
        Column(
            "lost",
            tr("Lost\nbits"),
            tr("Borrowed bits that held nothing useful"),
            lambda e: texts.number(e.lost_bits),
            lambda e: _least(e.lost_bits),
            shown=False,
        ),
    ]


class EntriesModel(QAbstractTableModel):
    """Entries in the order of the archive; names are unique."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = columns()
        self._entries: list[Entry] = []
        self._rows: dict[str, int] = {}

    @property
    def entries(self) -> Sequence[Entry]:
        """All of them; not to be changed."""
        return self._entries

    def reset(self, entries: Iterable[Entry], folders: Iterable[str] = ()) -> None:
        """Shows another archive."""
        self.beginResetModel()
        self._entries = list(entries)
        self._number()
        self.endResetModel()

    def put(self, entry: Entry) -> None:
        """Adds an entry, or replaces the one of this name."""
        row = self._rows.get(entry.name)
        if row is not None:
            self._entries[row] = entry
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(self.columns) - 1))
            return
        row = len(self._entries)
        self.beginInsertRows(QModelIndex(), row, row)
        self._entries.append(entry)
        self._rows[entry.name] = row
        self.endInsertRows()

    def remove(self, names: Iterable[str]) -> None:
        """Takes entries out; names that are not there are no matter."""
        gone = {name for name in names if name in self._rows}
        if len(gone) > _MANY:
            self.reset(entry for entry in self._entries if entry.name not in gone)
            return
        for row in sorted((self._rows[name] for name in gone), reverse=True):
            self.beginRemoveRows(QModelIndex(), row, row)
            del self._entries[row]
            self._number()
            self.endRemoveRows()

    def make_folder(self, path: str) -> None:
        """A flat list shows no empty folders."""

    def row_of(self, name: str) -> int | None:
        """The row of this name, if it is there."""
        return self._rows.get(name)

    def _number(self) -> None:
        self._rows = {entry.name: row for row, entry in enumerate(self._entries)}

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsDragEnabled if index.isValid() else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not self.checkIndex(index):
            return None
        entry = self._entries[index.row()] if index.isValid() else None
        if entry is None:
            return None
        column = self.columns[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.text(entry)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column.is_number else _LEFT
            case Qt.ItemDataRole.ToolTipRole:
                return self._tool_tip(entry, column)
            case Qt.ItemDataRole.AccessibleTextRole:
                title = column.title.replace("\n", " ")
                return f"{title}: {column.text(entry)}"
            case _ if role == SORT_ROLE:
                return column.value(entry)
            case _ if role == ENTRY_ROLE:
                return entry
        return None

    def _tool_tip(self, entry: Entry, column: Column) -> str | None:
        if column.key == "name":
            return entry.name
        if column.key == "codec":
            return entry.reason or column.explanation
        return None

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


class EntriesProxy(QSortFilterProxyModel):
    """Sorts by native values; keeps the names that contain the filter's words."""

    def __init__(self, model: EntriesModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.setSortRole(SORT_ROLE)
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterKeyColumn(0)
        self.setSourceModel(model)

    def entry(self, row: int) -> Entry:
        """The entry in a row as it is shown."""
        return self._model.entries[self.mapToSource(self.index(row, 0)).row()]
