"""The training loop of the JPEG model: luma and chroma in turn, resumable, on one thread.

Minutes are those of the wall, so that a run ends when it must. The learning rate stays as it is,
and falls to zero along a straight line in the last part of them. From a part of them on the
networks round as their integer form will (:mod:`core.flows.jpeg.model`).
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.flows.jpeg.model import Jpeg, JpegConfig, Net
from core.training import jpeg_data as data
from core.training.jpeg_begin import begin_with

log = logging.getLogger(__name__)

KINDS = ("luma", "chroma")


@dataclass
class Settings:
    """What a run is made of."""

    minutes: float = 90.0
    blocks: int = 1280  # of a batch
    learning_rate: float = 2e-3
    linear_rate: float = 0.02  # of the linear predictions, as a part of the learning rate
    weight_decay: float = 1e-3
    warmup_steps: int = 200
    decay: float = 0.4
    rounded_from: float = 0.65
    ema: float = 0.999
    kinds: tuple[str, ...] = KINDS  # of networks, in turn
    model: JpegConfig = field(default_factory=JpegConfig)
    validate_every: int = 12  # one in so many tiles of the validation files
    seed: int = 1
    checkpoint_minutes: float = 4.0
    validate_minutes: float = 8.0


@dataclass
class Clock:
    step: int = 0
    seconds: float = 0.0


class Run:
    """One training run in a folder: settings.json, log.jsonl and the newest checkpoint."""

    def __init__(self, folder: Path, settings: Settings, begin: Path | None = None) -> None:
        """Goes on with the checkpoint in the folder, if there is one.

        The folder holds coefficients as :func:`core.training.jpeg_files.prepare` writes them.
        begin: the model file whose weights a new run begins with. Raises ModelError.
        """
        self.folder, self.settings, self.clock = folder, settings, Clock()
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(settings.seed)
        self.model = Jpeg(settings.model)
        self.nets: dict[str, Net] = {kind: getattr(self.model, kind) for kind in settings.kinds}
        self.samplers: dict[str, data.Sampler] = {}
        self.valid: dict[str, list[data.Component]] = {}
        self.batchers: dict[str, data.Batcher] = {}
        resumed = (folder / "checkpoint.safetensors").exists()
        parts = self._checkpoint() if resumed else {}
        if resumed:
            self.model.load_state_dict(parts["model"])
        elif begin is not None:
            begin_with(self.model, begin)
        new = not resumed and begin is None
        for kind, net in self.nets.items():
            chroma = kind == "chroma"
            real = data.load(folder / "train.npz", chroma)
            if new:
                net.usual.copy_(torch.from_numpy(data.usual_sizes(real, 0)))
                for i in range(net.config.n_given):
                    net.given_usual[i] = torch.from_numpy(data.usual_sizes(real, 1, i))
            given = net.given_usual.numpy()[: net.config.n_given]
            self.batchers[kind] = batcher = data.Batcher(net.usual.numpy(), given)
            side = 12 if chroma else 16
            sets = [(real, 0.6, side), (data.load(folder / "again.npz", chroma), 0.27, side)]
            if (folder / "mosaic.npz").exists():
                small = data.load(folder / "mosaic.npz", chroma)
                sets.append((small, 0.13, 6 if chroma else 12))
            self.samplers[kind] = data.Sampler(sets, settings.blocks, settings.seed, batcher)
            valid = data.load(folder / "valid.npz", chroma)
            self.valid[kind] = data.tiles(valid, 32, settings.validate_every)
            if new:
                data.fit_linear(net, [self.samplers[kind](10**9 + i) for i in range(30)])
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimisers = {kind: self._optimiser(net) for kind, net in self.nets.items()}
        if resumed:
            self._resume(parts)
        (folder / "settings.json").write_text(json.dumps(asdict(settings), indent=1))

    def _optimiser(self, net: Net) -> torch.optim.Optimizer:
        linear = {id(p) for p in net.linear_parameters()}
        parts = [
            {"params": [p for p in net.parameters() if id(p) not in linear], "part": 1.0},
            {
                "params": net.linear_parameters(),
                "part": self.settings.linear_rate,
                "weight_decay": 0.0,
            },
        ]
        rate = self.settings.learning_rate
        return torch.optim.AdamW(
            parts, lr=rate, weight_decay=self.settings.weight_decay, betas=(0.9, 0.99)
        )

    def train(self) -> None:
        settings = self.settings
        budget = settings.minutes * 60
        saved = validated = self.clock.seconds
        running = dict.fromkeys(settings.kinds, 0.0)
        while self.clock.seconds < budget:
            began = time.monotonic()
            done = self.clock.seconds / budget
            kind = settings.kinds[self.clock.step % len(settings.kinds)]
            self._round(done >= settings.rounded_from)
            bits = self._step(kind, done)
            if math.isfinite(bits):
                running[kind] = bits if not running[kind] else 0.98 * running[kind] + 0.02 * bits
            self.clock.step += 1
            self.clock.seconds += time.monotonic() - began
            if self.clock.step % 50 == 0:
                self._log(
                    **{f"train_{k}": round(v, 3) for k, v in running.items()},
                    step_seconds=round(time.monotonic() - began, 3),
                )
            if self.clock.seconds - validated > settings.validate_minutes * 60:
                validated = self.clock.seconds
                self._log(**self.validate())
            if self.clock.seconds - saved > settings.checkpoint_minutes * 60:
                saved = self.clock.seconds
                self._save()
        self._log(**self.validate())
        self._save()

    def _round(self, on: bool) -> None:
        for model in (self.model, self.average):
            model.luma.rounding.on = model.chroma.rounding.on = on

    def _step(self, kind: str, done: float) -> float:
        """Bits a block of a step."""
        settings, net, optimiser = self.settings, self.nets[kind], self.optimisers[kind]
        rate = min(1.0, (1 - done) / settings.decay, (self.clock.step + 1) / settings.warmup_steps)
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate * group["part"]
        optimiser.zero_grad(set_to_none=True)
        batch = self.samplers[kind](self.clock.step)
        loss = net.bits(batch).mean()
        loss.backward()
        parameters: list[Tensor] = list(net.parameters())
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if not torch.isfinite(norm):
            log.warning("step %d is left out: its gradient is no number", self.clock.step)
            return math.nan
        optimiser.step()
        decay = min(settings.ema, (self.clock.step + 1) / (self.clock.step + 10))
        with torch.no_grad():
            average: list[Tensor] = list(getattr(self.average, kind).parameters())
            torch._foreach_lerp_(average, parameters, 1 - decay)
        return float(loss.detach()) * 64

    def validate(self) -> dict[str, float]:
        """Mean bits a block of the averaged model on validation tiles."""
        found: dict[str, float] = {}
        with torch.no_grad():
            for kind in self.nets:
                total, count = np.zeros(3), np.zeros(3)
                for tile in self.valid[kind]:
                    net = getattr(self.average, kind)
                    which = len(tile.given)
                    total[which] += float(net.bits(self.batchers[kind]([tile])).sum())
                    count[which] += tile.n_blocks
                names = ("valid_y",) if kind == "luma" else ("", "valid_cb", "valid_cr")
                for i, name in enumerate(names):
                    if name:
                        found[name] = round(total[i] / count[i], 4)
        return found

    def _log(self, **figures: float) -> None:
        line = {"step": self.clock.step, "minutes": round(self.clock.seconds / 60, 2), **figures}
        log.info("%s", json.dumps(line))
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _save(self) -> None:
        state: dict[str, Tensor] = {}
        for name, tensor in self.model.state_dict().items():
            state[f"model.{name}"] = tensor
        for name, tensor in self.average.state_dict().items():
            state[f"average.{name}"] = tensor
        for kind, optimiser in self.optimisers.items():
            for index, moments in optimiser.state_dict()["state"].items():
                for name, tensor in moments.items():
                    state[f"optimiser.{kind}.{index}.{name}"] = torch.as_tensor(tensor)
        state = {name: tensor.contiguous().clone() for name, tensor in state.items()}
        partial = self.folder / "checkpoint.partial"
        save_file(state, partial, metadata={"clock": json.dumps(asdict(self.clock))})
        partial.replace(self.folder / "checkpoint.safetensors")

    def _checkpoint(self) -> dict[str, dict[str, Tensor]]:
        """The parts of the newest checkpoint, and the clock as it stood."""
        with safe_open(self.folder / "checkpoint.safetensors", "pt") as file:
            self.clock = Clock(**json.loads(file.metadata()["clock"]))
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in state.items():
            part, rest = name.split(".", 1)
            parts.setdefault(part, {})[rest] = tensor
        return parts

    def _resume(self, parts: dict[str, dict[str, Tensor]]) -> None:
        self.average.load_state_dict(parts["average"])
        moments: dict[str, dict[int, dict[str, Tensor]]] = {kind: {} for kind in self.nets}
        for name, tensor in parts["optimiser"].items():
            kind, index, rest = name.split(".", 2)
            moments[kind].setdefault(int(index), {})[rest] = tensor
        for kind, optimiser in self.optimisers.items():
            whole: dict[str, Any] = {**optimiser.state_dict(), "state": moments[kind]}
            optimiser.load_state_dict(whole)
        log.info("resumed at step %d, %.1f minutes", self.clock.step, self.clock.seconds / 60)


def averaged(folder: Path, model: Jpeg) -> dict[str, float]:
    """Gives a model the averaged weights of a run's newest checkpoint; returns the run's clock.

    Of the kinds of networks that the run trains; the others stay as they are.
    """
    kinds = json.loads((folder / "settings.json").read_text())["kinds"]
    with safe_open(folder / "checkpoint.safetensors", "pt") as file:
        for kind in kinds:
            prefix = f"average.{kind}."
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
            state = {name.removeprefix(prefix): file.get_tensor(name) for name in names}
            getattr(model, kind).load_state_dict(state)
        clock: dict[str, float] = json.loads(file.metadata()["clock"])
    return clock
