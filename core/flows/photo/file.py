"""Model files: safetensors with a few words about the model, read as untrusted input.

An archive can carry the weights that its images need, so a model file may come from anyone.
Everything that later steps rely on is checked here: sizes, shapes, types and the tables of the
CDF. Nothing is executed, and nothing larger than the file is allocated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from core.errors import ModelError
from core.flows.limits import MAX_MODEL_BYTES
from core.flows.photo.cdf import Tables
from core.flows.photo.integer import LOG_SCALE_RANGE, MEAN_UNIT
from core.flows.photo.interlace import COARSEST_POSITIONS, CONTEXT_CHANNELS
from core.flows.photo.model import PhotoConfig

#: Of the arithmetic, as a file states it; another number means another arithmetic.
FORMAT = "3"

_MAX_METADATA_CHARACTERS = 10_000
_MAX_VECTOR_SIDE = 128
_MAX_TABLE = 1 << 20
# The largest network that is accepted. Its components also bound the rounding errors of a
# mixture's sum, which stay inside the 512 bins that core.flows.photo.cdf keeps free.
_LARGEST = PhotoConfig(width=512, blocks=(16, 16, 16), head_width=512, components=32, weight_sets=8)


@dataclass(frozen=True)
class PhotoFile:
    """The contents of a photo model's file."""

    config: PhotoConfig
    tensors: Mapping[str, Tensor]
    tables: Tables
    vector: Tensor  # the test picture, (3, H, W) uint8
    vector_sha256: str  # of all its distributions, the same on every device


def read_photo_file(data: bytes) -> PhotoFile:
    """Parses a model file. Raises ModelError, whatever the bytes are."""
    if len(data) > MAX_MODEL_BYTES:
        raise ModelError(f"a model file of {len(data)} bytes; there is none above 48 MiB")
    about, tensors = _parts(data)
    if about.get("family") != "photo" or about.get("format") != FORMAT:
        raise ModelError(f"not a photo model of format {FORMAT}; this Floe reads no other")
    try:
        config = _config(about["config"])
        for name, (shape, kind) in layer_tensors(config).items():
            _check(name, tensors[name], shape, kind)
            if ".steps." in name and not bool(
                ((tensors[name] >= 0) & (tensors[name] <= 1024)).all()
            ):
                raise ModelError(f"{name} of the model holds an invalid learning rate")
        tables = _tables(about, tensors)
        vector, vector_sha256 = tensors["vector"], about["vector_sha256"]
    except KeyError as error:
        raise ModelError(f"the model lacks {error.args[0]}") from error
    sides = tuple(vector.shape[1:])
    _check("vector", vector, (3, *sides), torch.uint8)
    if len(sides) != 2 or max(sides) > _MAX_VECTOR_SIDE or sides[0] * sides[1] < COARSEST_POSITIONS:
        raise ModelError(f"the model's test picture cannot have the shape {(3, *sides)}")
    return PhotoFile(config, tensors, tables, vector, vector_sha256)


def layer_tensors(config: PhotoConfig) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Shape and type of each integer tensor of a model's layers, by name."""
    width, hidden = config.width, config.head_width
    shapes: dict[str, tuple[int, int, int]] = {}  # outputs, inputs, side of the kernel
    for level in range(config.weight_sets):
        for phase in range(3):
            at = f"levels.{level}."
            shapes[f"{at}stems.{phase}"] = (width, CONTEXT_CHANNELS[phase], 3)
            for block in range(config.blocks[phase]):
                trunk = f"{at}trunks.{phase}.{block}"
                shapes[f"{trunk}.conv"] = (width, width, 3)
                shapes[f"{trunk}.value"] = shapes[f"{trunk}.gate"] = (width, width, 1)
            head = f"{at}heads.{phase}"
            for i in range(3):
                shapes[f"{head}.features.{i}"] = (hidden, width, 1)
                shapes[f"{head}.outputs.{i}"] = (config.n_outputs(i), hidden, 1)
                if i:
                    shapes[f"{head}.lean.{i - 1}"] = (hidden, i, 1)
    tensors: dict[str, tuple[tuple[int, ...], torch.dtype]] = {}
    for name, (outputs, inputs, side) in shapes.items():
        wide = ".lean." in name or ".outputs." in name
        kind = torch.int16 if wide else torch.int8
        tensors[f"{name}.weight"] = (outputs, inputs, side, side), kind
        tensors[f"{name}.bias"] = (outputs,), torch.int32
        tensors[f"{name}.shift"] = (outputs,), torch.int8
        if ".outputs." in name:
            tensors[name.replace("outputs", "steps")] = (inputs + 1,), torch.float32
    return tensors


def _parts(data: bytes) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata and the tensors of safetensors."""
    try:
        tensors = load(data)  # checks that the header is JSON of its own kind, and all offsets
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = header.get("__metadata__") or {}
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ModelError(f"the model file is damaged, or not a model ({error})") from error
    return about, tensors


def _config(text: str) -> PhotoConfig:
    """The sizes of a model, each a number from 1 to that of the largest."""
    wrong = ModelError("the model's sizes are not those of a photo model")
    if len(text) > _MAX_METADATA_CHARACTERS or text.count("[") > 1:  # nested ones may go deep
        raise wrong
    try:
        given = json.loads(text)
        config = PhotoConfig(**{**given, "blocks": tuple(given["blocks"])})
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise wrong from error
    pairs = [
        (config.width, _LARGEST.width),
        (config.head_width, _LARGEST.head_width),
        (config.components, _LARGEST.components),
        (config.weight_sets, _LARGEST.weight_sets),
        *zip(config.blocks, _LARGEST.blocks, strict=False),
    ]
    if len(config.blocks) != 3 or any(
        type(size) is not int or not 1 <= size <= largest for size, largest in pairs
    ):
        raise wrong
    return config


def _tables(about: dict[str, str], tensors: dict[str, Tensor]) -> Tables:
    """The tables, which must make every mixture an increasing CDF of [0, 1]."""
    sigmoid, weight, inverse_scale = (
        tensors[f"tables.{name}"] for name in ("sigmoid", "weight", "inverse_scale")
    )
    low, high = LOG_SCALE_RANGE
    units = about["mean_unit"], about["smallest_log_scale"]
    if units != (str(MEAN_UNIT), str(low)):
        raise ModelError(f"the model counts in other units, {units}")
    for name, table, count in (
        ("sigmoid", sigmoid, sigmoid.numel()),
        ("weight", weight, weight.numel()),
        ("inverse_scale", inverse_scale, high - low + 1),
    ):
        _check(f"tables.{name}", table, (count,), torch.float32)
        if not bool(torch.isfinite(table).all()):
            raise ModelError(f"the model's table {name} holds a value that is not finite")
    if (
        len(sigmoid) % 2 == 0
        or len(sigmoid) > _MAX_TABLE
        or not len(weight)
        or float(sigmoid.min()) < 0
        or float(sigmoid.max()) > 1
        or bool((sigmoid.diff() < 0).any())
        or float(weight[0]) != 1  # so that weights never sum to nothing
        or float(weight.min()) < 0
        or float(weight.max()) > 1
        or float(inverse_scale.min()) <= 0
    ):
        raise ModelError("the model's tables are not those of a mixture of logistics")
    return Tables(
        sigmoid=sigmoid.numpy(),
        weight=weight.numpy(),
        inverse_scale=inverse_scale.numpy(),
        mean_unit=MEAN_UNIT,
        smallest_log_scale=low,
    )


def _check(name: str, tensor: Tensor, shape: tuple[int, ...], kind: torch.dtype) -> None:
    if tuple(tensor.shape) != shape or tensor.dtype != kind:
        raise ModelError(
            f"{name} of the model is {tuple(tensor.shape)} {tensor.dtype}, not {shape} {kind}"
        )
