"""Streams come back byte for byte, and those by zlib from their settings alone."""

from __future__ import annotations

import zlib

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.control import CancelToken
from core.errors import Cancelled
from core.images.deflate import DeflateError, describe, write

#: The recipe of a stream that zlib wrote.
EXACT_BYTES = 5


@st.composite
def plain_bytes(draw: st.DrawFn) -> bytes:
    """Bytes with repetitions near and far, as rows of images have, or noise."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    out = bytearray()
    for _ in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["noise", "few", "copy", "run", "ramp"]))
        n = draw(st.integers(1, 3_000))
        if kind == "noise":
            out += rng.integers(0, 256, n, dtype=np.uint8).tobytes()
        elif kind == "few":
            out += rng.integers(0, draw(st.integers(1, 6)), n, dtype=np.uint8).tobytes()
        elif kind == "run":
            out += bytes([draw(st.integers(0, 255))]) * n
        elif kind == "ramp":
            out += np.arange(n).astype(np.uint8).tobytes()
        elif out:
            start = draw(st.integers(0, len(out) - 1))
            out += out[start : start + n]
    return bytes(out)


def by_zlib(plain: bytes, level: int, window: int, memory: int, strategy: int) -> bytes:
    deflater = zlib.compressobj(level, zlib.DEFLATED, window, memory, strategy)
    return deflater.compress(plain) + deflater.flush()


def is_zlib() -> bool:
    """Whether Python has zlib itself, of a version whose decisions are the ones written here."""
    version = zlib.ZLIB_RUNTIME_VERSION
    return "ng" not in version and version.startswith(("1.2.1", "1.3"))


@settings(max_examples=60, deadline=None)
@given(
    plain_bytes(), st.integers(1, 9), st.integers(9, 15), st.integers(1, 9), st.integers(0, 4)
)
def test_streams_by_zlib_follow_from_their_settings(
    plain: bytes, level: int, window: int, memory: int, strategy: int
) -> None:
    stream = by_zlib(plain, level, window, memory, strategy)
    recipe = describe(stream, plain)
    assert write(plain, recipe) == stream
    if is_zlib():
        assert len(recipe) == EXACT_BYTES or recipe[0] == 0
