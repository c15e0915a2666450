"""Pictures to chunks of bytes and back, by the photo model and local bits-back coding.

A picture is cut into tiles, and each tile becomes one chunk; see :mod:`core.coding.photo.tile`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.arrays import Float32, Pixels
from core.coding.coders import DEFAULT_CODER, Coder
from core.coding.photo.tile import Clock, Shape, TileCoder
from core.control import CancelToken, PixelListener, ignore
from core.errors import DamagedChunkError, StackError
from core.flows.photo import interlace
from core.flows.photo.loading import PhotoModel, bundled_photo_model, photo_model
from core.images.tiles import Tile, TileListener, coarsened, tiles

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass
class CodingReport:
    """What coding a picture took. Bits are sums over its tiles."""

    theoretical_bits: float = 0.0  # the model's codelength of these pixels
    coded_bits: int = 0  # the size of the chunks
    borrowed_bits: int = 0  # popped before anything of the picture had been pushed
    lost_bits: int = 0  # of these, the ones that were not worth anything
    network_seconds: float = 0.0
    coding_seconds: float = 0.0
    device: str = ""  # on which the networks ran


@dataclass(frozen=True)
class CodedImage:
    """A coded picture: one chunk for each tile, row by row."""

    chunks: tuple[bytes, ...]
    report: CodingReport


class PhotoCodec:
    """Codes pictures of 8-bit grey or RGB by a photo model."""

    def __init__(self, model: PhotoModel) -> None:
        self._model = model
        self.model_id = model.id

    @property
    def model_file(self) -> bytes:
        """The model's file: an archive may carry it."""
        return self._model.file

    @property
    def kernels(self) -> str:
        """How the networks are computed, for display: see core.flows.photo.byte_kernels."""
        return self._model.kernels.value

    def with_model(self, model_file: bytes) -> PhotoCodec:
        """The codec of another model, by its file, which may be anyone's. Raises ModelError."""
        return PhotoCodec(photo_model(model_file, threads=self._model.network.threads))

    def encode(
        self,
        pixels: Pixels,
        *,
        coder: str = DEFAULT_CODER,
        on_pixels: PixelListener = ignore,
        cancel: CancelToken | None = None,
    ) -> CodedImage:
        """Codes (H, W, 1) or (H, W, 3) uint8 by the named coder. Raises Cancelled."""
        cancel = cancel or CancelToken()
        clock = Clock(cancel.clock)
        job = self._tile_coder(pixels.shape, coder, on_pixels, cancel, clock)
        encoded = [
            job.encode(number, np.ascontiguousarray(_part(pixels, tile)))
            for number, tile in enumerate(tiles(*pixels.shape[:2]), 1)
        ]
        report = CodingReport(
            theoretical_bits=sum(tile.theoretical_bits for tile in encoded),
            coded_bits=sum(8 * len(tile.chunk) for tile in encoded),
            borrowed_bits=sum(tile.borrowed_bits for tile in encoded),
            lost_bits=sum(tile.lost_bits for tile in encoded),
            network_seconds=clock.network,
            coding_seconds=clock.coding,
            device=self._model.device_name,
        )
        return CodedImage(tuple(tile.chunk for tile in encoded), report)

    def decode(
        self,
        coded: Sequence[bytes],
        shape: Shape,
        *,
        coder: str,
        on_pixels: PixelListener = ignore,
        on_tile: TileListener | None = None,
        bits: Float32 | None = None,
        cancel: CancelToken | None = None,
    ) -> Pixels:
        """The pixels of chunks: uint8 of the given shape (H, W, C).

        bits: (H, W), becomes the codelength map: the theoretical bits of each pixel, all
        channels together. Raises DamagedChunkError where a chunk is not what the encoder wrote,
        and Cancelled.
        """
        cancel = cancel or CancelToken()
        job = self._tile_coder(shape, coder, on_pixels, cancel, Clock(cancel.clock))
        if bits is not None:
            bits[...] = 0
        return _decoded(job, coded, shape, 0, on_tile, bits)

    def decode_coarse(
        self,
        coded: Sequence[bytes],
        shape: Shape,
        side: int,
        *,
        coder: str,
        cancel: CancelToken | None = None,
    ) -> Pixels:
        """The coarsest level of the pyramid whose longer side is at least ``side`` pixels.

        That is every 2^level-th row and column of each tile. Coarse levels lie on top of the
        stacks, so the finer ones, and nearly all of the work, are left out; for the same reason
        the pixels are not compared with their checksum. Raises as :meth:`decode` does.
        """
        cancel = cancel or CancelToken()
        job = self._tile_coder(shape, coder, ignore, cancel, Clock(cancel.clock))
        return _decoded(job, coded, shape, _coarse_level(shape, side))

    def _tile_coder(
        self,
        shape: tuple[int, ...],
        coder: str,
        on_pixels: PixelListener,
        cancel: CancelToken,
        clock: Clock,
    ) -> TileCoder:
        if len(shape) != 3 or min(shape) < 1 or shape[2] not in (1, 3):
            raise ValueError(f"pictures are (H, W, 1) or (H, W, 3), not {shape}")
        if coder not in tuple(Coder):
            raise ValueError(f"no coder {coder!r}; there are {', '.join(Coder)}")
        return TileCoder(self._model, Coder(coder), on_pixels, cancel, clock)


def photo_codec(threads: int = 1) -> PhotoCodec:
    """The codec of the model that comes with the program. Raises ModelError.

    threads: squares of a picture that its networks compute at a time.
    """
    return PhotoCodec(bundled_photo_model(threads))


def _decoded(
    job: TileCoder,
    coded: Sequence[bytes],
    shape: Shape,
    level: int,
    on_tile: TileListener | None = None,
    bits: Float32 | None = None,
) -> Pixels:
    """The picture of a level, from the chunks of its tiles."""
    whole = tiles(*shape[:2])
    if len(whole) != len(coded):
        raise DamagedChunkError(f"{len(coded)} chunks, but the picture has {len(whole)} tiles")
    targets = coarsened(whole, level)
    last = targets[-1]
    pixels = np.empty((last.row + last.height, last.column + last.width, shape[2]), dtype=np.uint8)
    parts = zip(whole, targets, coded, strict=True)
    for number, (tile, target, chunk) in enumerate(parts, 1):
        try:
            found = job.decode(
                number,
                chunk,
                (tile.height, tile.width, shape[2]),
                finest=level,
                on_picture=partial(on_tile, tile) if on_tile is not None else None,
                bits=_part(bits, tile) if bits is not None else None,
            )
        except DamagedChunkError:
            raise
        except StackError as error:
            raise DamagedChunkError(str(error)) from error
        _part(pixels, target)[...] = found
        if on_tile is not None:
            on_tile(tile, found)
    return pixels


def _coarse_level(shape: Shape, side: int) -> int:
    """The coarsest level, the same for all tiles, whose longer side is at least ``side``."""
    whole = tiles(*shape[:2])
    n_levels = min(interlace.n_levels(tile.height, tile.width) for tile in whole)
    for level in range(n_levels, 0, -1):
        last = coarsened(whole, level)[-1]
        if max(last.row + last.height, last.column + last.width) >= side:
            return level
    return 0


def _part(pixels: NDArray[_Scalar], tile: Tile) -> NDArray[_Scalar]:
    """A view of a tile's pixels."""
    return pixels[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
