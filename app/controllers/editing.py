"""Editing the archive: renaming, moving, deleting, new folders, undo and redo."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QWidget

from app.browser.browser import Browser
from app.dialogs.dialogs import Dialogs
from app.language import naming
from app.session.session import ArchiveSession
from app.widgets.actions import Actions
from app.widgets.message_bar import MessageBar


class Editing(QObject):
    """Connects, enables and names the actions of editing."""

    def __init__(
        self,
        session: ArchiveSession,
        actions: Actions,
        dialogs: Dialogs,
        message: MessageBar,
        browser: Browser,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._actions, self._dialogs = session, actions, dialogs
        self._message, self._browser, self._window = message, browser, window
        for action, slot in (
            (actions.undo, self.undo),
            (actions.redo, self.redo),
            (actions.rename, self.rename),
            (actions.move, self.move),
            (actions.new_folder, self.new_folder),
            (actions.remove, self.remove),
        ):
            action.triggered.connect(slot)
        # Queued: the editor must close first, so that the list gets its focus back.
        queued = Qt.ConnectionType.QueuedConnection
        session.model.rename_wanted.connect(session.rename, queued)
        session.history.changed.connect(self._name_steps)
        session.refreshed.connect(self._enable)
        browser.selection_changed.connect(self._enable)
        self._name_steps()
        self._enable()

    def undo(self) -> None:
        """Undoe the latest edit, unless a job is adding to the archive."""
        if not self._refused():
            self._session.history.undo()

    def redo(self) -> None:
        """Redoe what was undone, unless a job is adding to the archive."""
        if not self._refused():
            self._session.history.redo()

    def rename(self) -> None:
        """Open the editor for the name of the selected image or folder."""
        selected = self._selected()
        if len(selected) == 1:
            self._browser.edit_name(selected[0])

    def move(self) -> None:
        """Ask for a folder, and move the selection there."""
        session, names = self._session, self._selected()
        if session.path is None or not names:
            return
        target = self._dialogs.move_target(
            self._window,
            session.path.name,
            session.model.root,
            names,
            session.model.folder.path,
        )
        if target is not None:
            session.move(names, target)

    def new_folder(self) -> None:
        """Ask for a name, and make a folder in the one that is shown."""
        self.new_folder_in(self._session.model.folder.path)

    def new_folder_in(self, above: str) -> None:
        """Ask for a name, and make a folder in this one."""
        session = self._session
        if session.path is None:
            return
        name = self._dialogs.name(
            self._window,
            self.tr("New Folder"),
            self.tr("Name of the new folder:"),
            naming.new_folder_name(above, session.has),
            lambda text: naming.problem(text, above, session.has),
        )
        if name is not None:
            session.new_folder(naming.inside(above, name))

    def remove(self) -> None:
        """Ask, and delete the selection."""
        names = self._selected()
        if names and self._dialogs.confirm_removal(self._window, names):
            self._session.remove(names)

    def _enable(self) -> None:
        n_selected = len(self._selected())
        self._actions.rename.setEnabled(n_selected == 1)
        self._actions.move.setEnabled(n_selected > 0)
        self._actions.remove.setEnabled(n_selected > 0)
        self._actions.new_folder.setEnabled(self._session.path is not None)

    def _selected(self) -> list[str]:
        """The full names of the selected images and folders."""
        return [item.path for item in self._browser.list.selected_items()]

    def _refused(self) -> bool:
        if self._session.writing:
            self._message.inform(
                self.tr(
                    "Images are being added to this archive: changes can be undone once that is "
                    "done or cancelled."
                )
            )
            return True
        return False

    def _name_steps(self) -> None:
        history = self._session.history
        for action, text, plain, named in (
            (self._actions.undo, history.undo_text, self.tr("&Undo"), self.tr("&Undo {0}")),
            (self._actions.redo, history.redo_text, self.tr("&Redo"), self.tr("&Redo {0}")),
        ):
            action.setText(plain if text is None else named.format(text))
            action.setIconText(plain.replace("&", ""))
            action.setEnabled(text is not None)
