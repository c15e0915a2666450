"""Kills: SIGKILL at a random moment or system call, in the middle of a write, and what is left."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

from tools.torture import calls
from tools.torture.calls import Action
from tools.torture.material import OPERATIONS, Material, Operation
from tools.torture.trials import Result, Trial, isolated


def prepare(folder: Path) -> Trial:
    """The trial, with what it needs in a folder."""
    material = Material(folder)
    n_calls: dict[str, int] = {}
    seconds: dict[str, float] = {}

    def trial(random: Random, place: Path) -> Result:
        operation = random.choice(OPERATIONS)
        path = place / "x.floe"

        def start() -> None:
            if not operation.creates:
                shutil.copyfile(material.base, path)

        if operation.name not in n_calls:
            start()
            whole = isolated(_counted(operation, path, material.sources), seconds=60)
            assert isinstance(whole.value, int), whole.error
            n_calls[operation.name], seconds[operation.name] = whole.value, whole.seconds
            path.unlink()
        start()
        how = random.choice(("moment", "call", "write"))
        if how == "moment":
            moment = random.uniform(0, 1.05 * seconds[operation.name])
            isolated(lambda: operation.run(path, material.sources), kill_after=moment)
        else:
            action = Action.KILL if how == "call" else Action.TEAR
            turn = random.randint(1, n_calls[operation.name])
            isolated(_armed(operation, path, material.sources, action, turn), seconds=60)
        result = Result(f"{operation.name}, killed at a {how}")
        result.faults += material.faults(path, operation)
        if path.exists() and not result.faults:
            result.faults += material.faults_of_next(path)
        return result

    return trial


def _counted(operation: Operation, path: Path, sources: Path) -> Callable[[], int]:
    def work() -> int:
        calls.arm(path.parent)
        operation.run(path, sources)
        return calls.disarm()

    return work


def _armed(
    operation: Operation, path: Path, sources: Path, action: Action, turn: int
) -> Callable[[], None]:
    def work() -> None:
        calls.arm(path.parent, action, turn=turn)
        operation.run(path, sources)
        calls.disarm()

    return work
