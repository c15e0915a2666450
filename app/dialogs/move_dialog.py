"""Asks for the folder of the archive to move to; new folders can be made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.language import formats, naming
from app.session.tree import Folder
from app.widgets import icons
from app.widgets.name_editor import Index, NamingDelegate

_WIDTH, _HEIGHT = 420, 400


class MoveDialog(QDialog):
    """A tree of folders; invalid destinations are disabled.

    A new folder is added to the archive together with the move, as one edit.
    """

    def __init__(
        self, parent: QWidget, archive: str, root: Folder, names: Sequence[str], start: str
    ) -> None:
        """``names`` are moved; ``start`` is the folder that is selected at first."""
        super().__init__(parent)
        self._root, self._names = root, names
        self.setWindowTitle(self.tr("Move"))
        what = names[0] if len(names) == 1 else formats.items(len(names))
        caption = QLabel(self.tr("Move {0} to:").format(what), self)
        caption.setWordWrap(True)
        caption.setTextFormat(Qt.TextFormat.PlainText)
        self.tree = QTreeWidget(self)
        self.tree.setHeaderHidden(True)
        self.tree.setAccessibleName(self.tr("Folders of the archive"))
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        caption.setBuddy(self.tree)
        self._names_of_new = _NamesOfNew(self)
        self.tree.setItemDelegate(self._names_of_new)
        self._names_of_new.closeEditor.connect(self._on_editor_closed)
        self.problem = QLabel(self)
        self.problem.setWordWrap(True)
        self.problem.setMinimumHeight(2 * self.problem.fontMetrics().height())
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.ok = self.buttons.addButton(self.tr("&Move"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.new_folder = QPushButton(self.tr("&New Folder"), self)
        keys = QKeySequence(Qt.Modifier.CTRL | Qt.Modifier.SHIFT | Qt.Key.Key_N)
        self.new_folder.setShortcut(keys)
        shown = keys.toString(QKeySequence.SequenceFormat.NativeText)
        self.new_folder.setToolTip(self.tr("Make a folder in the selected one ({0})").format(shown))
        self.new_folder.setAutoDefault(False)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.new_folder.clicked.connect(self._make_folder)
        layout = QVBoxLayout(self)
        for widget in (caption, self.tree, self.problem):
            layout.addWidget(widget)
        row = QHBoxLayout()
        row.addWidget(self.new_folder)
        row.addStretch(1)
        row.addWidget(self.buttons)
        layout.addLayout(row)
        self.resize(_WIDTH, _HEIGHT)
        self._top = QTreeWidgetItem(self.tree)
        self._fill(archive, start)
        self.tree.currentItemChanged.connect(self._check)
        self.tree.itemDoubleClicked.connect(self._on_double_click)
        self.tree.setFocus()
        self._check()

    @property
    def folder(self) -> str:
        """The path of the chosen folder."""
        return self.path_of(self.current)

    @property
    def current(self) -> QTreeWidgetItem:
        """The selected folder; the archive itself if none is selected."""
        return self.tree.currentItem() or self._top

    def path_of(self, item: QTreeWidgetItem) -> str:
        """The path of a folder in the tree."""
        above = item.parent()
        return naming.inside(self.path_of(above), item.text(0)) if above is not None else ""

    def items(self) -> Iterator[QTreeWidgetItem]:
        """All folders in the tree, parents first."""
        waiting = [self._top]
        while waiting:
            item = waiting.pop()
            yield item
            inside = (item.child(row) for row in reversed(range(item.childCount())))
            waiting += [child for child in inside if child is not None]

    def taken(self, path: str) -> bool:
        """Whether this name is taken, in the archive or in this dialog."""
        above, _, name = path.rpartition("/")
        folder = self._folder(above)
        there = folder is not None and (name in folder.files or name in folder.folders)
        return there or any(self.path_of(item) == path for item in self.items())

    def _folder(self, path: str) -> Folder | None:
        folder: Folder | None = self._root
        for name in path.split("/") if path else ():
            folder = folder.folders.get(name) if folder is not None else None
        return folder

    def _fill(self, archive: str, start: str) -> None:
        current = self._top
        current.setText(0, archive)
        waiting = [(current, self._root)]
        while waiting:
            item, folder = waiting.pop()
            for inner in sorted(folder.folders.values(), key=lambda each: each.name.casefold()):
                child = QTreeWidgetItem(item, [inner.name])
                if inner.path in self._names:  # a folder cannot be moved into itself
                    child.setDisabled(True)
                    continue
                waiting.append((child, inner))
                if inner.path == start:
                    current = child
        self.tree.setCurrentItem(current)
        above: QTreeWidgetItem | None = current
        while above is not None:
            above.setExpanded(True)
            above = above.parent()
        self._draw_icons()

    def _check(self) -> None:
        problem = self._problem()
        self.problem.setText(problem or "")
        self.ok.setEnabled(problem is None)
        self.new_folder.setEnabled(not self.current.isDisabled())

    def _problem(self) -> str | None:
        """Why the destination is invalid."""
        if self.current.isDisabled():
            return ""
        target = self.folder
        coming = [name for name in self._names if name.rpartition("/")[0] != target]
        if not coming:
            return (
                self.tr("It is in this folder already.")
                if len(self._names) == 1
                else self.tr("They are in this folder already.")
            )
        for name in coming:
            short = name.rpartition("/")[2]
            if self.taken(naming.inside(target, short)):
                return self.tr("There is something named {0} in this folder already.").format(short)
        return None

    def _make_folder(self) -> None:
        above = self.current
        name = naming.new_folder_name(self.path_of(above), self.taken)
        item = QTreeWidgetItem(above, [name])
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        above.setExpanded(True)
        self._draw_icons()
        self.tree.setCurrentItem(item)
        self.tree.editItem(item)

    def _on_editor_closed(self, _editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        item, above = self.current, self.current.parent()
        if hint is QAbstractItemDelegate.EndEditHint.RevertModelCache and above is not None:
            above.removeChild(item)  # cancelled
            self.tree.setCurrentItem(above)
        self._check()

    def _on_double_click(self) -> None:
        if self.ok.isEnabled():
            self.accept()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "ok"):
            self._draw_icons()

    def _draw_icons(self) -> None:
        icon = icons.icon("folder", self.palette())
        for item in self.items():
            item.setIcon(0, icon)


class _NamesOfNew(NamingDelegate):
    """Edits the names of new folders."""

    def __init__(self, dialog: MoveDialog) -> None:
        super().__init__(dialog)
        self._dialog = dialog

    def problem(self, index: Index, text: str) -> str | None:
        if text == index.data():
            return None
        above = self._dialog.path_of(self._dialog.current).rpartition("/")[0]
        return naming.problem(text, above, self._dialog.taken)
