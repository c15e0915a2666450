"""The two tables of the paper on local bits-back (arXiv 1905.08500), for models that are here.

Lengths: theoretical, by layers, with the authors' constants, and as a black box. Seconds: of the
network alone and of each code, on this machine, in this run. Whatever is coded is decoded again
and compared, the stack with it.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from core.coding.flowpp.black_box import BlackBox
from core.coding.flowpp.code import FlowPPCode, Lengths, fresh_stack
from core.coding.flowpp.layers import ModularCoder, PublishedCoder
from core.control import CancelToken
from core.errors import FloeError
from core.flows.flowpp import FlowPP, FlowPPConfig

#: What the paper says: bits/dim, then seconds an image on the authors' GPU.
PUBLISHED_LENGTHS: Final = {
    "cifar10": (3.116, 3.118),
    "imagenet32": (3.871, 3.875),
    "imagenet64": (3.701, 3.703),
}
PUBLISHED_SECONDS: Final = {  # black box; by layers at 1 and 64; network at 1 and 64
    "cifar10": (64.37, 0.77, 0.09, 0.50, 0.04),
    "imagenet32": (534.74, 0.93, 0.17, 0.76, 0.13),
    "imagenet64": (1349.65, 0.69, 0.18, 0.44, 0.05),
}

#: Told of each thing that is about to be measured.
Tell = Callable[[str], None]


class InexactError(FloeError):
    """The decoded images differ from the encoded ones; the measurement is void."""


@dataclass(frozen=True)
class Code:
    """One code on some images, all of them in batches of one size."""

    code: str  # "by layers", "published constants" or "black box"
    batch: int
    n_images: int
    coded_bits_per_dim: float
    theoretical_bits_per_dim: float | None
    borrowed_bits_per_dim: float  # by the first batch
    alone_bits_per_dim: float  # of the first batch, with what it borrowed
    encode_seconds: float  # an image
    decode_seconds: float  # an image


@dataclass(frozen=True)
class Network:
    """The bare network: dequantizer, flow and likelihood, with nothing coded."""

    batch: int
    seconds: float  # an image


@dataclass(frozen=True)
class Measured:
    """All of one model."""

    model: str
    parameters: int
    size: int
    codes: list[Code]
    networks: list[Network]

    def code(self, name: str, batch: int | None = None) -> Code | None:
        """The row of a code, of the largest batch if none is named."""
        rows = [c for c in self.codes if c.code == name and batch in (None, c.batch)]
        return max(rows, key=lambda c: c.batch, default=None)

    def ratio_to_network(self, batch: int) -> float | None:
        """Seconds to encode by layers over those of the network alone."""
        code = self.code("by layers", batch)
        network = next((n for n in self.networks if n.batch == batch), None)
        return code.encode_seconds / network.seconds if code and network else None

    def black_box_ratio(self) -> float | None:
        """Seconds to encode as a black box over those by layers, both at batch 1."""
        black, layers = self.code("black box", 1), self.code("by layers", 1)
        return black.encode_seconds / layers.encode_seconds if black and layers else None


def measure(
    name: str,
    model: FlowPP,
    images: Tensor,
    *,
    batches: tuple[int, ...] = (1, 64),
    n_timed: int = 1,
    n_black_box: int = 0,
    theory: bool = True,
    tell: Tell = lambda _: None,
    cancel: CancelToken | None = None,
) -> Measured:
    """Measures a model on images (N, 3, size, size) uint8.

    batches: sizes of batches; the largest codes all images, the others n_timed batches.
    n_black_box: images for the black box, whose time grows with the cube of their dimensions.
    Raises InexactError, Cancelled.
    """
    cancel = cancel or CancelToken()
    codes, networks = [], []
    for batch in sorted(batches):
        whole = batch == max(batches)
        some = images if whole else images[: batch * n_timed]
        cancel.check()
        tell(f"{name}: network alone, batches of {batch}")
        networks.append(Network(batch, _network_seconds(model, some[: batch * n_timed], batch)))
        tell(f"{name}: by layers, batches of {batch}, {len(some)} images")
        layers = FlowPPCode(model, ModularCoder(), cancel)
        codes.append(_run("by layers", layers, some, batch, theory, cancel))
        if whole:
            tell(f"{name}: by layers with the published constants, batches of {batch}")
            published = FlowPPCode(model, PublishedCoder(), cancel)
            few = some[: batch * n_timed]
            codes.append(_run("published constants", published, few, batch, theory, cancel))
    if n_black_box:
        tell(f"{name}: black box, {n_black_box} images of {images[0].numel()} dimensions")
        black = FlowPPCode(copy.deepcopy(model).double(), BlackBox(), cancel)
        codes.append(_run("black box", black, images[:n_black_box], 1, theory, cancel))
    parameters = sum(p.numel() for p in model.parameters())
    return Measured(name, parameters, model.config.size, codes, networks)


def untrained(config: FlowPPConfig, images: Tensor) -> FlowPP:
    """A model of random weights, its layers adapted to images: as fast as a trained one."""
    torch.manual_seed(0)
    model = FlowPP(config).eval().requires_grad_(False)
    model.initialise(images.float())
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def growth(
    config: FlowPPConfig,
    images: Tensor,
    sides: tuple[int, ...],
    tell: Tell = lambda _: None,
    cancel: CancelToken | None = None,
) -> list[Measured]:
    """Black box beside layers for one model at growing sizes; images (N, 3, H, W), cut."""
    rows = []
    for side in sides:
        cut = images[:, :, :side, :side].contiguous()
        model = untrained(replace(config, size=side), cut)
        name = f"{config.name} {side}x{side}, untrained"
        rows.append(
            measure(name, model, cut[:1], batches=(1,), n_black_box=1, tell=tell, cancel=cancel)
        )
    return rows


def _network_seconds(model: FlowPP, images: Tensor, batch: int) -> float:
    began = time.perf_counter()
    with torch.inference_mode():
        for first in range(0, len(images), batch):
            values = images[first : first + batch].float()
            u, _ = model.dequantize(values, torch.randn_like(values))
            model.log2_likelihood(values + u)
    return (time.perf_counter() - began) / len(images)


def _run(
    name: str, code: FlowPPCode, images: Tensor, batch: int, theory: bool, cancel: CancelToken
) -> Code:
    stack = fresh_stack()
    before = stack.words()
    lengths: list[Lengths] = []
    encode = decode = 0.0
    parts = [images[first : first + batch] for first in range(0, len(images), batch)]
    for part in parts:
        cancel.check()
        start, borrowed = stack.n_bits - 32 * stack.borrowed_words, stack.borrowed_bits
        began = time.perf_counter()
        y = code.encode(stack, part)
        encode += time.perf_counter() - began
        coded = stack.n_bits - 32 * stack.borrowed_words - start
        bits = code.theory(part, y) if theory else float("nan")
        lengths.append(Lengths(part.numel(), coded, bits, stack.borrowed_bits - borrowed))
    for part in reversed(parts):
        cancel.check()
        began = time.perf_counter()
        again = code.decode(stack, len(part))
        decode += time.perf_counter() - began
        if not torch.equal(again, part):
            raise InexactError(f"{name}: an image came back with other pixels")
    words = stack.words()
    if not np.array_equal(words[stack.borrowed_words :], before):
        raise InexactError(f"{name}: the stack is not as it was before")
    n_dims = images.numel()
    return Code(
        name,
        batch,
        len(images),
        sum(each.coded for each in lengths) / n_dims,
        sum(each.theoretical for each in lengths) / n_dims if theory else None,
        lengths[0].borrowed_bits_per_dim,
        lengths[0].alone_bits_per_dim,
        encode / len(images),
        decode / len(images),
    )
