"""Trained models: one safetensors file each, checked on the device before it codes anything."""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import ModelError
from core.flows import interlace
from core.flows.cdf import Tables
from core.flows.integer import IntegerPhoto
from core.flows.photo import CHANNEL_ORDER, PhotoConfig
from core.flows.walk import walk

#: What the files say of themselves; another number means another arithmetic.
FORMAT = "1"


@dataclass(frozen=True)
class PhotoModel:
    """A photo model ready to code with: its networks, its tables and its name."""

    id: str  # family and a hash of the file: the same id is the same arithmetic
    network: IntegerPhoto
    tables: Tables


@functools.cache
def bundled_photo_model() -> PhotoModel:
    """The default model, which comes with the program. Raises ModelError."""
    resource = importlib.resources.files("resources") / "models" / "photo.safetensors"
    with importlib.resources.as_file(resource) as path:
        return load_photo_model(path)


def load_photo_model(path: Path, device: str = "cpu") -> PhotoModel:
    """Reads a model, moves it to a device and checks it there. Raises ModelError."""
    try:
        data = path.read_bytes()
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: the model cannot be read ({error})") from error
    if about.get("family") != "photo" or about.get("format") != FORMAT:
        raise ModelError(f"{path}: not a photo model of format {FORMAT}; this Floe reads no other")
    try:
        model = PhotoModel(
            f"photo-{hashlib.sha256(data).hexdigest()[:8]}",
            IntegerPhoto(config_of(about), tensors).to(torch.device(device)),
            _tables(about, tensors),
        )
        vector = tensors["vector"]
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: the model is incomplete: {error}") from error
    if vector_sha256(model, vector) != about.get("vector_sha256"):
        raise ModelError(
            f"model {model.id} does not compute exactly on {device}: its test vector differs. "
            "Nothing was written; use another device, or install the model file anew"
        )
    return model


def config_of(about: dict[str, str]) -> PhotoConfig:
    """The sizes of a model, from its file's metadata."""
    given = json.loads(about["config"])
    return PhotoConfig(**{**given, "blocks": tuple(given["blocks"])})


def vector_sha256(model: PhotoModel, picture: Tensor) -> str:
    """SHA-256 over every distribution of a picture, (3, H, W) uint8, on the model's device."""
    digest = hashlib.sha256()
    pixels = picture.float()[None]
    level = 0
    device = model.network.level(0).stems[0].weight.device
    while pixels.shape[-2] * pixels.shape[-1] > interlace.COARSEST_POSITIONS:
        coarse = pixels[..., 0::2, 0::2]
        height, width = pixels.shape[-2:]
        pieces = walk(model.network.level(level), coarse.to(device), height, width, CHANNEL_ORDER)
        try:
            piece = next(pieces)
            while True:
                for values in (piece.logits, piece.means, piece.log_scales):
                    digest.update(np.ascontiguousarray(values, dtype="<f4").tobytes())
                plane = pixels[0, piece.channel, piece.row :: 2, piece.column :: 2]
                target = plane.reshape(-1).numpy().astype(np.int64)
                digest.update(piece.cdf(model.tables).edges(target).astype("<i8").tobytes())
                piece = pieces.send(target)
        except StopIteration:
            pixels, level = coarse, level + 1
    return digest.hexdigest()


def _tables(about: dict[str, str], tensors: dict[str, Tensor]) -> Tables:
    return Tables(
        sigmoid=tensors["tables.sigmoid"].numpy(),
        weight=tensors["tables.weight"].numpy(),
        inverse_scale=tensors["tables.inverse_scale"].numpy(),
        mean_unit=int(about["mean_unit"]),
        smallest_log_scale=int(about["smallest_log_scale"]),
    )
