"""Small images through a Flow++ and local bits-back: dequantizer, flow and prior on one stack.

Encoding pops the dequantizer's noise, turns it into u by the dequantizer's flow, and sends
y = x + u through the main flow to the prior; decoding goes the same way back (arXiv 1905.08500,
section 3.5). The models compute in floating point: what was coded is decoded on the same machine
by the same versions, in the same batches.
"""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from core.coding.auxiliary import auxiliary_words
from core.coding.flowpp.black_box import BlackBox, BlackBoxCode, RowListener
from core.coding.flowpp.flow import FlowCode
from core.coding.flowpp.layers import LayerCode, LayerCoder, ModularCoder, NormalPrior, SigmoidCode
from core.coding.flowpp.line import values_of
from core.coding.stack import RESERVE_BITS, Stack
from core.control import CancelToken
from core.flows.flowpp import Flow, FlowPP, Permutation

#: Images whose theory is computed at a time.
_THEORY: Final = 16


@dataclass(frozen=True)
class Lengths:
    """What a batch came to; bits, all images together."""

    n_dims: int
    coded: float  # what the stack grew by
    theoretical: float  # for the u that were coded
    borrowed: float  # by how much they took the stack below where it had ever been

    @property
    def coded_bits_per_dim(self) -> float:
        return self.coded / self.n_dims

    @property
    def theoretical_bits_per_dim(self) -> float:
        return self.theoretical / self.n_dims

    @property
    def borrowed_bits_per_dim(self) -> float:
        return self.borrowed / self.n_dims

    @property
    def alone_bits_per_dim(self) -> float:
        """The length where there is nothing to borrow from, and nobody to give back to."""
        return (self.coded + self.borrowed) / self.n_dims


class FlowPPCode:
    """Codes batches of images, (N, 3, H, W) uint8, of the model's size."""

    def __init__(
        self,
        model: FlowPP,
        coder: LayerCoder | BlackBox,
        cancel: CancelToken | None = None,
        on_rows: RowListener | None = None,
    ) -> None:
        """A black box computes in float64, so it wants a model of that kind."""
        self.model, self.coder = model, coder
        shape = model.config.image_shape
        self._noise = NormalPrior(shape, coder.noise_bits)
        self._dequantizer: list[LayerCode]
        self._flow: FlowCode | BlackBoxCode
        if isinstance(coder, BlackBox):
            *couplings, _ = model.dequantizer.flow.layers
            z_shape = tuple(_permuted(model.flow, torch.zeros(1, *shape)).shape[1:])
            noise_flow = BlackBoxCode(
                Flow(couplings), shape, shape,
                coder.noise_bits, coder.noise_bits, coder.sigma, cancel, on_rows,
            )  # fmt: skip
            self._flow = BlackBoxCode(
                model.flow, shape, z_shape,
                coder.pixel_bits, coder.latent_bits, coder.pixel_sigma, cancel, on_rows,
            )  # fmt: skip
            self._dequantizer = [
                noise_flow,
                SigmoidCode(coder.noise_bits, coder.pixel_bits, ModularCoder()),
            ]
        else:
            noise_layers = model.dequantizer.flow.layers
            self._dequantizer = [FlowCode(noise_layers, shape, coder.noise_bits, coder.of_noise)]
            self._flow = FlowCode(model.flow.layers, shape, coder.pixel_bits, coder)

    def encode(self, stack: Stack, images: Tensor) -> Tensor:
        """Pushes images; returns the y = x + u that they were coded with, in bins."""
        x, context = self._context(images)
        u = self._noise.pop(stack, len(images))
        for code in self._dequantizer:
            u = code.encode(stack, u, context)
        y = (x << self.coder.pixel_bits) | u
        self._flow.prior.push(stack, self._flow.encode(stack, y))
        return y

    def decode(self, stack: Stack, count: int) -> Tensor:
        """Pops images, and leaves the stack as it was before them."""
        y = self._flow.decode(stack, self._flow.prior.pop(stack, count))
        images = (y >> self.coder.pixel_bits).to(torch.uint8).contiguous()
        _, context = self._context(images)
        noise = y & ((1 << self.coder.pixel_bits) - 1)
        for code in reversed(self._dequantizer):
            noise = code.decode(stack, noise, context)
        self._noise.push(stack, noise)
        return images

    def lengths(self, images: Tensor, stack: Stack) -> Lengths:
        """Codes images onto a stack, which keeps them."""
        before, borrowed = stack.n_bits - 32 * stack.borrowed_words, stack.borrowed_bits
        y = self.encode(stack, images)
        coded = stack.n_bits - 32 * stack.borrowed_words - before
        borrowed = stack.borrowed_bits - borrowed
        return Lengths(images.numel(), coded, self.theory(images, y), borrowed)

    def theory(self, images: Tensor, y: Tensor) -> float:
        """Theoretical bits of images for the y that they were coded with, in float64."""
        bits = 0.0
        with torch.inference_mode():
            for first in range(0, len(images), _THEORY):
                x, at = images[first : first + _THEORY], y[first : first + _THEORY]
                values = torch.from_numpy(values_of(at.numpy(), self.coder.pixel_bits))
                log2_q = self._exact.log2_dequantization(values - x, x.double())
                bits += float((log2_q - self._exact.log2_likelihood(values)).sum())
        return bits

    @functools.cached_property
    def _exact(self) -> FlowPP:
        """The model in float64: float32's inverse is off by up to a thousandth of a pixel."""
        return copy.deepcopy(self.model).double()

    def _context(self, images: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            kind = next(self.model.parameters())
            return images.long(), self.model.dequantizer.context(images.to(kind))


def _permuted(flow: Flow, values: Tensor) -> Tensor:
    for layer in flow.layers:
        values = layer.permute(values) if isinstance(layer, Permutation) else values
    return values


def fresh_stack() -> Stack:
    """A stack with two words of its own, and all the auxiliary bits one could want."""
    words = auxiliary_words(2 + RESERVE_BITS // 32)
    return Stack(np.maximum(words, 1), auxiliary_words)
