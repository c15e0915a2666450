"""One level of the pyramid, piece by piece, the same way for encoder and decoder.

A piece is one channel of a block of a phase: N pixels whose distributions are known as soon as the
pieces before it are. Encoder and decoder run the very same generator; it asks for each piece's
pixels after it has told their distributions. The encoder knows them, the decoder decodes them.
After each block the head that told them learns from it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.flows import interlace
from core.flows.cdf import Float32, MixtureCdf, Tables
from core.flows.integer import MEAN_UNIT, IntegerHead, IntegerLevel
from core.flows.learning import BLOCK, LearningHead
from core.flows.photo import CHANNEL_ORDER

Integers = NDArray[np.int64]

#: Positions whose hidden layer is computed at once: whole blocks.
_SLAB = 16 * BLOCK


@dataclass(frozen=True)
class Piece:
    """Distributions of N pixels, and where in the level's picture they lie."""

    cdf: MixtureCdf
    channel: int
    places: tuple[Integers, Integers]  # rows and columns in the level's picture

    def __len__(self) -> int:
        return len(self.cdf)


def walk(
    level: IntegerLevel,
    tables: Tables,
    coarse: Tensor,
    height: int,
    width: int,
    channels: tuple[int, ...],
    check: Callable[[], None] = lambda: None,
    known: Iterator[Float32] | None = None,
) -> Generator[Piece, Integers, Tensor]:
    """Yields a level's pieces in decoding order, takes their pixels, returns the picture.

    coarse: (1, 3, ceil(height / 2), ceil(width / 2)) integers in float32, phase a. channels: which
    are coded, a beginning of CHANNEL_ORDER; the others equal the last of them (grey pictures).
    check: called often, and may raise to stop the work. known: hidden layers of one slab after the
    other, from who knows the picture (:func:`hidden_of`). Result: (1, 3, height, width).
    """
    picture = coarse.new_empty((1, 3, height, width))
    picture[..., 0::2, 0::2] = coarse
    features: Tensor | None = None
    phases: list[Tensor] = []
    for phase, (_, row, column) in enumerate(interlace.PHASES):
        near = interlace.neighbours(phase, coarse, phases[0] if phases else None)
        mean = interlace.prediction(near)
        rows, columns = (height - row + 1) // 2, (width - column + 1) // 2
        # Where the picture ends before the grid does, a phase stands at its prediction.
        target = mean.clone()
        if rows and columns:
            slabs = known
            if slabs is None:
                context = interlace.context(near, mean, phases[1] if phase == 2 else None)
                features = level.features(phase, context, features, check)
                slabs = _slabs(level.heads[phase], features, rows, columns, len(channels), check)
            centres = mean[0, list(channels), :rows, :columns].flatten(1).cpu().numpy()
            pixels = np.empty_like(centres)
            learner = LearningHead(level.heads[phase], len(channels), tables)
            for start in range(0, rows * columns, _SLAB):
                hidden = next(slabs)
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


def hidden_of(
    level: IntegerLevel,
    picture: Tensor,
    n_channels: int,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Float32]:
    """The hidden layers of a level's heads, phase by phase in slabs, from its whole picture.

    picture: (1, 3, H, W). The very same as :func:`walk` computes from the pixels it is given.
    """
    coarse = picture[..., 0::2, 0::2]
    features: Tensor | None = None
    phases: list[Tensor] = []
    for phase, (_, row, column) in enumerate(interlace.PHASES):
        near = interlace.neighbours(phase, coarse, phases[0] if phases else None)
        mean = interlace.prediction(near)
        target = picture[..., row::2, column::2]
        rows, columns = target.shape[-2:]
        if rows and columns:
            context = interlace.context(near, mean, phases[1] if phase == 2 else None)
            features = level.features(phase, context, features, check)
            yield from _slabs(level.heads[phase], features, rows, columns, n_channels, check)
        whole = mean.clone()  # where the picture ends before the grid does, at its prediction
        whole[..., :rows, :columns] = target
        phases.append(whole)


def _slabs(
    head: IntegerHead,
    features: Tensor,
    rows: int,
    columns: int,
    n_channels: int,
    check: Callable[[], None],
) -> Iterator[Float32]:
    """A head's hidden layer for the pixels that a phase has: (C, H, N), some blocks at a time."""
    seen = features.permute(0, 2, 3, 1)[0, :rows, :columns].reshape(rows * columns, -1)
    for start in range(0, rows * columns, _SLAB):
        check()
        hidden = head.hidden(seen[start : start + _SLAB], n_channels).cpu().numpy()
        yield hidden.reshape(n_channels, head.n_hidden, -1)


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
        pixels[i] = yield Piece(cdfs[i], channel, places)
        residual[i] = pixels[i] - centres[i]
    learner.learn(cdfs, pixels, residual)
    return pixels
