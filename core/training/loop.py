"""The training loop of all models: resumable, counted in minutes, averaging the weights.

Minutes are those of the leading process's thread on a processor, so that what else the machine
does changes little of what a run becomes.

The learning rate stays as it is, and falls to zero along a straight line in the last part of the
minutes: so a run can be given more of them as long as that has not begun.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.errors import ModelError
from core.flows.photo.model import Photo, PhotoConfig
from core.training.data import CROP, augmented
from core.training.families import Config, batches_of, first_step, hidden_weights, new_model
from core.training.muon import Muon
from core.training.rounding import Exponents, add_rounding, exponents_of
from core.training.team import Team

log = logging.getLogger(__name__)

#: Seed of the alterations that validation photographs are measured with.
_ALTERED = 7

#: Crops that show what units activations need, where a run begins to round.
_ROUNDED_CROPS = 256


@dataclass
class Settings:
    """The settings of a run."""

    minutes: float = 90.0
    batch: int = 16
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-3
    warmup_steps: int = 100
    decay: float = 0.35  # part of the minutes in which the learning rate falls to zero
    ema: float = 0.998
    seed: int = 1
    checkpoint_minutes: float = 3.0
    validate_minutes: float = 6.0
    model: Config = field(default_factory=PhotoConfig)
    # Of photo models alone.
    variant: str = ""  # a change that is tried, see core.training.variants
    without: tuple[str, ...] = ()  # augmentations that are left out
    side: int = CROP  # of the part of each crop that is trained on
    rounded: bool = False  # trains with the rounding of the integer networks


@dataclass
class Clock:
    """How far a run has come; stored with each checkpoint."""

    step: int = 0
    seconds: float = 0.0
    last: float = 0.0  # seconds of the last step, which are counted with the next one


class Run:
    """One training run in a folder: settings.json, log.jsonl and the newest checkpoint."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        train: Tensor,
        valid: Tensor,
        begin: Path | None = None,
        team: Team = Team(),  # noqa: B008 it cannot be changed
    ) -> None:
        """Goes on with the checkpoint in the folder, if there is one.

        train, valid: (N, 3, H, W) uint8, as the model's family wants them. begin: the model
        file whose weights a new run begins with. Raises ModelError where the checkpoint is of a
        model of other sizes or of another variant.
        """
        torch.manual_seed(settings.seed)
        self.folder, self.settings, self.valid, self.team = folder, settings, valid, team
        self.batches = batches_of(
            settings.model, train, settings.batch, settings.seed, settings.without, settings.side
        )
        self.model = new_model(settings.model, settings.variant)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        resumes = (folder / "checkpoint.safetensors").exists()
        if not resumes:
            first_step(self.model, train, begin)
        self.average = copy.deepcopy(self.model)
        hidden = hidden_weights(self.model)
        chosen = {id(weight) for weights in hidden.values() for weight in weights}
        others = [p for p in self.model.parameters() if id(p) not in chosen]
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                others, lr=settings.learning_rate, betas=(0.9, 0.99),
                weight_decay=settings.weight_decay,
            )
        ]  # fmt: skip
        if hidden:
            self.optimisers.append(Muon(hidden, lr=settings.learning_rate))
        self.clock = Clock()
        folder.mkdir(parents=True, exist_ok=True)
        if resumes:
            self._resume()
        self.exponents: Exponents = exponents_in(folder) if resumes else {}
        if settings.rounded or self.exponents:  # once begun, it belongs to the run
            assert isinstance(self.model, Photo) and isinstance(self.average, Photo)  # noqa: PT018
            self.exponents = self.exponents or exponents_of(self.average, train[:_ROUNDED_CROPS])
            add_rounding(self.model, self.exponents)
            add_rounding(self.average, self.exponents)
        # Only now: settings that the checkpoint does not fit may not replace those it was made by.
        if team.leads:
            (folder / "settings.json").write_text(json.dumps(asdict(settings), indent=1))

    def train(self) -> None:
        """Trains until the minutes are used up; may be stopped and started again at any time."""
        budget = self.settings.minutes * 60
        saved = validated = self.clock.seconds
        running = 0.0
        while self.clock.seconds < budget:
            began = time.thread_time()  # not while it is paused, or others have the processor
            bits_per_dim, spent = self._step(self.clock.seconds / budget, self.clock.last)
            if math.isfinite(bits_per_dim):
                running = bits_per_dim if not running else 0.98 * running + 0.02 * bits_per_dim
            self.clock.last = time.thread_time() - began
            self.clock.step += 1
            self.clock.seconds += spent
            if self.clock.step % 50 == 0:
                self._log(
                    train_bits_per_dim=round(running, 4), step_seconds=round(self.clock.last, 3)
                )
            if self.clock.seconds - validated > self.settings.validate_minutes * 60:
                validated = self.clock.seconds
                self._log(valid_bits_per_dim=round(self.validate(), 4))
            if self.clock.seconds - saved > self.settings.checkpoint_minutes * 60:
                saved = self.clock.seconds
                self._save()
        self._log(valid_bits_per_dim=round(self.validate(), 4))
        if isinstance(self.model, Photo):
            self._log(altered_bits_per_dim=round(self.validate(altered=True), 4))
        self._save()

    def validate(self, altered: bool = False) -> float:
        """Mean theoretical bits/dim of the averaged model on the validation images.

        altered: on these photographs as augmentation makes them, the same ones each time.
        """
        self.average.eval()
        torch.manual_seed(self.settings.seed + self.team.rank)  # of dequantizers' noise
        images = self.valid
        if altered:
            images = augmented(images.float(), torch.Generator().manual_seed(_ALTERED))
        total = torch.zeros(1)
        with torch.no_grad():
            for x in self.team.share(images).split(16):
                total += self.average.bits(x.float()).sum()
        return float(self.team.summed([total])[0] / images.numel())

    def _step(self, done: float, elapsed: float) -> tuple[float, float]:
        """Bits/dim of a step at this part of the minutes, and seconds that the last step took.

        elapsed: what it took here. All count the leader's seconds, or they would not end together.
        """
        settings = self.settings
        rate = min(1.0, (1 - done) / settings.decay, (self.clock.step + 1) / settings.warmup_steps)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * rate
            optimiser.zero_grad(set_to_none=True)
        batch = self.batches(self.clock.step)
        x = self.team.share(batch)
        # Noise and dropout are those of the step, so that a resumed run is the same run.
        torch.manual_seed(settings.seed * 1_000_003 + self.clock.step + self.team.rank)
        self.model.train()
        loss = self.model.bits(x).sum() / batch.numel()
        loss.backward()
        parameters: list[Tensor] = list(self.model.parameters())
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        clock = torch.tensor([loss.item(), elapsed if self.team.leads else 0.0])
        *gradients, clock = self.team.summed([*gradients, clock])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        total, spent = clock.tolist()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if not torch.isfinite(norm):
            log.warning("step %d is left out: its gradient is no number", self.clock.step)
            return math.nan, spent
        for optimiser in self.optimisers:
            optimiser.step()
        # A young average follows quickly, so that early checkpoints mean something.
        decay = min(settings.ema, (self.clock.step + 1) / (self.clock.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), parameters, 1 - decay)
        return total, spent

    def _log(self, **figures: float) -> None:
        if not self.team.leads:
            return
        line = {"step": self.clock.step, "minutes": round(self.clock.seconds / 60, 2), **figures}
        log.info("%s", json.dumps(line))
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _save(self) -> None:
        if not self.team.leads:
            return
        state: dict[str, Tensor] = {}
        for name, tensor in self.model.state_dict().items():
            state[f"model.{name}"] = tensor
        for name, tensor in self.average.state_dict().items():
            state[f"average.{name}"] = tensor
        for kind, optimiser in enumerate(self.optimisers):
            for index, moments in optimiser.state_dict()["state"].items():
                for name, tensor in moments.items():
                    state[f"optimiser.{kind}.{index}.{name}"] = torch.as_tensor(tensor)
        for name, tensor in self.exponents.items():
            state[f"exponents.{name}"] = tensor
        state = {name: tensor.contiguous().clone() for name, tensor in state.items()}
        # The clock travels inside the file, so that weights and clock cannot fall apart.
        partial = self.folder / "checkpoint.partial"
        told = {"clock": json.dumps(asdict(self.clock)), "variant": self.settings.variant}
        save_file(state, partial, metadata=told)
        partial.replace(self.folder / "checkpoint.safetensors")

    def _resume(self) -> None:
        with safe_open(self.folder / "checkpoint.safetensors", "pt") as file:
            told = file.metadata()
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.clock = Clock(**json.loads(told["clock"]))
        variant = told.get("variant", self.settings.variant)
        if variant != self.settings.variant:  # their weights may have the same shapes
            raise ModelError(f"{self.folder}: the run was begun with variant {variant or 'none'}")
        parts: dict[str, dict[str, Tensor]] = defaultdict(dict)
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
        moments: list[dict[int, dict[str, Tensor]]] = [{} for _ in self.optimisers]
        for name, tensor in parts["optimiser"].items():
            kind, index, rest = name.split(".", 2)
            if tensor.dim() == 4:  # laid out as the weights are, or each step would be slower
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            moments[int(kind)].setdefault(int(index), {})[rest] = tensor
        for optimiser, state_of in zip(self.optimisers, moments, strict=True):
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state_of})
        log.info("resumed at step %d, %.1f minutes", self.clock.step, self.clock.seconds / 60)


def exponents_in(folder: Path) -> Exponents:
    """The units that a run's model is trained with; none if it is not rounded in training."""
    with safe_open(folder / "checkpoint.safetensors", "pt") as file:
        names = [name for name in file.keys() if name.startswith("exponents.")]  # noqa: SIM118
        return {name.removeprefix("exponents."): file.get_tensor(name) for name in names}


def run(
    team: Team,
    folder: Path,
    settings: Settings,
    train: Tensor,
    valid: Tensor,
    begin: Path | None = None,
) -> None:
    """A process's part of a run, from where it stands to its end; see :class:`Run`."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    Run(folder, settings, train, valid, begin, team).train()
