"""Bad disks: no space, quota, or errors from any call on; no right to read or write."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

from core.errors import FloeError
from tools.torture import calls
from tools.torture.calls import Action
from tools.torture.material import OPERATIONS, Material, Operation
from tools.torture.trials import Result, Trial, isolated, leftovers

_ERRORS = {errno.ENOSPC: "no space", errno.EDQUOT: "quota", errno.EIO: "disk error"}


def prepare(folder: Path) -> Trial:
    """The trial, with what it needs in a folder."""
    material = Material(folder)
    n_calls: dict[str, int] = {}

    def trial(random: Random, place: Path) -> Result:
        operation = random.choice(OPERATIONS)
        path = place / "x.floe"
        if operation.name not in n_calls:
            _start(operation, material, path)
            whole = isolated(_failing(operation, path, material, 0, 0), seconds=60)
            assert isinstance(whole.value, tuple), whole.error
            n_calls[operation.name] = whole.value[1]
            path.unlink()
        _start(operation, material, path)
        error = random.choice(list(_ERRORS))
        turn = random.randint(1, n_calls[operation.name])
        ended = isolated(_failing(operation, path, material, turn, error), seconds=60)
        result = Result(f"{operation.name}, {_ERRORS[error]}")
        if ended.hung:
            result.faults.append("hangs")
        elif ended.error or ended.signal:
            last = ended.error.strip().splitlines()[-1:] or [f"signal {ended.signal}"]
            result.faults.append(f"crash: {last[0]}")
        elif isinstance(ended.value, tuple):
            said = ended.value[0] or "success"
            for place_name in (str(path), str(place), str(material.sources)):
                said = said.replace(place_name, "…")
            result.notes.append(said)
        result.faults += material.faults(path, operation)
        left = [name for name in leftovers(place, "x.floe") if not name.endswith("-journal")]
        result.faults += [f"left behind: {name}" for name in left]
        if path.exists() and not result.faults:
            result.faults += material.faults_of_next(path)
        return result

    return trial


def _start(operation: Operation, material: Material, path: Path) -> None:
    if not operation.creates:
        shutil.copyfile(material.base, path)


def _failing(
    operation: Operation, path: Path, material: Material, turn: int, error: int
) -> Callable[[], tuple[str, int]]:
    """Runs the operation; returns the sentence of its error, and how many calls there were."""

    def work() -> tuple[str, int]:
        action = Action.FAIL if turn else Action.COUNT
        calls.arm(path.parent, action, turn=turn, error=error)
        try:
            operation.run(path, material.sources)
        except FloeError as found:
            return str(found).replace(os.fspath(path), "…"), calls.disarm()
        return "", calls.disarm()

    return work
