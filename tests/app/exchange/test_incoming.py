"""Into the window: what is pasted and dropped, taken or explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QByteArray, QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QColor, QGuiApplication, QImage

from app.exchange import incoming
from app.exchange.incoming import Offer
from app.window.window import Window
from core.archive import Archive
from tests.app.drops import drop, drop_data
from tests.app.fake_backend import FakeBackend
from tests.app.stand_ins import FakeDialogs, MakeWindow

_MIDDLE = QPoint(200, 200)


@pytest.fixture
def opened(qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path) -> Window:
    path = tmp_path / "holiday.floe"
    backend.create(path)
    window = make_window()
    window.session.open(path)
    settle(qtbot, window)
    return window


def settle(qtbot: Any, window: Window) -> None:
    qtbot.waitUntil(lambda: not window.session.busy)


def names(window: Window) -> list[str]:
    return [entry.name for entry in window.session.model.entries]


def paste(qtbot: Any, window: Window, data: QMimeData) -> None:
    qtbot.waitUntil(window.isActiveWindow)  # else it has no shortcuts
    QGuiApplication.clipboard().setMimeData(data)
    qtbot.keyClick(window, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, window)


def with_urls(*urls: str) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl(url) for url in urls])
    return data


def picture(alpha: int = 255) -> QImage:
    image = QImage(21, 9, QImage.Format.Format_ARGB32)
    for y in range(9):
        for x in range(21):
            image.setPixelColor(x, y, QColor(x * 12, y * 28, 7, alpha if x == y == 3 else 255))
    return image


def test_files_are_pasted(qtbot: Any, opened: Window, images: list[Path]) -> None:
    paste(qtbot, opened, with_urls(*(QUrl.fromLocalFile(str(p)).toString() for p in images)))
    assert names(opened) == ["img1.png", "img2.png", "img10.png"]


def test_an_archive_is_opened_by_its_first_bytes(
    qtbot: Any, opened: Window, backend: FakeBackend, tmp_path: Path
) -> None:
    nameless = tmp_path / "from a mail"
    Archive.create(nameless).close()
    backend.archives[nameless] = {}
    drop(opened, [nameless])
    settle(qtbot, opened)
    assert opened.session.path == nameless


def test_pixels_are_pasted_as_a_png_of_a_chosen_name(
    qtbot: Any, opened: Window, dialogs: FakeDialogs
) -> None:
    data = QMimeData()
    data.setImageData(picture())
    dialogs.image = "screen/shot"
    paste(qtbot, opened, data)
    assert dialogs.suggested.startswith("Pasted ")
    assert dialogs.suggested.endswith(".png")
    assert names(opened) == ["screen_shot.png"]
    dialogs.image = None
    paste(qtbot, opened, data)
    assert dialogs.asked == ["image", "image"]
    assert len(names(opened)) == 1


@pytest.mark.parametrize("alpha", [255, 254])
def test_pixels_stay_what_they_were(tmp_path: Path, alpha: int) -> None:
    image = picture(alpha)
    path = incoming.write_image(Offer(image=image), "x.PNG", tmp_path)
    assert path.name == "x.PNG"
    back = QImage(str(path))
    assert back.convertToFormat(QImage.Format.Format_ARGB32) == image
    assert back.hasAlphaChannel() == (alpha < 255)


def test_a_png_on_the_clipboard_keeps_its_bytes(tmp_path: Path) -> None:
    data = QMimeData()
    data.setData("image/png", QByteArray(b"the very bytes"))
    data.setImageData(picture())
    path = incoming.write_image(incoming.read(data), "a", tmp_path)
    assert path.name == "a.png"
    assert path.read_bytes() == b"the very bytes"


def test_pasting_without_an_archive_suggests_no_passing_place(
    qtbot: Any, make_window: MakeWindow, dialogs: FakeDialogs, tmp_path: Path
) -> None:
    window = make_window()
    suggested: list[Path] = []
    ask = dialogs.new_archive

    def new_archive(parent: Any, suggestion: Path) -> Path | None:
        suggested.append(suggestion)
        return ask(parent, suggestion)

    dialogs.new_archive = new_archive  # type: ignore[method-assign]
    data = QMimeData()
    data.setImageData(picture())
    paste(qtbot, window, data)
    assert names(window) == ["pasted.png"]
    assert not suggested[0].is_relative_to(tmp_path / "cache")


def test_an_empty_clipboard_says_so(qtbot: Any, opened: Window) -> None:
    data = QMimeData()
    data.setText("only words")
    paste(qtbot, opened, data)
    assert opened.message.text == "There are no files and no image on the clipboard."
    QGuiApplication.clipboard().clear()
    opened.actions_.paste.trigger()


def test_addresses_are_explained(qtbot: Any, opened: Window, images: list[Path]) -> None:
    assert drop_data(opened, with_urls("https://example.org/cat.png"), _MIDDLE)
    assert opened.message.text == (
        "https://example.org/cat.png: not on this computer. Save it to a folder first, then add it."
    )
    local = QUrl.fromLocalFile(str(images[0])).toString()
    assert drop_data(opened, with_urls("smb://server/b.png", local), _MIDDLE)
    settle(qtbot, opened)
    assert names(opened) == ["img1.png"]
    assert opened.message.text.startswith("smb://server/b.png: not on this computer")


def test_a_picture_dragged_from_a_browser_is_taken_by_its_pixels(
    qtbot: Any, opened: Window, dialogs: FakeDialogs
) -> None:
    data = with_urls("https://example.org/cat.png")
    data.setImageData(picture())
    assert drop_data(opened, data, _MIDDLE)
    settle(qtbot, opened)
    assert names(opened) == ["pasted.png"]
    assert opened.message.text.startswith("1 file added to ")


def test_what_is_not_there_is_named(
    qtbot: Any, opened: Window, dialogs: FakeDialogs, images: list[Path], tmp_path: Path
) -> None:
    link, gone = tmp_path / "link.png", tmp_path / "gone.png"
    link.symlink_to(tmp_path / "nowhere.png")
    drop(opened, [link, gone, images[0]])
    settle(qtbot, opened)
    assert names(opened) == ["img1.png"]
    assert opened.message.text == (
        f"{gone}: not there any more, so nothing was added for it.\n"
        f"{link}: a link to something that is not there; nothing was added for it."
    )


def test_a_broken_link_alone_asks_for_no_archive(
    make_window: MakeWindow, dialogs: FakeDialogs, tmp_path: Path
) -> None:
    window = make_window()
    drop(window, [tmp_path / "gone.png"])
    assert dialogs.asked == []
    assert "not there any more" in window.message.text
