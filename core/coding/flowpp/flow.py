"""Compositional local bits-back for whole flows (arXiv 1905.08500, section 3.4.3).

:class:`FlowCode` takes the bijections of a Flow++ and makes of them as few coding steps as the
coder allows. Where steps may be fused, constant affine maps are not coded at all: they are kept
beside the values, and join the next map of the same dimension, or the prior. So a coupling with
its mixture CDF, logit, scale and the normalisations before it is one step, on one half.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.coding.flowpp import layers
from core.coding.flowpp.layers import LayerCode, LayerCoder, NormalPrior
from core.coding.stack import Stack
from core.flows import flowpp


class FlowCode:
    """The coding steps of a flow, data to latents, which end under the standard normal prior.

    bijections: those of :mod:`core.flows.flowpp`; shape: (C, H, W) of what goes in; y_bits: its
    grid. Behind a logit it is the coder's of latents, behind a sigmoid that of pixels.
    """

    def __init__(
        self,
        bijections: Iterable[nn.Module],
        shape: tuple[int, ...],
        y_bits: int,
        coder: LayerCoder,
    ) -> None:
        self.coder = coder
        self.codes: list[LayerCode] = []
        pending = Pending.none(shape)
        bits = y_bits
        for layer in bijections:
            if isinstance(layer, flowpp.Normalise):
                pending = pending.then(layer)
                if not coder.fuses:
                    pending = self._settle(pending, bits)
            elif isinstance(layer, flowpp.Permutation):
                self.codes.append(layers.PermutationCode(layer))
                pending = Pending(layer.permute(pending.scale), layer.permute(pending.shift))
            elif isinstance(layer, flowpp.Coupling):
                self.codes.append(
                    layers.CouplingCode(layer, pending.scale, pending.shift, bits, coder)
                )
                pending = pending.after(layer)
            elif isinstance(layer, flowpp.Pointwise):
                matrices = layers.MatrixCode(layer, pending.scale, pending.shift)
                self.codes.append(matrices)
                pending = Pending(matrices.scale, matrices.shift)
                if not coder.fuses:
                    pending = self._settle(pending, bits)
            elif isinstance(layer, flowpp.Logit):
                pending = self._settle(pending, bits)
                self.codes.append(layers.LogitCode(layer, bits, coder.latent_bits, coder))
                bits = coder.latent_bits
            elif isinstance(layer, flowpp.Sigmoid):
                pending = self._settle(pending, bits)
                self.codes.append(layers.SigmoidCode(bits, coder.pixel_bits, coder))
                bits = coder.pixel_bits
            else:
                raise TypeError(f"no code is known for {type(layer).__name__}")
        #: What the values that leave are coded under, where they leave for the prior.
        self.prior = NormalPrior(pending.shape, bits, pending.scale, pending.shift)

    def encode(self, stack: Stack, y: Tensor, context: Tensor | None = None) -> Tensor:
        """Bins of y to bins of z, (N, C, H, W) int64 both."""
        for code in self.codes:
            y = code.encode(stack, y, context)
        return y

    def decode(self, stack: Stack, z: Tensor, context: Tensor | None = None) -> Tensor:
        """Undoes :meth:`encode`, bit for bit."""
        for code in reversed(self.codes):
            z = code.decode(stack, z, context)
        return z

    def _settle(self, pending: Pending, bits: int) -> Pending:
        """Codes what is pending as a step of its own."""
        if not pending.is_nothing:
            self.codes.append(layers.AffineCode(pending.scale, pending.shift, bits, self.coder))
        return Pending.none(pending.shape)


@dataclass(frozen=True)
class Pending:
    """An affine map that is known but not yet coded: scale, shift (1, C, H, W) float64."""

    scale: Tensor
    shift: Tensor

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Pending:
        zeros = torch.zeros(1, *shape, dtype=torch.float64)
        return cls(zeros + 1, zeros)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.scale.shape[1:])

    @property
    def is_nothing(self) -> bool:
        return bool((self.scale == 1).all() and (self.shift == 0).all())

    def then(self, layer: flowpp.Normalise) -> Pending:
        scale, shift = layer.scale.detach().double().cpu(), layer.shift.detach().double().cpu()
        return Pending(self.scale * scale, self.shift * scale + shift)

    def after(self, coupling: flowpp.Coupling) -> Pending:
        """What is left once the coupling has coded its half."""
        scale, scale_coded = coupling.split.split(self.scale)
        shift, shift_coded = coupling.split.split(self.shift)
        return Pending(
            coupling.split.merge(scale, torch.ones_like(scale_coded)),
            coupling.split.merge(shift, torch.zeros_like(shift_coded)),
        )
