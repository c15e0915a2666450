"""German is complete, and what is chosen is remembered."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QLocale, QSettings, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu

from app.language import formats
from app.language import translation as language
from app.language.translation import KEY, Catalogue

ROOT = Path(language.__file__).parents[1]
WORDS: dict[str, str | list[str]] = json.loads(
    (ROOT.parent / "resources" / "translations" / "de.json").read_text("utf-8")
)


def spoken() -> dict[str, str]:
    """All words that the sources hand to tr or translate, and where."""
    found: dict[str, str] = {}
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            words = [a.value for a in node.args if isinstance(a, ast.Constant)]
            words = [word for word in words if isinstance(word, str)]
            if name in ("tr", "_tr", "counted") and words:
                found[words[0]] = path.name
            elif name == "translate" and len(words) > 1:  # the first is the context
                found[words[1]] = path.name
    return found


def test_every_word_is_translated_and_none_is_left_over() -> None:
    wanted = spoken()
    assert {word: wanted[word] for word in wanted if not WORDS.get(word)} == {}
    assert [word for word in WORDS if word not in wanted] == []


@pytest.mark.parametrize("source", [w for w in WORDS if "{" in w or "*" in w])
def test_what_is_filled_in_is_filled_in(source: str) -> None:
    places = re.compile(r"\{\w*\}|\*\.?\w*")
    translated = WORDS[source]
    forms = translated if isinstance(translated, list) else [translated]
    for english, german in zip(source.split("|"), forms, strict=True):
        assert sorted(places.findall(english)) == sorted(places.findall(german))


def test_what_is_counted_has_as_many_forms_as_the_language() -> None:
    for source, translated in WORDS.items():
        assert isinstance(translated, list) == ("|" in source), source
    numbers = range(200)
    assert {language.PLURAL_FORMS["de"](n) for n in numbers} == {0, 1}


def test_english_counts_without_a_catalogue(qapp: QApplication) -> None:
    forms = "{1} found among {0} image|{1} found among {0} images"
    assert language.counted(1, forms, "2") == "2 found among 1 image"
    assert language.counted(0, forms, "0") == "0 found among 0 images"


def test_german_counts(german: None) -> None:
    assert [formats.files(n) for n in (0, 1, 2)] == ["0 Dateien", "1 Datei", "2 Dateien"]
    assert formats.files(1234) == "1.234 Dateien"
    assert formats.exact_bytes(1) == "1 Byte"
    forms = "{1} found among {0} image|{1} found among {0} images"
    assert language.counted(3, forms, "2") == "2 gefunden unter 3 Bildern"


def test_keys_of_a_menu_are_not_given_twice(german: None, make_window: Any) -> None:
    window = make_window()
    for menu in window.menuBar().findChildren(QMenu):
        keys = [key for a in menu.actions() for key in re.findall(r"&(\w)", a.text().lower())]
        twice = [a.text() for a in menu.actions() if keys.count(_key(a.text())) > 1]
        assert twice == [], menu.title()


def _key(text: str) -> str:
    found = re.search(r"&(\w)", text.lower())
    return found[1] if found else ""


@pytest.fixture
def german(qapp: QApplication, settings: QSettings) -> Iterator[None]:
    before = QLocale()
    settings.setValue(KEY, "de")
    translators = language.install(qapp, settings)
    yield
    for translator in translators:
        qapp.removeTranslator(translator)
    QLocale.setDefault(before)


def test_the_window_speaks_german(german: None, make_window: Any) -> None:
    window = make_window()
    texts = [action.text() for action in window.findChildren(QAction) if action.text()]
    english = [text for text in texts if text in WORDS and WORDS[text] != text]
    assert english == []
    assert "&Neu …" in texts
    assert window.status.summary.text() == "Kein Archiv ist geöffnet"


def test_a_language_is_chosen_and_remembered(make_window: Any, settings: QSettings) -> None:
    window = make_window()
    menu = window.preferences.language
    next(action for action in menu.actions() if action.text() == "Deutsch").trigger()
    assert settings.value(KEY) == "de"
    assert language.chosen(settings) == "de"
    assert window.message.isVisible()


def test_light_and_dark_are_chosen_and_remembered(
    system_palette: None, make_window: Any, settings: QSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Qt.ColorScheme] = []

    class Hints:
        def setColorScheme(self, scheme: Qt.ColorScheme) -> None:
            asked.append(scheme)

    window = make_window()
    monkeypatch.setattr(QGuiApplication, "styleHints", lambda: Hints())
    window.preferences.appearance.actions()[2].trigger()
    assert asked == [Qt.ColorScheme.Dark]
    assert settings.value("window/appearance") == "dark"


def test_words_that_nobody_knows_stay_as_they_are() -> None:
    assert Catalogue("de").translate("Any", "no such words") is None
