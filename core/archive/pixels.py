"""The samples of an image by the codec that makes them smallest, decided without trying them all.

| method   | takes                                   | what its decoder rests on                   |
|----------|-----------------------------------------|---------------------------------------------|
| photo    | 8 bits, grey or RGB                     | Floe's model and arithmetic, frozen         |
| jpegxl   | 8 or 16 bits, grey or RGB, with alpha   | JPEG XL (ISO/IEC 18181), lossless           |
| webp     | 8 bits, the same, to 64 million pixels  | WebP lossless (RFC 9649)                    |

All are exact. A look at the image says what to try: the flow alone for a photograph, the standard
formats for what is drawn, a comparison on samples for the rest.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.archive.beside import beside
from core.archive.codec import Codecs, Report
from core.archive.counting import PixelCount
from core.archive.entry import Method
from core.arrays import Pixels
from core.control import CancelToken, PixelListener, ProgressListener, ignore
from core.images.look import Kind, look_at, windows
from core.runtime import THREADS_PER_IMAGE

if TYPE_CHECKING:
    from core.coding.standard import Samples, StandardCodec

#: Images of at most this many pixels are coded by everything that takes them.
_SMALL_PIXELS = 2**14
#: A sample is made of four windows of this side.
_SAMPLE_SIDE = 128
#: Below this many bits a sample by the quickest means, no image is a photograph.
_LEAST_BITS = 1.5
#: Where a sample takes nearly the same bytes either way, both are tried on all of it.
_NEARLY = 1.05


@dataclass(frozen=True)
class Coding:
    """Samples as chunks, and how; ``tried`` has the bytes of other methods on the same samples."""

    method: Method
    chunks: Sequence[bytes]
    tried: dict[Method, int]
    coder: str | None = None
    model: str | None = None
    report: Report | None = None

    @property
    def n_bytes(self) -> int:
        return sum(map(len, self.chunks))


def encode(
    samples: Samples,
    name: str,
    coder: str,
    codecs: Codecs,
    progress: ProgressListener,
    cancel: CancelToken,
) -> Coding | None:
    """Code (H, W, C) samples by whatever makes them smallest; None if nothing takes them.

    Raises ModelError and Cancelled.
    """
    n_pixels = samples.shape[0] * samples.shape[1]
    standard = [codec for codec in codecs.standard() if codec.takes(samples)]
    count = PixelCount(name, "encoding", n_pixels, progress)
    flow, others = _to_try(samples, standard, coder, codecs, cancel)
    if not (flow or others):
        return None
    found: list[Coding] = []
    if others:
        found += _by_standard(samples, others, count if not flow else ignore, cancel)
    if flow:
        found.append(_by_flow(samples, coder, codecs, count, cancel))
    count.finish()
    best = min(found, key=lambda coding: coding.n_bytes)
    tried = {coding.method: coding.n_bytes for coding in found if coding is not best}
    return Coding(best.method, best.chunks, tried, best.coder, best.model, best.report)


def _to_try(
    samples: Samples,
    standard: Sequence[StandardCodec],
    coder: str,
    codecs: Codecs,
    cancel: CancelToken,
) -> tuple[bool, Sequence[StandardCodec]]:
    """Whether the flow is worth its time, and which of the others are."""
    if samples.dtype != np.uint8 or samples.shape[2] not in (1, 3):
        return False, standard
    if not standard:
        return True, ()
    if samples.shape[0] * samples.shape[1] <= _SMALL_PIXELS:
        return True, standard
    kind = look_at(samples).kind
    if kind is Kind.DRAWN:
        return False, standard
    if kind is Kind.PHOTOGRAPH and _quick_bits(samples) > _LEAST_BITS:
        return True, ()
    sample = _sample_of(samples)
    by_flow = _by_flow(sample, coder, codecs, ignore, cancel).n_bytes
    by_others = min(each.n_bytes for each in _by_standard(sample, standard, ignore, cancel))
    if by_flow * _NEARLY < by_others:
        return True, ()
    return by_flow < by_others * _NEARLY, standard


def _quick_bits(samples: Samples) -> float:
    from core.coding.standard import quick_bytes

    return 8 * quick_bytes(samples) / samples.size


def _sample_of(samples: Samples) -> Samples:
    """Four windows of an image, side by side; all of it where it is not much larger."""
    if min(samples.shape[:2]) < 2 * _SAMPLE_SIDE:
        return np.ascontiguousarray(samples[: 4 * _SAMPLE_SIDE, : 4 * _SAMPLE_SIDE])
    parts = windows(samples, _SAMPLE_SIDE, 2)
    return np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])


def _by_flow(
    samples: Samples, coder: str, codecs: Codecs, on_pixels: PixelListener, cancel: CancelToken
) -> Coding:
    codec = codecs.own()
    coded = codec.encode(samples, coder=coder, on_pixels=on_pixels, cancel=cancel)
    return Coding(Method.PHOTO, coded.chunks, {}, coder, codec.model_id, coded.report)


def _by_standard(
    samples: Samples,
    standard: Sequence[StandardCodec],
    on_pixels: PixelListener,
    cancel: CancelToken,
) -> list[Coding]:
    threads = min(os.cpu_count() or 1, THREADS_PER_IMAGE)
    calls = [partial(codec.encode, samples, threads) for codec in standard]
    share = samples.shape[0] * samples.shape[1] // len(standard)
    chunks = beside(calls, cancel, lambda: on_pixels(share))
    return [
        Coding(Method(codec.name), [data], {}) for codec, data in zip(standard, chunks, strict=True)
    ]


def decode_standard(
    method: str, chunks: Sequence[bytes], shape: tuple[int, int, int], cancel: CancelToken
) -> Pixels:
    """The samples of an image of a standard format. Raises DamagedChunkError and Cancelled."""
    from core.coding.standard import STANDARD

    codec = next(each for each in STANDARD if each.name == method)
    call = partial(codec.decode, b"".join(chunks), shape, np.uint8)
    return beside([call], cancel)[0]
