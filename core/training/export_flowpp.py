"""A trained Flow++ run becomes a model file, with its card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.flows.flowpp import PUBLISHED, FlowPP, FlowPPConfig
from core.flows.flowpp.files import load_flowpp, save_flowpp
from core.training.export import averaged, training_of


def export_flowpp(
    run: Path, valid: Tensor, target: Path, about: dict[str, Any], test: Tensor | None = None
) -> None:
    """Writes a run's averaged model in 16 bits, and ``target``.json, its card.

    valid, test: (N, 3, H, W) uint8, images that the card is to give lengths of; they choose
    nothing. about: what the card says of the data and its licences.
    """
    settings = json.loads((run / "settings.json").read_text())
    config = _config(settings["model"])
    trained = FlowPP(config)
    clock = averaged(run, trained)
    save_flowpp(trained.eval(), target, torch.float16)
    loaded = load_flowpp(target)
    card = {
        "id": loaded.id,
        "family": "flowpp",
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "config": asdict(config),
        "parameters": loaded.parameters,
        "training": training_of(settings, clock),
        "validation": {
            "images": len(valid),
            "bits_per_dim_before_rounding": mean_bits_per_dim(trained, valid),
            "bits_per_dim": mean_bits_per_dim(loaded.network, valid),
        },
        **({"test": _tested(loaded.network, test)} if test is not None else {}),
        **about,
    }
    target.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")


@torch.no_grad()
def mean_bits_per_dim(model: FlowPP, images: Tensor) -> float:
    """Mean theoretical bits/dim of images (N, 3, H, W) uint8, one u for each."""
    torch.manual_seed(0)
    bits = [model.bits(part.float()).double().sum() for part in images.split(50)]
    return round(float(torch.stack(bits).sum() / images.numel()), 5)


def _tested(model: FlowPP, images: Tensor) -> dict[str, float]:
    return {"images": len(images), "bits_per_dim": mean_bits_per_dim(model, images)}


def _config(given: dict[str, Any]) -> FlowPPConfig:
    """The sizes of a run's settings.json, where tuples have become lists."""
    published = PUBLISHED[given["name"]]
    structure = {"layout": published.layout, "dequantizer_runs": published.dequantizer_runs}
    return FlowPPConfig(**{**given, **structure})
