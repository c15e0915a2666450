"""An archive that exists only in memory, as fast or as slow as a test wants."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from app.backend.backend import Listing
from app.backend.decoding import Decoded
from app.backend.edits import Edit
from core.archive.breakdown import Stored, breakdown
from core.archive.entry import Entry, Share
from core.bench.contest import NOT_INSTALLED, Attempt, ContestListener
from core.control import CancelToken, Progress
from core.engine import FileResult, Outcome, Queries, Source
from core.errors import (
    Cancelled,
    DamagedEntryError,
    EntryExistsError,
    NoSuchEntryError,
    NotAnArchiveError,
    NotAnImageError,
)
from core.images.metadata import Fact
from core.images.tiles import Tile


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


def _files(sources: Iterable[Source]) -> list[Source]:
    """Folders are flat here: their files get the names that the folders would stand beside."""
    files: list[Source] = []
    for source in sources:
        beside = source.name.rpartition("/")[0]
        inside = sorted(source.path.iterdir()) if source.path.is_dir() else None
        for file in inside if inside is not None else [source.path]:
            name = file.name if inside is not None else source.name.rpartition("/")[2]
            files.append(Source(file, f"{beside}/{name}" if beside else name))
    return files


def _is_below(name: str, other: str) -> bool:
    return name == other or name.startswith(f"{other}/")


def _each(names: Sequence[str], work: Any, listener: Any, cancel: CancelToken) -> list[Any]:
    results = []
    for name in names:
        if cancel.cancelled:
            result = make_result(name, outcome=Outcome.CANCELLED)
        else:
            listener.started(name)
            try:
                outcome = work(name)
                is_path = isinstance(outcome, Path)
                result = make_result(
                    name, entry=None if is_path else outcome, target=outcome if is_path else None
                )
            except Cancelled:
                result = make_result(name, outcome=Outcome.CANCELLED)
            except ValueError as error:
                result = make_result(name).failed(str(error))
        listener.finished(result)
        results.append(result)
    return results


class FakeBackend:
    """Files are text; "bad" ones fail; ``pause`` seconds pass for each of ten pieces."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.archives: dict[Path, dict[str, Any]] = {}
        self.folders: set[tuple[Path, str]] = set()
        self.edits = self
        self.measured: list[str] = []
        self.thumbnails: list[tuple[str, int]] = []
        self.codec_pause = 0.0
        self.previewed: list[str] = []
        self.threads: set[str] = set()
        self.installed = {"PNG": 4.2, "WebP": 3.2}

    def _note(self) -> None:
        self.threads.add(threading.current_thread().name)

    def create(self, archive: Path) -> None:
        self._note()
        archive.write_bytes(b"floe")
        self.archives[archive] = {}

    def entries(self, archive: Path) -> Listing:
        self._note()
        if archive not in self.archives:
            raise NotAnArchiveError(archive, "is no Floe archive")
        made = [name for name in self.folders if name[0] == archive]
        return Listing(list(self.archives[archive].values()), [f for _, f in made], None)

    def plan_add(self, paths: Sequence[Path], into: str, on_left_out: Any = None) -> list[Source]:
        return _files(Source(path, f"{into}/{path.name}" if into else path.name) for path in paths)

    def plan_again(self, sources: Sequence[Source], on_left_out: Any = None) -> list[Source]:
        return _files(sources)

    def add(
        self,
        archive: Path,
        sources: Sequence[Source],
        queries: Queries,
        listener: Any,
        cancel: CancelToken,
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

        return _each([source.name for source in sources], work, listener, cancel)

    def extract(
        self,
        archive: Path,
        names: Sequence[str],
        folders: Sequence[str],
        target_folder: Path,
        queries: Queries,
        listener: Any,
        cancel: CancelToken,
    ) -> list[Any]:
        self._note()

        def work(name: str) -> Any:
            self._pieces(name, "decoding", listener, cancel)
            target = target_folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(name)
            return target

        return _each(names, work, listener, cancel)

    def verify(
        self,
        archive: Path,
        names: Sequence[str],
        queries: Queries,
        listener: Any,
        cancel: CancelToken,
    ) -> list[Any]:
        self._note()

        def work(name: str) -> Any:
            self._pieces(name, "verifying", listener, cancel)
            return self.archives[archive][name]

        return _each(names, work, listener, cancel)

    def remove(self, archive: Path, names: Sequence[str]) -> Edit:
        self._note()
        entries = self.archives[archive]
        gone = {n: entries[n] for name in names for n in entries if _is_below(n, name)}
        made = {f for a, f in self.folders if a == archive and any(_is_below(f, n) for n in names)}
        if not gone and not made:
            raise NoSuchEntryError(names[0], "is not in the archive")
        for name in gone:
            del entries[name]
        self.folders -= {(archive, name) for name in made}

        def undo() -> Edit:
            self._note()
            entries.update(gone)
            self.folders.update((archive, name) for name in made)
            return Edit([], list(gone.values()), sorted(made), again)

        def again() -> Edit:
            return self.remove(archive, names)

        return Edit([*gone, *made, *names], [], [], undo)

    def undo_adding(self, archive: Path, names: Sequence[str], replaced: Sequence[Path]) -> Edit:
        return self.remove(archive, names)

    def rename(self, archive: Path, pairs: Sequence[tuple[str, str]]) -> Edit:
        self._note()
        entries, came, made = self.archives[archive], [], []
        for old, new in pairs:
            taken = [n for n in [*entries, *(f for _, f in self.folders)] if _is_below(n, new)]
            if taken:
                raise EntryExistsError(new, "is in the archive already")
            found = [n for n in entries if _is_below(n, old)]
            folders = [f for a, f in self.folders if a == archive and _is_below(f, old)]
            if not found and not folders:
                raise NoSuchEntryError(old, "is not in the archive")
            for name in found:
                entry = replace(entries.pop(name), name=new + name.removeprefix(old))
                entries[entry.name] = entry
                came.append(entry)
            for name in folders:
                self.folders.remove((archive, name))
                made.append(new + name.removeprefix(old))
                self.folders.add((archive, made[-1]))
        back = [(new, old) for old, new in reversed(pairs)]
        gone = [old for old, _ in pairs]
        return Edit(gone, came, made, lambda: self.rename(archive, back))

    def new_folder(self, archive: Path, name: str) -> Edit:
        self._note()
        if any(
            _is_below(n, name) for n in [*self.archives[archive], *(f for _, f in self.folders)]
        ):
            raise EntryExistsError(name, "is in the archive already")
        self.folders.add((archive, name))
        return Edit([], [], [name], lambda: self.remove(archive, [name]))

    def forget(self, kept: Sequence[Path]) -> None:
        """Nothing is kept in files."""

    def breakdown(self, archive: Path, name: str) -> dict[Share, float]:
        self._note()
        entry = self.archives[archive][name]
        frame = Stored(1, 100)
        pixels = Stored(1, entry.packed_bytes - frame.n_bytes - 8)
        return breakdown(entry, {"pixels": pixels, "frame": frame})

    def report(self, archive: Path, names: Sequence[str] | None, target: Path) -> None:
        self._note()
        target.write_text(" ".join(names or self.archives[archive]))

    def contest(
        self,
        image: Path,
        listener: ContestListener,
        cancel: CancelToken,
        *,
        thorough: bool,
        black_box: bool,
    ) -> Iterator[Attempt]:
        self._note()
        if "bad" in image.name:
            raise NotAnImageError(image, "not an image")
        for number, name in enumerate(("PNG", "Floe"), 1):
            for tenth in range(11):
                cancel.check()
                time.sleep(self.codec_pause / 10)
                listener(name, tenth / 10)
            yield Attempt(
                name,
                "slow" if thorough else "usual",
                n_bytes=100 * number,
                bits_per_dim=4.0 / number,
                theoretical_bpd=1.9 if name == "Floe" else None,
                encode_seconds=0.5 * number,
                decode_seconds=0.25,
            )
        if black_box:
            yield Attempt(
                "Local bits-back, black box",
                "toy",
                n_bytes=50,
                bits_per_dim=1.5,
                theoretical_bpd=1.4,
                borrowed_bits=12_345,
                encode_seconds=60.0,
                decode_seconds=61.0,
                net=True,
            )

    def metadata(self, archive: Path, name: str) -> list[Fact]:
        self._note()
        if name not in self.archives[archive]:
            raise NoSuchEntryError(name, "is not in the archive")
        return [Fact("Text", "Title", f"The title of {name}")]

    def codelengths(self, archive: Path, name: str, cancel: CancelToken) -> Iterator[Attempt]:
        self._note()
        for codec in ("PNG", "WebP", "JPEG XL"):
            time.sleep(self.codec_pause)
            cancel.check()
            self.measured.append(f"{name} {codec}")
            there = self.installed.get(codec)
            if there is None:
                yield Attempt(codec, "lossless", problem=NOT_INSTALLED)
            else:
                yield Attempt(codec, "lossless", f"lib{codec} 1.2", 1, bits_per_dim=there)

    def thumbnail(
        self,
        archive: Path,
        name: str,
        side: int,
        sha256: str | None = None,
        cancel: CancelToken | None = None,
    ) -> np.ndarray[Any, Any]:
        self._note()
        self.thumbnails.append((name, side))
        if "broken" in name:
            raise DamagedEntryError(name, "its data is damaged")
        colour = [int((sha256 or "808080")[at : at + 2], 16) for at in (0, 2, 4)]
        return np.full((side * 2 // 3, side, 3), colour, np.uint8)

    def thumbnail_of_file(self, path: Path, side: int) -> np.ndarray[Any, Any]:
        self._note()
        return np.full((side, side, 3), 128, np.uint8)

    def preview(
        self, archive: Path, name: str, progress: Any, on_tile: Any, cancel: CancelToken
    ) -> Decoded:
        """A ramp, and bits that rise from left to right; files named "stored" have no map."""
        self._note()
        entry = self.archives[archive][name]
        if "bad" in name:
            raise DamagedEntryError(name, "its data is damaged: a checksum does not match")
        rows, columns = np.mgrid[0 : entry.height, 0 : entry.width]
        pixels = np.stack([columns & 255, rows & 255, (rows + columns) & 255], 2).astype(np.uint8)
        whole = Tile(0, 0, entry.height, entry.width)
        on_tile(whole, np.ascontiguousarray(pixels[::8, ::8]))
        for piece in range(1, 11):
            cancel.check()
            time.sleep(self.pause)
            progress(Progress(name, "decoding", piece, 10))
        self.previewed.append(name)
        bits = (columns * (24 / entry.width)).astype(np.float32)
        return Decoded(pixels, None if entry.is_stored else bits)

    def _pieces(self, name: str, stage: Any, listener: Any, cancel: CancelToken) -> None:
        for piece in range(1, 11):
            cancel.check()
            time.sleep(self.pause)
            listener.progress(Progress(name, stage, piece * 39_322, 393_216))
