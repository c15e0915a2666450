"""The training loop: what it writes, and that stopping it costs nothing but time."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import Tensor

import core.training.loop as loop
from core.errors import ModelError
from core.flows.photo.model import Photo
from core.training.data import AUGMENTATIONS, Batches
from core.training.loop import Run
from core.training.muon import Muon
from tests.models import crops
from tests.training.small_runs import (
    TINY,
    TINY_FLOWPP,
    EvenClock,
    assert_same_weights,
    settings,
    small_run,
    weights,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def even_clock(monkeypatch) -> None:
    monkeypatch.setattr(loop, "time", EvenClock())


def log_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_run_writes_settings_log_and_checkpoint(tmp_path: Path) -> None:
    made_of = settings(6, validate_minutes=1.5 / 60)
    run = small_run(tmp_path / "run", made_of)
    run.train()
    assert (run.clock.step, run.clock.seconds) == (6, 5.0)

    written = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert written == json.loads(json.dumps(asdict(made_of)))
    lines = log_of(tmp_path / "run")
    # Validated when 1.5 seconds had passed, again after as many, and at the end, then twice.
    assert [line["step"] for line in lines] == [3, 5, 6, 6]
    assert [line["minutes"] for line in lines] == [0.03, 0.07, 0.08, 0.08]
    assert ["valid_bits_per_dim" in line for line in lines] == [True, True, True, False]
    assert lines[2]["valid_bits_per_dim"] == round(run.validate(), 4)
    assert 1 < lines[2]["valid_bits_per_dim"] < 8
    assert lines[3]["altered_bits_per_dim"] == round(run.validate(altered=True), 4)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "checkpoint.safetensors",
        "log.jsonl",
        "settings.json",
    ]


def test_the_log_tells_of_training_every_fifty_steps(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Run, "_step", lambda run, done, last: (3.0 + done, last))
    run = small_run(tmp_path, settings(120))
    run.train()
    lines = [line for line in log_of(tmp_path) if "train_bits_per_dim" in line]
    assert [line["step"] for line in lines] == [50, 100]
    assert 3 < lines[0]["train_bits_per_dim"] < lines[1]["train_bits_per_dim"] < 4
    assert lines[0]["step_seconds"] == 1.0


def stopped_by(step, folder: Path, monkeypatch) -> Run:
    """A run on the real clock, after a step that presses Ctrl+C in the end."""
    monkeypatch.setattr(loop, "time", time)
    monkeypatch.setattr(Run, "_step", step)
    run = small_run(folder, settings(20))
    with pytest.raises(KeyboardInterrupt):
        run.train()
    return run


def test_a_paused_process_is_not_a_training_process(tmp_path: Path, monkeypatch) -> None:
    pauses = iter([0.2] * 5)

    def step(run: Run, done: float, last: float) -> tuple[float, float]:
        pause = next(pauses, None)
        if pause is None:
            raise KeyboardInterrupt
        time.sleep(pause)
        return 3.0, last

    run = stopped_by(step, tmp_path, monkeypatch)
    assert run.clock.step == 5
    assert run.clock.seconds < 0.2


def test_minutes_are_what_the_thread_had_of_a_processor(tmp_path: Path, monkeypatch) -> None:
    def busy(seconds: float) -> None:
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    def step(run: Run, done: float, last: float) -> tuple[float, float]:
        if run.clock.step == 3:
            raise KeyboardInterrupt
        other = threading.Thread(target=busy, args=(0.2,))
        other.start()
        other.join()
        busy(0.02)
        return 3.0, last

    run = stopped_by(step, tmp_path, monkeypatch)
    assert run.clock.seconds + run.clock.last == pytest.approx(0.06, abs=0.04)


def test_the_rate_rises_stays_and_falls_to_nothing(tmp_path: Path, monkeypatch) -> None:
    run = small_run(tmp_path, settings(21))
    rates: dict[type, list[float]] = {torch.optim.AdamW: [], Muon: []}
    for kind, told in rates.items():

        def step(optimiser, step=kind.step, told=told):
            told.extend({group["lr"] for group in optimiser.param_groups})
            return step(optimiser)

        monkeypatch.setattr(kind, "step", step)
    run.train()
    # Step i begins when i - 1 of 20 seconds are counted; the last 7 are those of the fall.
    expected = [5e-3 / 3, 2 * 5e-3 / 3, *12 * [5e-3]]
    expected += [5e-3 * (20 - second) / 7 for second in range(13, 20)]
    for told in rates.values():
        assert told == pytest.approx(expected)


def test_both_optimisers_come_back(tmp_path: Path) -> None:
    run = small_run(tmp_path, settings(3))
    run.train()
    adam, muon = (optimiser.state_dict()["state"] for optimiser in run.optimisers)
    assert {name for state in adam.values() for name in state} == {"step", "exp_avg", "exp_avg_sq"}
    assert {name for state in muon.values() for name in state} == {"momentum"}
    assert len(adam) + len(muon) == len(list(run.model.parameters()))
    again = small_run(tmp_path, settings(3)).optimisers
    for index, state in muon.items():
        assert torch.equal(again[1].state_dict()["state"][index]["momentum"], state["momentum"])
        assert state["momentum"].any()


@pytest.mark.parametrize("model", [TINY, TINY_FLOWPP], ids=["photo", "flowpp"])
def test_training_lowers_the_bits(tmp_path: Path, model) -> None:
    run = small_run(tmp_path, settings(16, learning_rate=2e-2, model=model))
    before = run.validate()
    run.train()
    assert run.validate() < before - 0.2


def test_a_finished_run_comes_back_with_everything(tmp_path: Path) -> None:
    run = small_run(tmp_path, settings(4))
    run.train()
    again = small_run(tmp_path, settings(4))
    assert again.clock == run.clock
    assert again.clock.step == 4
    assert len(weights(run)) > 2 * len(run.model.state_dict())  # the optimiser's are among them
    assert_same_weights(run, again)
    for one, other in zip(run.model.parameters(), again.model.parameters(), strict=True):
        assert one.stride() == other.stride()
    again.train()  # nothing is left to do
    assert again.clock.step == 4
    assert_same_weights(run, again)


def test_more_minutes_go_on_where_the_run_ended(tmp_path: Path) -> None:
    run = small_run(tmp_path, settings(3))
    run.train()
    again = small_run(tmp_path, settings(5))
    assert again.clock.step == 3
    again.train()
    assert again.clock.step == 5
    assert [line["step"] for line in log_of(tmp_path)] == [3, 3, 5, 5]
    assert json.loads((tmp_path / "settings.json").read_text())["minutes"] == 4 / 60


_KINDS = {
    "photo": {},
    "flowpp": {"model": TINY_FLOWPP},
    "rounded": {"rounded": True, "side": 64},
    "second-coupling": {"variant": "second-coupling", "side": 64},
}


@pytest.mark.parametrize("changes", _KINDS.values(), ids=_KINDS)
def test_an_interrupted_run_ends_with_the_weights_of_one_that_was_not(
    tmp_path: Path, monkeypatch, changes
) -> None:
    made_of = settings(8, checkpoint_minutes=2.5 / 60, **changes)
    whole = small_run(tmp_path / "whole", made_of)
    whole.train()
    monkeypatch.setattr(loop, "time", EvenClock(break_after=6))
    with pytest.raises(KeyboardInterrupt):
        small_run(tmp_path / "broken", made_of).train()
    monkeypatch.setattr(loop, "time", EvenClock())
    resumed = small_run(tmp_path / "broken", made_of)
    assert resumed.clock.step == 4  # two steps are lost with the process
    resumed.train()
    assert resumed.clock == whole.clock
    assert_same_weights(whole, resumed)


def test_a_gradient_that_is_no_number_is_left_out(tmp_path: Path, monkeypatch) -> None:
    run = small_run(tmp_path, settings(3))
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    monkeypatch.setattr(run.model, "bits", lambda x: next(run.model.parameters()).sum() * math.nan)
    run.train()
    assert run.clock.step == 3
    assert all(torch.equal(tensor, before[n]) for n, tensor in run.model.state_dict().items())


def test_batches_are_what_the_settings_want(tmp_path: Path, monkeypatch) -> None:
    seen = []
    bits = Photo.bits

    def told(model: Photo, x: Tensor) -> Tensor:
        seen.append(x)
        return bits(model, x)

    run = small_run(tmp_path, settings(2, side=32, without=AUGMENTATIONS))
    monkeypatch.setattr(Photo, "bits", told)
    run.train()
    expected = Batches(crops(4, 96), 2, 1, AUGMENTATIONS, 32)
    assert torch.equal(seen[0], expected(0))
    assert torch.equal(seen[1], expected(1))
    assert {x.shape[-1] for x in seen[2:]} == {96}  # validation is of whole crops
    assert torch.equal(seen[2], crops(2, 96, seed=7).float())
    assert not torch.equal(seen[3], seen[2])  # and then of altered ones


def test_photographs_are_altered_in_the_same_way_each_time(tmp_path: Path) -> None:
    run = small_run(tmp_path, settings(1))
    altered = run.validate(altered=True)
    assert altered != run.validate()
    torch.rand(5)
    assert run.validate(altered=True) == altered


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    runs = [small_run(tmp_path / f"{seed}", settings(2, seed=seed)) for seed in (1, 2)]
    first, second = (run.model.state_dict() for run in runs)
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_a_model_of_other_sizes_is_refused_and_the_run_left_alone(tmp_path: Path) -> None:
    run = small_run(tmp_path, settings(2))
    run.train()
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    wider = settings(2, model=type(TINY)(**{**asdict(TINY), "width": 12}))
    with pytest.raises(ModelError, match="other sizes"):
        small_run(tmp_path, wider)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


_KILLED = """
import os, signal, sys
from pathlib import Path
import core.training.loop as loop
from tests.training.small_runs import EvenClock, settings, small_run

loop.time = EvenClock()
save, n_saved = loop.save_file, 0

def killed_in_the_midst(state, path, metadata):
    global n_saved
    save(state, path, metadata=metadata)
    n_saved += 1
    if n_saved == 3:
        os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

loop.save_file = killed_in_the_midst
small_run(Path(sys.argv[1]), settings(7, checkpoint_minutes=1.5 / 60)).train()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_a_process_killed_while_it_saves_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, tmp_path], cwd=ROOT, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "checkpoint.partial").exists()
    resumed = small_run(tmp_path, settings(7))
    assert resumed.clock.step == 5  # saved at steps 3 and 5, killed at 7
    whole = small_run(tmp_path / "whole", settings(7))
    whole.train()
    resumed.train()
    assert_same_weights(whole, resumed)
    assert not (tmp_path / "checkpoint.partial").exists()
