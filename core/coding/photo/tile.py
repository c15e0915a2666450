"""One tile to one chunk of bytes, and back: a stack of its own.

What the stack holds, from its top, where the decoder begins, to its bottom::

    grey              1 bit: whether one channel stands for all (only of tiles with three)
    colours           2 bits: what is known of them, a ColourMode (only of tiles with three)
    growth            3 bits: how fast the chunks grow in which pieces are coded
    coarsest picture  8 bits a sample
    pieces            in decoding order: the coarsest level first, the finest one last
    tile number       32 bits, counted from 1
    checksum          128 bits: the beginning of the SHA-256 of the tile's pixels

The decoder pops from the top down; the encoder pushes the same things in the opposite order.
Bits-back coding pops before it pushes; what it finds first is the checksum, auxiliary bits that are
worth having back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.arrays import Float32, Integers, Pixels
from core.coding.auxiliary import auxiliary_words
from core.coding.coders import Coder
from core.coding.photo.composition import GROWTH_EXPONENTS, choose_growth, chunks, pixel_flow
from core.coding.photo.ends import bottom, check_bottom, pop_header, push_header
from core.coding.photo.pieces import EncodedPiece
from core.coding.photo.side import CHECKSUM_WORDS
from core.coding.stack import Stack
from core.control import PixelListener
from core.flows.photo import interlace
from core.flows.photo.ahead import ahead
from core.flows.photo.cdf import MixtureCdf, theoretical_bits
from core.flows.photo.colours import ColourMode, Colours, ShapedCells, colour_mode
from core.flows.photo.loading import PhotoModel
from core.flows.photo.model import CHANNEL_ORDER
from core.flows.photo.walk import Piece, hidden_of, walk

Shape = tuple[int, int, int]

#: Slabs of hidden layers that wait for use, 2 MB each.
_SLABS_AHEAD = 64

#: Pieces from which the encoder chooses how fast chunks grow.
_PAYING = 32


class Clock:
    """Seconds of a job, by what they were spent on.

    now: seconds on a clock, which may stand still while the job is paused.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._last = now, now()
        self.network = self.coding = 0.0

    def count(self, part: Literal["network", "coding"]) -> None:
        """Adds the time since the last call to this part."""
        now = self._now()
        setattr(self, part, getattr(self, part) + now - self._last)
        self._last = now


@dataclass(frozen=True)
class EncodedTile:
    """A tile's chunk, and its lengths in bits; see CodingReport."""

    chunk: bytes
    theoretical_bits: float
    borrowed_bits: int
    lost_bits: int


class TileCoder:
    """Codes tiles, one after the other, by one model and one coder.

    check: called often, may raise to stop the work.
    """

    def __init__(
        self,
        model: PhotoModel,
        coder: Coder,
        on_pixels: PixelListener,
        check: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._model, self._coder, self._clock = model, coder, clock
        self._on_pixels, self._check = on_pixels, check

    def encode(self, number: int, pixels: Pixels) -> EncodedTile:
        """The tile of this number, (H, W, C) uint8, as one chunk. Raises Cancelled."""
        stack = Stack(bottom(pixels, number), auxiliary_words)
        channels = _coded_channels(grey=bool((pixels == pixels[..., :1]).all()))
        picture = torch.from_numpy(pixels.astype(np.float32).transpose(2, 0, 1)[None])
        pictures = interlace.pyramid(picture.expand(1, 3, -1, -1))
        mode = colour_mode(pixels) if len(channels) == 3 else ColourMode.PLAIN
        pieces = self._distributions(pictures, channels, mode)
        self._clock.count("network")
        coarsest = pictures[-1][0, list(channels)].numpy().astype(np.int64)
        theoretical_bits = sum(piece.theoretical_bits for piece in reversed(pieces))
        theoretical_bits += 8.0 * coarsest.size
        growth = self._push_pieces(stack, pieces)
        push_header(stack, coarsest, growth, mode, pixels.shape[2])
        self._on_pixels(coarsest[0].size)
        chunk = stack.to_bytes()
        self._clock.count("coding")
        return EncodedTile(chunk, theoretical_bits, stack.borrowed_bits, 32 * stack.borrowed_words)

    def decode(
        self,
        number: int,
        chunk: bytes,
        shape: Shape,
        *,
        finest: int = 0,
        on_picture: Callable[[Pixels], None] | None = None,
        bits: Float32 | None = None,
    ) -> Pixels:
        """The pixels of the tile of this number and shape, or a coarser picture of it.

        finest: the level at which to stop, 0 for all pixels; only these are held to the checksum.
        on_picture: called with each coarser picture. bits: (H, W), to which the theoretical bits
        of each pixel are added. Raises StackError and Cancelled.
        """
        stack = Stack.from_bytes(chunk)
        *sizes, coarsest_size = interlace.sizes(*shape[:2])
        coarsest, growth, mode = pop_header(stack, shape[2], coarsest_size)
        colours = Colours(mode)
        channels = _coded_channels(grey=len(coarsest) == 1)
        picture = _every_plane(coarsest)
        self._on_pixels(coarsest[0].size)
        if bits is not None:
            _every(bits, len(sizes))[...] += 8 * len(channels)
        n_left = len(channels) * (shape[0] * shape[1] - coarsest[0].size)

        def code(piece: Piece) -> Integers:
            nonlocal n_left
            n_left -= len(piece)
            self._clock.count("network")
            values = self._pop_piece(stack, piece.cells, n_left, growth)
            self._clock.count("coding")
            if bits is not None:
                _every(bits, level)[piece.positions] += theoretical_bits(
                    *piece.cells.bounds(values)
                )
            if piece.channel == channels[-1]:
                self._on_pixels(len(piece))
            return values

        for level, size in reversed(list(enumerate(sizes))[finest:]):
            if on_picture is not None:
                on_picture(_pixels(picture, shape[2]))
            network = self._model.network.level(level)
            picture = walk(
                network, self._model.tables, picture, size, channels, code, number=level,
                colours=colours, check=self._check,
            )  # fmt: skip
        pixels = _pixels(picture, shape[2])
        if not finest:
            check_bottom(stack, pixels, number)
        return pixels

    def _distributions(
        self, pictures: Sequence[Tensor], channels: tuple[int, ...], mode: ColourMode
    ) -> list[EncodedPiece]:
        """All pieces of a pyramid that is known, in decoding order."""
        levels = range(len(pictures) - 2, -1, -1)

        def hidden() -> Iterator[Float32]:
            for level in levels:
                network = self._model.network.level(level)
                yield from hidden_of(network, pictures[level], len(channels), self._check)

        pieces: list[EncodedPiece] = []
        colours = Colours(mode)
        # The networks run ahead of what learns from the pixels, by about a phase of a whole tile.
        with closing(ahead(hidden(), _SLABS_AHEAD)) as slabs:
            for level in levels:
                picture, coarse = pictures[level], pictures[level + 1]
                code = self._collecting(pieces, picture[0].numpy())
                walk(
                    self._model.network.level(level), self._model.tables, coarse,
                    (picture.shape[-2], picture.shape[-1]), channels, code,
                    number=level, colours=colours, check=self._check, known=slabs,
                )  # fmt: skip
        return pieces

    def _collecting(
        self, pieces: list[EncodedPiece], planes: Float32
    ) -> Callable[[Piece], Integers]:
        """A callback for :func:`walk` that knows the planes of a level's picture, (3, H, W)."""
        phases = {
            (row, column): planes[:, row::2, column::2].reshape(3, -1).astype(np.int64)
            for _, row, column in interlace.PHASES
        }

        def code(piece: Piece) -> Integers:
            self._check()
            values: Integers = phases[piece.corner][piece.channel, piece.span]
            pieces.append(EncodedPiece.of(piece.cells, values, self._coder))
            if piece.channel == CHANNEL_ORDER[0]:  # pushing them takes a quarter of the time
                self._on_pixels(len(piece))
            return values

        return code

    def _push_pieces(self, stack: Stack, pieces: list[EncodedPiece]) -> int:
        """Pushes pieces, the last one first, and drops them; returns how fast chunks grew."""
        growth, n_coded = GROWTH_EXPONENTS[0], 0
        if pieces:
            first = [(piece.cells, piece.values) for piece in reversed(pieces[-_PAYING:])]
            growth = choose_growth(first, 32 * CHECKSUM_WORDS)
        while pieces:
            piece = pieces.pop()
            for part in chunks(len(piece.values), n_coded, growth):
                self._check()
                pixel_flow(piece.cells[part], self._coder).encode(stack, piece.values[part])
            n_coded += len(piece.values)
        return growth

    def _pop_piece(
        self, stack: Stack, cells: MixtureCdf | ShapedCells, n_coded: int, growth: int
    ) -> Integers:
        """Pops one piece, (N,), below which n_coded pixels lie."""
        values = np.empty(len(cells), dtype=np.int64)
        for part in reversed(list(chunks(len(cells), n_coded, growth))):
            self._check()
            values[part] = pixel_flow(cells[part], self._coder).decode(stack)
        return values


# Pictures


def _coded_channels(grey: bool) -> tuple[int, ...]:
    """Of a picture whose channels are all equal, one is coded."""
    return CHANNEL_ORDER[:1] if grey else CHANNEL_ORDER


def _every_plane(coarsest: Integers) -> Tensor:
    """(1 or 3, h, w) in coding order as (1, 3, h, w) float32; one plane stands for all."""
    picture = torch.empty(1, 3, *coarsest.shape[1:])
    for i, channel in enumerate(CHANNEL_ORDER):
        plane = coarsest[min(i, len(coarsest) - 1)]
        picture[0, channel] = torch.from_numpy(plane.astype(np.float32))
    return picture


def _pixels(picture: Tensor, n_channels: int) -> Pixels:
    """(1, 3, H, W) as (H, W, C) uint8."""
    return picture[0, :n_channels].permute(1, 2, 0).numpy().astype(np.uint8)


def _every(bits: Float32, level: int) -> Float32:
    """A view of the pixels that make up the picture of a level."""
    return bits[:: 1 << level, :: 1 << level]
