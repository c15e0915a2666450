"""The engine's sentences in German: all of them, with what they name in its place."""

from __future__ import annotations

import ast
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from app.backend.backend import CoreBackend
from app.backend.executors import Executors
from app.jobs.files_model import STATE
from app.language import sentences
from app.language import translation as language
from app.language.sentences import Book
from core import errors
from core.errors import DamagedImageError, ModelError, UnwritableFileError
from core.images.reading import read_image
from tests.app.stand_ins import MakeWindow
from tests.fakes import FakeCodec

CORE = Path(errors.__file__).parent
ERRORS = {name for name in vars(errors) if name.endswith("Error")}
#: What takes a reason for an error, or for keeping a file's own bytes.
TAKERS = ERRORS | {"_damaged", "_original", "_stored", "BrokenPngError", "UnusualPngError"}
#: What returns one.
GIVERS = {"_what_it_is", "_os_reason", "_reason", "_in_words", "_cut_short", "open_database"}
NAMES = {"reason", "sentence", "needed", "pages", "_MODE_REASONS", "_IN_WORDS"}


def spoken() -> dict[str, str]:
    """Every sentence in the engine's sources, with numbered places, and where it stands."""
    found: dict[str, str] = {}
    for folder in ("images", "archive", "engine"):
        for path in sorted((CORE / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                for text in _sentences_of(node):
                    found[text] = f"{path.name}:{getattr(node, 'lineno', 0)}"
    return found


def _sentences_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in TAKERS:
            yield from (text for argument in node.args for text in _texts(argument))
    elif isinstance(node, ast.FunctionDef) and node.name in GIVERS:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Return | ast.Dict):
                yield from _texts(inner)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id in NAMES for target in targets):
            yield from _texts(node.value)


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        text, places = "", 0
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += str(part.value)
            else:
                text, places = f"{text}{{{places}}}", places + 1
        # What is between places says something, unless it only joins two sentences.
        if re.search(r"[a-z]{3}", re.sub(r"\{\d\}", "", text)):
            yield text.removeprefix("{0}: ") if "{1}" not in text else text
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str) and re.fullmatch(r"[a-zA-Z0-9].* .*", node.value):
            yield node.value
    elif isinstance(node, ast.Tuple) and all(isinstance(e, ast.Constant) for e in node.elts):
        yield from _texts(node.elts[-1])  # a pattern, and what is said of it
    else:
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)


@pytest.fixture
def book() -> Book:
    return Book.of("de")


def test_every_sentence_of_the_engine_is_in_the_book(book: Book) -> None:
    said = spoken()
    assert len(said) > 90
    unknown = {}
    for text, place in said.items():
        filled = re.sub(r"\{\d\}|\\1", "7", text)
        if book.translated(filled) == filled:
            unknown[text] = place
    assert unknown == {}


def test_names_and_numbers_stay(book: Book) -> None:
    assert (
        book.translated("strand: x.png: the file is empty") == "strand: x.png: die Datei ist leer"
    )
    text = "a.png: the image has 9 x 8 pixels; the limit is 500 million"
    assert book.translated(text) == (
        "a.png: das Bild hat 9 x 8 Pixel; höchstens 500 Millionen sind möglich"
    )
    text = "/x/h.floe: the archive is cut short: 5 of its 70 bytes are there"
    whole = "/x/h.floe: das Archiv ist abgeschnitten: 5 von 70 Bytes sind da"
    assert book.translated(text) == whole
    assert book.translated(f"{text} (extracting may still recover images)") == (
        f"{whole} (was noch ganz ist, lässt sich vielleicht entpacken)"
    )


def test_what_lies_in_a_sentence_is_translated_too(book: Book) -> None:
    assert book.translated("a.png: the image is damaged: its IDAT chunk is corrupt") == (
        "a.png: das Bild ist beschädigt: sein IDAT-Block ist beschädigt"
    )
    found = book.translated("an image with a palette keeps its own bytes")
    assert found == "ein Bild mit Palette behält die eigenen Bytes"
    system = os.strerror(errno.EACCES)
    assert (
        book.translated(f"cannot be read ({system})")
        == "lässt sich nicht lesen (Keine Berechtigung)"
    )


def test_what_no_book_knows_stays_as_it_is(book: Book) -> None:
    assert book.translated("no such: sentence") == "no such: sentence"


@pytest.fixture
def german(qapp: QApplication, settings: QSettings) -> Iterator[None]:
    settings.setValue(language.KEY, "de")
    translators = language.install(qapp, settings)
    yield
    for translator in translators:
        qapp.removeTranslator(translator)


def test_errors_are_said_in_german(german: None, tmp_path: Path) -> None:
    (tmp_path / "leer.png").touch()
    with pytest.raises(errors.NotAnImageError) as raised:
        read_image(tmp_path / "leer.png")
    assert sentences.of(raised.value) == f"{tmp_path / 'leer.png'}: die Datei ist leer"
    full = UnwritableFileError("/x", "no space is left on the disk")
    assert sentences.of(full) == "/x: auf dem Datenträger ist kein Platz mehr"
    assert sentences.of(PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/x")) == (
        "/x: Keine Berechtigung"
    )
    assert sentences.of(ModelError("something new")) == "something new"
    assert sentences.of(ValueError("odd")) == "ValueError: odd"


def test_names_that_are_no_text_do_no_harm(german: None) -> None:
    error = DamagedImageError(os.fsdecode(b"\xff.png"), "the file is empty")
    assert sentences.of(error).endswith("the file is empty")


def test_english_is_what_the_engine_says(qapp: Any) -> None:
    assert sentences.translated("a.png: the file is empty") == "a.png: the file is empty"


def test_a_file_that_failed_says_so_in_german(
    german: None, qtbot: Any, make_window: MakeWindow, threads: Executors, tmp_path: Path
) -> None:
    window = make_window(threads, CoreBackend(FakeCodec, shelf=tmp_path / "shelf"))
    image = tmp_path / "leer: png.png"
    os.mkfifo(image)
    window.session.create(tmp_path / "a.floe", then_add=[image])
    qtbot.waitUntil(lambda: bool(window.session.jobs.with_failures), timeout=10_000)
    model = window.jobs_panel.model
    qtbot.waitUntil(lambda: model.index(0, STATE).data() == "Eine Pipe, keine Datei", timeout=5_000)
    window.actions_.copy_errors.trigger()
    assert QGuiApplication.clipboard().text() == f"{image}: eine Pipe, keine Datei"
