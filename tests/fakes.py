"""A small codec without a model: lossless, quick, and breakable on demand."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.arrays import Float32, Pixels
from core.control import CancelToken, PixelListener, ignore
from core.errors import ModelError, StackError
from core.images.tiles import Tile, TileListener, tiles

#: So large that archives of the tests do not carry it by themselves.
MODEL_BYTES = 1 << 17


@dataclass(frozen=True)
class FakeReport:
    theoretical_bits: float
    coded_bits: int
    borrowed_bits: int = 64
    lost_bits: int = 8
    network_seconds: float = 0.25
    coding_seconds: float = 0.5
    device: str = "fake"


@dataclass(frozen=True)
class FakeCoded:
    chunks: tuple[bytes, ...]
    report: FakeReport


class FakeCodec:
    """Codes each tile by zlib, after a difference from row to row."""

    def __init__(self, *, model_id: str = "fake-0", wrong: bool = False, tile: int = 64) -> None:
        self.model_id = model_id
        self.wrong = wrong  # decodes to other pixels
        self.pause = 0.0  # seconds for each tile, without the interpreter's lock
        self._tile = tile
        self.n_encoded = self.n_decoded = 0

    @property
    def model_file(self) -> bytes:
        return self.model_id.encode().ljust(MODEL_BYTES, b"\0")

    def with_model(self, model_file: bytes) -> FakeCodec:
        if len(model_file) != MODEL_BYTES:
            raise ModelError("not a model")
        return FakeCodec(model_id=model_file.rstrip(b"\0").decode(), tile=self._tile)

    def encode(
        self,
        pixels: Pixels,
        *,
        coder: str = "fused",
        on_pixels: PixelListener = ignore,
        cancel: CancelToken | None = None,
    ) -> FakeCoded:
        chunks = []
        for tile in tiles(*pixels.shape[:2], self._tile):
            if cancel is not None:
                cancel.check()
            time.sleep(self.pause)
            part = _part(pixels, tile)
            rows = np.diff(part, axis=0, prepend=np.zeros_like(part[:1]))
            chunks.append(zlib.compress(rows.tobytes(), 6))
            on_pixels(tile.height * tile.width)
        self.n_encoded += 1
        n_bits = 8 * sum(map(len, chunks))
        return FakeCoded(tuple(chunks), FakeReport(n_bits - 3.5, n_bits))

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
        places = tiles(*shape[:2], self._tile)
        if len(places) != len(coded):
            raise StackError("not as many chunks as tiles")
        pixels = np.empty(shape, dtype=np.uint8)
        for tile, chunk in zip(places, coded, strict=True):
            if cancel is not None:
                cancel.check()
            time.sleep(self.pause)
            try:
                part = np.frombuffer(zlib.decompress(chunk), dtype=np.uint8)
                part = part.reshape(tile.height, tile.width, shape[2])
            except (zlib.error, ValueError) as error:
                raise StackError("not what was coded") from error
            part = np.cumsum(part, axis=0, dtype=np.uint8)
            if on_tile is not None:
                on_tile(tile, part[::4, ::4])
                on_tile(tile, part)
            _part(pixels, tile)[...] = part
            if bits is not None:  # as its report has it: zlib knows of no pixels
                share = 8 * len(chunk) - 3.5 / len(places)
                _part(bits, tile)[...] = share / (tile.height * tile.width)
            on_pixels(tile.height * tile.width)
        self.n_decoded += 1
        if self.wrong:
            pixels[0, 0, 0] ^= 1
        return pixels

    def decode_coarse(
        self,
        coded: Sequence[bytes],
        shape: tuple[int, int, int],
        side: int,
        *,
        coder: str,
        cancel: CancelToken | None = None,
    ) -> Pixels:
        step = max(1, max(shape[:2]) // side)
        return self.decode(coded, shape, coder=coder, cancel=cancel)[::step, ::step]


def _part(pixels: NDArray[Any], tile: Tile) -> NDArray[Any]:
    return pixels[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
