"""``floe bench paper``: which models and images to measure, and the tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.cli.terminal import output
from core.errors import FloeError

if TYPE_CHECKING:
    from torch import Tensor

    from core.bench.paper import Measured, Tell

#: The test images of each model, in the folder that is given: file and array.
_IMAGES = {
    "cifar10": ("cifar10_test_1000.npz", "images"),
    "imagenet32": ("downsampled_test.npz", "img32"),
    "imagenet64": ("downsampled_test.npz", "img64"),
}

_NOTHING = "\N{EN DASH}"


def run(folder: Path, n_images: int, quick: bool, as_json: bool) -> dict[str, Any] | None:
    """Measures and prints tables; with as_json, gives the record instead. Raises FloeError."""
    from core.bench.folder import machine

    steps = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with steps:
        task = steps.add_task("models", total=None)
        found = _measure(folder, n_images, quick, lambda what: steps.update(task, description=what))
    if as_json:
        rows = {group: [_record(each) for each in measured] for group, measured in found.items()}
        return {"bench": "paper", "machine": machine(), "quick": quick, **rows}
    output().print(_lengths(found["trained"]))
    output().print(_seconds([*found["trained"], *found["full_architecture"], *found["growth"]]))
    output().print(
        "Borrowed: bits a dimension that the first batch took from below its beginning. Alone: its "
        "length where nobody lends. Network: dequantizer, flow and likelihood, with nothing coded. "
        "Everything came back exactly, and the stack with it."
    )
    return None


def images_of(folder: Path, model: str) -> Tensor:
    """The test images of a model: (N, 3, size, size) uint8. Raises FloeError."""
    import numpy as np
    import torch

    file, array = _IMAGES[model]
    try:
        with np.load(folder / file) as arrays:
            images = arrays[array]
    except (OSError, KeyError, ValueError) as problem:
        raise FloeError(
            f"{folder / file}: the test images of {model} cannot be read ({problem}); the bench "
            f"needs an .npz file of that name with an array {array}, (N, H, W, 3) uint8"
        ) from problem
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise FloeError(f"{folder / file}: {array} is not an array (N, H, W, 3) of uint8")
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def _measure(folder: Path, n_images: int, quick: bool, tell: Tell) -> dict[str, list[Measured]]:
    from core.bench import paper
    from core.flows.flowpp import CIFAR10, small
    from core.flows.flowpp.files import bundled_flowpp, load_flowpp

    batch = 8 if quick else 64
    trained = []
    for path in bundled_flowpp():
        model = load_flowpp(path)
        images = images_of(folder, model.config.name)[: 16 if quick else n_images]
        trained.append(
            paper.measure(
                model.id,
                model.network,
                images,
                batches=(1, min(batch, len(images))),
                n_timed=1 if quick else 4,
                n_black_box=0 if quick or model.config.size > 32 else 1,
                tell=tell,
            )
        )
    images = images_of(folder, "cifar10")[:64]
    full = paper.measure(
        "cifar10, all of it, untrained",
        paper.untrained(CIFAR10, images[:8]),
        images[:batch],
        batches=(1, batch),
        theory=False,
        tell=tell,
    )
    sides = (8, 16) if quick else (8, 16, 32)
    config = small(CIFAR10, width=16, blocks=1)
    grown = paper.growth(config, images, sides, tell)
    return {"trained": trained, "full_architecture": [full], "growth": grown}


def _record(measured: Measured) -> dict[str, Any]:
    return {**asdict(measured), "black_box_to_layers": measured.black_box_ratio()}


def _lengths(models: list[Measured]) -> Table:
    from core.bench.paper import PUBLISHED_LENGTHS

    table = Table(title="Lengths, bits/dim")
    table.add_column("model")
    table.add_column("code")
    for name in ("images", "theory", "coded", "more", "borrowed", "alone"):
        table.add_column(name, justify="right")
    for model in models:
        for code in sorted(model.codes, key=lambda c: (c.code, c.batch)):
            theory = code.theoretical_bits_per_dim
            table.add_row(
                model.model,
                f"{code.code}, batches of {code.batch}",
                str(code.n_images),
                _number(theory, 4),
                _number(code.coded_bits_per_dim, 4),
                _NOTHING if theory is None else f"{code.coded_bits_per_dim - theory:+.4f}",
                _number(code.borrowed_bits_per_dim, 1),
                _number(code.alone_bits_per_dim, 2),
            )
    for name, (theory, coded) in PUBLISHED_LENGTHS.items():
        table.add_row(
            f"{name}, the paper's", "by layers", _NOTHING, f"{theory:.3f}", f"{coded:.3f}",
            f"{coded - theory:+.3f}", _NOTHING, _NOTHING,
        )  # fmt: skip
    return table


def _seconds(models: list[Measured]) -> Table:
    from core.bench.paper import PUBLISHED_SECONDS

    table = Table(title="Seconds an image")
    table.add_column("model")
    for name in (
        "batch", "network", "encoding", "/ network", "decoding", "black box", "/ by layers",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for model in models:
        black = model.code("black box")
        for network in model.networks:
            layers = model.code("by layers", network.batch)
            one = network.batch == 1
            table.add_row(
                model.model,
                str(network.batch),
                _number(network.seconds, 3),
                _number(layers.encode_seconds if layers else None, 3),
                _number(model.ratio_to_network(network.batch), 2),
                _number(layers.decode_seconds if layers else None, 3),
                _number(black.encode_seconds if black and one else None, 1),
                _number(model.black_box_ratio() if one else None, 0),
            )
    for name, (alone, by_one, by_many, bare, bare_many) in PUBLISHED_SECONDS.items():
        row = f"{name}, the paper's GPU"
        table.add_row(
            row, "1", f"{bare:.2f}", f"{by_one:.2f}", f"{by_one / bare:.2f}", _NOTHING,
            f"{alone:.1f}", f"{alone / by_one:.0f}",
        )  # fmt: skip
        table.add_row(
            row, "64", f"{bare_many:.2f}", f"{by_many:.2f}", f"{by_many / bare_many:.2f}", _NOTHING,
            _NOTHING, _NOTHING,
        )  # fmt: skip
    return table


def _number(value: float | None, digits: int) -> str:
    return _NOTHING if value is None else f"{value:,.{digits}f}"
