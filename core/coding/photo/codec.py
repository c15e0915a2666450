"""Pictures to chunks of bytes and back, by the photo model and local bits-back coding.

A picture is cut into tiles, and each tile becomes one chunk; see :mod:`core.coding.photo.tile`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.arrays import Float32, Pixels
from core.coding.coders import DEFAULT_CODER, Coder
from core.coding.photo.side_by_side import Check, Post, side_by_side
from core.coding.photo.tile import Clock, EncodedTile, Shape, TileCoder
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
    """Codes pictures of 8-bit grey or RGB by a photo model.

    tiles_at_once: the most tiles of a picture that are coded at the same time. The bytes do not
    depend on it. Callbacks are called on the thread that calls the codec.
    """

    def __init__(self, model: PhotoModel, tiles_at_once: int = 1) -> None:
        self._model, self._tiles_at_once = model, tiles_at_once
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
        model = photo_model(model_file, threads=self._model.network.threads)
        return PhotoCodec(model, self._tiles_at_once)

    def encode(
        self,
        pixels: Pixels,
        *,
        coder: str = DEFAULT_CODER,
        on_pixels: PixelListener = ignore,
        cancel: CancelToken | None = None,
    ) -> CodedImage:
        """Codes (H, W, 1) or (H, W, 3) uint8 by the named coder. Raises Cancelled."""
        job = _Job(self._model, pixels.shape, coder, on_pixels, cancel or CancelToken())

        def encode(numbered: tuple[int, Tile], post: Post, check: Check) -> EncodedTile:
            number, tile = numbered
            with job.coder(post, check) as tile_coder:
                return tile_coder.encode(number, np.ascontiguousarray(_part(pixels, tile)))

        numbered = list(enumerate(tiles(*pixels.shape[:2]), 1))
        encoded = side_by_side(encode, numbered, self._tiles_at_once)
        network_seconds, coding_seconds = job.seconds()
        report = CodingReport(
            theoretical_bits=sum(tile.theoretical_bits for tile in encoded),
            coded_bits=sum(8 * len(tile.chunk) for tile in encoded),
            borrowed_bits=sum(tile.borrowed_bits for tile in encoded),
            lost_bits=sum(tile.lost_bits for tile in encoded),
            network_seconds=network_seconds,
            coding_seconds=coding_seconds,
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
        job = _Job(self._model, shape, coder, on_pixels, cancel or CancelToken())
        if bits is not None:
            bits[...] = 0
        return self._decoded(job, coded, shape, 0, on_tile, bits)

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
        job = _Job(self._model, shape, coder, ignore, cancel or CancelToken())
        return self._decoded(job, coded, shape, _coarse_level(shape, side))

    def _decoded(
        self,
        job: _Job,
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
        height, width = (targets[-1].row, targets[-1].column)
        height, width = height + targets[-1].height, width + targets[-1].width
        pixels = np.empty((height, width, shape[2]), dtype=np.uint8)

        def decode(numbered: tuple[int, Tile], post: Post, check: Check) -> None:
            number, tile = numbered

            def show(picture: Pixels) -> None:
                if on_tile is not None:
                    post(partial(on_tile, tile, picture))

            with job.coder(post, check) as tile_coder:
                found = tile_coder.decode(
                    number,
                    coded[number - 1],
                    (tile.height, tile.width, shape[2]),
                    finest=level,
                    on_picture=show,
                    bits=_part(bits, tile) if bits is not None else None,
                )
            _part(pixels, targets[number - 1])[...] = found
            show(found)

        side_by_side(decode, list(enumerate(whole, 1)), self._tiles_at_once)
        return pixels


class _Job:
    """The coding of one picture: what its tiles have in common."""

    def __init__(
        self,
        model: PhotoModel,
        shape: tuple[int, ...],
        coder: str,
        on_pixels: PixelListener,
        cancel: CancelToken,
    ) -> None:
        if len(shape) != 3 or min(shape) < 1 or shape[2] not in (1, 3):
            raise ValueError(f"pictures are (H, W, 1) or (H, W, 3), not {shape}")
        if coder not in tuple(Coder):
            raise ValueError(f"no coder {coder!r}; there are {', '.join(Coder)}")
        self._model, self._coder = model, Coder(coder)
        self._on_pixels, self._cancel = on_pixels, cancel
        self._began, self._clocks = cancel.clock(), list[Clock]()

    @contextmanager
    def coder(self, post: Post, check: Check) -> Iterator[TileCoder]:
        """A coder for one tile. Raises DamagedChunkError in place of other errors of a stack."""

        def check_both() -> None:
            check()
            self._cancel.check()

        def on_pixels(count: int) -> None:
            post(partial(self._on_pixels, count))

        clock = Clock(self._cancel.clock)
        self._clocks.append(clock)
        try:
            yield TileCoder(self._model, self._coder, on_pixels, check_both, clock)
        except DamagedChunkError:
            raise
        except StackError as error:
            raise DamagedChunkError(str(error)) from error

    def seconds(self) -> tuple[float, float]:
        """The elapsed time, divided in proportion to what tiles spent on networks and coding."""
        network = sum(clock.network for clock in self._clocks)
        coding = sum(clock.coding for clock in self._clocks)
        share = (self._cancel.clock() - self._began) / max(network + coding, 1e-9)
        return share * network, share * coding


def photo_codec(threads: int = 1, tiles_at_once: int = 1) -> PhotoCodec:
    """The codec of the model that comes with the program. Raises ModelError.

    threads: squares of a picture that its networks compute at a time.
    """
    return PhotoCodec(bundled_photo_model(threads), tiles_at_once)


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
