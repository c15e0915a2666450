"""Streams come back byte for byte, and those by zlib from their settings alone."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.control import CancelToken
from core.errors import Cancelled
from core.images.deflate import DeflateError, describe, write

#: The length of the recipe of a stream that zlib wrote.
EXACT_BYTES = 5


@st.composite
def plain_bytes(draw: st.DrawFn) -> bytes:
    """Bytes with repetitions near and far, as rows of images have, or noise."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    out = bytearray()
    for _ in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["noise", "few", "copy", "run", "ramp"]))
        n = draw(st.integers(1, 2_500))
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


def photograph(n_rows: int = 24) -> bytes:
    """Differences of rows of a smooth picture with noise, as a PNG has them."""
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[0:n_rows, 0:600]
    picture = np.sin(rows / 20) * 90 + np.cos(columns / 31) * 30 + rng.normal(0, 2, rows.shape)
    return np.diff(picture.astype(np.uint8), axis=1, prepend=0).tobytes()


def by_zlib(plain: bytes, level: int, window: int, memory: int, strategy: int) -> bytes:
    deflater = zlib.compressobj(level, zlib.DEFLATED, window, memory, strategy)
    return deflater.compress(plain) + deflater.flush()


def is_zlib() -> bool:
    """Whether Python has zlib itself, and so makes the streams that follow from settings."""
    return zlib.ZLIB_RUNTIME_VERSION.replace(".", "").isdigit()


@settings(max_examples=30, deadline=None)
@given(plain_bytes(), st.integers(0, 9), st.integers(9, 15), st.integers(1, 9), st.integers(0, 4))
def test_streams_come_back(
    plain: bytes, level: int, window: int, memory: int, strategy: int
) -> None:
    stream = by_zlib(plain, level, window, memory, strategy)
    recipe = describe(stream, plain)
    assert write(plain, recipe) == stream
    assert len(recipe) < 100 + len(plain) // 1_000


@pytest.mark.skipif(not is_zlib(), reason="Python has another library in zlib's place")
@pytest.mark.parametrize("level", range(1, 10))
@pytest.mark.parametrize("strategy", [zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED])
def test_streams_by_zlib_follow_from_their_settings(level: int, strategy: int) -> None:
    plain = photograph(30) + photograph(1) * 3  # two blocks, and long matches
    for memory in (8, 9):
        stream = by_zlib(plain, level, 15, memory, strategy)
        recipe = describe(stream, plain)
        assert len(recipe) == EXACT_BYTES
        assert write(plain, recipe) == stream


@pytest.mark.skipif(not is_zlib(), reason="Python has another library in zlib's place")
@pytest.mark.parametrize("strategy", [zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED])
def test_so_do_those_of_other_strategies(strategy: int) -> None:
    plain = photograph(8) + bytes(900)
    for memory in (1, 4, 9):
        stream = by_zlib(plain, 6, 15, memory, strategy)
        assert len(describe(stream, plain)) == EXACT_BYTES
        assert write(plain, describe(stream, plain)) == stream


def _flushed(plain: bytes) -> bytes:
    deflater = zlib.compressobj()
    half = len(plain) // 2
    out = deflater.compress(plain[:half]) + deflater.flush(zlib.Z_SYNC_FLUSH)
    out += deflater.flush(zlib.Z_FULL_FLUSH) + deflater.compress(plain[half:])
    return out + deflater.flush()


OTHERS: dict[str, Callable[[bytes], bytes]] = {
    "libdeflate": lambda plain: bytes(imagecodecs.deflate_encode(plain, 6)),
    "libdeflate 12": lambda plain: bytes(imagecodecs.deflate_encode(plain, 12)),
    "zlib-ng 1": lambda plain: bytes(imagecodecs.zlibng_encode(plain, 1)),
    "zopfli": lambda plain: bytes(imagecodecs.zopfli_encode(plain)),
    "flushed": _flushed,
}


@pytest.mark.parametrize("level", [5, 6, 7, 8])
def test_streams_by_zlib_ng_follow_from_their_settings(level: int) -> None:
    plain = photograph(40) + photograph(1) * 3
    stream = bytes(imagecodecs.zlibng_encode(plain, level))
    recipe = describe(stream, plain)
    assert write(plain, recipe) == stream
    assert len(recipe) < EXACT_BYTES + 40


@pytest.mark.parametrize("name", OTHERS)
def test_streams_by_others_come_back(name: str) -> None:
    plain = photograph(9) + bytes(range(256)) * 4 + photograph(9)
    stream = OTHERS[name](plain)
    assert zlib.decompress(stream) == plain
    recipe = describe(stream, plain)
    assert write(plain, recipe) == stream
    assert len(recipe) < len(stream) // 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda stream: stream[:-1], "checksum"),
        (lambda stream: stream[:-2] + b"ab", "checksum"),
        (lambda stream: stream + b"x", "other bytes"),
        (lambda stream: stream[:60], "cut short|invalid"),
        (lambda stream: b"\x78\x9d" + stream[2:], "no zlib stream"),
        (lambda stream: b"\x78\xbb" + stream[2:], "dictionary"),
        (lambda stream: b"", "no zlib stream"),
        (lambda stream: stream[:2] + b"\x07" + stream[3:], "unknown kind"),
    ],
)
def test_a_stream_without_a_recipe_says_why(change: Callable[[bytes], bytes], reason: str) -> None:
    plain = photograph(8)
    with pytest.raises(DeflateError, match=reason):
        describe(change(zlib.compress(plain)), plain)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_streams_are_refused_or_come_back(data: st.DataObject) -> None:
    plain = photograph(4) + bytes(700)
    stream = bytearray(by_zlib(plain, data.draw(st.sampled_from([0, 1, 6])), 15, 8, 0))
    for _ in range(data.draw(st.integers(1, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    try:
        recipe = describe(bytes(stream), plain)
    except DeflateError:
        return
    again = write(plain, recipe)
    with contextlib.suppress(zlib.error):  # damaged in what describe need not look at
        assert again == stream or zlib.decompress(stream) != plain


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=40), st.sampled_from([b"", b"\x00\x78\x9c\x86\xf0", b"\x01\x78\x9c\x81\xf3"])
)
@example(b"", b"\x00\x78\x9c\x86\xf0")
def test_any_recipe_gives_a_stream_or_an_error(recipe: bytes, begin: bytes) -> None:
    plain = photograph(4)
    try:
        stream = write(plain, begin + recipe)
    except DeflateError:
        return
    assert isinstance(stream, bytes)


def test_both_ways_can_be_cancelled() -> None:
    plain = photograph()
    stream = zlib.compress(plain)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        describe(stream, plain, cancel)
    with pytest.raises(Cancelled):
        write(plain, describe(stream, plain), cancel)


def test_a_stream_of_very_many_blocks_is_refused() -> None:
    empty = b"\x00\x00\x00\xff\xff"  # a stored block of no bytes
    stream = b"\x78\x9c" + empty * 5_000 + b"\x01\x00\x00\xff\xff" + b"\0\0\0\1"
    assert zlib.decompress(stream) == b""
    with pytest.raises(DeflateError, match="very many blocks"):
        describe(stream, b"")
