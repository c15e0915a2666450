"""One level of the pyramid, piece by piece, the same way for encoder and decoder.

A piece is one channel of one phase: N pixels whose distributions are known as soon as the pieces
before it are. Encoder and decoder run the very same generator; it asks for each piece's pixels
after it has told their distributions. The encoder knows them, the decoder decodes them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.flows import interlace
from core.flows.cdf import Float32, MixtureCdf, Tables, blocks
from core.flows.integer import LOG_SCALE_UNIT, LOGIT_UNIT, MEAN_UNIT, IntegerLevel
from core.flows.logistic import log2_mass
from core.flows.photo import CHANNEL_ORDER

Integers = NDArray[np.int64]

#: Smaller masses are computed as logarithms.
_SMALL_MASS = np.float32(2.0**-60)


@dataclass(frozen=True)
class Piece:
    """Distributions of N pixels, and where in the level's picture they lie.

    logits, means, log_scales: (K, N) integers in float32, in the units of core.flows.integer.
    """

    logits: Float32
    means: Float32
    log_scales: Float32
    channel: int
    row: int  # the piece is picture[channel, row::2, column::2]
    column: int

    def __len__(self) -> int:
        return int(self.means.shape[1])

    def cdf(self, tables: Tables) -> MixtureCdf:
        """The distributions as the coder takes them."""
        return MixtureCdf.of_parameters(self.logits, self.means, self.log_scales, tables)

    def theoretical_bits(self, pixels: Integers) -> Float32:
        """-log2 of the smooth mixtures' mass at each of the pixels (N,).

        The mixture is the flow's density with its best dequantizer, so this is the theoretical
        codelength; it is for people, nothing is coded by it.
        """
        x = pixels.astype(np.float32)
        mass = np.empty(len(self), dtype=np.float32)
        for part in blocks(len(self)):
            mass[part] = _mass(x[part], *self._natural(part))
        # The outermost pixels take the tails, and very small masses leave the range of float32.
        rest = np.flatnonzero((x < 0.5) | (x > 254.5) | (mass < _SMALL_MASS))
        mass[rest] = 1
        bits: Float32 = -np.log2(mass)
        for part in blocks(len(rest)):
            index = rest[part]
            logits, means, log_scales = map(torch.from_numpy, self._natural(index))
            log2 = log2_mass(torch.from_numpy(x[index]), logits, means, log_scales, dim=0)
            bits[index] = -log2.numpy()
        return bits

    def _natural(self, part: slice | Integers) -> tuple[Float32, Float32, Float32]:
        """Logits, means and natural log scales in units of 1."""
        return (
            self.logits[:, part] / np.float32(LOGIT_UNIT),
            self.means[:, part] / np.float32(MEAN_UNIT),
            self.log_scales[:, part] / np.float32(LOG_SCALE_UNIT / np.log(2)),
        )


def _mass(x: Float32, logits: Float32, means: Float32, log_scales: Float32) -> Float32:
    """The mixtures' mass in the unit bins around x; what log2_mass takes the logarithm of.

    With e = exp(-|x - mean| / scale) and t = exp(-1/2 / scale) one logistic has the mass
    sigmoid(log t - log e) - sigmoid(-log t - log e) = e (1 - t^2) / ((1 + e t) (t + e)).
    """
    weights = np.exp(logits - logits.max(0))
    inverse_scales = np.exp(-log_scales)
    t = np.exp(np.float32(-0.5) * inverse_scales)
    e = np.abs(x - means)
    e *= inverse_scales
    np.negative(e, out=e)
    np.exp(e, out=e)
    masses = (1 + e * t) * (t + e)
    e *= 1 - t * t
    np.divide(e, masses, out=masses)
    masses *= weights
    mass: Float32 = masses.sum(0) / weights.sum(0)
    return mass


def walk(
    level: IntegerLevel,
    coarse: Tensor,
    height: int,
    width: int,
    channels: tuple[int, ...],
    check: Callable[[], None] = lambda: None,
) -> Generator[Piece, Integers, Tensor]:
    """Yields a level's pieces in decoding order, takes their pixels, returns the picture.

    coarse: (1, 3, ceil(height / 2), ceil(width / 2)) integers in float32, phase a. channels: which
    are coded, a beginning of CHANNEL_ORDER; the others equal the last of them (grey pictures).
    check: called often, and may raise to stop the work. Result: (1, 3, height, width).
    """
    picture = coarse.new_empty((1, 3, height, width))
    picture[..., 0::2, 0::2] = coarse
    features: Tensor | None = None
    phases: list[Tensor] = []
    for phase, (_, row, column) in enumerate(interlace.PHASES):
        known = interlace.neighbours(phase, coarse, phases[0] if phases else None)
        mean = interlace.prediction(known)
        rows, columns = (height - row + 1) // 2, (width - column + 1) // 2
        # Where the picture ends before the grid does, a phase stands at its prediction.
        target = mean.clone()
        if rows and columns:
            context = interlace.context(known, mean, phases[1] if phase == 2 else None)
            features = level.features(phase, context, features, check)
            residual = torch.zeros_like(mean)  # in coding order
            for i, channel in enumerate(channels):
                parameters = level.mixtures(phase, i, features, residual[:, :i])
                centre = mean[0, channel] * MEAN_UNIT
                logits, means, log_scales = (
                    p.view(-1, *centre.shape)[:, :rows, :columns] for p in parameters
                )
                means = means + centre[:rows, :columns]
                piece = Piece(_flat(logits), _flat(means), _flat(log_scales), channel, row, column)
                pixels = yield piece
                plane = torch.from_numpy(pixels.astype(np.float32)).to(mean.device)
                target[0, channel, :rows, :columns] = plane.view(rows, columns)
                residual[:, i] = target[:, channel] - mean[:, channel]
            for channel in CHANNEL_ORDER[len(channels) :]:
                target[:, channel] = target[:, channels[-1]]
            picture[..., row::2, column::2] = target[..., :rows, :columns]
        phases.append(target)
    return picture


def _flat(parameters: Tensor) -> Float32:
    """(K, h, w) -> (K, N) contiguous, on the host."""
    flat = parameters.reshape(parameters.shape[0], -1).contiguous().cpu()
    array: Float32 = flat.numpy()
    return array
