"""Sentences of the engine in the language of the window.

The engine writes English sentences: the command line prints them, and archives keep some of them
(why a file is stored as it was). The book of a language translates each of them, with placeholders
for names and numbers. A sentence that is missing from the book stays English.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files

from PySide6.QtCore import QCoreApplication

from core.errors import FloeError

#: The context of these sentences among Qt's translators.
CONTEXT = "Engine"

_PLACE = re.compile(r"\{(\d)\}")


class Book:
    """Sentences with numbered placeholders, from English to another language."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        self._plain = {e: other for e, other in sentences.items() if not _PLACE.search(e)}
        patterned = [e for e in sentences if e not in self._plain]
        patterned.sort(key=lambda english: len(_PLACE.sub("", english)), reverse=True)
        self._patterns = [(_pattern(english), sentences[english]) for english in patterned]

    @classmethod
    def of(cls, code: str) -> Book:
        """The book of a language."""
        path = files("resources") / "translations" / f"{code}-engine.json"
        return cls(json.loads(path.read_text("utf-8")))

    def find(self, text: str) -> str | None:
        """The translation of a sentence, or None."""
        if text in self._plain:
            return self._plain[text]
        for pattern, other in self._patterns:
            if match := pattern.fullmatch(text):
                parts = [self.translated(part) for part in match.groups()]
                return other.format(*parts)
        return None

    def translated(self, text: str) -> str:
        """The translation of a sentence, also after a name as in ``a.png: the file is empty``.

        A text without a translation is returned as it is.
        """
        found = self.find(text)
        end = -2
        while found is None and (end := text.find(": ", end + 2)) >= 0:
            found = self.find(text[end + 2 :])
            found = None if found is None else text[: end + 2] + found
        return text if found is None else found


def _pattern(english: str) -> re.Pattern[str]:
    pieces = _PLACE.split(english)  # text, number, text, number ... text: numbers in order
    return re.compile("(.+?)".join(map(re.escape, pieces[::2])), re.DOTALL)


def translated(text: str) -> str:
    """A sentence of the engine in the user's language."""
    try:
        text.encode()
    except UnicodeEncodeError:  # a file name that is not Unicode: Qt refuses it
        return text
    return QCoreApplication.translate(CONTEXT, text)


def of(error: BaseException) -> str:
    """An error as a sentence: FloeErrors as they are, others with their type."""
    if isinstance(error, FloeError):
        return translated(str(error))
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        return translated(text)
    return f"{type(error).__name__}: {error}"
