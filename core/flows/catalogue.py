"""The models that are available, with the facts that lists show of them."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.flows.flowpp import PUBLISHED, FlowPP, FlowPPConfig
from core.flows.flowpp.files import bundled_flowpp, load_flowpp, parameter_count
from core.flows.photo.loading import load_photo_model


@dataclass(frozen=True)
class Listed:
    """A row in a list of models. Facts of the model's card are None where there is no card."""

    id: str
    kind: str  # "photo", or the published Flow++ model that it is of
    images: str  # the sizes that it is for
    networks: str  # its sizes in words
    parameters: int | None
    n_bytes: int | None  # of its file; None for a published model that has yet to be imported
    test_bits_per_dim: float | None
    path: str | None
    kernels: str | None = None  # how it is computed here; None for models in floating point


def list_models(files: Iterable[Path] = ()) -> list[Listed]:
    """The models that come with the program, Flow++ models of files, and the published ones.

    Raises ModelError for a file that is not a model.
    """
    photo = Path(str(importlib.resources.files("resources") / "models" / "photo.safetensors"))
    return [
        _photo(photo),
        *(_file(path) for path in (*bundled_flowpp(), *files)),
        *(_published(config) for config in PUBLISHED.values()),
    ]


def _photo(path: Path) -> Listed:
    model, card = load_photo_model(path), _card(path)
    config = model.network.config
    blocks = " + ".join(map(str, config.blocks))
    return Listed(
        model.id,
        "photo",
        "any",
        f"width {config.width}, blocks {blocks}, {config.components} components",
        card.get("parameters"),
        len(model.file),
        card.get("test", {}).get("coded_bits_per_dim"),
        str(path),
        model.kernels.value,
    )


def _file(path: Path) -> Listed:
    model, card = load_flowpp(path), _card(path)
    return Listed(
        model.id,
        *_described(model.config),
        model.parameters,
        model.path.stat().st_size,
        card.get("test", {}).get("bits_per_dim"),
        str(path),
    )


def _published(config: FlowPPConfig) -> Listed:
    with torch.device("meta"):
        count = parameter_count(FlowPP(config))
    return Listed(f"{config.name} as published", *_described(config), count, None, None, None)


def _described(config: FlowPPConfig) -> tuple[str, str, str]:
    networks = (
        f"width {config.width}, blocks {config.blocks} and {config.dequantizer_blocks}, "
        f"{config.components} components"
    )
    return config.name, f"{config.size} x {config.size}", networks


def _card(path: Path) -> dict[str, Any]:
    """The card beside a model's file, if it is that file's."""
    beside = path.with_suffix(".json")
    try:
        card = json.loads(beside.read_text("utf-8"))
    except (OSError, ValueError):
        return {}  # a model needs no card
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return card if isinstance(card, dict) and card.get("sha256") == digest else {}
