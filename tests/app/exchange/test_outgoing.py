"""Out of the window: dragged and copied images, on real threads and with a real mouse."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QDrag, QGuiApplication, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.backend.executors import Executors
from app.backend.private_cache import PrivateCache
from app.exchange.outgoing import Picked
from app.window.window import Window
from tests.app.drops import drop_data
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import MakeWindow

_LEFT = Qt.MouseButton.LeftButton
_NAMES = ("a.png", "b.png", "c.png", "beach/raw/d.png", "beach/raw/e.png")


class Drags:
    """Stands for the very last call: the drag itself, which waits for a real mouse."""

    def __init__(self) -> None:
        self.paths: list[list[Path]] = []
        self.formats: list[list[str]] = []
        self.contents: list[dict[str, str]] = []

    def __call__(self, drag: QDrag) -> Qt.DropAction:
        data = drag.mimeData()
        paths = [Path(url.toLocalFile()) for url in data.urls()]
        self.paths.append(paths)
        self.formats.append(data.formats())
        self.contents.append({p.name: p.read_text() for p in paths if p.is_file()})
        assert not drag.pixmap().isNull()
        return Qt.DropAction.CopyAction


@pytest.fixture
def filled(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, threads: Executors, tmp_path: Path
) -> Window:
    path = tmp_path / "holiday.floe"
    backend.create(path)
    for name in _NAMES:
        backend.archives[path][name] = make_entry(name)
    window = make_window(threads)
    window.session.open(path)
    qtbot.waitUntil(lambda: not window.session.busy)
    window.session.model.set_filter("png")  # which lists those in folders, too
    return window


@pytest.fixture
def drags(filled: Window) -> Drags:
    drags = Drags()
    filled.exchange.drag_out.run = drags
    return drags


def place(window: Window, name: str) -> QPoint:
    model = window.session.model
    row = model.row_of(name)
    assert row is not None
    return window.entries.visualRect(model.index(row, 0)).center()


def move(window: Window, to: QPoint, over: QWidget | None = None) -> None:
    """With the button held, which QTest's own mouseMove does not say."""
    view = over or window.entries.viewport()
    position = QPointF(to)
    QApplication.sendEvent(
        view,
        QMouseEvent(
            QEvent.Type.MouseMove,
            position,
            QPointF(view.mapToGlobal(to)),
            Qt.MouseButton.NoButton,
            _LEFT,
            Qt.KeyboardModifier.NoModifier,
        ),
    )


def pull(qtbot: Any, window: Window, name: str) -> None:
    """Presses on an image and moves the mouse as far as a drag needs."""
    start = place(window, name)
    qtbot.mousePress(window.entries.viewport(), _LEFT, pos=start)
    for step in (4, 12, 24):
        move(window, start + QPoint(step, step))


def let_go(qtbot: Any, window: Window, name: str) -> None:
    qtbot.mouseRelease(window.entries.viewport(), _LEFT, pos=place(window, name))


def extracted(backend: FakeBackend) -> Callable[[], int]:
    """Counts what the backend decodes."""
    count = 0
    original = backend.extract

    def extract(archive: Path, names: Any, *rest: Any) -> Any:
        nonlocal count
        count += len(names)
        return original(archive, names, *rest)

    backend.extract = extract  # type: ignore[method-assign]
    return lambda: count


def clipboard_has_files() -> bool:
    data = QGuiApplication.clipboard().mimeData()
    return data is not None and data.hasUrls()


def test_a_settled_selection_is_ready_before_it_is_dragged(
    qtbot: Any, filled: Window, drags: Drags, backend: FakeBackend
) -> None:
    count = extracted(backend)
    filled.entries.selectRow(0)
    qtbot.waitUntil(lambda: count() == 1)
    qtbot.waitUntil(lambda: not filled.exchange.outgoing.busy)
    pull(qtbot, filled, "a.png")
    assert drags.contents == [{"a.png": "a.png"}]  # at once, in the mouse's own event
    assert drags.formats == [["text/uri-list"]]
    assert count() == 1
    assert filled.exchange.overlay.isHidden()


def test_a_selection_that_moves_on_is_not_decoded(
    qtbot: Any, filled: Window, backend: FakeBackend
) -> None:
    count = extracted(backend)
    for row in (0, 1, 2):
        filled.entries.selectRow(row)
        qtbot.wait(50)
    filled.entries.clearSelection()
    qtbot.wait(600)
    assert count() == 0


def test_large_selections_are_not_decoded_unasked(
    qtbot: Any, filled: Window, backend: FakeBackend, tmp_path: Path
) -> None:
    count = extracted(backend)
    huge = make_entry("huge.png", width=9000, height=6000)
    backend.archives[tmp_path / "holiday.floe"]["huge.png"] = huge
    filled.session.model.put(huge)
    filled.entries.selectAll()
    qtbot.wait(600)
    assert count() == 0


def test_the_drag_starts_once_the_files_are_ready(
    qtbot: Any, filled: Window, drags: Drags, backend: FakeBackend
) -> None:
    backend.pause = 0.03
    filled.entries.selectAll()
    said: set[str] = set()
    pull(qtbot, filled, "b.png")
    overlay = filled.exchange.overlay
    assert overlay.isVisible()
    assert QGuiApplication.overrideCursor() is not None

    def look() -> bool:
        said.add(overlay.text)
        if drags.paths:
            return True
        move(filled, place(filled, "a.png") + QPoint(len(said), 0))  # a hand never rests
        return False

    qtbot.waitUntil(look, timeout=10_000)
    assert {"Preparing 1 of 5: keep holding…", "Preparing 3 of 5: keep holding…"} <= said
    assert drags.contents == [
        {name: name for name in _NAMES[:3]} | {Path(name).name: name for name in _NAMES[3:]}
    ]
    assert len(filled.entries.selected()) == 5
    assert overlay.isHidden()
    assert QGuiApplication.overrideCursor() is None


@pytest.mark.parametrize("by", ["button", "escape"])
def test_letting_go_before_starts_no_drag_and_keeps_the_files(
    qtbot: Any, filled: Window, drags: Drags, backend: FakeBackend, by: str
) -> None:
    backend.pause = 0.02
    count = extracted(backend)
    pull(qtbot, filled, "b.png")
    assert filled.exchange.overlay.isVisible()
    if by == "escape":
        qtbot.keyClick(filled.entries, Qt.Key.Key_Escape)
        move(filled, place(filled, "c.png"))
    let_go(qtbot, filled, "b.png")
    assert filled.exchange.overlay.isHidden()
    assert [entry.name for entry in filled.entries.selected()] == ["b.png"]
    qtbot.waitUntil(lambda: not filled.exchange.outgoing.busy, timeout=5000)
    assert drags.paths == []
    pull(qtbot, filled, "b.png")
    assert drags.contents == [{"b.png": "b.png"}]
    assert count() == 1
    let_go(qtbot, filled, "b.png")
    move(filled, place(filled, "a.png"))
    assert len(drags.paths) == 1


def test_another_selection_stops_what_nobody_waits_for(
    qtbot: Any, filled: Window, backend: FakeBackend
) -> None:
    backend.pause = 0.1
    count = extracted(backend)
    filled.entries.selectRow(0)
    qtbot.waitUntil(lambda: count() == 1)
    filled.entries.selectRow(1)
    qtbot.waitUntil(lambda: count() == 2, timeout=3000)
    assert len(filled.exchange.outgoing._running) == 1


def test_selections_that_have_not_begun_are_cancelled(
    qtbot: Any, filled: Window, threads: Executors
) -> None:
    busy = threading.Event()
    threads.outgoing.submit(busy.wait)
    outgoing, entries = filled.exchange.outgoing, filled.session.model.entries
    path = filled.session.path
    assert path is not None
    try:
        for entry in entries[:3]:
            outgoing.request(Picked(path, (entry,), frozenset({entry.name})))
        outgoing.cancel_all()
        assert not outgoing.busy
    finally:
        busy.set()


def test_a_longer_selection_decodes_only_what_is_new(
    qtbot: Any, filled: Window, drags: Drags, backend: FakeBackend
) -> None:
    count = extracted(backend)
    filled.entries.selectRow(0)
    qtbot.waitUntil(lambda: count() == 1)
    qtbot.waitUntil(lambda: not filled.exchange.outgoing.busy)
    pull(qtbot, filled, "a.png")
    let_go(qtbot, filled, "a.png")
    filled.entries.selectAll()
    qtbot.waitUntil(lambda: count() == 5)
    qtbot.waitUntil(lambda: not filled.exchange.outgoing.busy)
    pull(qtbot, filled, "a.png")
    given, later = drags.paths[0][0], drags.paths[1][0]
    assert given != later
    assert given.read_text() == later.read_text() == "a.png"  # the first one is not taken back


def test_a_file_that_somebody_wrote_to_is_decoded_again(
    qtbot: Any, filled: Window, drags: Drags, backend: FakeBackend
) -> None:
    for _ in range(2):
        pull(qtbot, filled, "a.png")
        n_before = len(drags.paths)
        qtbot.waitUntil(lambda n=n_before: len(drags.paths) > n or bool(drags.paths))
        let_go(qtbot, filled, "a.png")
        drags.paths[-1][0].write_text("edited in another program")
    assert drags.contents[-1] == {"a.png": "a.png"}


def test_a_folder_comes_as_that_folder_without_its_parents(
    qtbot: Any, filled: Window, backend: FakeBackend, tmp_path: Path
) -> None:
    entries = tuple(e for e in filled.session.model.entries if e.name.startswith("beach/"))
    archive = tmp_path / "holiday.floe"
    outgoing = filled.exchange.outgoing
    folder = outgoing.request(Picked(archive, entries, frozenset({"beach/raw"})))
    qtbot.waitUntil(lambda: not folder.running)
    (path,) = folder.paths
    assert path.name == "raw"
    assert sorted(p.name for p in path.iterdir()) == ["d.png", "e.png"]
    files = outgoing.request(Picked(archive, entries[:1], frozenset({entries[0].name})))
    qtbot.waitUntil(lambda: not files.running)
    assert [p.name for p in files.paths] == ["d.png"]


def test_what_cannot_be_decoded_is_told_of_and_the_rest_comes(
    qtbot: Any, filled: Window, drags: Drags, backend: FakeBackend
) -> None:
    pieces = backend._pieces

    def some_fail(name: str, *rest: Any) -> None:
        if name == "b.png":
            raise ValueError("b.png: the stored bytes are damaged")
        pieces(name, *rest)

    backend._pieces = some_fail  # type: ignore[method-assign]
    filled.entries.selectAll()
    pull(qtbot, filled, "a.png")
    qtbot.waitUntil(lambda: len(drags.paths) == 1)
    assert len(drags.paths[0]) == 4
    assert filled.message.text == "b.png: the stored bytes are damaged"


def test_copied_images_are_on_the_clipboard_as_files(
    qtbot: Any, filled: Window, backend: FakeBackend
) -> None:
    backend.pause = 0.02
    filled.entries.setFocus()
    filled.entries.selectRow(2)
    QGuiApplication.clipboard().clear()
    qtbot.keyClick(filled.entries, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert filled.exchange.overlay.text == "Preparing 1 of 1 for the clipboard…"
    name = filled.entries.selected()[0].name
    filled.entries.clearSelection()  # which does not concern what is being copied
    qtbot.waitUntil(lambda: clipboard_has_files(), timeout=5000)
    data = QGuiApplication.clipboard().mimeData()
    (url,) = data.urls()
    path = Path(url.toLocalFile())
    assert path.read_text() == name
    assert data.text() == str(path)
    gnome = data.data("x-special/gnome-copied-files").data()
    assert gnome == b"copy\n" + url.toEncoded().data()
    assert "1 file is on the clipboard" in filled.statusBar().currentMessage()
    filled.close()
    assert not clipboard_has_files()


def test_copying_can_be_stopped(qtbot: Any, filled: Window, backend: FakeBackend) -> None:
    backend.pause = 0.2
    QGuiApplication.clipboard().clear()
    filled.entries.selectAll()
    filled.actions_.copy.trigger()
    qtbot.waitUntil(filled.exchange.overlay.isVisible)
    filled.exchange.overlay.stopped.emit()
    assert filled.exchange.overlay.isHidden()
    qtbot.waitUntil(lambda: not filled.exchange.outgoing._last.running, timeout=5000)
    assert not clipboard_has_files()


def test_keys_in_the_filter_line_copy_text(qtbot: Any, filled: Window) -> None:
    filled.entries.selectAll()
    filled.filter.setFocus()
    qtbot.keyClicks(filled.filter, "png")
    filled.filter.selectAll()
    qtbot.keyClick(filled.filter, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "png"
    assert not filled.exchange.outgoing.busy


def test_closing_while_files_get_ready(qtbot: Any, filled: Window, backend: FakeBackend) -> None:
    backend.pause = 0.3
    filled.entries.selectAll()
    filled.actions_.copy.trigger()
    assert filled.close()
    qtbot.waitUntil(lambda: not filled.exchange.outgoing.busy, timeout=2000)


def test_what_the_window_drags_out_does_not_come_in_again(qtbot: Any, filled: Window) -> None:
    taken: list[bool] = []

    def drop_it_here(drag: QDrag) -> Qt.DropAction:
        taken.append(drop_data(filled, drag.mimeData(), QPoint(200, 200)))
        return Qt.DropAction.IgnoreAction

    filled.exchange.drag_out.run = drop_it_here
    pull(qtbot, filled, "a.png")
    qtbot.waitUntil(lambda: bool(taken))
    assert taken == [False]
    assert not filled.session.busy


def test_tiles_and_folders_are_dragged_too(qtbot: Any, filled: Window, drags: Drags) -> None:
    filled.actions_.tiles.setChecked(True)
    tiles = filled.browser.tiles
    model = filled.session.model
    model.set_filter("")
    qtbot.waitUntil(tiles.isVisible)
    row = model.row_of("beach")
    assert row is not None
    start = tiles.visualRect(model.index(row, 0)).center()
    qtbot.mousePress(tiles.viewport(), _LEFT, pos=start)
    for step in (4, 12, 24):
        move(filled, start + QPoint(step, step), tiles.viewport())
    qtbot.waitUntil(lambda: bool(drags.paths))
    ((folder,),) = drags.paths
    assert folder.name == "beach"
    assert sorted(path.name for path in folder.rglob("*.png")) == ["d.png", "e.png"]


# The cache


def test_nothing_is_written_before_it_is_needed(tmp_path: Path) -> None:
    cache = PrivateCache(tmp_path / "cache")
    cache.sweep()
    cache.remove()
    assert not (tmp_path / "cache").exists()


def test_the_cache_goes_with_its_process(tmp_path: Path) -> None:
    cache = PrivateCache(tmp_path / "cache")
    one, other = cache.new_folder(), cache.new_folder()
    (one / "a.png").write_bytes(b"1")
    assert other != one
    assert one.parent.stat().st_mode & 0o077 == 0 or os.name == "nt"
    PrivateCache(cache.root).sweep()  # as another window's start does, while this one lives
    assert (one / "a.png").exists()
    cache.remove()
    assert list(cache.root.iterdir()) == []


_VICTIM = """
import sys
from pathlib import Path
from app.backend.private_cache import PrivateCache
cache = PrivateCache(Path(sys.argv[1]))
(cache.new_folder() / "left.png").write_bytes(b"1")
print("ready", flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    with subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "ready\n"
        cache = PrivateCache(root)
        cache.sweep()
        assert list(root.rglob("left.png"))  # it lives
        victim.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        victim.wait()
    cache.sweep()
    assert list(root.iterdir()) == []
