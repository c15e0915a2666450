"""All actions of the window: menus, tool bar, buttons and keys share them."""

from __future__ import annotations

from PySide6.QtCore import QKeyCombination, QObject, Qt
from PySide6.QtGui import QAction, QKeySequence, QPalette

from app.language.translation import tr
from app.widgets import icons

_CTRL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
_ALT = Qt.KeyboardModifier.AltModifier


class Actions(QObject):
    """The actions; controllers connect and enable them."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        key, std = Qt.Key, QKeySequence.StandardKey
        self._icons: dict[QAction, str] = {}
        self.new = self._add(tr("&New…"), std.New, "new", tr("Create an archive"))
        self.open = self._add(tr("&Open…"), std.Open, "open", tr("Open an archive"))
        self.close = self._add(tr("&Close Archive"), _CTRL | key.Key_W)
        self.quit = self._add(tr("&Quit"), _CTRL | key.Key_Q)
        self.add_files = self._add(
            tr("&Add Images…"), _CTRL | _SHIFT | key.Key_A, "add", tr("Add image files")
        )
        self.add_folder = self._add(
            tr("Add &Folder…"), _CTRL | _SHIFT | key.Key_F, "", tr("Add all images of a folder")
        )
        self.extract = self._add(
            tr("&Extract…"),
            _CTRL | key.Key_E,
            "extract",
            tr("Extract the selected images, or all, to a folder"),
        )
        self.extract_all = self._add(
            tr("E&xtract All…"), _CTRL | _SHIFT | key.Key_E, "", tr("Extract all to a folder")
        )
        self.verify = self._add(
            tr("&Verify"),
            _CTRL | key.Key_T,
            "verify",
            tr("Decode the selected images, or all, and compare them with their hashes"),
        )
        self.undo = self._add(tr("&Undo"), std.Undo, "undo", tr("Undo the latest change"))
        self.redo = self._add(
            tr("&Redo"), _CTRL | _SHIFT | key.Key_Z, "redo", tr("Redo the latest undone change")
        )
        self.rename = self._add(
            tr("Re&name"), key.Key_F2, "", tr("Give the selected image or folder a new name")
        )
        self.move = self._add(
            tr("&Move To…"), key.Key_F6, "", tr("Move the selection to another folder")
        )
        self.new_folder = self._add(
            tr("Ne&w Folder…"), _CTRL | _SHIFT | key.Key_N, "", tr("Create an empty folder here")
        )
        self.copy = self._add(
            tr("&Copy"), std.Copy, "", tr("Copy the selected images to the clipboard, as files")
        )
        # Elsewhere in the window, these keys copy text.
        self.copy.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.paste = self._add(
            tr("&Paste"), std.Paste, "", tr("Add the files or the image on the clipboard")
        )
        self.remove = self._add(
            tr("&Delete…"), std.Delete, "remove", tr("Delete the selection from the archive")
        )
        self.discard_originals = self._add(
            tr("&Move Originals to Wastebasket After Adding"),
            None,
            "",
            tr("Offer to move originals away if the archive restores them byte for byte"),
        )
        self.discard_originals.setCheckable(True)
        self.select_all = self._add(tr("Se&lect All"), std.SelectAll)
        self.find = self._add(tr("F&ilter"), std.Find, "", tr("Show matching names only"))
        self.properties = self._add(
            tr("Pr&operties"), _ALT | key.Key_Return, "", tr("Show all metadata of the selection")
        )
        self.open_folder = self._add(
            tr("Open Folde&r"), key.Key_Return, "", tr("Show the contents of the selected folder")
        )
        # On buttons and in text fields this key keeps its usual meaning.
        self.open_folder.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.view = self._add(
            tr("View Ima&ge"), key.Key_Space, "", tr("Show the current image large")
        )
        self.view.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.up = self._add(tr("&Up"), _ALT | key.Key_Up, "up", tr("Show the parent folder"))
        self.up.setShortcuts([self.up.shortcut(), QKeySequence(key.Key_Backspace)])
        self.tiles = self._add(
            tr("&Tiles"), _CTRL | key.Key_1, "", tr("Show large thumbnails instead of the list")
        )
        self.tiles.setCheckable(True)
        self.zoom_in = self._add(tr("Zoom &In"), std.ZoomIn, "", tr("Larger thumbnails"))
        self.zoom_out = self._add(tr("Zoom &Out"), std.ZoomOut, "", tr("Smaller thumbnails"))
        self.details = self._add(tr("&Details"), key.Key_F9, "", tr("Show the details panel"))
        self.details.setCheckable(True)
        self.copy_table = self._add(
            tr("Copy as &Table"),
            _CTRL | _SHIFT | key.Key_C,
            "",
            tr("Copy the contents of the details panel as a table"),
        )
        self.export_csv = self._add(
            tr("Export C&SV…"), None, "", tr("Write the figures of the images to a table")
        )
        self.export_html = self._add(
            tr("Export Re&port…"), None, "", tr("Write a page with figures and charts")
        )
        self.export_panel = self._add(
            tr("Export Pane&l…"),
            None,
            "",
            tr("Write the contents of the details panel to a table"),
        )
        self.cancel = self._add(
            tr("&Cancel"), _CTRL | key.Key_Period, "close", tr("Cancel the running job")
        )
        self.pause = self._add(
            tr("&Pause"), _CTRL | _SHIFT | key.Key_P, "", tr("Pause the running job")
        )
        self.cancel_all = self._add(tr("Cancel &All Jobs"), _CTRL | _SHIFT | key.Key_Period)
        self.retry = self._add(
            tr("&Retry Failed"), _CTRL | _SHIFT | key.Key_R, "", tr("Retry the failed files")
        )
        self.copy_errors = self._add(
            tr("Copy &Errors"), None, "", tr("Copy the error messages of the failed files")
        )
        self.clear_jobs = self._add(
            tr("C&lear Finished"), None, "", tr("Remove finished jobs from the list")
        )
        self.shortcuts = self._add(
            tr("&Keyboard Shortcuts"), std.HelpContents, "", tr("Show all keyboard shortcuts")
        )
        self.about = self._add(tr("&About Floe"))

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

    def keys(self) -> list[tuple[str, str]]:
        """The actions that have shortcuts, by their texts, and these."""
        native = QKeySequence.SequenceFormat.NativeText
        return [
            (
                action.text().replace("&", "").rstrip("…"),
                ", ".join(key.toString(native) for key in action.shortcuts()),
            )
            for action in self.findChildren(QAction)
            if action.shortcuts()
        ]

    def draw_icons(self, palette: QPalette) -> None:
        """Draw the icons in the colours of a palette."""
        for action, name in self._icons.items():
            action.setIcon(icons.icon(name, palette))
