"""One window for one person: a second process hands over what it was given."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtNetwork import QLocalSocket
from PySide6.QtWidgets import QApplication, QWidget

from app.cli import main as cli
from app.start import gui
from app.start.gui import Arrivals
from app.start.single_instance import Request, SingleInstance
from app.window.window import Window
from core.archive import Archive
from tests.app.fake_backend import FakeBackend
from tests.app.stand_ins import MakeWindow

_START = [sys.executable, "-m", "app.cli"]


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short name: the path of a socket has at most 107 bytes."""
    home = None if sys.platform == "win32" else "/tmp"  # tests have a longer one of their own
    with tempfile.TemporaryDirectory(prefix="floe-", dir=home) as folder:
        yield Path(folder)


@pytest.fixture
def surroundings(short: Path) -> dict[str, str]:
    """Processes that meet each other, and nobody else's window."""
    folders = {
        f"XDG_{kind}": str(short / kind.lower())
        for kind in ("RUNTIME_DIR", "CONFIG_HOME", "CACHE_HOME", "DATA_HOME")
    }
    for folder in folders.values():
        Path(folder).mkdir(mode=0o700)
    return {**os.environ, **folders, "QT_QPA_PLATFORM": "offscreen"}


@pytest.fixture
def name(qapp: QApplication, short: Path) -> str:
    return str(short / "w.socket")


@pytest.fixture
def first(name: str) -> Iterator[SingleInstance]:
    instance = SingleInstance(name)
    assert not instance.hand_over(Request())
    yield instance
    instance.close()


def start(surroundings: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*_START, *map(str, arguments)],
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def second(name: str, *paths: Path) -> subprocess.Popen[str]:
    """Another process that hands over, and prints whether that was taken."""
    program = (
        "import sys; from pathlib import Path; from PySide6.QtCore import QCoreApplication;"
        "from app.start.single_instance import Request, SingleInstance; a = QCoreApplication([]);"
        "r = Request.here(None, tuple(map(Path, sys.argv[2:])));"
        "print(SingleInstance(sys.argv[1]).hand_over(r))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, name, *map(str, paths)], stdout=subprocess.PIPE, text=True
    )


def test_a_request_arrives_as_it_was_sent(
    qtbot: Any, first: SingleInstance, name: str, tmp_path: Path
) -> None:
    got: list[Request] = []
    first.serve(lambda request: got.append(request) or True)
    with second(name, Path("b\udcff.png"), tmp_path / "zwei\nZeilen.floe") as process:
        qtbot.waitUntil(lambda: process.poll() is not None, timeout=20_000)
        assert process.stdout is not None
        assert process.stdout.read() == "True\n"
    (request,) = got
    assert request.paths == (Path.cwd() / "b\udcff.png", tmp_path / "zwei\nZeilen.floe")


def test_a_window_that_refuses_leaves_the_other_start_alone(
    qtbot: Any, first: SingleInstance, name: str
) -> None:
    with second(name) as process:  # nobody serves yet
        qtbot.waitUntil(lambda: process.poll() is not None, timeout=20_000)
        assert process.stdout is not None
        assert process.stdout.read() == "False\n"


def test_nonsense_on_the_socket_is_refused(qtbot: Any, first: SingleInstance, name: str) -> None:
    got: list[Request] = []
    first.serve(lambda request: got.append(request) or True)
    for line in (b"GET / HTTP/1.1\n", b"[1]\n", b'{"archive": 3, "paths": [], "token": ""}\n'):
        socket = QLocalSocket()
        socket.connectToServer(name)
        socket.write(line)
        qtbot.waitUntil(socket.canReadLine)
        assert socket.readLine().data() == b"refused\n"
        socket.abort()
    assert got == []


def test_the_socket_of_a_killed_process_is_replaced(name: str) -> None:
    program = (
        "import sys, os; from PySide6.QtCore import QCoreApplication;"
        "from app.start.single_instance import Request, SingleInstance; a = QCoreApplication([]);"
        "i = SingleInstance(sys.argv[1]); i.hand_over(Request()); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, name], check=False)
    assert Path(name).exists()
    instance = SingleInstance(name)
    assert not instance.hand_over(Request())
    assert instance._server.isListening()
    instance.close()


def test_only_this_person_can_open_the_socket(first: SingleInstance, name: str) -> None:
    assert Path(name).stat().st_mode & 0o077 == 0


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_start_uses_the_running_window(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    one, other = tmp_path / "one.floe", tmp_path / "other.floe"
    running = start(surroundings, "gui", one)
    try:
        wait_for(one, running)
        later = start(surroundings, other)  # without "gui", as in a terminal
        _out, err = later.communicate(timeout=30)
        assert later.returncode == 0, err
        wait_for(other, running)  # made by the first process: the second has ended
        assert running.poll() is None
    finally:
        running.kill()
        running.communicate()
    with Archive.open(other) as archive:
        assert archive.entries() == []


# The window's side


@pytest.fixture
def window(make_window: MakeWindow) -> Window:
    return make_window()


def test_a_later_start_opens_its_archive_here(
    qtbot: Any, window: Window, backend: FakeBackend, tmp_path: Path
) -> None:
    path = tmp_path / "a.floe"
    backend.create(path)
    window.showMinimized()
    assert Arrivals(window).accept(Request(path, token="leave"))
    assert not window.isMinimized()
    assert os.environ.pop("XDG_ACTIVATION_TOKEN") == "leave"
    qtbot.waitUntil(lambda: window.session.path == path)


def test_of_several_archives_the_first_is_shown(
    qtbot: Any, window: Window, backend: FakeBackend, tmp_path: Path
) -> None:
    paths = [tmp_path / "a.floe", tmp_path / "b.floe"]
    for path in paths:
        backend.create(path)
    Arrivals(window).open(Request(paths[0], (paths[1],)))
    qtbot.waitUntil(lambda: window.session.path == paths[0])
    assert window.message.text == "One archive is shown at a time."


def test_nothing_is_opened_below_an_open_question(
    qtbot: Any, window: Window, backend: FakeBackend, tmp_path: Path
) -> None:
    path = tmp_path / "a.floe"
    backend.create(path)
    question = QWidget()
    qtbot.addWidget(question)
    question.setWindowModality(gui.Qt.WindowModality.ApplicationModal)
    question.show()
    assert Arrivals(window).accept(Request(path))
    qtbot.wait(500)
    assert window.session.path is None
    question.close()
    qtbot.waitUntil(lambda: window.session.path == path)


def test_a_window_that_closes_takes_nothing_more(window: Window) -> None:
    arrivals = Arrivals(window)
    window.close()
    assert not arrivals.accept(Request())


@pytest.mark.parametrize("given", ["a.floe", "HOLIDAY.FLOE", "./a.png"])
def test_a_path_alone_means_the_window(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    calls: list[tuple[Any, ...]] = []

    def run(*arguments: Any, **named: Any) -> int:
        calls.append(arguments)
        return 0

    monkeypatch.setattr("app.start.gui.run", run)
    monkeypatch.setattr(sys, "argv", ["floe", given])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    is_archive = given.lower().endswith(".floe")
    assert calls == [(Path(given), []) if is_archive else (None, [Path(given)])]
