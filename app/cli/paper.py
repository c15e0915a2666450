"""The models and images of ``floe bench paper``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.tables import paper_lengths, paper_seconds
from app.cli.terminal import output
from core.errors import FloeError

if TYPE_CHECKING:
    from torch import Tensor

    from core.bench.paper import Measured, Tell

#: The test images of each model: file in the given folder, array in the file.
_IMAGES = {
    "cifar10": ("cifar10_test_1000.npz", "images"),
    "imagenet32": ("downsampled_test.npz", "img32"),
    "imagenet64": ("downsampled_test.npz", "img64"),
}


def run(folder: Path, n_images: int, quick: bool, as_json: bool) -> dict[str, Any] | None:
    """Measure and print tables; with ``as_json`` return the record instead. Raises FloeError."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

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
    output().print(paper_lengths(found["trained"]))
    every = [*found["trained"], *found["full_architecture"], *found["growth"]]
    output().print(paper_seconds(every))
    output().print(
        "Borrowed: bits per dimension that the first batch takes from the empty stack. Alone: "
        "codelength when nothing can be borrowed. Network: dequantizer, flow and likelihood, "
        "without coding. Every image and the stack were restored exactly."
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
