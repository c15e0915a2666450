"""Jobs over many files: each file succeeds or fails by itself, and cancelling loses nothing.

A file is one call on an executor, with an archive connection of its own, so that one file's
network runs while another file is entropy coded; SQLite orders those who write.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace as changed
from pathlib import Path

from core.archive.archive import Archive
from core.archive.codec import (
    DEFAULT_CODER,
    THREADS_PER_IMAGE,
    CodecFactory,
    load_photo_codec,
)
from core.archive.entry import Entry
from core.archive.shelf import Shelf
from core.control import CancelToken, Progress
from core.engine.collecting import Source, collect
from core.engine.results import FileResult, Listener, Silent
from core.errors import Cancelled, EntryExistsError, FloeError, UnreadableFileError

_log = logging.getLogger(__name__)

#: Files under way at a time where no executor is given: each keeps four cores busy, and takes
#: memory of its own.
N_WORKERS = min(max((os.cpu_count() or 1) // THREADS_PER_IMAGE, 1), 4)

_Work = Callable[[FileResult, Listener, CancelToken], FileResult]


def add(
    archive: Path,
    paths: Iterable[Path | Source],
    *,
    coder: str = DEFAULT_CODER,
    replace: bool = False,
    shelf: Shelf | None = None,
    carry_model: bool = False,
    listener: Listener | None = None,
    cancel: CancelToken | None = None,
    codec_factory: CodecFactory = load_photo_codec,
    executor: Executor | None = None,
) -> list[FileResult]:
    """Adds files and folders to an archive that exists; the results in the order of the files.

    A file that the archive holds already under the same name is left alone, so that an
    interrupted job can simply be run again; another one of that name is an error unless
    ``replace``; what is replaced goes to the shelf, if there is one. With ``carry_model`` the
    archive gets a copy of the model that its images need, so that it can be read without one.
    Raises what Archive.open raises, before anything is coded.
    """

    def work(file: FileResult, listener: Listener, cancel: CancelToken) -> FileResult:
        assert file.source is not None
        if os.path.isdir(file.source):
            raise UnreadableFileError(file.source, "the folder cannot be looked into")
        with Archive.open(archive, write=True, codec_factory=codec_factory) as opened:
            there = opened.find(file.name)
            if there is not None and _same_file(file.source, there):
                if carry_model and there.model is not None:
                    opened.carry_model()
                return changed(file, entry=there, unchanged=True)
            if there is not None and not replace:
                raise EntryExistsError(
                    file.name,
                    "the archive has another image of this name; rename the file, or replace it",
                )
            parcel = shelf.parcel() if shelf is not None else None
            entry = opened.add_file(
                file.source,
                file.name,
                coder=coder,
                replace=replace,
                replaced=parcel,
                carry_model=carry_model,
                progress=listener.progress,
                cancel=cancel,
            )
        kept = parcel if parcel is not None and parcel.exists() else None
        return changed(file, entry=entry, replaced=kept)

    with Archive.open(archive, write=True, codec_factory=codec_factory) as opened:
        opened.check_writable()
    files = [FileResult(name, source=path) for path, name in collect(paths)]
    return _run(files, work, listener, cancel, executor)


def extract(
    archive: Path,
    names: Sequence[str],
    folder: Path,
    *,
    overwrite: bool = False,
    listener: Listener | None = None,
    cancel: CancelToken | None = None,
    codec_factory: CodecFactory = load_photo_codec,
    executor: Executor | None = None,
) -> list[FileResult]:
    """Writes the images of these names below a folder; the results in their order.

    A name that ends in a slash is a folder that was made: it is made there, too, and has a result
    only if that fails. Of an archive that was cut short, what is whole still comes out. Raises
    what Archive.open raises.
    """

    def work(file: FileResult, listener: Listener, cancel: CancelToken) -> FileResult:
        with Archive.open(archive, salvage=True, codec_factory=codec_factory) as opened:
            target = opened.extract(
                file.name, folder, overwrite=overwrite, progress=listener.progress, cancel=cancel
            )
            return changed(file, entry=opened.find(file.name), target=target)

    Archive.open(archive, salvage=True, codec_factory=codec_factory).close()
    files = [FileResult(name) for name in dict.fromkeys(names) if not name.endswith("/")]
    results = _run(files, work, listener, cancel, executor)
    made = [name for name in dict.fromkeys(names) if name.endswith("/")]
    return results + _make_folders(archive, made, folder, listener or Silent(), cancel)


def verify(
    archive: Path,
    names: Sequence[str],
    *,
    listener: Listener | None = None,
    cancel: CancelToken | None = None,
    codec_factory: CodecFactory = load_photo_codec,
    executor: Executor | None = None,
) -> list[FileResult]:
    """Decodes the images of these names and holds them to their checksums.

    Raises what Archive.open raises.
    """

    def work(file: FileResult, listener: Listener, cancel: CancelToken) -> FileResult:
        with Archive.open(archive, salvage=True, codec_factory=codec_factory) as opened:
            opened.verify(file.name, progress=listener.progress, cancel=cancel)
            return changed(file, entry=opened.find(file.name))

    Archive.open(archive, salvage=True, codec_factory=codec_factory).close()
    files = [FileResult(name) for name in dict.fromkeys(names)]
    return _run(files, work, listener, cancel, executor)


def _make_folders(
    archive: Path,
    names: Sequence[str],
    folder: Path,
    listener: Listener,
    cancel: CancelToken | None,
) -> list[FileResult]:
    """Makes folders, unless the job was cancelled; the results of those that failed."""
    failed: list[FileResult] = []
    if not names or (cancel is not None and cancel.cancelled):
        return failed
    with Archive.open(archive, salvage=True) as opened:
        for name in names:
            try:
                opened.extract_folder(name.rstrip("/"), folder)
            except FloeError as error:
                failed.append(FileResult(name, error=str(error)))
                listener.finished(failed[-1])
    return failed


def _run(
    files: Sequence[FileResult],
    work: _Work,
    listener: Listener | None,
    cancel: CancelToken | None,
    executor: Executor | None,
) -> list[FileResult]:
    """Does the work on each file, and tells what came of it."""
    cancel = cancel or CancelToken()
    ordered = _Ordered(listener or Silent())

    def one(file: FileResult) -> FileResult:
        try:
            cancel.check()
            ordered.started(file.name)
            result = work(file, ordered, cancel)
        except Cancelled:
            result = changed(file, cancelled=True)
        except FloeError as error:
            result = changed(file, error=str(error))
        except MemoryError:
            result = changed(file, error=f"{file.name}: there is not enough memory for this image")
        except Exception as error:  # a bug of ours must not take the other files with it
            _log.exception("%s", file.name)
            result = changed(file, error=f"{file.name}: unexpected {type(error).__name__}: {error}")
        ordered.finished(result)
        return result

    with ExitStack() as stack:
        if executor is None:
            workers = min(N_WORKERS, max(len(files), 1))
            executor = stack.enter_context(ThreadPoolExecutor(workers, "floe-file"))
        futures: list[Future[FileResult]] = []
        try:
            futures = [executor.submit(one, file) for file in files]
            return [future.result() for future in futures]
        except BaseException:
            # Someone pressed Ctrl-C: the pool is left only once all workers have stopped.
            cancel.cancel()
            for future in futures:
                future.cancel()
            raise


class _Ordered:
    """Passes events on from many threads, one at a time."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self._lock = listener, threading.Lock()

    def started(self, name: str) -> None:
        with self._lock:
            self._listener.started(name)

    def progress(self, p: Progress) -> None:
        with self._lock:
            self._listener.progress(p)

    def finished(self, r: FileResult) -> None:
        with self._lock:
            self._listener.finished(r)


def _same_file(path: Path, entry: Entry) -> bool:
    """Whether a file is the one that was archived; one that cannot be read is not."""
    try:
        if path.stat().st_size != entry.original_bytes:
            return False
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == entry.file_sha256
    except OSError:
        return False
