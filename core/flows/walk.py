"""One level of the pyramid, piece by piece, the same way for encoder and decoder.

A piece is one channel of a block of a phase: N pixels whose distributions are known as soon as the
pieces before it are. Encoder and decoder run the very same generator; it asks for each piece's
pixels after it has told their distributions. The encoder knows them, the decoder decodes them.
After each block the head that told them learns from it.
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
from core.flows.learning import BLOCK, LearningHead
from core.flows.logistic import log2_mass
from core.flows.photo import CHANNEL_ORDER

Integers = NDArray[np.int64]

#: Positions whose hidden layer is computed at once: whole blocks.
_SLAB = 16 * BLOCK

#: Smaller masses are computed as logarithms.
_SMALL_MASS = np.float32(2.0**-60)


@dataclass(frozen=True)
class Piece:
    """Distributions of N pixels, and where in the level's picture they lie.

    logits, means, log_scales: (K, N) integers in float32, in the units of core.flows.integer.
    cdf: the distributions as the coder takes them.
    """

    logits: Float32
    means: Float32
    log_scales: Float32
    cdf: MixtureCdf
    channel: int
    places: tuple[Integers, Integers]  # rows and columns in the level's picture

    def __len__(self) -> int:
        return int(self.means.shape[1])

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
    tables: Tables,
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
            part = (0, slice(rows), slice(columns))
            seen = features.permute(0, 2, 3, 1)[part].reshape(rows * columns, -1)
            centres = mean[0, list(channels), :rows, :columns].flatten(1).cpu().numpy()
            pixels = np.empty_like(centres)
            head = level.heads[phase]
            learner = LearningHead(head, len(channels), tables)
            for start in range(0, rows * columns, _SLAB):
                check()
                hidden = head.hidden(seen[start : start + _SLAB], len(channels)).cpu().numpy()
                hidden = hidden.reshape(len(channels), head.n_hidden, -1)
                for block in range(0, hidden.shape[2], BLOCK):
                    span = slice(start + block, min(start + block + BLOCK, rows * columns))
                    y, x = np.divmod(np.arange(span.start, span.stop), columns)
                    places = (2 * y + row, 2 * x + column)
                    pixels[:, span] = yield from _block(
                        learner,
                        hidden[..., block : block + BLOCK],
                        centres[:, span],
                        channels,
                        places,
                        tables,
                    )
            decoded = torch.from_numpy(pixels).to(mean.device).unflatten(1, (rows, columns))
            for i, channel in enumerate(CHANNEL_ORDER):
                target[0, channel, :rows, :columns] = decoded[min(i, len(channels) - 1)]
            picture[..., row::2, column::2] = target[..., :rows, :columns]
        phases.append(target)
    return picture


def _block(
    learner: LearningHead,
    hidden: Float32,
    centres: Float32,
    channels: tuple[int, ...],
    places: tuple[Integers, Integers],
    tables: Tables,
) -> Generator[Piece, Integers, Integers]:
    """Yields a block's channels, takes their pixels, lets the head learn, returns the pixels.

    hidden: (C, H, N); centres: the predictions, (C, N). Result: (C, N).
    """
    pixels = np.empty(centres.shape, dtype=np.int64)
    residual = np.empty_like(centres)
    cdfs = []
    for i, channel in enumerate(channels):
        logits, means, log_scales = learner.mixtures(i, hidden[i], residual[:i])
        means += centres[i] * np.float32(MEAN_UNIT)
        cdfs.append(MixtureCdf.of_parameters(logits, means, log_scales, tables))
        pixels[i] = yield Piece(logits, means, log_scales, cdfs[i], channel, places)
        residual[i] = pixels[i] - centres[i]
    learner.learn(cdfs, pixels, residual)
    return pixels
