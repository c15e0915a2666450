"""All questions to the user, as one object; tests pass another."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import qVersion
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget

from app import __version__
from app.dialogs.move_dialog import MoveDialog
from app.dialogs.name_dialog import NameDialog
from app.dialogs.query_dialog import QueryDialog
from app.dialogs.shortcuts_dialog import Shortcut, ShortcutsDialog
from app.jobs.questions import OnAnswer, OpenQuestion
from app.language import formats
from app.language.naming import Problem
from app.language.translation import counted, tr
from app.session.tree import Folder
from core.engine import Query

ARCHIVE_SUFFIX = ".floe"
IMAGE_PATTERNS = "*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp *.gif *.ppm *.pgm *.pnm"
#: The number of names that a question lists.
_NAMES_SHOWN = 8


class Dialogs(Protocol):
    """None, [] and False mean that the user cancelled."""

    def new_archive(self, parent: QWidget, suggestion: Path) -> Path | None: ...

    def open_archive(self, parent: QWidget, folder: Path) -> Path | None: ...

    def images_to_add(self, parent: QWidget, folder: Path) -> list[Path]: ...

    def images_to_compare(self, parent: QWidget, folder: Path) -> list[Path]: ...

    def folder_to_add(self, parent: QWidget, folder: Path) -> Path | None: ...

    def extraction_folder(self, parent: QWidget, folder: Path) -> Path | None: ...

    def report_file(self, parent: QWidget, suggestion: Path) -> Path | None: ...

    def image_name(self, parent: QWidget, suggestion: str) -> str | None: ...
    def map_to_save(self, parent: QWidget, suggestion: Path) -> Path | None: ...

    def ask(self, parent: QWidget, query: Query, answer: OnAnswer) -> OpenQuestion: ...

    def confirm_removal(self, parent: QWidget, names: Sequence[str]) -> bool: ...

    def name(
        self, parent: QWidget, title: str, label: str, name: str, problem: Problem
    ) -> str | None: ...

    def move_target(
        self, parent: QWidget, archive: str, root: Folder, names: Sequence[str], start: str
    ) -> str | None: ...

    def discard_originals(
        self, parent: QWidget, n_files: int, n_bytes: int, n_staying: int
    ) -> bool: ...

    def close_while_busy(self, parent: QWidget) -> bool: ...

    def about(self, parent: QWidget) -> None: ...

    def shortcuts(self, parent: QWidget, shortcuts: Sequence[Shortcut]) -> None: ...


class QtDialogs:
    """The real dialogs."""

    def new_archive(self, parent: QWidget, suggestion: Path) -> Path | None:
        title, kinds = tr("New archive"), tr("Floe archives (*{0})")
        chosen, _ = QFileDialog.getSaveFileName(
            parent, title, str(suggestion), kinds.format(ARCHIVE_SUFFIX)
        )
        if not chosen:
            return None
        path = Path(chosen)
        if path.suffix.lower() == ARCHIVE_SUFFIX:
            return path
        path = path.with_name(path.name + ARCHIVE_SUFFIX)
        # The file dialog has asked about the name without the suffix.
        return path if not path.exists() or self._replace_archive(parent, path) else None

    def open_archive(self, parent: QWidget, folder: Path) -> Path | None:
        kinds = tr("Floe archives (*{0});;All files (*)").format(ARCHIVE_SUFFIX)
        chosen, _ = QFileDialog.getOpenFileName(parent, tr("Open archive"), str(folder), kinds)
        return Path(chosen) if chosen else None

    def images_to_add(self, parent: QWidget, folder: Path) -> list[Path]:
        return self._images(parent, tr("Add images"), folder)

    def images_to_compare(self, parent: QWidget, folder: Path) -> list[Path]:
        return self._images(parent, tr("Compare images"), folder)

    def _images(self, parent: QWidget, title: str, folder: Path) -> list[Path]:
        kinds = tr("Images ({0});;All files (*)").format(IMAGE_PATTERNS)
        chosen, _ = QFileDialog.getOpenFileNames(parent, title, str(folder), kinds)
        return [Path(path) for path in chosen]

    def folder_to_add(self, parent: QWidget, folder: Path) -> Path | None:
        chosen = QFileDialog.getExistingDirectory(
            parent, tr("Add all images of a folder"), str(folder)
        )
        return Path(chosen) if chosen else None

    def report_file(self, parent: QWidget, suggestion: Path) -> Path | None:
        suffix = suggestion.suffix
        kinds = tr("Tables (*{0})") if suffix == ".csv" else tr("Pages (*{0})")
        folder = str(suggestion.parent)
        box = QFileDialog(parent, tr("Export"), folder, kinds.format(suffix))
        box.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        box.setDefaultSuffix(suffix)  # known before the dialog asks about an existing file
        box.selectFile(suggestion.name)
        return Path(box.selectedFiles()[0]) if box.exec() else None

    def extraction_folder(self, parent: QWidget, folder: Path) -> Path | None:
        chosen = QFileDialog.getExistingDirectory(parent, tr("Extract to folder"), str(folder))
        return Path(chosen) if chosen else None

    def image_name(self, parent: QWidget, suggestion: str) -> str | None:
        name, accepted = QInputDialog.getText(
            parent,
            tr("Add image"),
            tr("The image is added as a PNG file. Its name:"),
            text=suggestion,
        )
        return (name.strip() or suggestion) if accepted else None

    def map_to_save(self, parent: QWidget, suggestion: Path) -> Path | None:
        chosen, _ = QFileDialog.getSaveFileName(
            parent, tr("Save map"), str(suggestion), tr("PNG images (*.png)")
        )
        return Path(chosen) if chosen else None

    def ask(self, parent: QWidget, query: Query, answer: OnAnswer) -> OpenQuestion:
        dialog = QueryDialog(parent, query, answer)
        dialog.show()
        return dialog

    def confirm_removal(self, parent: QWidget, names: Sequence[str]) -> bool:
        if len(names) == 1:
            question = tr("Delete {0} from the archive?").format(names[0])
        else:
            question = counted(
                len(names),
                "Delete {0} item from the archive?|Delete {0} items from the archive?",
            )
        shown = list(names[:_NAMES_SHOWN])
        if len(names) > _NAMES_SHOWN:
            shown.append(tr("…"))
        warning = tr(
            "Files on disk are not touched. This can be undone as long as the archive is open."
        )
        more = warning if len(names) == 1 else "\n".join([*shown, "", warning])
        return self._confirm(parent, tr("Delete"), question, more, tr("&Delete"), tr("&Keep"))

    def name(
        self, parent: QWidget, title: str, label: str, name: str, problem: Problem
    ) -> str | None:
        dialog = NameDialog(parent, title, label, name, problem)
        accepted = dialog.exec() == NameDialog.DialogCode.Accepted
        dialog.deleteLater()
        return dialog.name if accepted else None

    def move_target(
        self, parent: QWidget, archive: str, root: Folder, names: Sequence[str], start: str
    ) -> str | None:
        dialog = MoveDialog(parent, archive, root, names, start)
        accepted = dialog.exec() == MoveDialog.DialogCode.Accepted
        dialog.deleteLater()
        return dialog.folder if accepted else None

    def discard_originals(
        self, parent: QWidget, n_files: int, n_bytes: int, n_staying: int
    ) -> bool:
        question = tr("Move {0}, {1}, to the wastebasket?")
        more = tr(
            "The archive restores these files byte for byte. Each is compared with it "
            "once more before it is moved."
        )
        if n_staying:
            more += "\n\n" + counted(
                n_staying,
                "{0} file of this job stays where it is: only its pixels come back, or it is a "
                "link, or has failed."
                "|{0} files of this job stay where they are: only their pixels come back, or they "
                "are links, or have failed.",
            )
        return self._confirm(
            parent,
            tr("Originals"),
            question.format(formats.files(n_files), formats.size(n_bytes)),
            more,
            tr("&Move to Wastebasket"),
            tr("&Keep"),
        )

    def close_while_busy(self, parent: QWidget) -> bool:
        return self._confirm(
            parent,
            tr("Still working"),
            tr("Stop the running jobs and close?"),
            tr(
                "What is finished stays in the archive. The image under way is left out, "
                "as if it had never been added."
            ),
            tr("&Stop and close"),
            tr("&Go on working"),
        )

    def about(self, parent: QWidget) -> None:
        text = tr(
            "<h3>Floe {0}</h3>"
            "<p>Floe stores photographs losslessly in less space than other formats. A normalizing "
            "flow predicts each pixel, and local bits-back coding turns the predictions into a "
            "file. Every image is decoded and compared before it counts as archived.</p>"
            "<p>MIT licence. Python {1}, Qt {2}.</p>"
        )
        versions = __version__, platform.python_version(), qVersion()
        QMessageBox.about(parent, tr("About Floe"), text.format(*versions))

    def shortcuts(self, parent: QWidget, shortcuts: Sequence[Shortcut]) -> None:
        dialog = ShortcutsDialog(parent, shortcuts)
        dialog.exec()
        dialog.deleteLater()

    def _replace_archive(self, parent: QWidget, path: Path) -> bool:
        return self._confirm(
            parent,
            tr("New archive"),
            tr("{0} exists already.").format(path.name),
            tr("Replacing it deletes everything in it."),
            tr("&Replace"),
            tr("&Cancel"),
        )

    def _confirm(
        self, parent: QWidget, title: str, question: str, more: str, yes: str, no: str
    ) -> bool:
        """Ask with verbs on the buttons; the safe answer is the default."""
        box = QMessageBox(parent)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(title)
        box.setText(question)
        box.setInformativeText(more)
        accept = box.addButton(yes, QMessageBox.ButtonRole.DestructiveRole)
        reject = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(reject)
        box.setEscapeButton(reject)
        box.exec()
        return box.clickedButton() is accept
