"""A single window: a second start hands its request over and exits.

The two communicate through a local socket that only this user can open, one for each display. A
lock makes the first of two simultaneous starts the server; a socket left by a killed process is
replaced. If the running window does not answer or is closing, the second start opens its own.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from PySide6.QtCore import QLockFile, QObject
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_CONNECT_MS, _ANSWER_MS, _LOCK_MS = 500, 5000, 5000
#: Tokens by which a desktop lets a program raise its window.
_TOKENS = ("XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID")
_DISPLAY = ("WAYLAND_DISPLAY", "DISPLAY", "QT_QPA_PLATFORM")
_ACCEPTED, _REFUSED = b"accepted\n", b"refused\n"


@dataclass(frozen=True)
class Request:
    """The arguments of a start as absolute paths, and the desktop's token to raise a window."""

    archive: Path | None = None
    paths: tuple[Path, ...] = ()
    token: str = ""

    @classmethod
    def here(cls, archive: Path | None, paths: tuple[Path, ...]) -> Request:
        """The request of this process, in absolute paths: the server may have another folder."""
        token = next((os.environ[name] for name in _TOKENS if os.environ.get(name)), "")
        return cls(
            archive.absolute() if archive is not None else None,
            tuple(path.absolute() for path in paths),
            token,
        )

    def to_json(self) -> bytes:
        """One line."""
        archive = os.fspath(self.archive) if self.archive is not None else None
        paths = [os.fspath(path) for path in self.paths]
        return json.dumps({"archive": archive, "paths": paths, "token": self.token}).encode()

    @classmethod
    def from_json(cls, line: bytes) -> Request:
        """Raises ValueError for an invalid request."""
        read = json.loads(line)
        try:
            archive = Path(read["archive"]) if read["archive"] is not None else None
            return cls(archive, tuple(Path(path) for path in read["paths"]), str(read["token"]))
        except (KeyError, TypeError) as error:
            raise ValueError("not a request") from error


def server_name() -> str:
    """The socket of this user on this display: a path, on Windows the name of a pipe."""
    display = "\0".join(os.environ.get(name, "") for name in _DISPLAY)
    name = f"floe-{hashlib.sha256(display.encode()).hexdigest()[:12]}"
    if sys.platform == "win32":
        return f"{name}-{getpass.getuser()}"
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    cache = platformdirs.user_cache_dir("floe", appauthor=False)
    folder = Path(given, "floe") if os.path.isabs(given) else Path(cache)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:  # a read-only home: every start then opens its own window
        folder = Path(tempfile.mkdtemp(prefix="floe-"))
    return str(folder / f"{name}.socket")


class SingleInstance(QObject):
    """Hands a request over, or serves the requests of later starts."""

    def __init__(self, name: str | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name or server_name()
        self._accept: Callable[[Request], bool] = lambda _: False
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)

    def hand_over(self, request: Request) -> bool:
        """Whether a running window accepted the request; if not, this process is the server."""
        lock = QLockFile(self._lock_path())
        lock.setStaleLockTime(0)  # stale only if its process is dead
        if not lock.tryLock(_LOCK_MS):
            return False
        try:
            socket = QLocalSocket()
            socket.connectToServer(self._name)
            if not socket.waitForConnected(_CONNECT_MS):
                QLocalServer.removeServer(self._name)
                self._server.listen(self._name)
                return False
        finally:
            lock.unlock()
        accepted = _ask(socket, request)
        socket.abort()
        return accepted

    def serve(self, accept: Callable[[Request], bool]) -> None:
        """Pass requests to ``accept``, which returns whether it accepts one."""
        self._accept = accept

    def close(self) -> None:
        """Stop serving: later starts open their own window."""
        self._server.close()

    def _lock_path(self) -> str:
        is_path = os.path.isabs(self._name)
        return f"{self._name if is_path else os.path.join(tempfile.gettempdir(), self._name)}.lock"

    def _on_connection(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(self._on_ready)
            socket.disconnected.connect(socket.deleteLater)
            self._answer(socket)  # sent before readyRead was connected

    def _on_ready(self) -> None:
        socket = self.sender()
        if isinstance(socket, QLocalSocket):
            self._answer(socket)

    def _answer(self, socket: QLocalSocket) -> None:
        if not socket.canReadLine():
            return
        try:
            accepted = self._accept(Request.from_json(bytes(socket.readLine().data())))
        except ValueError:
            accepted = False
        socket.write(_ACCEPTED if accepted else _REFUSED)
        socket.flush()


def _ask(socket: QLocalSocket, request: Request) -> bool:
    socket.write(request.to_json() + b"\n")
    if not socket.waitForBytesWritten(_ANSWER_MS):
        return False
    while not socket.canReadLine():
        if not socket.waitForReadyRead(_ANSWER_MS):
            return False
    return bytes(socket.readLine().data()) == _ACCEPTED
