"""A lossless codec that is as slow as a test wants, without a model."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.control import CancelToken, PixelListener, ignore
from core.errors import ModelError

_ROWS = 16


@dataclass(frozen=True)
class Report:
    theoretical_bits: float
    coded_bits: int
    borrowed_bits: int = 96
    lost_bits: int = 32
    network_seconds: float = 0.25
    coding_seconds: float = 0.125


@dataclass(frozen=True)
class Coded:
    chunks: tuple[bytes, ...]
    report: Report


class SlowCodec:
    """Sixteen rows a chunk; sleeps (which releases the interpreter's lock) for each."""

    model_id = "photo-slow"
    model_file = bytes(1 << 20)

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause

    def with_model(self, model_file: bytes) -> SlowCodec:
        raise ModelError("there is one slow model only")

    def encode(
        self,
        pixels: NDArray[np.uint8],
        *,
        coder: str = "fused",
        on_pixels: PixelListener = ignore,
        cancel: CancelToken | None = None,
    ) -> Coded:
        chunks = []
        for row in range(0, len(pixels), _ROWS):
            part = pixels[row : row + _ROWS]
            self._work(cancel)
            chunks.append(zlib.compress(part.tobytes(), 9))
            on_pixels(part.shape[0] * part.shape[1])
        n_bits = 8 * sum(map(len, chunks))
        return Coded(tuple(chunks), Report(n_bits - 32.0, n_bits))

    def decode(
        self,
        coded: Sequence[bytes],
        shape: tuple[int, int, int],
        *,
        coder: str,
        on_pixels: PixelListener = ignore,
        cancel: CancelToken | None = None,
    ) -> NDArray[np.uint8]:
        parts = []
        for chunk in coded:
            self._work(cancel)
            part = np.frombuffer(zlib.decompress(chunk), np.uint8).reshape(-1, *shape[1:])
            on_pixels(part.shape[0] * part.shape[1])
            parts.append(part)
        return np.concatenate(parts).reshape(shape)

    def _work(self, cancel: CancelToken | None) -> None:
        if cancel is not None:
            cancel.check()
        time.sleep(self.pause)
