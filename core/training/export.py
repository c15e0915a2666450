"""A trained photo run becomes a model that archives can be coded by, with its card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from core.coding.photo.codec import PhotoCodec
from core.flows.photo.cdf import Tables
from core.flows.photo.file import FORMAT
from core.flows.photo.integer import EXACT_BOUND, IntegerPhoto
from core.flows.photo.loading import PhotoModel, load_photo_model, vector_sha256
from core.flows.photo.model import Photo, PhotoConfig
from core.training.loop import exponents_in
from core.training.quantise import quantise
from core.training.rounding import add_rounding
from core.training.tables import make_tables

#: Crops that show what values activations take, and crops that both forms are compared on.
_SAMPLE_CROPS = 256
_COMPARED_CROPS = 144


def export(
    run: Path,
    train: Tensor,
    valid: Tensor,
    target: Path,
    about: dict[str, Any],
    test: Sequence[Tensor] = (),
) -> None:
    """Writes the integer form of a run's averaged model, and ``target``.json, its card.

    train, valid: (N, 3, 96, 96) uint8. about: what the card says of the data and its licences.
    test: pictures (3, H, W) uint8 that the card is to give lengths of as well; they choose nothing.
    """
    settings = json.loads((run / "settings.json").read_text())
    if variant := settings.get("variant"):
        raise ValueError(f"{run} is of the variant {variant}, which cannot be exported")
    sizes = {**settings["model"], "blocks": tuple(settings["model"]["blocks"])}
    config = PhotoConfig(**sizes)
    model = Photo(config).eval()
    clock = averaged(run, model)
    exponents = exponents_in(run)
    if exponents:
        add_rounding(model, exponents)
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    loaded = write_model(quantise(model, train[chosen[:_SAMPLE_CROPS]], exponents), config, target)

    compared = valid[:: max(1, len(valid) // _COMPARED_CROPS)]
    codec = PhotoCodec(loaded)
    card = {
        "id": loaded.id,
        "family": "photo",
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "config": asdict(config),
        "multiply_adds_per_pixel": round(config.multiply_adds_per_pixel),
        "parameters": sum(p.numel() for p in model.parameters()),
        "training": training_of(settings, clock),
        "validation": {
            "float_bits_per_dim_all_crops": _validated(run, clock["step"]),
            "compared_crops": len(compared),
            **_lengths(model, codec, list(compared)),
        },
        **({"test": {"pictures": len(test), **_lengths(model, codec, test)}} if test else {}),
        "largest_partial_sum_of_2_24": round(loaded.network.largest_partial_sum / EXACT_BOUND, 4),
        **about,
    }
    target.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")


def write_model(layers: dict[str, Tensor], config: PhotoConfig, target: Path) -> PhotoModel:
    """Writes quantised layers with their tables and test vector; returns the file as loaded."""
    tables, vector = make_tables(), _vector()
    model = PhotoModel("", IntegerPhoto(config, layers), tables)
    metadata = {
        "family": "photo",
        "format": FORMAT,
        "config": json.dumps(asdict(config)),
        "mean_unit": str(tables.mean_unit),
        "smallest_log_scale": str(tables.smallest_log_scale),
        "vector_sha256": vector_sha256(model, vector),
    }
    data = save({**layers, **_table_tensors(tables), "vector": vector}, metadata)
    target.write_bytes(in_order(data))
    return load_photo_model(target)


def in_order(data: bytes) -> bytes:
    """A safetensors file with its metadata sorted, which otherwise come in an order by chance.

    A model's id is a hash of its file, so the same model must be the same bytes.
    """
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors are aligned
    return len(text).to_bytes(8, "little") + text + data[start:]


def averaged(run: Path, model: nn.Module) -> dict[str, float]:
    """Gives a model the averaged weights of a run's newest checkpoint; returns the run's clock."""
    with safe_open(run / "checkpoint.safetensors", "pt") as file:
        names = [name for name in file.keys() if name.startswith("average.")]  # noqa: SIM118
        state = {name.removeprefix("average."): file.get_tensor(name) for name in names}
        clock = json.loads(file.metadata()["clock"])
    model.load_state_dict(state)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return clock


def training_of(settings: dict[str, Any], clock: dict[str, float]) -> dict[str, Any]:
    """The part of a card that describes the training."""
    names = ("batch", "side", "rounded", "learning_rate", "weight_decay", "ema", "seed")
    return {
        **{name: settings[name] for name in names if name in settings},
        "minutes": round(clock["seconds"] / 60, 1),
        "steps": clock["step"],
    }


def _validated(run: Path, step: float) -> float | None:
    """The run's newest validation up to the checkpoint's step; None if it came to none."""
    log = run / "log.jsonl"
    lines = map(json.loads, log.read_text().splitlines() if log.exists() else [])
    found = [line["valid_bits_per_dim"] for line in lines
             if "valid_bits_per_dim" in line and line["step"] <= step]  # fmt: skip
    return found[-1] if found else None


def _lengths(model: Photo, codec: PhotoCodec, pictures: Sequence[Tensor]) -> dict[str, float]:
    """Mean bits/dim of pictures (3, H, W): in floats, in integers, and as coded in a chunk.

    The float model takes pictures whose sides can be halved evenly to the end.
    """
    bits = []
    for picture in pictures:
        with torch.no_grad():
            floats = float(model.bits(picture[None].float()).sum())
        report = codec.encode(np.ascontiguousarray(picture.permute(1, 2, 0).numpy())).report
        bits.append(
            np.array([floats, report.theoretical_bits, report.coded_bits]) / picture.numel()
        )
    names = (f"{form}_bits_per_dim" for form in ("float", "integer", "coded"))
    return dict(zip(names, np.mean(bits, 0).round(5).tolist(), strict=True))


def _vector() -> Tensor:
    """A picture that takes networks to their limits: slopes, noise, and extremes beside it."""
    random = torch.Generator().manual_seed(20)
    rows, columns = torch.meshgrid(torch.arange(45), torch.arange(52), indexing="ij")
    slope = torch.stack([rows * 5, columns * 4, (rows + columns) * 2])
    noise = torch.randint(-6, 7, slope.shape, generator=random)
    extremes = 255 * torch.randint(0, 2, slope.shape, generator=random)
    return torch.where(columns < 34, (slope + noise).clamp(0, 255), extremes).to(torch.uint8)


def _table_tensors(tables: Tables) -> dict[str, Tensor]:
    return {
        f"tables.{name}": torch.from_numpy(getattr(tables, name))
        for name in ("sigmoid", "weight", "inverse_scale")
    }
