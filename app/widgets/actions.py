"""All actions of the window: menus, tool bar, buttons and keys share them."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QKeyCombination, QObject, Qt
from PySide6.QtGui import QAction, QKeySequence, QPalette

from app.widgets import icons

_CTRL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
_ALT = Qt.KeyboardModifier.AltModifier


def _tr(text: str) -> str:
    return QCoreApplication.translate("Actions", text)


class Actions(QObject):
    """The actions; controllers connect and enable them."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        key, std = Qt.Key, QKeySequence.StandardKey
        self._icons: dict[QAction, str] = {}
        self.new = self._add(_tr("&New…"), std.New, "new", _tr("Create an archive"))
        self.open = self._add(_tr("&Open…"), std.Open, "open", _tr("Open an archive"))
        self.close = self._add(_tr("&Close Archive"), _CTRL | key.Key_W)
        self.quit = self._add(_tr("&Quit"), _CTRL | key.Key_Q)
        self.add_files = self._add(
            _tr("&Add Images…"), _CTRL | _SHIFT | key.Key_A, "add", _tr("Add image files")
        )
        self.add_folder = self._add(
            _tr("Add &Folder…"), _CTRL | _SHIFT | key.Key_F, "", _tr("Add all images of a folder")
        )
        self.extract = self._add(
            _tr("&Extract…"),
            _CTRL | key.Key_E,
            "extract",
            _tr("Extract the selected images, or all, to a folder"),
        )
        self.extract_all = self._add(
            _tr("E&xtract All…"), _CTRL | _SHIFT | key.Key_E, "", _tr("Extract all to a folder")
        )
        self.verify = self._add(
            _tr("&Verify"),
            _CTRL | key.Key_T,
            "verify",
            _tr("Decode the selected images, or all, and compare them with their hashes"),
        )
        self.undo = self._add(_tr("&Undo"), std.Undo, "undo", _tr("Undo the latest change"))
        self.redo = self._add(
            _tr("&Redo"), _CTRL | _SHIFT | key.Key_Z, "redo", _tr("Redo the latest undone change")
        )
        self.rename = self._add(
            _tr("Re&name"), key.Key_F2, "", _tr("Give the selected image or folder a new name")
        )
        self.move = self._add(
            _tr("&Move To…"), key.Key_F6, "", _tr("Move the selection to another folder")
        )
        self.new_folder = self._add(
            _tr("Ne&w Folder…"), _CTRL | _SHIFT | key.Key_N, "", _tr("Create an empty folder here")
        )
        self.copy = self._add(
            _tr("&Copy"), std.Copy, "", _tr("Put the selected images on the clipboard, as files")
        )
        # Elsewhere in the window these keys copy text.
        self.copy.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.paste = self._add(
            _tr("&Paste"), std.Paste, "", _tr("Add the files or the image on the clipboard")
        )
        self.remove = self._add(
            _tr("&Delete…"), std.Delete, "remove", _tr("Delete the selection from the archive")
        )
        self.discard_originals = self._add(
            _tr("&Move Originals to Wastebasket After Adding"),
            None,
            "",
            _tr("Offer to move originals away if the archive restores them byte for byte"),
        )
        self.discard_originals.setCheckable(True)
        self.select_all = self._add(_tr("Se&lect All"), std.SelectAll)
        self.find = self._add(_tr("F&ilter"), std.Find, "", _tr("Show matching names only"))
        self.properties = self._add(
            _tr("Pr&operties"), _ALT | key.Key_Return, "", _tr("Show all metadata of the selection")
        )
        self.open_folder = self._add(
            _tr("Open Folde&r"), key.Key_Return, "", _tr("Show the contents of the selected folder")
        )
        # On buttons and in text fields this key keeps its usual meaning.
        self.open_folder.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.up = self._add(_tr("&Up"), _ALT | key.Key_Up, "up", _tr("Show the parent folder"))
        self.up.setShortcuts([self.up.shortcut(), QKeySequence(key.Key_Backspace)])
        self.tiles = self._add(
            _tr("&Tiles"), _CTRL | key.Key_1, "", _tr("Show large thumbnails instead of the list")
        )
        self.tiles.setCheckable(True)
        self.zoom_in = self._add(_tr("Zoom &In"), std.ZoomIn, "", _tr("Larger thumbnails"))
        self.zoom_out = self._add(_tr("Zoom &Out"), std.ZoomOut, "", _tr("Smaller thumbnails"))
        self.details = self._add(_tr("&Details"), key.Key_F9, "", _tr("Show the details panel"))
        self.details.setCheckable(True)
        self.copy_table = self._add(
            _tr("Copy as &Table"),
            _CTRL | _SHIFT | key.Key_C,
            "",
            _tr("Copy the contents of the details panel as a table"),
        )
        self.export_csv = self._add(
            _tr("Export C&SV…"), None, "", _tr("Write the figures of the images to a table")
        )
        self.export_html = self._add(
            _tr("Export Re&port…"), None, "", _tr("Write a page with figures and charts")
        )
        self.export_panel = self._add(
            _tr("Export Pane&l…"),
            None,
            "",
            _tr("Write the contents of the details panel to a table"),
        )
        self.cancel = self._add(
            _tr("&Cancel"), _CTRL | key.Key_Period, "close", _tr("Cancel the running job")
        )
        self.pause = self._add(
            _tr("&Pause"), _CTRL | _SHIFT | key.Key_P, "", _tr("Pause the running job")
        )
        self.cancel_all = self._add(_tr("Cancel &All Jobs"), _CTRL | _SHIFT | key.Key_Period)
        self.retry = self._add(
            _tr("&Retry Failed"), _CTRL | _SHIFT | key.Key_R, "", _tr("Try the failed files again")
        )
        self.copy_errors = self._add(
            _tr("Copy &Errors"), None, "", _tr("Copy the error messages of the failed files")
        )
        self.clear_jobs = self._add(
            _tr("C&lear Finished"), None, "", _tr("Remove finished jobs from the list")
        )
        self.about = self._add(_tr("&About Floe"))

    def _add(
        self,
        text: str,
        shortcut: QKeySequence.StandardKey | QKeyCombination | Qt.Key | None = None,
        icon: str = "",
        tip: str = "",
    ) -> QAction:
        action = QAction(text, self)
        action.setShortcutVisibleInContextMenu(True)  # some desktops hide them
        if shortcut is not None:
            action.setShortcut(QKeySequence(shortcut))
        shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        if tip:
            action.setStatusTip(tip)
            action.setToolTip(f"{tip} ({shown})" if shown else tip)
        if icon:
            self._icons[action] = icon
        return action

    def draw_icons(self, palette: QPalette) -> None:
        """Draw the icons in the colours of a palette."""
        for action, name in self._icons.items():
            action.setIcon(icons.icon(name, palette))
