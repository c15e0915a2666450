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
from torch import Tensor

from core.arrays import Float32, Integers
from core.flows.photo import interlace
from core.flows.photo.ahead import ahead
from core.flows.photo.cdf import MixtureCdf, Tables
from core.flows.photo.integer import IntegerHead, IntegerLevel
from core.flows.photo.learning import BLOCK, LearningHead
from core.flows.photo.model import CHANNEL_ORDER

#: Positions whose hidden layer is computed at once: whole blocks.
_SLAB = 8 * BLOCK

#: Slabs that are computed while one is used, 2 MB each.
_SLABS_AHEAD = 2


@dataclass(frozen=True)
class Piece:
    """Distributions of N pixels of one phase and channel, and which of them these are."""

    cdf: MixtureCdf
    channel: int
    corner: tuple[int, int]  # row and column of the phase's first pixel in the level's picture
    columns: int  # of the phase
    span: slice  # of its pixels, row by row

    def __len__(self) -> int:
        return len(self.cdf)

    @property
    def places(self) -> tuple[Integers, Integers]:
        """Rows and columns in the level's picture."""
        rows, columns = np.divmod(np.arange(self.span.start, self.span.stop), self.columns)
        return 2 * rows + self.corner[0], 2 * columns + self.corner[1]


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
    stream: Tensor | None = None
    phases: list[Tensor] = []
    for phase, (_, row, column) in enumerate(interlace.PHASES):
        mean, context = _seen(coarse, phases)
        rows, columns = (height - row + 1) // 2, (width - column + 1) // 2
        # Where the picture ends before the grid does, a phase stands at its prediction.
        target = mean.clone()
        if rows and columns:
            head = level.heads[phase]
            if known is None:
                stream, read = level.features(phase, context, stream, check)
                slabs = _slabs(head, read, rows, columns, len(channels), check)
                hidden: Iterator[Float32] = ahead(slabs, _SLABS_AHEAD)
            else:
                hidden = known
            centres = mean[0, list(channels), :rows, :columns].flatten(1).cpu().numpy()
            learner = LearningHead(head, len(channels), tables)
            pixels = yield from _phase(learner, hidden, centres, channels, (row, column), columns)
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
    stream: Tensor | None = None
    phases: list[Tensor] = []
    for phase, (_, row, column) in enumerate(interlace.PHASES):
        mean, context = _seen(coarse, phases)
        target = picture[..., row::2, column::2]
        rows, columns = target.shape[-2:]
        if rows and columns:
            stream, read = level.features(phase, context, stream, check)
            yield from _slabs(level.heads[phase], read, rows, columns, n_channels, check)
        whole = mean.clone()
        whole[..., :rows, :columns] = target
        phases.append(whole)


def _seen(coarse: Tensor, phases: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The next phase's prediction and context, from those before it."""
    phase = len(phases)
    near = interlace.neighbours(phase, coarse, phases[0] if phases else None)
    mean = interlace.prediction(near)
    return mean, interlace.context(near, mean, phases[1] if phase == 2 else None)


def _slabs(
    head: IntegerHead,
    read: Tensor,
    rows: int,
    columns: int,
    n_channels: int,
    check: Callable[[], None],
) -> Iterator[Float32]:
    """A head's hidden layer for the pixels that a phase has: (N, C, H), some blocks at a time."""
    seen = read.permute(0, 2, 3, 1)[0, :rows, :columns].reshape(rows * columns, -1)
    for start in range(0, rows * columns, _SLAB):
        check()
        yield head.hidden(seen[start : start + _SLAB], n_channels).cpu().numpy()


def _phase(
    learner: LearningHead,
    slabs: Iterator[Float32],
    centres: Float32,
    channels: tuple[int, ...],
    corner: tuple[int, int],
    columns: int,
) -> Generator[Piece, Integers, Float32]:
    """Yields a phase's pieces, takes their pixels, lets the head learn, returns the pixels.

    slabs: hidden layers, (some blocks, C, H) each; centres: the predictions, (C, N); corner: row
    and column of the first pixel in the level's picture. Result: (C, N).
    """
    found = np.empty_like(centres)
    count = centres.shape[1]
    for start in range(0, count, BLOCK):
        if start % _SLAB == 0:
            slab = next(slabs)
        span = slice(start, min(start + BLOCK, count))
        hidden = slab[start % _SLAB :][: span.stop - start]
        pixels = np.empty((len(channels), span.stop - start), dtype=np.int64)
        residual = np.empty(pixels.shape, dtype=np.float32)
        for i, channel in enumerate(channels):
            cdf = learner.mixtures(i, hidden, residual[:i], centres[i, span])
            pixels[i] = yield Piece(cdf, channel, corner, columns, span)
            learner.see(i, cdf, pixels[i], residual[:i])
            residual[i] = pixels[i] - centres[i, span]
        learner.step(pixels.shape[1])
        found[:, span] = pixels
    return found
