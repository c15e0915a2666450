"""Model files: safetensors with a few words about the model, read as anyone may have written them.

Everything that later steps rely on is checked here, as for photographs
(:mod:`core.flows.photo.file`): sizes, shapes, types, and tables that are what they must be. The
bounds of sums are checked where layers are made (:mod:`core.flows.jpeg.layers`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from core.errors import ModelError
from core.flows.jpeg.mixture import N_OUTPUTS
from core.flows.jpeg.model import N_LOCAL, JpegConfig, NetConfig
from core.flows.jpeg.planes import AVERAGING_BITS, FACTORS
from core.flows.jpeg.tables import LOG_UNIT, Tables

#: What the files say of themselves; another number means another arithmetic.
FORMAT = "1"

#: No model file is longer. An archive holds it in one row.
MAX_MODEL_BYTES = 48 * 2**20

_MAX_METADATA_CHARACTERS = 10_000
_MAX_BYTE_TABLE = 1 << 20
_MAX_VECTOR_BLOCKS = 32  # along a side
_LARGEST = NetConfig(
    width=256, blocks=16, hidden=(64, 64, 64), n_given=2, given_blocks=8, table_width=256
)
#: Absolute weights of linear predictions, in whole numbers of dequantised steps: with sums over
#: 640 values below 2^18 they stay below 2^53 (LINEAR_BITS behind the point).
_MAX_LINEAR = 1 << 25
_MAX_OUTPUT = 2.0**20

KINDS = ("luma", "chroma")


@dataclass(frozen=True)
class JpegFile:
    """What a file says of a model of JPEG files."""

    config: JpegConfig
    nets: Mapping[str, Mapping[str, Tensor]]  # tensors by kind and by name
    tables: Tables
    vector: Mapping[str, Tensor]  # y, cb, cr: (R, C, 64) int16; table (64,) int32
    vector_sha256: str  # what every device must compute from it


def read_jpeg_file(data: bytes) -> JpegFile:
    """Takes a model file apart. Raises ModelError, whatever the bytes are."""
    if len(data) > MAX_MODEL_BYTES:
        raise ModelError(f"a model file of {len(data)} bytes; there is none above 48 MiB")
    about, tensors = _parts(data)
    if about.get("family") != "jpeg" or about.get("format") != FORMAT:
        raise ModelError(f"not a model of JPEG files of format {FORMAT}; this Floe reads no other")
    try:
        config = _config(about["config"])
        nets = {}
        for kind in KINDS:
            expected = net_tensors(getattr(config, kind))
            nets[kind] = {name: tensors[f"{kind}.{name}"] for name in expected}
            for name, (shape, dtype) in expected.items():
                _check(f"{kind}.{name}", nets[kind][name], shape, dtype)
            _check_numbers(nets[kind], kind)
        vector = _vector(tensors)
        return JpegFile(config, nets, _tables(tensors), vector, about["vector_sha256"])
    except KeyError as error:
        raise ModelError(f"the model lacks {error.args[0]}") from error


def net_tensors(config: NetConfig) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Shape and type of each tensor of a network, by name."""
    w, n_given, hidden = config.width, config.n_given, config.n_hidden
    layers: dict[str, tuple[int, ...]] = {
        "embed": (w, 128),
        "table_in": (config.table_width, 65),
        "table_out": (2 * w, config.table_width),
        "gather": (w, 4, w),
        "near": (w, 8),
        "mix.first": (w, w),
        "mix.second": (w, w),
        "head": (hidden, w + 128 + N_LOCAL),
    }
    for i in range(config.blocks):
        layers |= {f"blocks.{i}.first": (w, 5, w), f"blocks.{i}.second": (w, w)}
    if n_given:
        layers |= {"given_in": (w, 128 * n_given), "given_out": (w, w)}
        for i in range(config.given_blocks):
            layers |= {f"given.{i}.first": (w, 9, w), f"given.{i}.second": (w, w)}
    found: dict[str, tuple[tuple[int, ...], torch.dtype]] = {}
    for name, shape in layers.items():
        found[f"{name}.weight"] = shape, torch.int8
        found[f"{name}.bias"] = shape[:1], torch.int32
        found[f"{name}.shift"] = shape[:1], torch.int8
    n_known = 256 + 192 * n_given
    return found | {
        "head.outputs": ((hidden, N_OUTPUTS), torch.float32),
        "head.output_bias": ((64, N_OUTPUTS), torch.float32),
        "from_known": ((128, n_known), torch.int32),
        "from_block": ((64, 64), torch.int32),
        "multipliers": ((1 + n_given, 64), torch.int32),
        "usual_log": ((64,), torch.int32),
        "exponent": ((64,), torch.int32),
    }


def table_tensors(tables: Tables) -> dict[str, Tensor]:
    """The tensors of tables in a file."""
    return {
        "tables.bytes": torch.from_numpy(tables.bytes_),
        "tables.logs": torch.from_numpy(tables.logs),
        "tables.powers": torch.from_numpy(tables.powers),
        **{f"tables.averaging.{n}": torch.from_numpy(tables.averaging[n]) for n in FACTORS},
    }


def config_text(config: JpegConfig) -> str:
    """As it stands in a file."""
    return json.dumps(asdict(config))


def _parts(data: bytes) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        size = int.from_bytes(data[:8], "little")
        if size > len(data):
            raise ModelError("the model file is cut off")
        header = json.loads(data[8 : 8 + size])
        about = header.get("__metadata__", {})
        if not isinstance(about, dict):
            raise ModelError("the model says nothing of itself")
        return about, load(data)
    except (SafetensorError, ValueError, RecursionError, AttributeError, TypeError) as error:
        raise ModelError(f"not a model file ({error})") from error


def _config(text: str) -> JpegConfig:
    """Sizes, each a number from 1 (or 0) to that of the largest."""
    wrong = ModelError("the model's sizes are not those of a model of JPEG files")
    if len(text) > _MAX_METADATA_CHARACTERS or text.count("[") > 2 or text.count("{") > 3:
        raise wrong
    try:
        given = json.loads(text)
        nets = {kind: _net_config(given[kind]) for kind in KINDS}
        if len(given) != len(KINDS) or nets["luma"].n_given or nets["chroma"].n_given != 2:
            raise wrong
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise wrong from error
    return JpegConfig(**nets)


def _net_config(given: dict[str, Any]) -> NetConfig:
    config = NetConfig(**{**given, "hidden": tuple(given["hidden"])})
    least = NetConfig(1, 0, (1, 1, 1), 0, 0, 1)
    if len(config.hidden) != 3 or config.width % 2:  # pairs of inputs are multiplied at once
        raise ValueError
    for name, largest in asdict(_LARGEST).items():
        sizes, lowest = getattr(config, name), getattr(least, name)
        for size, low, high in zip(
            *((x if isinstance(x, tuple) else (x,)) for x in (sizes, lowest, largest)), strict=True
        ):
            if type(size) is not int or not low <= size <= high:
                raise ValueError
    return config


def _check_numbers(tensors: Mapping[str, Tensor], kind: str) -> None:
    """What is no layer stays where sums of it are exact and finite."""
    for name, least, largest in (
        ("from_known", -_MAX_LINEAR, _MAX_LINEAR),
        ("from_block", -_MAX_LINEAR, _MAX_LINEAR),
        ("multipliers", 1, 1 << 24),
        ("usual_log", -20 * LOG_UNIT, 20 * LOG_UNIT),
        ("exponent", -(1 << 16), 1 << 16),
        ("head.outputs", -_MAX_OUTPUT, _MAX_OUTPUT),
        ("head.output_bias", -_MAX_OUTPUT, _MAX_OUTPUT),
    ):
        inside = (tensors[name] >= least) & (tensors[name] <= largest)
        if not bool(inside.all()):  # nor is what is no number
            raise ModelError(f"{kind}.{name} of the model is out of bounds")


def _tables(tensors: Mapping[str, Tensor]) -> Tables:
    places, logs, powers = (tensors[f"tables.{name}"] for name in ("bytes", "logs", "powers"))
    if not 0 < places.numel() <= _MAX_BYTE_TABLE:
        raise ModelError("the model's table of bytes is too long")
    _check("tables.bytes", places, (places.numel(),), torch.uint8)
    _check("tables.logs", logs, (256,), torch.int32)
    _check("tables.powers", powers, (LOG_UNIT,), torch.float32)
    if int(places.max()) > 127 or int(places[0]) != 0:
        raise ModelError("the model's table of bytes holds what is none")
    if bool(((logs < 0) | (logs > 8 * LOG_UNIT)).any()):
        raise ModelError("the model's logarithms are out of bounds")
    if not bool(((powers >= 1) & (powers < 2)).all()):
        raise ModelError("the model's powers of two are out of bounds")
    averaging = {}
    for n in FACTORS:
        matrix = tensors[f"tables.averaging.{n}"]
        _check(f"tables.averaging.{n}", matrix, (n, 8, 8), torch.int32)
        if bool((matrix.abs() > 2 << AVERAGING_BITS).any()):
            raise ModelError("the model's averages are out of bounds")
        averaging[n] = matrix.numpy()
    return Tables(places.numpy(), logs.numpy(), powers.numpy(), averaging)


def _vector(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found = {name: tensors[f"vector.{name}"] for name in ("y", "cb", "cr", "table")}
    _check("vector.table", found["table"], (64,), torch.int32)
    if not bool(((found["table"] >= 1) & (found["table"] <= 65535)).all()):
        raise ModelError("the model's test vector has no table")
    rows, columns = found["cb"].shape[:2] if found["cb"].dim() == 3 else (0, 0)
    if not (0 < rows <= _MAX_VECTOR_BLOCKS and 0 < columns <= _MAX_VECTOR_BLOCKS):
        raise ModelError("the model's test vector cannot have its shape")
    _check("vector.y", found["y"], (2 * rows, 2 * columns, 64), torch.int16)
    for name in ("cb", "cr"):
        _check(f"vector.{name}", found[name], (rows, columns, 64), torch.int16)
    return found


def _check(name: str, tensor: Tensor, shape: tuple[int, ...], kind: torch.dtype) -> None:
    if tuple(tensor.shape) != shape or tensor.dtype != kind:
        raise ModelError(
            f"{name} of the model is {tuple(tensor.shape)} {tensor.dtype}, not {shape} {kind}"
        )
