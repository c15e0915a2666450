"""The training loop of all models: resumable, counted in minutes, averaging the weights."""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.errors import ModelError
from core.flows.photo import PhotoConfig
from core.training.families import Config, batches_of, first_step, new_model

log = logging.getLogger(__name__)

#: A step never counts for more than this: a paused process is not a training process.
LONGEST_STEP_SECONDS = 15.0


@dataclass
class Settings:
    """What a run is made of."""

    minutes: float = 90.0
    batch: int = 16
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-3
    warmup_steps: int = 100
    ema: float = 0.998
    seed: int = 1
    checkpoint_minutes: float = 3.0
    validate_minutes: float = 6.0
    model: Config = field(default_factory=PhotoConfig)


@dataclass
class Clock:
    """How far a run has come; stored with each checkpoint."""

    step: int = 0
    seconds: float = 0.0


class Run:
    """One training run in a folder: settings.json, log.jsonl and the newest checkpoint."""

    def __init__(self, folder: Path, settings: Settings, train: Tensor, valid: Tensor) -> None:
        """Goes on with the checkpoint in the folder, if there is one.

        train, valid: (N, 3, H, W) uint8, as the model's family wants them. Raises ModelError
        where the checkpoint is of a model of other sizes.
        """
        torch.manual_seed(settings.seed)
        self.folder, self.settings, self.valid = folder, settings, valid
        self.batches = batches_of(settings.model, train, settings.batch, settings.seed)
        self.model = new_model(settings.model)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        resumes = (folder / "checkpoint.safetensors").exists()
        if not resumes:
            first_step(self.model, train)
        self.average = copy.deepcopy(self.model)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99),
            weight_decay=settings.weight_decay,
        )  # fmt: skip
        self.clock = Clock()
        folder.mkdir(parents=True, exist_ok=True)
        if resumes:
            self._resume()
        # Only now: settings that the checkpoint does not fit may not replace those it was made by.
        (folder / "settings.json").write_text(json.dumps(asdict(settings), indent=1))

    def train(self) -> None:
        """Trains until the minutes are used up; may be stopped and started again at any time."""
        budget = self.settings.minutes * 60
        saved = validated = self.clock.seconds
        running = 0.0
        while self.clock.seconds < budget:
            began = time.perf_counter()
            bits_per_dim = self._step(self.clock.seconds / budget)
            if math.isfinite(bits_per_dim):
                running = bits_per_dim if not running else 0.98 * running + 0.02 * bits_per_dim
            elapsed = min(time.perf_counter() - began, LONGEST_STEP_SECONDS)
            self.clock.step += 1
            self.clock.seconds += elapsed
            if self.clock.step % 50 == 0:
                self._log(train_bits_per_dim=round(running, 4), step_seconds=round(elapsed, 3))
            if self.clock.seconds - validated > self.settings.validate_minutes * 60:
                validated = self.clock.seconds
                self._log(valid_bits_per_dim=round(self.validate(), 4))
            if self.clock.seconds - saved > self.settings.checkpoint_minutes * 60:
                saved = self.clock.seconds
                self._save()
        self._log(valid_bits_per_dim=round(self.validate(), 4))
        self._save()

    def validate(self) -> float:
        """Mean theoretical bits/dim of the averaged model on the validation images."""
        self.average.eval()
        torch.manual_seed(self.settings.seed)  # of dequantizers' noise
        with torch.no_grad():
            bits = [self.average.bits(x.float()).sum() for x in self.valid.split(16)]
        return float(torch.stack(bits).sum() / self.valid.numel())

    def _step(self, done: float) -> float:
        settings = self.settings
        rate = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        rate *= min(1.0, (self.clock.step + 1) / settings.warmup_steps)
        for group in self.optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate
        x = self.batches(self.clock.step)
        # Noise and dropout are those of the step, so that a resumed run is the same run.
        torch.manual_seed(settings.seed * 1_000_003 + self.clock.step)
        self.model.train()
        loss = self.model.bits(x).sum() / x.numel()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if not torch.isfinite(norm):
            log.warning("step %d is left out: its gradient is no number", self.clock.step)
            return math.nan
        self.optimiser.step()
        # A young average follows quickly, so that early checkpoints mean something.
        decay = min(settings.ema, (self.clock.step + 1) / (self.clock.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.parameters()), list(self.model.parameters()), 1 - decay
            )
        return loss.item()

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
        for index, moments in self.optimiser.state_dict()["state"].items():
            for name, tensor in moments.items():
                state[f"optimiser.{index}.{name}"] = torch.as_tensor(tensor)
        state = {name: tensor.contiguous().clone() for name, tensor in state.items()}
        # The clock travels inside the file, so that weights and clock cannot fall apart.
        partial = self.folder / "checkpoint.partial"
        save_file(state, partial, metadata={"clock": json.dumps(asdict(self.clock))})
        partial.replace(self.folder / "checkpoint.safetensors")

    def _resume(self) -> None:
        with safe_open(self.folder / "checkpoint.safetensors", "pt") as file:
            self.clock = Clock(**json.loads(file.metadata()["clock"]))
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optimiser": {}}
        for name, tensor in state.items():
            part, rest = name.split(".", 1)
            parts[part][rest] = tensor
        try:
            self.model.load_state_dict(parts["model"])
            self.average.load_state_dict(parts["average"])
        except RuntimeError as error:
            raise ModelError(
                f"{self.folder}: the run was begun with a model of other sizes; go on with those "
                "in settings.json, or begin in another folder"
            ) from error
        optimiser = self.optimiser.state_dict()
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in parts["optimiser"].items():
            index, rest = name.split(".", 1)
            if tensor.dim() == 4:  # laid out as the weights are, or each step would be slower
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            moments.setdefault(int(index), {})[rest] = tensor
        optimiser["state"] = moments
        self.optimiser.load_state_dict(optimiser)
        log.info("resumed at step %d, %.1f minutes", self.clock.step, self.clock.seconds / 60)
