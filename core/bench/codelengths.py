"""What codecs need for an image: measured, and proved by decoding."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.bench.codec import Codec, Pixels
from core.control import CancelToken


@dataclass(frozen=True)
class Codelength:
    """One codec on one image."""

    codec: Codec
    n_bytes: int
    bits_per_dim: float
    encode_seconds: float
    decode_seconds: float


def codelengths(
    pixels: Pixels, codecs: Sequence[Codec], cancel: CancelToken | None = None
) -> Iterator[Codelength]:
    """Codes (H, W, C) uint8 by each codec, one after the other.

    A codec that cannot take an image of this size, or does not give it back, is left out.
    Raises Cancelled between two codecs.
    """
    cancel = cancel or CancelToken()
    for codec in codecs:
        cancel.check()
        measured = _measure(pixels, codec)
        if measured is not None:
            yield measured


def _measure(pixels: Pixels, codec: Codec) -> Codelength | None:
    began = time.perf_counter()
    try:
        data = codec.encode(pixels)
        encoded = time.perf_counter()
        again = codec.decode(data, pixels.shape[2])
    except (RuntimeError, ValueError):  # imagecodecs' errors: its WebP ends at 16,382 pixels a side
        return None
    decoded = time.perf_counter()
    if not np.array_equal(again, pixels):
        return None
    return Codelength(
        codec, len(data), 8 * len(data) / pixels.size, encoded - began, decoded - encoded
    )
