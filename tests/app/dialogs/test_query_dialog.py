"""The dialog itself: what its buttons and keys answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QLabel, QWidget

from app.dialogs.dialogs import QtDialogs
from app.dialogs.query_dialog import QueryDialog
from core.engine import Answer, Choice, ContinueAfterError, FileExists, NameConflict, Query
from tests.app.fake_backend import make_entry

ARCHIVE = Path("/photos/x.floe")
QUERIES: list[Query] = [
    NameConflict(ARCHIVE, "a.png", make_entry("a.png"), Path("/in/a.png"), 9, 10**18, "a (2).png"),
    FileExists(ARCHIVE, "a.png", make_entry("a.png"), Path("/out/a.png"), 9, 10**18, "a (2).png"),
    ContinueAfterError(ARCHIVE, "a.png", "/out/a.png: no space is left on the disk"),
]


class Asked:
    def __init__(self, qtbot: Any, query: Query) -> None:
        self.answers: list[Answer | None] = []
        parent = QWidget()
        qtbot.addWidget(parent)
        dialog = QtDialogs().ask(parent, query, self.answers.append)
        assert isinstance(dialog, QueryDialog)
        self.dialog, self._parent = dialog, parent


@pytest.mark.parametrize("for_all", [False, True])
@pytest.mark.parametrize("query", QUERIES, ids=lambda query: type(query).__name__)
def test_each_button(qtbot: Any, query: Query, for_all: bool) -> None:
    for choice in query.choices:
        asked = Asked(qtbot, query)
        asked.dialog.for_all.setChecked(for_all)
        qtbot.mouseClick(asked.dialog.by_choice[choice], Qt.MouseButton.LeftButton)
        asked.dialog.withdraw()
        assert asked.answers == [Answer(choice, for_all)]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: type(query).__name__)
def test_keys(qtbot: Any, query: Query) -> None:
    asked = Asked(qtbot, query)
    qtbot.keyClick(asked.dialog, Qt.Key.Key_Return)
    (answer,) = asked.answers
    assert answer is not None
    assert answer.choice in (Choice.KEEP_BOTH, Choice.RETRY)  # nothing is lost by them
    asked = Asked(qtbot, query)
    qtbot.keyClick(asked.dialog, Qt.Key.Key_Escape)
    assert asked.answers == [None]


def test_a_question_that_is_withdrawn_has_no_answer(qtbot: Any) -> None:
    asked = Asked(qtbot, QUERIES[0])
    asked.dialog.withdraw()
    assert asked.answers == []
    assert not asked.dialog.isVisible()


def test_both_files_are_told_apart(qtbot: Any) -> None:
    asked = Asked(qtbot, QUERIES[0])
    dialog = asked.dialog
    there, coming = (card.accessibleName() for card in dialog.cards)
    assert "larger" in there
    assert "newer" in coming
    assert "768" in there
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert any("a (2).png" in text for text in texts)
    picture = QImage(600, 20, QImage.Format.Format_RGB888)
    picture.fill(QColor("red"))
    dialog.show_picture(1, picture)
    shown = dialog.cards[1].grab().toImage()
    assert any(shown.pixelColor(x, shown.height() // 2).red() == 255 for x in range(60))
