"""Runs so small that a step takes a few milliseconds, on a clock that tests can trust."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import core.training.loop as loop
from core.flows.flowpp import CIFAR10, small
from core.flows.photo.model import PhotoConfig
from core.training.loop import Run, Settings
from core.training.team import Team
from tests.models import crops

TINY = PhotoConfig(width=8, blocks=(1, 1, 1), head_width=8, components=2, weight_sets=2)
TINY_FLOWPP = small(CIFAR10, width=8, blocks=1, components=2, size=16, dropout=0.1)


class EvenClock:
    """Stands in for the module ``time``: every step takes a second, and the clock may break."""

    def __init__(self, break_after: int | None = None) -> None:
        self._seconds = 0.0
        self._left = break_after  # steps until somebody presses Ctrl+C

    def thread_time(self) -> float:
        # The loop asks twice a step, before and after it.
        if self._left is not None and self._seconds >= self._left:
            raise KeyboardInterrupt
        self._seconds += 0.5
        return 2 * self._seconds


def settings(steps: int, **changes: Any) -> Settings:
    """Settings of a run of so many steps on the even clock; the last one is not counted."""
    usual: dict[str, Any] = {
        "batch": 2,
        "learning_rate": 5e-3,
        "warmup_steps": 3,
        "checkpoint_minutes": 1e6,
        "validate_minutes": 1e6,
        "model": TINY,
    }
    return Settings(minutes=(steps - 1) / 60, **{**usual, **changes})


def photographs(count: int = 4, seed: int = 2) -> Tensor:
    return crops(count, 96, seed)


def small_run(folder: Path, made_of: Settings) -> Run:
    size = getattr(made_of.model, "size", 96)
    return Run(folder, made_of, crops(4, size), crops(2, size, seed=7))


def run_in_a_team(team: Team, folder: Path, made_of: Settings) -> None:
    """A process's part of a small run."""
    loop.time = EvenClock()
    Run(folder, made_of, crops(4, 96), crops(2, 96, seed=7), team=team).train()


def weights(run: Run) -> dict[str, Tensor]:
    """All that training changes, by name."""
    state = {f"model.{k}": v for k, v in run.model.state_dict().items()}
    state |= {f"average.{k}": v for k, v in run.average.state_dict().items()}
    for kind, optimiser in enumerate(run.optimisers):
        for index, moments in optimiser.state_dict()["state"].items():
            state |= {f"{kind}.{index}.{k}": torch.as_tensor(v) for k, v in moments.items()}
    return state


def assert_same_weights(one: Run, other: Run) -> None:
    ours, theirs = weights(one), weights(other)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name
