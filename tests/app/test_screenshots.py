"""The pictures for the documentation can be taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from app.window.window import Window
from tests.app.fake_backend import FakeBackend
from tools import screenshots


def test_every_state(qapp: Any, images: list[Path], tmp_path: Path) -> None:
    before = {w for w in QApplication.topLevelWidgets() if isinstance(w, Window)}
    taken = screenshots.make(tmp_path / "shots", images, scale=2.0, backend=FakeBackend(0.02))
    after = {w for w in QApplication.topLevelWidgets() if isinstance(w, Window)}
    assert after <= before
    names = [path.stem for path in taken]
    assert names == [
        "empty",
        "working",
        "map",
        "question",
        "selection",
        "dark",
        "dark-map",
        "move",
        "distribution",
        "compare",
        "german",
    ]
    pictures = [QImage(str(path)) for path in taken]
    assert {(picture.width(), picture.height()) for picture in pictures} == {(2560, 1520)}
    assert len({bytes(picture.constBits()) for picture in pictures}) == len(names)
