"""Files on their way out of an archive: decoded in the background, to be dragged or copied.

A selection that does not change for a moment is decoded ahead if that is quick, so that a drag
finds its files ready. Every preparation fills a tray: a folder of its own in the private cache.
Files that an earlier one has decoded are moved or copied, not decoded again.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.backend.backend import Backend
from app.backend.private_cache import PrivateCache
from app.backend.task import Settling
from app.jobs.jobs import Job, JobKind, State, Work
from app.language import sentences
from core.archive.entry import Entry
from core.control import CancelToken
from core.engine import FileResult, Listener

if TYPE_CHECKING:
    from collections.abc import Sequence


#: A selection that moves on within this time is not decoded at all.
SETTLE_MS = 400
#: Bounds of what is decoded ahead: pixels of coded images, and bytes of all files.
_MOST_PIXELS, _MOST_BYTES = 4_000_000, 200_000_000

#: An image of an archive; the hash distinguishes it from one that replaces it.
_Key = tuple[Path, str, str]


@dataclass(frozen=True)
class Picked:
    """A selection of files and folders of an archive, and the entries in it."""

    archive: Path
    entries: tuple[Entry, ...]
    items: frozenset[str]  #: names of entries and of folders, without a "/" at their end

    def item_of(self, name: str) -> str:
        """The selected item that contains this entry: itself, or a folder above it."""
        item = name
        while item and item not in self.items:
            item = item.rpartition("/")[0]
        return item or name

    @property
    def is_quick(self) -> bool:
        """Whether it is quick enough to be decoded ahead."""
        n_pixels = sum(e.width * e.height for e in self.entries if not e.keeps_file)
        n_bytes = sum(e.original_bytes for e in self.entries)
        return bool(self.entries) and n_pixels <= _MOST_PIXELS and n_bytes <= _MOST_BYTES


@dataclass
class _Tray:
    """The folder of one preparation; files that were given away stay in it."""

    folder: Path | None = None
    given: bool = False


@dataclass(frozen=True)
class _File:
    """A decoded file and its state: other programs that got its path may change it."""

    path: Path
    tray: _Tray
    n_bytes: int
    modified: int

    @classmethod
    def of(cls, path: Path, tray: _Tray) -> _File:
        stat = path.stat()
        return cls(path, tray, stat.st_size, stat.st_mtime_ns)

    @property
    def unchanged(self) -> bool:
        try:
            return _File.of(self.path, self.tray) == self
        except OSError:
            return False


class Preparation(QObject):
    """A selection on its way to files; lives on the window's thread."""

    progressed = Signal()
    ended = Signal(object)  #: the preparation, always last: ready, failed or cancelled

    def __init__(self, picked: Picked, job: Job, tray: _Tray, parent: QObject) -> None:
        super().__init__(parent)
        self.picked = picked
        self.asked = False  #: whether the user waits for it
        self.paths: list[Path] = []  #: files, and folders that hold files, once they are ready
        self.errors: list[str] = []
        self._job, self._tray = job, tray
        job.setParent(self)
        job.progressed.connect(self.progressed)
        job.finished.connect(self._on_finished)

    @property
    def running(self) -> bool:
        """Whether it is waiting or decoding."""
        return self._job.active

    @property
    def cancelling(self) -> bool:
        """Whether it was cancelled."""
        return self._job.cancelling

    @property
    def n_done(self) -> int:
        """The number of files that are done."""
        return self._job.n_finished

    @property
    def n_files(self) -> int:
        """The number of files."""
        return len(self.picked.entries)

    @property
    def fraction(self) -> float:
        """The share of pixels done, 0 to 1."""
        return self._job.meter.fraction

    def give(self) -> None:
        """Mark the files as given away: they stay in place until the program ends."""
        self.asked = self._tray.given = True

    def cancel(self) -> None:
        """Stop it; the files that are ready are kept for the next one."""
        if self.running:
            self._job.cancel()

    def _on_finished(self) -> None:
        results = [file.result for file in self._job.files if file.result is not None]
        if self._job.state is not State.CANCELLED:
            tops = {
                self.picked.item_of(result.name): self._top(result.name, result.target)
                for result in results
                if result.target is not None
            }
            self.paths = list(tops.values())
            failed = [result.error for result in results if result.error]
            self.errors = [sentences.translated(error) for error in failed]
            if self._job.error:
                self.errors.append(self._job.error)
        self.ended.emit(self)

    def _top(self, name: str, path: Path) -> Path:
        n_below = name.count("/") - self.picked.item_of(name).count("/")
        return path.parents[n_below - 1] if n_below else path


class Outgoing(QObject):
    """Decodes the selection when it has settled, or at once on request."""

    def __init__(
        self,
        backend: Backend,
        executor: Executor,
        cache: PrivateCache,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._backend, self._executor, self._cache = backend, executor, cache
        self._known: dict[_Key, _File] = {}  # written on the worker alone
        self._running: set[Preparation] = set()
        self._last: Preparation | None = None
        self._next: Picked | None = None  # prepared once the selection has settled
        self._settling = Settling(SETTLE_MS, self)
        self._settling.timeout.connect(self._on_settled)

    @property
    def busy(self) -> bool:
        """Whether anything is being decoded."""
        return bool(self._running)

    def consider(self, picked: Picked | None) -> None:
        """Turn to another selection; cancel preparations that nobody waits for."""
        self._next = None
        self._settling.stop()
        last = self._last
        if last is not None and last.picked == picked and self._serves(last):
            return
        for preparation in tuple(self._running):  # one that has not begun ends at once
            if not preparation.asked:
                preparation.cancel()
        if picked is not None and picked.is_quick:
            self._next = picked
            self._settling.start()

    def request(self, picked: Picked) -> Preparation:
        """A preparation for a user who waits, new or already running or ready."""
        self._next = None
        self._settling.stop()
        last = self._last
        if last is None or last.picked != picked or not self._serves(last):
            last = self._prepare(picked)
        last.give()
        return last

    def release(self, preparation: Preparation) -> None:
        """End the wait for a preparation; it continues in the background if it is quick."""
        preparation.asked = False
        if not preparation.picked.is_quick or preparation is not self._last:
            preparation.cancel()

    def cancel_all(self) -> None:
        """Stop all within a second."""
        self.consider(None)
        for preparation in tuple(self._running):
            preparation.cancel()

    def _serves(self, preparation: Preparation) -> bool:
        if preparation.running:
            return not preparation.cancelling
        files = (self._known.get(key) for key in _keys(preparation.picked))
        return not preparation.errors and all(
            file is not None and file.tray is preparation._tray and file.unchanged for file in files
        )

    def _on_settled(self) -> None:
        if self._next is not None:
            self._prepare(self._next)

    def _prepare(self, picked: Picked) -> Preparation:
        tray = _Tray()
        job = Job(JobKind.EXTRACT, picked.archive, self._work(picked, tray))
        preparation = Preparation(picked, job, tray, self)
        preparation.ended.connect(self._on_ended)
        self._running.add(preparation)
        self._last = preparation
        job.start(self._executor)
        return preparation

    def _work(self, picked: Picked, tray: _Tray) -> Work:
        plan = [(e.name, float(e.width * e.height)) for e in picked.entries]
        # A retry decodes only what is missing.
        return Work(
            lambda: plan, partial(self._fill, picked, tray), lambda _: self._work(picked, tray)
        )

    def _on_ended(self, preparation: Preparation) -> None:
        self._running.discard(preparation)

    # The following runs on the worker.

    def _fill(
        self, picked: Picked, tray: _Tray, listener: Listener, cancel: CancelToken
    ) -> Sequence[FileResult]:

        tray.folder = self._cache.new_folder()
        keys = dict(zip((e.name for e in picked.entries), _keys(picked), strict=True))
        missing = []
        for name, key in keys.items():
            cancel.check()
            file = self._known.get(key)
            if file is None or not file.unchanged:
                missing.append(name)
                continue
            target = _bring(file, tray.folder)
            self._known[key] = _File.of(target, tray)
            listener.finished(FileResult(name, target=target))
        if not missing:
            return []
        results = self._backend.extract(
            picked.archive, missing, (), tray.folder, None, listener, cancel
        )
        for result in results:
            if result.target is not None:
                self._known[keys[result.name]] = _File.of(result.target, tray)
        return results


def _keys(picked: Picked) -> list[_Key]:
    return [(picked.archive, e.name, e.file_sha256) for e in picked.entries]


def _bring(file: _File, folder: Path) -> Path:
    """Move a decoded file into another tray, or copy it if its path was given away."""
    assert file.tray.folder is not None
    target = folder / file.path.relative_to(file.tray.folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.tray.given:
        shutil.copy2(file.path, target)
    else:
        os.replace(file.path, target)
    return target
