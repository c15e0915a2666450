"""Samples in formats that every system reads: JPEG XL and WebP, both without loss.

Their bytes follow a published format with decoders in many hands, so they stay readable whatever
becomes of Floe; which version of a library wrote them does not matter. They are best at what no
photograph is: screens, drawings, few colours, and at depths that the flow does not know.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import DamagedChunkError

#: (H, W, C) uint8 or uint16: grey, grey and alpha, RGB, RGB and alpha.
Samples = NDArray[Any]

#: Larger images are coded by the quicker settings: the others take seconds for a megapixel.
THOROUGH_PIXELS = 8_000_000

_MANY_SAMPLES = 3_000_000

#: The longest side of a WebP image (RFC 9649, section 2.7).
_WEBP_SIDE = 16_383
#: Its encoder takes 24 bytes for a pixel, at any setting; that of JPEG XL 8, and 26 at effort 9.
_WEBP_PIXELS = 64_000_000
#: Both formats know more, and our images never have so many.
_JPEG_XL_SIDE = 2**30


@dataclass(frozen=True)
class StandardCodec:
    """A lossless codec of a standard format; all functions release the interpreter's lock."""

    name: str  # as the column ``codec`` has it
    takes: Callable[[Samples], bool]
    encode: Callable[[Samples, int], bytes]  # on so many threads, which change no byte
    decode_into: Callable[[bytes, Samples], object]

    def decode(self, data: bytes, shape: tuple[int, int, int], dtype: Any) -> Samples:
        """The samples of this shape. Raises DamagedChunkError, for another shape as well."""
        out: Samples = np.empty(shape, dtype)
        try:
            self.decode_into(data, out)
        except Exception as error:  # each library has its own
            raise DamagedChunkError(f"{self.name}: {error}") from error
        return out


def quick_bytes(samples: Samples) -> int:
    """What the quickest lossless code takes: a hundredth of a second for a megapixel."""
    squeezed = np.ascontiguousarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    return len(imagecodecs.jpegxl_encode(squeezed, lossless=True, effort=1, numthreads=1))


def _encode_jpeg_xl(samples: Samples, n_threads: int) -> bytes:
    effort = 9 if _is_quick(samples) else 7
    squeezed = np.ascontiguousarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    return bytes(
        imagecodecs.jpegxl_encode(squeezed, lossless=True, effort=effort, numthreads=n_threads)
    )


def _decode_jpeg_xl(data: bytes, out: Samples) -> None:
    imagecodecs.jpegxl_decode(data, numthreads=1, out=out[..., 0] if out.shape[2] == 1 else out)


def _encode_webp(samples: Samples, n_threads: int) -> bytes:
    n_colours = samples.shape[2] - (samples.shape[2] % 2 == 0)
    if n_colours == 1:  # WebP knows no grey: three equal channels cost it next to nothing
        grey = np.repeat(samples[..., :1], 3, axis=2)
        samples = np.concatenate([grey, samples[..., 1:]], axis=2)
    image, file = Image.fromarray(np.ascontiguousarray(samples)), io.BytesIO()
    method = 6 if _is_quick(samples) else 4
    # Where there are few colours, method 6 takes ten seconds for a megapixel, to save 0.5 %.
    if method == 6 and samples.size > _MANY_SAMPLES and image.getcolors(256) is not None:
        method = 5
    image.save(
        file,
        "WEBP",
        lossless=True,
        exact=True,  # the colours of what is transparent
        quality=100,
        method=method,
    )
    return file.getvalue()


def _decode_webp(data: bytes, out: Samples) -> None:
    height, width, channels = out.shape
    has_alpha = channels % 2 == 0
    found = np.empty((height, width, 3 + has_alpha), np.uint8)
    imagecodecs.webp_decode(data, hasalpha=has_alpha, out=found)
    if channels > 2:
        out[...] = found
    else:
        out[..., 0], out[..., 1:] = found[..., 0], found[..., 3:]


def _is_quick(samples: Samples) -> bool:
    return bool(samples.shape[0] * samples.shape[1] <= THOROUGH_PIXELS)


JPEG_XL = StandardCodec(
    "jpegxl",
    lambda samples: max(samples.shape[:2]) <= _JPEG_XL_SIDE,
    _encode_jpeg_xl,
    _decode_jpeg_xl,
)
WEBP = StandardCodec(
    "webp",
    lambda samples: (
        samples.dtype == np.uint8
        and max(samples.shape[:2]) <= _WEBP_SIDE
        and samples.shape[0] * samples.shape[1] <= _WEBP_PIXELS
    ),
    _encode_webp,
    _decode_webp,
)

#: All of them, in the order in which equal ones are preferred.
STANDARD = (JPEG_XL, WEBP)
