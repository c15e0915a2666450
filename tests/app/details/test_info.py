"""The Info tab: what the archive and the file say, on the real window and archive."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from PySide6.QtWidgets import QLabel

from app.backend.backend import CoreBackend
from app.backend.executors import Executors
from app.window.window import Window
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import MakeWindow
from tests.fakes import FakeCodec
from tests.golden.make import file_of, scene


def facts(window: Window) -> dict[tuple[str, str], str]:
    rows = window.details.info.rows()
    return {(section, name): value for section, found in rows for name, value in found}


@pytest.fixture
def window(
    qtbot: Any, make_window: MakeWindow, threads: Executors, tmp_path: Path
) -> tuple[Window, dict[str, bytes]]:
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "<b>Beach</b>")
    pixels = scene(40, 50)
    files = {
        "a.png": file_of(pixels, "PNG", pnginfo=text, compress_level=0),
        "b.jpg": file_of(pixels, "JPEG"),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    window = make_window(threads, CoreBackend(FakeCodec))
    window.session.open_or_create(tmp_path / "x.floe", [tmp_path / name for name in files])
    qtbot.waitUntil(lambda: len(window.session.model.entries) == 2, timeout=10_000)
    qtbot.waitUntil(lambda: not window.session.busy, timeout=10_000)
    window.details.setCurrentWidget(window.details.info)
    return window, files


def test_a_photograph(qtbot: Any, window: tuple[Window, dict[str, bytes]]) -> None:
    shown, files = window
    shown.entries.selectRow(0)
    qtbot.waitUntil(lambda: ("Metadata", "Title") in facts(shown), timeout=5000)
    found = facts(shown)
    pixels = Image.open(Path(shown.session.path or "").parent / "a.png").tobytes()
    assert found["Checksums (SHA-256)", "Pixels"] == hashlib.sha256(pixels).hexdigest()
    file_hash = hashlib.sha256(files["a.png"]).hexdigest()
    assert file_hash in {
        value for (section, _), value in found.items() if section.startswith("Checksums")
    }
    assert found["Exactness", "Largest difference"].startswith("0, over ")
    (entry,) = shown.entries.selected()
    assert found["Exactness", "File exact"] == ("yes" if entry.file_exact else "no")
    assert found["Metadata", "Title"] == "<b>Beach</b>"
    labels = [label.text() for label in shown.details.info.findChildren(QLabel)]
    assert "&lt;b&gt;Beach&lt;/b&gt;" in labels  # shown as it is, not as markup
    table = shown.details.table()
    assert table is not None
    assert ["Metadata", "Title", "<b>Beach</b>"] in [list(row) for row in table.rows]


def test_a_stored_file(qtbot: Any, window: tuple[Window, dict[str, bytes]]) -> None:
    shown, files = window
    shown.entries.selectRow(1)
    found = facts(shown)
    assert found["Exactness", "File"] == "exact: stored byte for byte"
    assert found["Archived", "Why so"] == "JPEG keeps its own bytes"
    assert hashlib.sha256(files["b.jpg"]).hexdigest() in found.values()
    qtbot.waitUntil(lambda: ("Metadata", "Reading…") not in facts(shown), timeout=5000)


def test_one_after_the_other_and_none(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path
) -> None:
    path = tmp_path / "x.floe"
    backend.create(path)
    for name in ("a.png", "b.png"):
        backend.archives[path][name] = make_entry(name)
    window = make_window()
    window.session.open(path)
    qtbot.waitUntil(lambda: not window.session.busy)
    window.details.setCurrentWidget(window.details.info)
    for row, name in ((0, "a.png"), (1, "b.png")):
        window.entries.selectRow(row)
        qtbot.waitUntil(
            lambda name=name: facts(window).get(("Metadata", "Title")) == f"The title of {name}"
        )
    del backend.archives[path]["a.png"]
    window.entries.selectRow(0)
    qtbot.waitUntil(lambda: ("Metadata", "Error") in facts(window))
    window.entries.selectAll()
    assert facts(window) == {}
    assert window.details.table() is None
