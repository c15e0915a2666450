"""Processes that train together reach what one would have reached alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.training.loop import Settings
from core.training.team import Team, together
from tests.training.small_runs import run_in_a_team, settings


def test_a_team_has_shares_of_everything() -> None:
    x = torch.arange(7)
    for size in (1, 2, 3, 9):
        shares = [Team(rank, size).share(x) for rank in range(size)]
        assert torch.equal(torch.cat(shares), x)
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert [Team(rank, 2).leads for rank in range(2)] == [True, False]
    alone = [torch.ones(3)]
    assert Team().summed(alone) is alone


def trained(folder: Path, size: int, made_of: Settings) -> dict[str, torch.Tensor]:
    together(size, run_in_a_team, folder, made_of)
    return load_file(folder / "checkpoint.safetensors")


def test_two_processes_reach_what_one_does(tmp_path: Path) -> None:
    made_of = settings(4, learning_rate=2e-3)
    begun = trained(tmp_path / "begun", 1, settings(1, learning_rate=0.0))
    one = trained(tmp_path / "one", 1, made_of)
    two = trained(tmp_path / "two", 2, made_of)
    assert one.keys() == two.keys()
    names = [name for name in one if name.startswith(("model.", "average."))]

    def apart(some: dict[str, Any], others: dict[str, Any]) -> float:
        return float(
            torch.stack([(some[n] - others[n]).square().sum() for n in names]).sum().sqrt()
        )

    assert apart(one, begun) > 0.05  # they have learnt something
    # Sums in another order; parts of a batch are in bfloat16 for a time.
    assert apart(one, two) < 0.03 * apart(one, begun)
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    assert len(logs[0]) == len(logs[1]) == 2  # only the leader writes
    for i, name in enumerate(("valid_bits_per_dim", "altered_bits_per_dim")):
        lengths = [json.loads(log[i])[name] for log in logs]
        assert lengths[0] == pytest.approx(lengths[1], abs=2e-3)
