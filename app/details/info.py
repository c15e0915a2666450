"""The facts of an image: exactness, file, archive, checksums, metadata."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QDateTime, QLocale, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFormLayout, QLabel, QWidget

from app.backend.backend import Backend
from app.backend.executors import Executors
from app.backend.task import Task
from app.details.tab import ScrollingTab, Selection
from app.figures.tables import Table
from app.language import formats, sentences
from core.archive.entry import Entry

if TYPE_CHECKING:
    from core.images.metadata import Fact

Row = tuple[str, str]


class InfoTab(ScrollingTab):
    """Shows the archive's facts at once, and the file's metadata when they have been read."""

    def __init__(
        self, backend: Backend, executors: Executors, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._backend, self._executors = backend, executors
        self._selection = Selection()
        self._read: tuple[Selection, list[Fact], str] | None = None
        self._sections: list[tuple[str, FactsForm, QWidget]] = []
        for title, long in (
            (self.tr("Exactness"), False),
            (self.tr("File"), False),
            (self.tr("Archived"), False),
            (self.tr("Checksums (SHA-256)"), True),
            (self.tr("Metadata"), True),
        ):
            facts = FactsForm(title, long=long, parent=self)
            self._sections.append((title, facts, self.add_section(title, facts)))
        self.column.addStretch(1)

    def title(self) -> str:
        return self.tr("Info")

    def show_selection(self, selection: Selection) -> None:
        if selection == self._selection and self._read is not None:
            return
        self._selection, self._read = selection, None
        self.show_heading(selection, self.tr("Select an image to see its details."))
        entry = selection.single
        if entry is not None and selection.archive is not None:
            task = Task(self)
            task.succeeded.connect(partial(self._on_read, selection))
            task.failed.connect(partial(self._on_failed, selection))
            call = partial(self._backend.metadata, selection.archive, entry.name)
            task.start(self._executors.reading, call)
        self._refresh()

    def rows(self) -> list[tuple[str, list[Row]]]:
        """Everything shown, by section."""
        entry = self._selection.single
        if entry is None:
            return [(title, []) for title, _, _ in self._sections]
        contents = (
            self._exactness(entry),
            self._file(entry),
            self._archived(entry),
            [(self.tr("Pixels"), entry.pixel_sha256 or formats.NOTHING), self._file_hash(entry)],
            self._metadata(),
        )
        return [(s[0], rows) for s, rows in zip(self._sections, contents, strict=True)]

    def table(self) -> Table | None:
        if self._selection.single is None:
            return None
        rows = [[title, *row] for title, rows in self.rows() for row in rows]
        return Table([self.tr("Section"), self.tr("Fact"), self.tr("Value")], rows)

    def _exactness(self, entry: Entry) -> list[Row]:
        exact = (self.tr("yes"), self.tr("no"))[not entry.file_exact]
        if entry.keeps_file:
            return [
                (self.tr("File"), self.tr("exact: stored byte for byte")),
                (self.tr("Stored since"), _time(entry.added_at)),
            ]
        what = (
            self.tr("The file comes back byte for byte.")
            if entry.file_exact
            else self.tr("Pixels and metadata are restored; the file around them is written anew.")
        )
        return [
            (self.tr("Verified"), _time(entry.added_at)),
            (self.tr("Largest difference"), self.tr("0, over {0} samples").format(_count(entry))),
            (self.tr("Pixels exact"), self.tr("yes")),
            (self.tr("File exact"), exact),
            (self.tr("Extraction"), what),
        ]

    def _file(self, entry: Entry) -> list[Row]:
        return [
            (self.tr("Size"), formats.exact_bytes(entry.original_bytes)),
            (self.tr("Modified"), _time(entry.modified_at)),
            *self._image(entry),
        ]

    def _image(self, entry: Entry) -> list[Row]:
        if not entry.is_image:
            return []
        return [
            (self.tr("Image"), formats.dimensions(entry.width, entry.height)),
            (self.tr("Channels"), formats.number(entry.channels)),
        ]

    def _archived(self, entry: Entry) -> list[Row]:
        rows = [
            (self.tr("Added"), _time(entry.added_at)),
            (self.tr("Size"), formats.exact_bytes(entry.packed_bytes)),
            (self.tr("Codec"), ", ".join(part for part in (entry.codec, entry.coder) if part)),
        ]
        if entry.model is not None:
            rows.append((self.tr("Model"), entry.model))
        if entry.device:
            rows.append((self.tr("Device"), entry.device))
        if entry.reason:
            rows.append((self.tr("Why so"), sentences.translated(entry.reason)))
        return rows

    def _file_hash(self, entry: Entry) -> Row:
        name = self.tr("File") if entry.file_exact else self.tr("File that was added")
        return name, entry.file_sha256

    def _metadata(self) -> list[Row]:
        if self._read is None:
            return [(self.tr("Reading…"), "")]
        _, facts, error = self._read
        if error:
            return [(self.tr("Error"), error)]
        if not facts:
            return [(self.tr("None"), "")]
        return [
            (fact.name if fact.group in ("EXIF", "Text") else f"{fact.group}: {fact.name}", v)
            for fact in facts
            for v in [fact.value]
        ]

    def _on_read(self, selection: Selection, facts: object) -> None:
        if selection is self._selection and isinstance(facts, list):
            self._read = (selection, facts, "")
            self._refresh()

    def _on_failed(self, selection: Selection, error: str) -> None:
        if selection is self._selection:
            self._read = (selection, [], error)
            self._refresh()

    def _refresh(self) -> None:
        shown = list(zip(self._sections, self.rows(), strict=True))
        names = [name for (_, facts, _), (_, rows) in shown if not facts.long for name, _ in rows]
        widest = max(map(self.fontMetrics().horizontalAdvance, names), default=0)
        for (_, facts, section), (_, rows) in shown:
            facts.set_rows(rows, 0 if facts.long else widest)  # values stand below each other
            section.setVisible(bool(rows))


class FactsForm(QWidget):
    """Names on the left, selectable values on the right, or below if they are long."""

    def __init__(self, name: str, *, long: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.long = long
        self._rows: list[Row] = []
        self._name_width = 0
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(12)
        self._form.setVerticalSpacing(3)
        wrapping = QFormLayout.RowWrapPolicy
        self._form.setRowWrapPolicy(wrapping.WrapAllRows if long else wrapping.DontWrapRows)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)

    def set_rows(self, rows: list[Row], name_width: int = 0) -> None:
        """Set the facts, and the least width of their names."""
        if (rows, name_width) == (self._rows, self._name_width):
            return
        self._rows, self._name_width = rows, name_width
        while self._form.rowCount():
            self._form.removeRow(0)
        for name, value in rows:
            label = QLabel(name, self)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setMinimumWidth(name_width)
            label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            self._form.addRow(label, _value(value, self))


def _value(text: str, parent: QWidget) -> QLabel:
    # Zero-width spaces let hashes and paths wrap; tables are copied without them.
    long = [word for word in text.split() if len(word) > 24]
    shown = escape(text)
    for word in long:
        pieces = [escape(word[at : at + 8]) for at in range(0, len(word), 8)]
        shown = shown.replace(escape(word), "\N{ZERO WIDTH SPACE}".join(pieces))
    label = QLabel(shown, parent)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse
        | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    label.setAccessibleName(text)
    return label


def _time(nanoseconds: int) -> str:
    moment = QDateTime.fromMSecsSinceEpoch(nanoseconds // 1_000_000)
    return QLocale().toString(moment, QLocale.FormatType.ShortFormat)


def _count(entry: Entry) -> str:
    return QLocale().toString(entry.n_dims)
