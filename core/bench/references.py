"""The codecs that Floe is compared with, each behind the same two functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import imagecodecs
import numpy as np

from core.arrays import Pixels


@dataclass(frozen=True)
class Codec:
    """A lossless codec at certain settings, on one thread.

    ``encode`` takes (H, W, C) uint8 with C = 1, 3 or 4; ``decode``, told C, gives the same back.
    """

    name: str
    settings: str
    version: str  # of the library
    available: bool  # in this installation; else it can neither encode nor decode
    encode: Callable[[Pixels], bytes]
    decode: Callable[[bytes, int], Pixels]


def installed(*, thorough: bool = False) -> list[Codec]:
    """The codecs of this installation at the settings that people use.

    ``thorough`` adds the settings at which they are smallest, which may take half a minute for
    a megapixel.
    """
    return [codec for codec in known(thorough=thorough) if codec.available]


def known(*, thorough: bool = False) -> list[Codec]:
    """The same, and those that this installation lacks."""
    codecs = [_png(), _webp(75, 4), *[_webp(100, 6)] * thorough]
    return [*codecs, _jpeg_xl(7), *[_jpeg_xl(9)] * thorough]


def _png() -> Codec:
    return Codec(
        "PNG",
        "zlib level 9, filters chosen for each row",
        *_library(imagecodecs.PNG, lambda: imagecodecs.png_version()),
        # 0xF8: all filters; libpng takes the one of the smallest sum of differences
        lambda x: _bytes(imagecodecs.png_encode(_squeezed(x), level=9, filter=0xF8)),
        lambda data, channels: _channels(imagecodecs.png_decode(data)),
    )


def _webp(quality: int, method: int) -> Codec:
    encode = partial(imagecodecs.webp_encode, level=quality, lossless=True, method=method)
    return Codec(
        "WebP",
        f"lossless, quality {quality}, method {method}",
        *_library(imagecodecs.WEBP, lambda: imagecodecs.webp_version()),
        # WebP knows no grey: three equal channels cost it next to nothing.
        lambda x: _bytes(encode(np.repeat(x, 3, 2) if x.shape[2] == 1 else x, numthreads=1)),
        # Nor does it keep an alpha channel that is opaque everywhere.
        lambda data, channels: imagecodecs.webp_decode(data, hasalpha=channels == 4)[
            ..., :channels
        ],
    )


def _jpeg_xl(effort: int) -> Codec:
    encode = partial(imagecodecs.jpegxl_encode, lossless=True, effort=effort, numthreads=1)
    return Codec(
        "JPEG XL",
        f"lossless, effort {effort}",
        *_library(imagecodecs.JPEGXL, lambda: imagecodecs.jpegxl_version()),
        lambda x: _bytes(encode(_squeezed(x))),
        lambda data, channels: _channels(imagecodecs.jpegxl_decode(data, numthreads=1)),
    )


def _library(codec: Any, version: Callable[[], str]) -> tuple[str, bool]:
    """Name and version of the library behind a codec, and whether there is one."""
    return (version(), True) if codec.available else ("", False)


def _squeezed(x: Pixels) -> Pixels:
    """(H, W) of one channel, which is what most encoders take for grey."""
    return np.ascontiguousarray(x[..., 0] if x.shape[2] == 1 else x)


def _channels(x: Pixels) -> Pixels:
    return x[..., None] if x.ndim == 2 else x


def _bytes(data: bytes | bytearray) -> bytes:
    return bytes(data)
