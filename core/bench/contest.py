"""Codecs on the same pixels, one after the other: measured, and verified by decoding."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from core.arrays import Pixels
from core.control import CancelToken, PixelListener, ignore
from core.errors import Cancelled, FloeError

#: Why a contender has no figures; a FloeError brings its own sentence.
NOT_INSTALLED = "not installed"
REFUSED = "cannot code this image"
OTHER_PIXELS = "gave back other pixels"


@dataclass(frozen=True)
class CodedPixels:
    """Pixels as a contender coded them, for its own decoder, and their lengths."""

    data: Any
    n_bytes: int
    theoretical_bits: float | None = None
    borrowed_bits: int | None = None
    lost_bits: int | None = None
    network_seconds: float | None = None
    coding_seconds: float | None = None
    net: bool = False  # n_bytes excludes borrowed bits, which the decoder gives back


class Contender(Protocol):
    """A lossless codec of (H, W, C) uint8 pixels.

    RuntimeError and ValueError from coding or decoding mean that it does not support the image;
    the message of a FloeError is shown.
    """

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> str: ...

    @property
    def version(self) -> str:
        """Read before the clock starts: models may be loaded here."""

    @property
    def available(self) -> bool: ...

    def encode(
        self, pixels: Pixels, on_pixels: PixelListener, cancel: CancelToken, /
    ) -> CodedPixels: ...

    def decode(
        self,
        coded: CodedPixels,
        shape: tuple[int, int, int],
        on_pixels: PixelListener,
        cancel: CancelToken,
        /,
    ) -> Pixels: ...


@dataclass(frozen=True)
class Attempt:
    """The result of one contender. Without a problem, bytes and seconds are known."""

    name: str
    settings: str
    version: str = ""
    n_bytes: int | None = None
    bits_per_dim: float | None = None
    theoretical_bpd: float | None = None
    borrowed_bits: int | None = None
    lost_bits: int | None = None
    encode_seconds: float | None = None
    decode_seconds: float | None = None
    network_seconds: float | None = None  # of encoding
    coding_seconds: float | None = None  # of encoding
    net: bool = False  # a length without borrowed bits, as for research models
    problem: str = ""


#: Called with a contender's name and the completed share of its work, from 0 to 1.
ContestListener = Callable[[str, float], None]


def contest(
    pixels: Pixels,
    contenders: Sequence[Contender],
    *,
    on_progress: ContestListener | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[Attempt]:
    """Encodes and decodes the pixels by each contender, in this order.

    Raises Cancelled, between two contenders or earlier.
    """
    cancel = cancel or CancelToken()
    for contender in contenders:
        cancel.check()
        yield _attempt(pixels, contender, on_progress, cancel)


def _attempt(
    pixels: Pixels,
    contender: Contender,
    on_progress: ContestListener | None,
    cancel: CancelToken,
) -> Attempt:
    nothing = Attempt(contender.name, contender.settings)
    if not contender.available:
        return replace(nothing, problem=NOT_INSTALLED)
    on_pixels: PixelListener = ignore
    if on_progress is not None:
        on_progress(contender.name, 0.0)
        on_pixels = _Fraction(contender.name, 2 * pixels.shape[0] * pixels.shape[1], on_progress)
    try:
        nothing = replace(nothing, version=contender.version)
        began = time.perf_counter()
        coded = contender.encode(pixels, on_pixels, cancel)
        encoded = time.perf_counter()
        shape = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
        again = contender.decode(coded, shape, on_pixels, cancel)
        decoded = time.perf_counter()
    except Cancelled:
        raise
    except FloeError as error:
        return replace(nothing, problem=str(error))
    except (RuntimeError, ValueError):  # imagecodecs' errors: its WebP ends at 16,382 pixels a side
        return replace(nothing, problem=REFUSED)
    if not np.array_equal(again, pixels):
        return replace(nothing, problem=OTHER_PIXELS)
    bits = coded.theoretical_bits
    return replace(
        nothing,
        n_bytes=coded.n_bytes,
        bits_per_dim=8 * coded.n_bytes / pixels.size,
        theoretical_bpd=None if bits is None else bits / pixels.size,
        borrowed_bits=coded.borrowed_bits,
        lost_bits=coded.lost_bits,
        encode_seconds=encoded - began,
        decode_seconds=decoded - encoded,
        network_seconds=coded.network_seconds,
        coding_seconds=coded.coding_seconds,
        net=coded.net,
    )


class _Fraction:
    """Turns completed pixels of encoding and decoding into a share of both."""

    def __init__(self, name: str, total: int, tell: ContestListener) -> None:
        self._name, self._total, self._tell, self._done = name, total, tell, 0

    def __call__(self, more: int) -> None:
        self._done += more
        self._tell(self._name, min(1.0, self._done / self._total))
