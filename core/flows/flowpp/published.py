"""The published weights of the paper's models: where each array of the authors' files belongs.

Their names are TensorFlow's, ours are those of :class:`core.flows.flowpp.model.FlowPP`; the tables
below tell one from the other. Dense weights there are (inputs, outputs), convolutions (rows,
columns, inputs, outputs), all else channels last. One model's weights are normalised: a direction
V and a length g for each output, which become the one weight that they stand for.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from core.arrays import Float32
from core.errors import ModelError
from core.flows.flowpp.bijections import Normalise, Pointwise
from core.flows.flowpp.config import PUBLISHED
from core.flows.flowpp.coupling import Coupling
from core.flows.flowpp.model import FlowPP

#: No file of parameters is larger once it is unpacked.
MAX_BYTES = 2**30


@dataclass(frozen=True)
class Naming:
    """What the authors' files of a model have of their own."""

    first: str  # a coupling network's first convolution
    last: str
    suffix: str = ""
    weight_norm: bool = False
    norm_axes: int = 1  # of a layer norm's parameters; all but the last are of size 1
    dequantizer_coupling: str = "MixLogisticAttnCoupling"


NAMINGS: Final = {
    "cifar10": Naming("proj_in", "proj_out", norm_axes=4),
    "imagenet32": Naming("c1", "c2", "/ExponentialMovingAverage", weight_norm=True),
    "imagenet64": Naming(
        "c1", "c2", "/ExponentialMovingAverage", dequantizer_coupling="MixLogisticCoupling"
    ),
}

Table = tuple[tuple[str, str, str], ...]

# Each line: our layer or parameter, theirs, and what it is. {i} is the number of a block.
_CONTEXT: Final[Table] = (
    ("position", "pos_emb_dq", "image"),
    ("first", "proj", "conv"),
    ("blocks.{i}.conv.conv", "c{i}/c1", "conv"),
    ("blocks.{i}.conv.gate", "c{i}/c2", "conv"),
    ("blocks.{i}.conv_norm", "dqln{i}", "norm"),
    ("blocks.{i}.attention.query_key_value", "dqattn{i}/proj1", "dense"),
    ("blocks.{i}.attention.gate", "dqattn{i}/proj2", "dense"),
    ("blocks.{i}.attention_norm", "ln{i}", "norm"),
)
_COUPLING: Final[Table] = (
    ("network.position", "pos_emb", "image"),
    ("network.first", "{first}", "conv"),
    ("network.last", "{last}", "conv"),
    ("network.blocks.{i}.conv.conv", "block{i}/conv/c1", "conv"),
    ("network.blocks.{i}.conv.context", "block{i}/conv/a_proj", "dense"),
    ("network.blocks.{i}.conv.gate", "block{i}/conv/c2", "dense"),
    ("network.blocks.{i}.conv_norm", "block{i}/ln1", "norm"),
    ("network.blocks.{i}.attention.query_key_value", "block{i}/attn/proj1", "dense"),
    ("network.blocks.{i}.attention.gate", "block{i}/attn/proj2", "dense"),
    ("network.blocks.{i}.attention_norm", "block{i}/ln2", "norm"),
)
_NORMALISE: Final[Table] = (
    ("gains.0", "norm0/g", "image"),
    ("gains.1", "norm1/g", "image"),
    ("biases.0", "norm0/b", "image"),
    ("biases.1", "norm1/b", "image"),
)
_POINTWISE: Final[Table] = (("weights.0", "W0", "matrix"), ("weights.1", "W1", "matrix"))


@dataclass(frozen=True)
class Source:
    """Arrays of a file that one of our parameters is made of: their names, shapes, and how."""

    shapes: Mapping[str, tuple[int, ...]]
    convert: Callable[[list[Float32]], Float32]


def sources(model: FlowPP) -> dict[str, Source]:
    """Where each parameter of a model comes from, by our name."""
    naming = NAMINGS[model.config.name]
    found: dict[str, Source] = {}
    state = model.state_dict()
    for layer, (theirs, table) in _layers(model, naming).items():
        for name in (name for name in state if name.startswith(f"{layer}.")):
            inside = name.removeprefix(f"{layer}.")
            found[name] = _source(inside, theirs, table, tuple(state[name].shape), naming)
    return found


def _layers(model: FlowPP, naming: Naming) -> dict[str, tuple[str, Table]]:
    """Our layers, and their name and table; layers of a kind are counted from the first."""
    layers: dict[str, tuple[str, Table]] = {"dequantizer.context": ("context_proc", _CONTEXT)}
    counts: dict[str, int] = {}
    for prefix, flow in (("dequantizer.flow", model.dequantizer.flow), ("flow", model.flow)):
        for i, layer in enumerate(flow.layers):
            kind: str = ""
            table: Table = ()
            if isinstance(layer, Normalise):
                kind, table = "Norm", _NORMALISE
            elif isinstance(layer, Pointwise):
                kind, table = "Pointwise", _POINTWISE
            elif isinstance(layer, Coupling):
                kind, table = "MixLogisticAttnCoupling", _COUPLING
                if flow is model.dequantizer.flow:
                    kind = naming.dequantizer_coupling
            if kind:
                count = counts[kind] = counts.get(kind, -1) + 1
                layers[f"{prefix}.layers.{i}"] = (f"{kind}_{count}" if count else kind, table)
    return layers


def _source(
    inside: str, theirs: str, table: Table, shape: tuple[int, ...], naming: Naming
) -> Source:
    for ours, pattern, kind in table:
        match = re.fullmatch(
            re.escape(ours).replace(r"\{i\}", r"(\d+)") + r"(?:\.(weight|bias))?", inside
        )
        if match:
            *block, part = match.groups()
            name = pattern.format(i=block[0] if block else "", first=naming.first, last=naming.last)
            return _KINDS[kind](f"{theirs}/{name}", part, shape, naming)
    raise AssertionError(f"no table names {inside}")


def _layer_source(name: str, part: str, shape: tuple[int, ...], naming: Naming) -> Source:
    """A dense layer or a convolution: outputs are our first axis, and their last."""
    if part == "bias":
        return Source({f"{name}/b{naming.suffix}": shape}, lambda given: given[0])
    axes = (*range(2, len(shape)), 1, 0)  # theirs, in our numbers
    back = tuple(int(i) for i in np.argsort(axes))
    there = tuple(shape[axis] for axis in axes)
    if not naming.weight_norm:
        return Source({f"{name}/W{naming.suffix}": there}, lambda given: given[0].transpose(back))

    def unnormalised(given: list[Float32]) -> Float32:
        direction, length = given
        norm = np.sqrt(np.square(direction, dtype=np.float64).sum(tuple(range(len(shape) - 1))))
        return (direction * (length / norm)).astype(np.float32).transpose(back)

    names = {f"{name}/V{naming.suffix}": there, f"{name}/g{naming.suffix}": shape[:1]}
    return Source(names, unnormalised)


def _norm_source(name: str, part: str, shape: tuple[int, ...], naming: Naming) -> Source:
    there = (1,) * (naming.norm_axes - 1) + shape
    letter = "g" if part == "weight" else "b"
    return Source({f"{name}/{letter}{naming.suffix}": there}, lambda given: given[0].reshape(shape))


def _image_source(name: str, part: str, shape: tuple[int, ...], naming: Naming) -> Source:
    channels, height, width = shape
    return Source(
        {f"{name}{naming.suffix}": (height, width, channels)},
        lambda given: given[0].transpose(2, 0, 1),
    )


def _matrix_source(name: str, part: str, shape: tuple[int, ...], naming: Naming) -> Source:
    return Source({f"{name}{naming.suffix}": shape[::-1]}, lambda given: given[0].T)


_KINDS: Final[dict[str, Callable[[str, str, tuple[int, ...], Naming], Source]]] = {
    "conv": _layer_source,
    "dense": _layer_source,
    "norm": _norm_source,
    "image": _image_source,
    "matrix": _matrix_source,
}


def import_published(path: Path, name: str) -> FlowPP:
    """A full model with the weights of the authors' .npz file.

    Raises ModelError, which lists each array that is missing, not wanted, or of another shape.
    """
    with torch.device("meta"):
        model = FlowPP(PUBLISHED[name])
    wanted = sources(model)
    shapes = {n: shape for source in wanted.values() for n, shape in source.shapes.items()}
    arrays = _read(path, shapes, name)
    state: dict[str, Tensor] = {}
    for ours, source in wanted.items():
        converted = source.convert([arrays.pop(n) for n in source.shapes])
        state[ours] = torch.from_numpy(np.ascontiguousarray(converted))
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False)


def _read(path: Path, shapes: Mapping[str, tuple[int, ...]], name: str) -> dict[str, Float32]:
    """The arrays of a file, which must be those of the shapes, and finite."""
    problems = []
    arrays: dict[str, Float32] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MAX_BYTES:
            raise ModelError(f"{path}: {unpacked:,} bytes unpacked; no such file is above 1 GiB")
        with np.load(path, allow_pickle=False) as file:
            names = set(file.files)
            problems += [f"missing: {n}, {shapes[n]}" for n in shapes if n not in names]
            problems += [f"not wanted: {n}" for n in sorted(names - shapes.keys())]
            for n in (n for n in shapes if n in names):
                array = file[n]
                if array.shape != shapes[n]:
                    problems.append(f"of another shape: {n}, {array.shape}, not {shapes[n]}")
                elif array.dtype.kind != "f":
                    problems.append(f"no floating-point numbers: {n}, {array.dtype}")
                elif not np.isfinite(array).all():
                    problems.append(f"not finite: {n}")
                else:
                    arrays[n] = array.astype(np.float32, copy=False)
    except OSError as error:
        raise ModelError(f"{path}: the file cannot be read ({error})") from error
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelError(f"{path}: no .npz file of arrays, or a damaged one ({error})") from error
    if problems:
        raise ImportProblems(path, name, problems)
    return arrays


class ImportProblems(ModelError):
    """A file does not hold the arrays of a published model; ``problems`` names each."""

    def __init__(self, path: Path, name: str, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            f"{path} does not hold the {name} model: {len(problems)} arrays are wrong. "
            "Nothing was written; name the model that the file is of"
        )
