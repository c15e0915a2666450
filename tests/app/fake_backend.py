"""An archive that exists only in memory, as fast or as slow as a test wants."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.backend import Measured, Plan
from core.archive.entry import Entry
from core.control import CancelToken, Progress
from core.engine import FileResult, Source
from core.errors import Cancelled, NoSuchEntryError, NotAnArchiveError


def make_entry(name: str = "kodim01.png", **changes: Any) -> Entry:
    """An entry as the photo codec would leave it; each name has its own sizes."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    facts: dict[str, Any] = {
        "kind": "png",
        "width": 768,
        "height": 512,
        "channels": 3,
        "original_bytes": 736_501,
        "packed_bytes": 400_000 + int(digest[:4], 16),
        "codec": "photo",
        "coder": "fused",
        "model": "photo-1a2b3c4d",
        "theoretical_bpd": 2.8642,
        "borrowed_bits": 1_024,
        "lost_bits": 32,
        "encode_seconds": 2.31,
        "verify_seconds": 2.12,
        "network_seconds": 1.71,
        "coding_seconds": 0.44,
        "read_seconds": 0.05,
        "write_seconds": 0.02,
        "device": "cpu",
        "pixel_sha256": digest,
        "file_sha256": digest,
        "file_exact": True,
        "modified_at": 0,
        "added_at": 0,
        "reason": None,
    }
    return Entry(name=name, **{**facts, **changes})


def make_result(name: str, **changes: Any) -> Any:
    """What the engine says of one file."""
    return FileResult(name, **changes)


def _files(paths: Sequence[Path | Source]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        path = path.path if isinstance(path, Source) else path
        files += sorted(path.iterdir()) if path.is_dir() else [path]
    return files


def _each(names: Sequence[str], work: Any, listener: Any, cancel: CancelToken) -> list[Any]:
    results = []
    for name in names:
        if cancel.cancelled:
            result = make_result(name, cancelled=True)
        else:
            listener.started(name)
            try:
                outcome = work(name)
                is_path = isinstance(outcome, Path)
                result = make_result(
                    name, entry=None if is_path else outcome, target=outcome if is_path else None
                )
            except Cancelled:
                result = make_result(name, cancelled=True)
            except ValueError as error:
                result = make_result(name, error=str(error))
        listener.finished(result)
        results.append(result)
    return results


class FakeBackend:
    """Files are text; "bad" ones fail; ``pause`` seconds pass for each of ten pieces."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.archives: dict[Path, dict[str, Any]] = {}
        self.measured: list[str] = []
        self.codec_pause = 0.0
        self.threads: set[str] = set()
        self.installed = {"PNG": 4.2, "WebP": 3.2}

    def _note(self) -> None:
        self.threads.add(threading.current_thread().name)

    def create(self, archive: Path) -> None:
        self._note()
        archive.write_bytes(b"floe")
        self.archives[archive] = {}

    def entries(self, archive: Path) -> tuple[list[Any], str | None]:
        self._note()
        if archive not in self.archives:
            raise NotAnArchiveError(archive, "is no Floe archive")
        return list(self.archives[archive].values()), None

    def plan_add(self, paths: Sequence[Path]) -> Plan:
        return [(path.name, float(path.stat().st_size)) for path in _files(paths)]

    def add(
        self, archive: Path, paths: Sequence[Path], listener: Any, cancel: CancelToken
    ) -> list[Any]:
        self._note()

        def work(name: str) -> Any:
            for stage in ("encoding", "verifying"):
                self._pieces(name, stage, listener, cancel)
            if "bad" in name:
                raise ValueError(f"{name}: the image is cut short; nothing was added")
            entry = make_entry(name)
            self.archives[archive][name] = entry
            return entry

        return _each([path.name for path in _files(paths)], work, listener, cancel)

    def extract(
        self,
        archive: Path,
        names: Sequence[str],
        folder: Path,
        overwrite: bool,
        listener: Any,
        cancel: CancelToken,
    ) -> list[Any]:
        self._note()

        def work(name: str) -> Any:
            self._pieces(name, "decoding", listener, cancel)
            target = folder / name
            if target.exists() and not overwrite:
                raise ValueError(f"{target}: exists already")
            target.write_text(name)
            return target

        return _each(names, work, listener, cancel)

    def verify(
        self, archive: Path, names: Sequence[str], listener: Any, cancel: CancelToken
    ) -> list[Any]:
        self._note()

        def work(name: str) -> Any:
            self._pieces(name, "verifying", listener, cancel)
            return self.archives[archive][name]

        return _each(names, work, listener, cancel)

    def remove(self, archive: Path, names: Sequence[str]) -> None:
        self._note()
        for name in names:
            if name not in self.archives[archive]:
                raise NoSuchEntryError(name, "is not in the archive")
            del self.archives[archive][name]

    def existing(self, names: Sequence[str], folder: Path) -> list[str]:
        return [name for name in names if (folder / name).exists()]

    def codelengths(self, archive: Path, name: str, cancel: CancelToken) -> Iterator[Measured]:
        self._note()
        for codec in ("PNG", "WebP", "JPEG XL"):
            time.sleep(self.codec_pause)
            cancel.check()
            self.measured.append(f"{name} {codec}")
            there = self.installed.get(codec)
            yield Measured(codec, there, "settings" if there else "")

    def _pieces(self, name: str, stage: Any, listener: Any, cancel: CancelToken) -> None:
        for piece in range(1, 11):
            cancel.check()
            time.sleep(self.pause)
            listener.progress(Progress(name, stage, piece * 39_322, 393_216))
