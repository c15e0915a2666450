"""The differences between families of models in training; the loop is the same for all."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import torch
from torch import Tensor, nn

from core.flows.flowpp import PUBLISHED, FlowPP, FlowPPConfig
from core.flows.photo.model import Photo, PhotoConfig
from core.training.data import Batches, MirroredBatches, load_arrays, load_mosaics, reduced
from core.training.from_integers import begin_with
from core.training.variants import VARIANTS

Config = PhotoConfig | FlowPPConfig

#: The families by name: for a Flow++ model, the published one that it is of.
FAMILIES = ("photo", *PUBLISHED)

#: Images that a Flow++ model's layers are normalised on before the first step.
_FIRST_IMAGES = 256

#: Without validation images, one in this many training images is held out.
_HELD_OUT = 10


def new_model(config: Config, variant: str = "") -> Photo | FlowPP:
    """A model of the config's family with random weights; its ``bits(images)`` are the loss.

    variant: of the photo model, by name (:mod:`core.training.variants`).
    """
    if isinstance(config, FlowPPConfig):
        return FlowPP(config)
    model = Photo(config)
    if variant:
        VARIANTS[variant](model)
    return model


def hidden_weights(model: nn.Module) -> dict[int, list[Tensor]]:
    """The weights that Muon trains; AdamW has the others, and all of a Flow++ model."""
    return model.hidden_weights() if isinstance(model, Photo) else {}


def first_step(model: nn.Module, images: Tensor, begin: Path | None = None) -> None:
    """What a family does before the first step: images are (N, 3, H, W) uint8.

    begin: a model file that a photo model begins with.
    """
    if isinstance(model, Photo) and begin is not None:
        begin_with(model, begin)
    if isinstance(model, FlowPP):
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
        model.eval().initialise(images[order[:_FIRST_IMAGES]].float())


def batches_of(
    config: Config, images: Tensor, batch: int, seed: int, without: Collection[str], side: int
) -> Callable[[int], Tensor]:
    """Batches by step: photographs are augmented, small images only mirrored.

    without, side: what :class:`core.training.data.Batches` leaves out, and what it cuts to.
    """
    if isinstance(config, FlowPPConfig):
        return MirroredBatches(images, batch, seed)
    return Batches(images, batch, seed, without, side)


def load_data(config: Config, train: Path, valid: Path | None) -> tuple[Tensor, Tensor]:
    """Training and validation images, each (N, 3, H, W) uint8.

    train, valid: folders of mosaics, which Flow++ models see reduced, or .npz files of images as
    they are. Without ``valid``, every tenth training image is held out.
    """
    images = load_images(config, train)
    if valid is not None:
        return images, load_images(config, valid)
    held_out = torch.arange(len(images)) % _HELD_OUT == _HELD_OUT - 1
    return images[~held_out], images[held_out]


def load_images(config: Config, path: Path) -> Tensor:
    """(N, 3, H, W) uint8 of a folder of mosaics or of an .npz file."""
    if not isinstance(config, FlowPPConfig):
        return load_mosaics(path)
    if path.is_dir():
        return reduced(load_mosaics(path), config.size)
    return load_arrays(path, config.size)
