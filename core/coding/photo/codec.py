"""Pictures to chunks of bytes and back, by the photo model and local bits-back coding.

A picture is cut into tiles, and each tile becomes one chunk: a stack of its own. The decoder
takes a tile off its stack from the coarsest level to the finest, piece by piece; the encoder
pushes the same pieces in the opposite order. At the bottom of each stack lies the checksum of
the tile's pixels: auxiliary bits that are worth having back.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.arrays import Float32, Integers, Pixels, Words
from core.coding.auxiliary import auxiliary_words
from core.coding.photo.composition import (
    CODERS,
    GROWTH_EXPONENTS,
    choose_growth,
    chunks,
    pixel_flow,
)
from core.coding.photo.side import CHECKSUM_WORDS, GREY_BITS, GROWTH_BITS
from core.coding.stack import Stack
from core.control import CancelToken, PixelListener, ignore
from core.errors import StackError
from core.flows.photo import interlace
from core.flows.photo.ahead import ahead
from core.flows.photo.cdf import MixtureCdf
from core.flows.photo.loading import PhotoModel, bundled_photo_model, photo_model
from core.flows.photo.model import CHANNEL_ORDER
from core.flows.photo.walk import Piece, hidden_of, walk
from core.images.tiles import Tile, TileListener, coarsened, tiles

_Scalar = TypeVar("_Scalar", bound=np.generic)

DEFAULT_CODER = CODERS[0]

#: Slabs of hidden layers that wait to be used, 2 MB each.
_SLABS_AHEAD = 64

#: Pieces that show how fast chunks may grow.
_PAYING = 32


class DamagedChunkError(StackError, ValueError):
    """A chunk's bytes are not what the encoder wrote."""


@dataclass
class CodingReport:
    """What coding a picture took. Float32 are sums over its tiles."""

    theoretical_bits: float = 0.0  # the model's codelength of these pixels
    coded_bits: int = 0  # what the chunks take
    borrowed_bits: int = 0  # popped before anything of the picture had been pushed
    lost_bits: int = 0  # of these, what was not worth anything
    network_seconds: float = 0.0
    coding_seconds: float = 0.0
    device: str = ""  # on which the networks ran


@dataclass(frozen=True)
class CodedImage:
    """A coded picture: one chunk for each tile, row by row."""

    chunks: tuple[bytes, ...]
    report: CodingReport


@dataclass
class _Clock:
    """Where the time of one job goes, by a clock that stands still while the job is paused."""

    clock: Callable[[], float]
    network: float = 0.0
    coding: float = 0.0
    last: float = field(init=False)

    def __post_init__(self) -> None:
        self.last = self.clock()

    def networked(self) -> None:
        now = self.clock()
        self.network, self.last = self.network + now - self.last, now

    def coded(self) -> None:
        now = self.clock()
        self.coding, self.last = self.coding + now - self.last, now


class PhotoCodec:
    """Codes pictures of 8-bit grey or RGB by a photo model."""

    def __init__(self, model: PhotoModel) -> None:
        self._model = model
        self.model_id = model.id

    @property
    def model_file(self) -> bytes:
        """The model's file: an archive may carry it."""
        return self._model.file

    def with_model(self, model_file: bytes) -> PhotoCodec:
        """The codec of another model, by its file, which may be anyone's. Raises ModelError."""
        return PhotoCodec(_other_model(model_file, self._model.network.threads))

    def encode(
        self,
        pixels: Pixels,
        *,
        coder: str = DEFAULT_CODER,
        on_pixels: PixelListener = ignore,
        cancel: CancelToken | None = None,
    ) -> CodedImage:
        """Codes (H, W, 1) or (H, W, 3) uint8 by the named coder. Raises Cancelled."""
        _check(pixels.shape, coder)
        report = CodingReport(device=self._model.device_name)
        cancel = cancel or CancelToken()
        clock = _Clock(cancel.clock)
        job = _TileJob(self._model, coder, on_pixels, cancel, clock)
        coded = []
        for number, tile in enumerate(tiles(*pixels.shape[:2]), 1):
            coded.append(job.encode(number, np.ascontiguousarray(_part(pixels, tile)), report))
        report.coded_bits = 8 * sum(map(len, coded))
        report.network_seconds, report.coding_seconds = clock.network, clock.coding
        return CodedImage(tuple(coded), report)

    def decode(
        self,
        coded: Sequence[bytes],
        shape: tuple[int, int, int],
        *,
        coder: str,
        on_pixels: PixelListener = ignore,
        on_tile: TileListener | None = None,
        bits: Float32 | None = None,
        cancel: CancelToken | None = None,
    ) -> Pixels:
        """The pixels of chunks: uint8 of the given shape (H, W, C).

        ``bits``, (H, W), becomes the codelength map: the theoretical bits of each pixel, all
        channels together. Raises DamagedChunkError where a chunk is not what the encoder wrote,
        and Cancelled.
        """
        return self._decode(coded, shape, 0, coder, on_pixels, on_tile, bits, cancel)

    def decode_coarse(
        self,
        coded: Sequence[bytes],
        shape: tuple[int, int, int],
        side: int,
        *,
        coder: str,
        cancel: CancelToken | None = None,
    ) -> Pixels:
        """The coarsest level of the pyramid whose longer side is at least ``side`` pixels.

        That is every 2^level-th row and column of each tile. Coarse levels lie on top of the
        stacks, so the finer ones, and nearly all of the work, are left alone; for the same reason
        the pixels are not held to their checksum. Raises as :meth:`decode` does.
        """
        level = _coarse_level(shape, side)
        return self._decode(coded, shape, level, coder, ignore, None, None, cancel)

    def _decode(
        self,
        coded: Sequence[bytes],
        shape: tuple[int, int, int],
        level: int,
        coder: str,
        on_pixels: PixelListener,
        on_tile: TileListener | None,
        bits: Float32 | None,
        cancel: CancelToken | None,
    ) -> Pixels:
        _check(shape, coder)
        places = tiles(*shape[:2])
        if len(places) != len(coded):
            raise DamagedChunkError(f"{len(coded)} chunks, but the picture has {len(places)} tiles")
        cancel = cancel or CancelToken()
        job = _TileJob(self._model, coder, on_pixels, cancel, _Clock(cancel.clock))
        if bits is not None:
            bits[...] = 0
        targets = coarsened(places, level)
        last = targets[-1]
        pixels = np.empty(
            (last.row + last.height, last.column + last.width, shape[2]), dtype=np.uint8
        )
        parts = zip(places, targets, coded, strict=True)
        for number, (tile, target, chunk) in enumerate(parts, 1):
            size = (tile.height, tile.width, shape[2])
            on_picture = partial(on_tile, tile) if on_tile is not None else None
            tile_bits = _part(bits, tile) if bits is not None else None
            try:
                decoded = job.decode(number, chunk, size, on_picture, tile_bits, level)
            except DamagedChunkError:
                raise
            except StackError as error:
                raise DamagedChunkError(str(error)) from error
            _part(pixels, target)[...] = decoded
            if on_tile is not None:
                on_tile(tile, decoded)
        return pixels


def photo_codec(threads: int = 1) -> PhotoCodec:
    """The codec of the model that comes with the program, on so many threads. Raises ModelError."""
    return PhotoCodec(bundled_photo_model(threads))


@functools.lru_cache(maxsize=2)
def _other_model(model_file: bytes, threads: int) -> PhotoModel:
    """Kept for the next image: each opens its archive anew."""
    return photo_model(model_file, threads=threads)


@dataclass(frozen=True)
class _Told:
    """What the encoder keeps of a piece: its distributions and its pixels."""

    cdf: MixtureCdf
    values: Integers
    theoretical_bits: float


class _TileJob:
    """Coding of tiles, with all that stays the same from one to the next."""

    def __init__(
        self,
        model: PhotoModel,
        coder: str,
        on_pixels: PixelListener,
        cancel: CancelToken,
        clock: _Clock,
    ) -> None:
        self.model, self.coder, self.clock = model, coder, clock
        self.on_pixels, self.cancel = on_pixels, cancel

    def encode(self, number: int, pixels: Pixels, report: CodingReport) -> bytes:
        """The tile of this number, (H, W, C) uint8, as one chunk; adds to the report."""
        stack = Stack(_bottom(pixels, number), auxiliary_words)
        channels = _coded_channels(bool((pixels == pixels[..., :1]).all()))
        picture = torch.from_numpy(pixels.astype(np.float32).transpose(2, 0, 1)[None])
        picture = picture.expand(1, 3, -1, -1)
        told = self._tell(picture, channels)
        self.clock.networked()
        growth = GROWTH_EXPONENTS[0]
        if told:
            first = [(piece.cdf, piece.values) for piece in reversed(told[-_PAYING:])]
            growth = choose_growth(first, 32 * CHECKSUM_WORDS)
        n_coded = 0
        while told:
            piece = told.pop()
            report.theoretical_bits += piece.theoretical_bits
            for part in chunks(len(piece.values), n_coded, growth):
                self.cancel.check()
                pixel_flow(piece.cdf[part], self.coder).encode(stack, piece.values[part])
            n_coded += len(piece.values)
        for _ in _sizes(*pixels.shape[:2]):
            picture = picture[..., 0::2, 0::2]
        coarsest = picture[0, list(channels)].numpy().astype(np.int64)
        stack.push_bits(coarsest.ravel(), 8)
        stack.push_bits([growth - GROWTH_EXPONENTS[0]], GROWTH_BITS)
        if pixels.shape[2] == 3:
            stack.push_bits([int(len(channels) == 1)], GREY_BITS)
        self.on_pixels(coarsest[0].size)
        report.theoretical_bits += 8.0 * coarsest.size
        report.borrowed_bits += stack.borrowed_bits
        report.lost_bits += 32 * stack.borrowed_words
        data = stack.to_bytes()
        self.clock.coded()
        return data

    def decode(
        self,
        number: int,
        chunk: bytes,
        shape: tuple[int, int, int],
        on_picture: Callable[[Pixels], None] | None = None,
        bits: Float32 | None = None,
        finest: int = 0,
    ) -> Pixels:
        """The tile of a chunk, uint8 of the given shape, or of a coarser level's.

        ``on_picture`` is told of every coarser picture of the tile. To ``bits``, (H, W), what
        each pixel took is added. Raises StackError.
        """
        stack = Stack.from_bytes(chunk)
        channels = _coded_channels(shape[2] == 1 or bool(stack.pop_bits(1, GREY_BITS)[0]))
        growth = GROWTH_EXPONENTS[int(stack.pop_bits(1, GROWTH_BITS)[0])]
        sizes = _sizes(*shape[:2])
        height, width = shape[:2]
        if sizes:
            height, width = (sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2
        coarsest = stack.pop_bits(len(channels) * height * width, 8)
        picture = torch.empty(1, 3, height, width)
        for i in range(3):  # planes that were not coded equal the last one that was
            plane = coarsest.reshape(len(channels), height, width)[min(i, len(channels) - 1)]
            picture[0, CHANNEL_ORDER[i]] = torch.from_numpy(plane.astype(np.float32))
        self.on_pixels(height * width)
        if bits is not None:
            _every(bits, len(sizes))[...] += 8 * len(channels)
        n_left = len(channels) * (shape[0] * shape[1] - height * width)
        for level, (height, width) in reversed(list(enumerate(sizes))[finest:]):
            if on_picture is not None:
                on_picture(_pixels(picture, shape[2]))
            pieces = walk(
                self.model.network.level(level),
                self.model.tables,
                picture,
                height,
                width,
                channels,
                self.cancel.check,
            )
            try:
                piece = next(pieces)
                while True:
                    n_left -= len(piece)
                    self.clock.networked()
                    values = self._decode_piece(stack, piece, n_left, growth)
                    self.clock.coded()
                    if bits is not None:
                        _every(bits, level)[piece.places] += piece.cdf.theoretical_bits(values)
                    if piece.channel == channels[-1]:
                        self.on_pixels(len(piece))
                    piece = pieces.send(values)
            except StopIteration as end:
                picture = end.value
        pixels = _pixels(picture, shape[2])
        if not finest:
            _check_bottom(stack, pixels, number)
        return pixels

    def _tell(self, picture: Tensor, channels: tuple[int, ...]) -> list[_Told]:
        """All pieces of a picture that is known, in the order in which they will be decoded."""
        pyramid = [picture]
        for _ in _sizes(*picture.shape[-2:]):
            pyramid.append(pyramid[-1][..., 0::2, 0::2].contiguous())
        levels = range(len(pyramid) - 2, -1, -1)

        def hidden() -> Iterator[Float32]:
            for level in levels:
                network = self.model.network.level(level)
                yield from hidden_of(network, pyramid[level], len(channels), self.cancel.check)

        told: list[_Told] = []
        # The networks run ahead of what learns from the pixels, by about a phase of a whole tile.
        with closing(ahead(hidden(), _SLABS_AHEAD)) as slabs:
            for level in levels:
                network, (height, width) = (
                    self.model.network.level(level),
                    pyramid[level].shape[-2:],
                )
                pieces = walk(
                    network, self.model.tables, pyramid[level + 1], height, width, channels,
                    self.cancel.check, slabs,
                )  # fmt: skip
                self._tell_level(pieces, pyramid[level], told)
        return told

    def _tell_level(
        self, pieces: Generator[Piece, Integers, Tensor], picture: Tensor, told: list[_Told]
    ) -> None:
        pixels = picture[0].numpy()
        phases = {
            (row, column): pixels[:, row::2, column::2].reshape(3, -1).astype(np.int64)
            for _, row, column in interlace.PHASES
        }
        try:
            piece = next(pieces)
            while True:
                self.cancel.check()
                values = phases[piece.corner][piece.channel, piece.span]
                bits = float(piece.cdf.theoretical_bits(values).sum(dtype=float))
                told.append(_Told(piece.cdf, values, bits))
                if piece.channel == CHANNEL_ORDER[0]:  # pushing them takes a quarter of the time
                    self.on_pixels(len(piece))
                piece = pieces.send(values)
        except StopIteration:
            return

    def _decode_piece(self, stack: Stack, piece: Piece, n_coded: int, growth: int) -> Integers:
        values = np.empty(len(piece), dtype=np.int64)
        for part in reversed(list(chunks(len(piece), n_coded, growth))):
            self.cancel.check()
            values[part] = pixel_flow(piece.cdf[part], self.coder).decode(stack)
        return values


def _check(shape: tuple[int, ...], coder: str) -> None:
    if len(shape) != 3 or min(shape) < 1 or shape[2] not in (1, 3):
        raise ValueError(f"pictures are (H, W, 1) or (H, W, 3), not {shape}")
    if coder not in CODERS:
        raise ValueError(f"no coder {coder!r}; there are {', '.join(CODERS)}")


def _coded_channels(grey: bool) -> tuple[int, ...]:
    """Of a picture whose channels are all equal, one is coded."""
    return CHANNEL_ORDER[:1] if grey else CHANNEL_ORDER


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Height and width of the picture at each level that is divided, the finest first."""
    sizes = []
    for _ in range(interlace.n_levels(height, width)):
        sizes.append((height, width))
        height, width = (height + 1) // 2, (width + 1) // 2
    return sizes


def _pixels(picture: Tensor, n_channels: int) -> Pixels:
    """(1, 3, H, W) as (H, W, C) uint8."""
    return picture[0, :n_channels].permute(1, 2, 0).numpy().astype(np.uint8)


def _every(bits: Float32, level: int) -> Float32:
    """A view of those pixels that make up the picture of a level."""
    return bits[:: 1 << level, :: 1 << level]


def _coarse_level(shape: tuple[int, int, int], side: int) -> int:
    """The coarsest level, for all tiles the same, whose longer side is at least ``side``."""
    places = tiles(*shape[:2])
    n_levels = min(interlace.n_levels(tile.height, tile.width) for tile in places)
    for level in range(n_levels, 0, -1):
        last = coarsened(places, level)[-1]
        if max(last.row + last.height, last.column + last.width) >= side:
            return level
    return 0


def _part(pixels: NDArray[_Scalar], tile: Tile) -> NDArray[_Scalar]:
    """A view of a tile's pixels."""
    return pixels[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]


def _bottom(pixels: Pixels, number: int) -> Words:
    """What a tile's stack starts from: 128 bits of its pixels' SHA-256, and its number from 1."""
    digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).digest()
    checksum = np.frombuffer(digest[: 4 * CHECKSUM_WORDS], dtype="<u4")
    return np.append(checksum, number).astype(np.uint32)


def _check_bottom(stack: Stack, pixels: Pixels, number: int) -> None:
    """Holds what is left of a stack to what must lie at its bottom."""
    left = stack.words()
    bottom = _bottom(pixels, number)
    borrowed = auxiliary_words(max(0, len(left) - len(bottom)))[::-1]
    if not np.array_equal(left, np.concatenate([borrowed, bottom])):
        raise DamagedChunkError("the pixels do not match the checksum that is stored with them")
