"""Trained models: one safetensors file each, checked on its device before any use."""

from __future__ import annotations

import hashlib
import importlib.resources
import logging
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.arrays import Integers
from core.errors import ModelError
from core.flows.photo import interlace
from core.flows.photo.byte_kernels import Kernels, exact_kernels
from core.flows.photo.cdf import Tables
from core.flows.photo.file import read_photo_file
from core.flows.photo.integer import IntegerPhoto
from core.flows.photo.model import CHANNEL_ORDER
from core.flows.photo.walk import Piece, walk

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PhotoModel:
    """A photo model ready for coding: its networks, its tables and its name."""

    id: str  # family and a hash of the file: the same id is the same arithmetic
    network: IntegerPhoto
    tables: Tables
    file: bytes = field(default=b"", repr=False)  # which it was read from

    @property
    def device(self) -> torch.device:
        """Where the networks compute."""
        return self.network.level(0).stems[0].bias.device

    @property
    def device_name(self) -> str:
        """The device for display: "CPU, 4 threads", or the name of a graphics card."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        if self.device.type == "cpu":
            threads = self.network.threads
            return f"CPU, {threads} threads" if threads > 1 else "CPU, 1 thread"
        return self.device.type

    @property
    def kernels(self) -> Kernels:
        """How the networks are computed on the processor."""
        return self.network.kernels


def bundled_photo_model(threads: int = 1) -> PhotoModel:
    """The model that comes with the program. Raises ModelError."""
    resource = importlib.resources.files("resources") / "models" / "photo.safetensors"
    with importlib.resources.as_file(resource) as path:
        return load_photo_model(path, threads=threads)


def load_photo_model(path: Path, device: str = "cpu", threads: int = 1) -> PhotoModel:
    """Reads a model, moves it to a device and checks it there. Raises ModelError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: the model cannot be read ({error})") from error
    try:
        return photo_model(data, device, threads)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def photo_model(data: bytes, device: str = "cpu", threads: int = 1) -> PhotoModel:
    """The model of a file's bytes, moved to a device and checked there.

    On the processor it takes the fastest kernels that are exact there and give the model's test
    vector. threads: squares of a picture that are computed at a time. The bytes may be anyone's.
    Raises ModelError.
    """
    file = read_photo_file(data)
    network = IntegerPhoto(file.config, file.tensors, threads).to(torch.device(device))
    name = f"photo-{hashlib.sha256(data).hexdigest()[:8]}"
    model = PhotoModel(name, network, file.tables, data)
    for kernels in exact_kernels() if device == "cpu" else (Kernels.FLOATS,):
        network.use(kernels)
        if vector_sha256(model, file.vector) == file.vector_sha256:
            return model
        _log.warning("model %s: %s do not give its test vector on %s", name, kernels, device)
    if device != "cpu":
        raise ModelError(f"model {name} does not compute exactly on {device}; use the processor")
    raise ModelError(
        f"model {name} does not give its own test vector: its file is damaged, or of another "
        "version of Floe. Nothing was written; install the model file again"
    )


def vector_sha256(model: PhotoModel, picture: Tensor) -> str:
    """SHA-256 over every distribution of a picture, (3, H, W) uint8, on the model's device."""
    digest = hashlib.sha256()
    pictures = interlace.pyramid(picture.float()[None])
    for level, (pixels, coarse) in enumerate(pairwise(pictures)):
        planes = pixels[0].numpy().astype(np.int64)

        def code(piece: Piece, planes: Integers = planes) -> Integers:
            for values in (
                piece.mixture.weights,
                piece.mixture.means,
                piece.mixture.inverse_scales,
            ):
                digest.update(np.ascontiguousarray(values, dtype="<f4").tobytes())
            target: Integers = planes[piece.channel][piece.positions]
            digest.update(piece.mixture.edges(target).astype("<i8").tobytes())
            return target

        walk(
            model.network.level(level),
            model.tables,
            coarse.to(model.device),
            (pixels.shape[-2], pixels.shape[-1]),
            CHANNEL_ORDER,
            code,
        )
    return digest.hexdigest()
