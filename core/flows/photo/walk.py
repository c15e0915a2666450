"""One level of the pyramid, piece by piece, the same way for encoder and decoder.

A piece is one channel of a block of a phase: N pixels whose distributions follow from the pieces
before it. Encoder and decoder run the very same walk and differ in a callback only, which gets
the distributions of a piece and returns its pixels: the encoder knows them, the decoder decodes
them. After each block the head that gave the distributions learns from its pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.arrays import Float32, Integers
from core.flows.photo import interlace
from core.flows.photo.ahead import ahead
from core.flows.photo.cdf import MixtureCdf, Tables
from core.flows.photo.colours import ColourMode, Colours, ShapedCells
from core.flows.photo.integer import IntegerHead, IntegerLevel
from core.flows.photo.learning import BLOCK, LearningHead
from core.flows.photo.model import CHANNEL_ORDER

#: Positions whose hidden layer is computed at once: whole blocks.
_SLAB = 8 * BLOCK

#: Slabs that are computed while one is in use, 2 MB each.
_SLABS_AHEAD = 2


@dataclass(frozen=True)
class Piece:
    """The distributions of N pixels of one phase and channel, and where these pixels are."""

    mixture: MixtureCdf  # as the network gives it
    cells: MixtureCdf | ShapedCells  # as it is coded
    channel: int
    corner: tuple[int, int]  # row and column of the phase's first pixel in the level's picture
    columns: int  # of the phase
    span: slice  # of its pixels, row by row

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def positions(self) -> tuple[Integers, Integers]:
        """Rows and columns in the level's picture, (N,) each."""
        rows, columns = np.divmod(np.arange(self.span.start, self.span.stop), self.columns)
        return 2 * rows + self.corner[0], 2 * columns + self.corner[1]


#: Gets a piece, returns its pixels (N,).
CodePiece = Callable[[Piece], Integers]


def walk(
    level: IntegerLevel,
    tables: Tables,
    coarse: Tensor,
    size: tuple[int, int],
    channels: tuple[int, ...],
    code: CodePiece,
    *,
    number: int = 0,
    colours: Colours | None = None,
    check: Callable[[], None] = lambda: None,
    known: Iterator[Float32] | None = None,
) -> Tensor:
    """Calls ``code`` for each piece of a level in decoding order; returns the level's picture.

    coarse: (1, 3, ceil(H / 2), ceil(W / 2)) integers in float32, phase a; size: (H, W); channels:
    those that are coded, a beginning of CHANNEL_ORDER, of which the others equal the last one
    (grey pictures); number: the level's, 0 the finest; colours: the statistics of the tile's
    colours, which grow from level to level, if they are known; check: called often, may raise to
    stop the work; known: the hidden layers, one slab after the other, if the whole picture is known
    already (:func:`hidden_of`). Result: (1, 3, H, W). Raises what ``code`` and ``check`` raise.
    """
    height, width = size
    colours = colours or Colours(ColourMode.PLAIN)
    picture = coarse.new_zeros((1, 3, height, width))
    picture[..., 0::2, 0::2] = coarse
    stream: Tensor | None = None
    phases: list[Tensor] = []
    for phase, (_, row, column) in enumerate(interlace.PHASES):
        mean, context = _prediction(coarse, phases)
        rows, columns = (height - row + 1) // 2, (width - column + 1) // 2
        # Where the picture ends before the grid does, a phase stays at its prediction.
        target = mean.clone()
        if rows and columns:
            head = level.heads[phase]
            centres = mean[0, list(channels), :rows, :columns].flatten(1).cpu().numpy()
            learner = LearningHead(head, len(channels), tables)
            if known is None:
                stream, read = level.features(phase, context, stream, check)
                slabs = _slabs(head, read, rows, columns, len(channels), check)
                source: AbstractContextManager[Iterator[Float32]]
                source = closing(ahead(slabs, _SLABS_AHEAD))
            else:
                source = nullcontext(known)
            colours.begin(number, phase, picture[0].numpy())
            with source as hidden:
                pixels = _phase(
                    learner, colours, hidden, centres, channels, (row, column), columns, code
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

    picture: (1, 3, H, W). The very same as :func:`walk` computes from the pixels that it gets.
    """
    coarse = picture[..., 0::2, 0::2]
    stream: Tensor | None = None
    phases: list[Tensor] = []
    for phase, (_, row, column) in enumerate(interlace.PHASES):
        mean, context = _prediction(coarse, phases)
        target = picture[..., row::2, column::2]
        rows, columns = target.shape[-2:]
        if rows and columns:
            stream, read = level.features(phase, context, stream, check)
            yield from _slabs(level.heads[phase], read, rows, columns, n_channels, check)
        whole = mean.clone()
        whole[..., :rows, :columns] = target
        phases.append(whole)


def _prediction(coarse: Tensor, phases: list[Tensor]) -> tuple[Tensor, Tensor]:
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
    positions = read.permute(0, 2, 3, 1)[0, :rows, :columns].reshape(rows * columns, -1)
    for start in range(0, rows * columns, _SLAB):
        check()
        yield head.hidden(positions[start : start + _SLAB], n_channels).cpu().numpy()


def _phase(
    learner: LearningHead,
    colours: Colours,
    slabs: Iterator[Float32],
    centres: Float32,
    channels: tuple[int, ...],
    corner: tuple[int, int],
    columns: int,
    code: CodePiece,
) -> Float32:
    """Codes a phase's pieces while its head learns from them; returns the pixels, (C, N).

    slabs: hidden layers, (some blocks, C, H) each; centres: the predictions, (C, N); corner: row
    and column of the first pixel in the level's picture.
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
            mixture = learner.mixtures(i, hidden, residual[:i], centres[i, span])
            cells = colours.shape(i, mixture, span, pixels[:i])
            pixels[i] = code(Piece(mixture, cells, channel, corner, columns, span))
            learner.observe(i, mixture, pixels[i], residual[:i])
            colours.observe(i, cells, span, pixels[: i + 1])
            residual[i] = pixels[i] - centres[i, span]
        learner.step(pixels.shape[1])
        found[:, span] = pixels
    return found
