"""Changing what is in the archive, as a conversation: names asked for, undone, done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.actions import Actions
from app.dialogs import Dialogs
from app.message_bar import MessageBar
from app.session import ArchiveSession


class Editing(QObject):
    """Connects its actions, and says which of them are enabled and what they are called."""

    def __init__(
        self,
        session: ArchiveSession,
        actions: Actions,
        dialogs: Dialogs,
        message: MessageBar,
        selected: Callable[[], Sequence[str]],
        folder: Callable[[], str],
        window: QWidget,
    ) -> None:
        """``selected`` gives names of entries and folders, ``folder`` the one that is shown."""
        super().__init__(window)
        self._session, self._actions, self._dialogs = session, actions, dialogs
        self._message, self._window = message, window
        self._selected, self._folder = selected, folder
        for action, slot in (
            (actions.undo, self.undo),
            (actions.redo, self.redo),
            (actions.rename, self.rename),
            (actions.new_folder, self.new_folder),
            (actions.remove, self.remove),
        ):
            action.triggered.connect(slot)
        session.history.changed.connect(self._name_steps)
        self._name_steps()

    def undo(self) -> None:
        """Undoes the latest change, unless a job is about to make another."""
        if not self._refused():
            self._session.history.undo()

    def redo(self) -> None:
        """Does again what was undone, unless a job changes the archive meanwhile."""
        if not self._refused():
            self._session.history.redo()

    def rename(self) -> None:
        """Asks for another name for the selected image or folder."""
        selected = self._selected()
        if len(selected) != 1:
            return
        (old,) = selected
        inside, _, name = old.rpartition("/")
        above = f"{inside}/" if inside else ""
        new = self._dialogs.name(
            self._window,
            self.tr("Rename"),
            self.tr("New name of {0}:").format(name),
            name,
            lambda text: None if above + text == old else self._problem(above, text),
        )
        if new is not None and above + new != old:
            self._session.rename(old, above + new)

    def new_folder(self) -> None:
        """Asks for the name of a folder, and makes it in the one that is shown."""
        if self._session.path is None:
            return
        above = f"{self._folder()}/" if self._folder() else ""
        suggestion, number = self.tr("New folder"), 2
        while self._session.has(above + suggestion):
            suggestion, number = self.tr("New folder {0}").format(number), number + 1
        name = self._dialogs.name(
            self._window,
            self.tr("New Folder"),
            self.tr("Name of the new folder:"),
            suggestion,
            lambda text: self._problem(above, text),
        )
        if name is not None:
            self._session.new_folder(above + name)

    def remove(self) -> None:
        """Asks, and deletes what is selected."""
        names = list(self._selected())
        if names and self._dialogs.confirm_removal(self._window, names):
            self._session.remove(names)

    def enable(self) -> None:
        """Says anew what can be done; the window knows when."""
        n_selected = len(self._selected())
        self._actions.rename.setEnabled(n_selected == 1)
        self._actions.remove.setEnabled(n_selected > 0)
        self._actions.new_folder.setEnabled(self._session.path is not None)

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

    def _problem(self, above: str, text: str) -> str | None:
        """Why a name cannot be given, as a sentence."""
        from core.archive.names import typed_name
        from core.errors import HostileNameError

        if not text:
            return ""
        if "/" in text:
            return self.tr("A name holds no slash.")
        try:
            name = typed_name(above + text)
        except HostileNameError:
            return self.tr("This cannot be a name: it is too long, or has unusual characters.")
        if self._session.has(name):
            return self.tr("There is something of this name already.")
        return None

    def _name_steps(self) -> None:
        history = self._session.history
        for action, text, plain, named in (
            (self._actions.undo, history.undo_text, self.tr("&Undo"), self.tr("&Undo {0}")),
            (self._actions.redo, history.redo_text, self.tr("&Redo"), self.tr("&Redo {0}")),
        ):
            action.setText(plain if text is None else named.format(text))
            action.setIconText(plain.replace("&", ""))
            action.setEnabled(text is not None)
