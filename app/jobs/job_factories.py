"""The work of each kind of job, and of retrying its failed files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.backend.backend import Backend, Plan
from app.jobs.jobs import Work
from core.control import CancelToken
from core.engine import FileResult, LeftOut, Listener, OnLeftOut, Outcome, Queries, Source

if TYPE_CHECKING:
    from core.engine import Discardable


def adding(
    backend: Backend, archive: Path, paths: Sequence[Path], queries: Queries, folder: str
) -> Work:
    """Add files and folders to a folder of the archive, "" being its root."""
    return _adding(backend, archive, partial(backend.plan_add, paths, folder), queries)


def _adding(
    backend: Backend,
    archive: Path,
    find: Callable[[OnLeftOut], Sequence[Source]],
    queries: Queries,
) -> Work:
    sources: list[Source] = []
    left_out: list[LeftOut] = []

    def plan() -> Plan:  # on the worker: it reads the disk, once
        sources[:] = find(left_out.append)
        return [(source.name, float(source.n_bytes)) for source in sources]

    def retry(failed: Sequence[FileResult]) -> Work:
        left = [Source(result.source, result.name) for result in failed if result.source]
        return _adding(backend, archive, partial(backend.plan_again, left), queries)

    def run(listener: Listener, cancel: CancelToken) -> Sequence[FileResult]:
        for path, reason in left_out:
            listener.finished(FileResult(str(path), path, outcome=Outcome.SKIPPED, left_out=reason))
        return backend.add(archive, sources, queries, listener, cancel)

    return Work(plan, run, retry)


def extracting(
    backend: Backend,
    archive: Path,
    plan: Plan,
    folders: Sequence[str],
    target: Path,
    queries: Queries,
) -> Work:
    """Write images into a folder of the disk, and make folders of the archive there."""
    names = [name for name, _ in plan]

    def retry(failed: Sequence[FileResult]) -> Work:
        part, left = _part(plan, failed), [r.name for r in failed if r.name in folders]
        return extracting(backend, archive, part, left, target, queries)

    run = partial(backend.extract, archive, names, folders, target, queries)
    return Work(lambda: plan, run, retry, target)


def verifying(backend: Backend, archive: Path, plan: Plan, queries: Queries) -> Work:
    """Decode images and compare them with their hashes."""

    def retry(failed: Sequence[FileResult]) -> Work:
        return verifying(backend, archive, _part(plan, failed), queries)

    names = [name for name, _ in plan]
    return Work(lambda: plan, partial(backend.verify, archive, names, queries), retry)


def discarding(
    backend: Backend, archive: Path, files: Sequence[Discardable], move: Callable[[Path], None]
) -> Work:
    """Move originals to the wastebasket."""

    def retry(failed: Sequence[FileResult]) -> Work:
        names = {result.name for result in failed}
        left = [file for file in files if file.name in names]
        return discarding(backend, archive, left, move)

    plan = [(file.name, float(file.n_bytes)) for file in files]
    return Work(lambda: plan, partial(backend.discard, archive, files, move), retry)


def _part(plan: Plan, failed: Sequence[FileResult]) -> Plan:
    names = {result.name for result in failed}
    return [(name, weight) for name, weight in plan if name in names]
