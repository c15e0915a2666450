"""The dialog for the engine's questions: both files, and verbs on the buttons."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.jobs.questions import PICTURE_SIDE, OnAnswer
from app.language import formats, sentences
from app.widgets import icons
from core.archive.entry import Entry
from core.engine import Answer, Choice, ContinueAfterError, FileExists, NameConflict, Query

_MARGIN, _WIDTH = 8, 460


@dataclass(frozen=True)
class _Facts:
    n_bytes: int
    modified_at: int
    dimensions: str = ""


class FileCard(QFrame):
    """One of the two files: picture, size and date."""

    def __init__(self, title: str, lines: list[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._picture = QLabel(self)
        self._picture.setFixedSize(PICTURE_SIDE, PICTURE_SIDE)
        self.has_picture = False
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        colour = self.palette().color(self.palette().ColorRole.PlaceholderText)
        self._picture.setPixmap(icons.pixmap("picture", colour, 48, self.devicePixelRatioF()))
        heading = QLabel(title, self)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        facts = QVBoxLayout()
        facts.setSpacing(_MARGIN // 2)
        facts.addStretch(1)
        facts.addWidget(heading)
        for line in lines:
            facts.addWidget(QLabel(line, self))
        facts.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setSpacing(2 * _MARGIN)
        layout.addWidget(self._picture)
        layout.addLayout(facts, 1)
        self.setAccessibleName(", ".join([title, *lines]))

    def show_picture(self, picture: QImage) -> None:
        """Show the picture, when it has been loaded."""
        ratio = self.devicePixelRatioF()
        side = round(PICTURE_SIDE * ratio)
        if max(picture.width(), picture.height()) > side:
            smooth = Qt.TransformationMode.SmoothTransformation
            picture = picture.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, smooth)
        picture.setDevicePixelRatio(ratio)
        self._picture.setPixmap(QPixmap.fromImage(picture))
        self.has_picture = True


class QueryDialog(QDialog):
    """Does not block the window: the job can be paused or cancelled meanwhile."""

    def __init__(self, parent: QWidget, query: Query, answer: OnAnswer) -> None:
        super().__init__(parent)

        self._on_answer: OnAnswer | None = answer
        self.cards: list[FileCard] = []
        self._layout = QVBoxLayout(self)
        self._layout.setSpacing(_MARGIN)
        self.setMinimumWidth(_WIDTH)
        self._describe(query)
        self.for_all = QCheckBox(self)
        self.buttons = QDialogButtonBox(self)
        roles = {
            Choice.REPLACE: QDialogButtonBox.ButtonRole.DestructiveRole,
            Choice.KEEP_BOTH: QDialogButtonBox.ButtonRole.AcceptRole,
            Choice.SKIP: QDialogButtonBox.ButtonRole.AcceptRole,
            Choice.RETRY: QDialogButtonBox.ButtonRole.AcceptRole,
        }
        words = {
            Choice.REPLACE: self.tr("&Replace"),
            Choice.KEEP_BOTH: self.tr("&Keep Both"),
            Choice.SKIP: self.tr("&Skip"),
            Choice.RETRY: self.tr("Try &Again"),
        }
        self.by_choice: dict[Choice, QPushButton] = {}
        for choice in query.choices:
            button = self.buttons.addButton(words[choice], roles[choice])
            button.clicked.connect(lambda _=False, choice=choice: self._choose(choice))
            self.by_choice[choice] = button
        harmless = Choice.KEEP_BOTH if Choice.KEEP_BOTH in self.by_choice else Choice.RETRY
        self.by_choice[harmless].setDefault(True)
        stop = self.buttons.addButton(
            self.tr("&Cancel Job"), QDialogButtonBox.ButtonRole.RejectRole
        )
        stop.clicked.connect(self.reject)
        self.for_all.setText(
            self.tr("&Do the same for all further files of this job")
            if self.cards
            else self.tr("&Do the same after all further errors of this job")
        )
        self._layout.addSpacing(_MARGIN)
        self._layout.addWidget(self.for_all)
        self._layout.addWidget(self.buttons)
        self.rejected.connect(lambda: self._answer(None))

    def show_picture(self, side: int, picture: QImage) -> None:
        """Show the picture of the present file (0), or of the new one (1)."""
        self.cards[side].show_picture(picture)

    def withdraw(self) -> None:
        """Close it without an answer."""
        self._on_answer = None
        self.close()
        self.deleteLater()

    def _describe(self, query: Query) -> None:
        if isinstance(query, ContinueAfterError):
            self.setWindowTitle(self.tr("Continue after an error?"))
            self._say(sentences.translated(query.error))
            return
        if isinstance(query, FileExists):
            self.setWindowTitle(self.tr("File exists"))
            self._say(self.tr("{0} is there already.").format(query.target.name), bold=True)
            self._say(str(query.target.parent))
            there, coming = _of_file(query), _of_entry(query.entry)
            self._compare(self.tr("In the folder"), there, self.tr("From the archive"), coming)
        else:
            self.setWindowTitle(self.tr("Name taken"))
            text = self.tr("The archive has another image named {0}.")
            self._say(text.format(query.name), bold=True)
            self._say(str(query.source))
            there, coming = _of_entry(query.there), _of_file(query)
            self._compare(self.tr("In the archive"), there, self.tr("To be added"), coming)
        self._say(self.tr("If you keep both, the new one is named {0}.").format(query.new_name))

    def _compare(self, title: str, there: _Facts, title_of_coming: str, coming: _Facts) -> None:
        self.cards = [
            FileCard(title, self._lines(there, coming), self),
            FileCard(title_of_coming, self._lines(coming, there), self),
        ]
        for card in self.cards:
            self._layout.addWidget(card)

    def _lines(self, facts: _Facts, other: _Facts) -> list[str]:
        size, date = formats.exact_size(facts.n_bytes), formats.date(facts.modified_at)
        if facts.n_bytes > other.n_bytes:
            size = self.tr("{0}, larger").format(size)
        if facts.modified_at > other.modified_at:
            date = self.tr("{0}, newer").format(date)
        return [size, date, *([facts.dimensions] if facts.dimensions else [])]

    def _say(self, text: str, *, bold: bool = False) -> None:
        label = QLabel(text, self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if bold:
            font = label.font()
            font.setBold(True)
            label.setFont(font)
        self._layout.addWidget(label)

    def _choose(self, choice: Choice) -> None:
        self._answer(Answer(choice, for_all=self.for_all.isChecked()))

    def _answer(self, answer: Answer | None) -> None:
        if self._on_answer is not None:
            on_answer, self._on_answer = self._on_answer, None
            on_answer(answer)


def _of_entry(entry: Entry) -> _Facts:
    dimensions = formats.dimensions(entry.width, entry.height)
    return _Facts(entry.original_bytes, entry.modified_at, dimensions)


def _of_file(query: NameConflict | FileExists) -> _Facts:
    return _Facts(query.n_bytes, query.modified_at)
