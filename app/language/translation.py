"""Translations of the window: a JSON file for each language, keyed by the English texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from importlib.resources import files

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QSettings, QTranslator

from app.language.sentences import CONTEXT, Book

KEY = "window/language"

#: Languages by the code in the settings; the sources are English.
LANGUAGES = {"en": "English", "de": "Deutsch"}


#: The plural form of a number: an index into the list of forms of a language.
PLURAL_FORMS: dict[str, Callable[[int], int]] = {
    "en": lambda n: 0 if n == 1 else 1,
    "de": lambda n: 0 if n == 1 else 1,
}


def tr(text: str) -> str:
    """A text of the window outside of a QObject; inside there is its own ``tr``."""
    return QCoreApplication.translate("Floe", text)


def counted(n: int, forms: str, *others: object) -> str:
    """A sentence about n things, in the plural form of n.

    ``forms`` are the English ones, such as "{0} image|{0} images"; {0} is n, {1} and so on are
    ``others``.
    """
    text = QCoreApplication.translate("Counted", forms, None, n)
    if text == forms:
        text = forms.split("|")[PLURAL_FORMS["en"](n)]
    return text.format(QLocale().toString(n), *others)


class Catalogue(QTranslator):
    """Translates a text regardless of its context; texts with a number have a list of forms."""

    def __init__(self, code: str) -> None:
        super().__init__()
        path = files("resources") / "translations" / f"{code}.json"
        self._words: dict[str, str | list[str]] = json.loads(path.read_text("utf-8"))
        self._code, self._form = code, PLURAL_FORMS[code]

    @cached_property
    def _book(self) -> Book:  # read at the first sentence of the engine
        return Book.of(self._code)

    def isEmpty(self) -> bool:
        return not self._words

    def translate(
        self, context: str, source: str, disambiguation: str | None = None, n: int = -1
    ) -> str | None:
        if context == CONTEXT:
            return self._book.translated(source)
        words = self._words.get(source)  # None: Qt shows the English text
        return words[self._form(n)] if isinstance(words, list) else words


def chosen(settings: QSettings) -> str:
    """The code of the chosen language, else of the first supported one of the system."""
    code = str(settings.value(KEY, ""))
    if code in LANGUAGES:
        return code
    wanted = (name.split("-")[0] for name in QLocale.system().uiLanguages())
    return next((name for name in wanted if name in LANGUAGES), "en")


def install(application: QCoreApplication, settings: QSettings) -> list[QTranslator]:
    """Translate everything that is built from now on; keep the returned translators alive.

    Numbers and dates follow the system, unless the user chose a language that differs from it.
    """
    code = chosen(settings)
    if QLocale.system().name().split("_")[0] != code:
        QLocale.setDefault(QLocale(code))
    if code == "en":
        return []
    own = QTranslator()  # for Qt's own dialogs
    own.load(f"qtbase_{code}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
    translators = [own, Catalogue(code)]
    for translator in translators:
        application.installTranslator(translator)
    return translators
