"""Any bytes as an .xz stream, and back."""

from __future__ import annotations

import lzma
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.coding.xz import best_filters, compressed, decompressed
from core.errors import DamagedChunkError

FILTERS = best_filters(bytes(1000), 0.02)
assert FILTERS is not None


def packed(data: bytes) -> bytes:
    return b"".join(compressed([data], FILTERS or []))


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
def test_there_and_back_in_any_pieces(pieces: list[bytes], length: int) -> None:
    data = b"".join(pieces)
    stream = b"".join(compressed(pieces, FILTERS or []))
    cut = [stream[at : at + length] for at in range(0, len(stream), length)]
    assert b"".join(decompressed(cut, len(data))) == data
    assert lzma.decompress(stream) == data  # as any other program reads it


@given(st.data())
def test_what_is_damaged_never_passes_for_more_or_less(draws: st.DataObject) -> None:
    data = bytes(range(256)) * 4
    stream = bytearray(packed(data))
    for _ in range(draws.draw(st.integers(1, 3))):
        stream[draws.draw(st.integers(0, len(stream) - 1))] = draws.draw(st.integers(0, 255))
    del stream[draws.draw(st.integers(0, len(stream))) :]
    with suppress(DamagedChunkError):
        assert b"".join(decompressed([bytes(stream)], len(data))) == data


@pytest.mark.parametrize("more", [b"\0", b"\0" * 4])
def test_nothing_may_follow(more: bytes) -> None:
    with pytest.raises(DamagedChunkError):
        list(decompressed([packed(b"x") + more], 1))
    with pytest.raises(DamagedChunkError):
        list(decompressed([packed(b"x"), more], 1))


@pytest.mark.parametrize("n_bytes", [999, 1001, 0])
def test_a_file_of_another_length(n_bytes: int) -> None:
    with pytest.raises(DamagedChunkError):
        list(decompressed([packed(bytes(1000))], n_bytes))


def test_a_bomb_stops_at_the_length_of_its_file() -> None:
    stream = packed(bytes(100 * 2**20))
    tracemalloc.start()
    with pytest.raises(DamagedChunkError, match="longer"):
        list(decompressed([stream], 1000))
    assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    tracemalloc.stop()


def test_a_stream_that_asks_for_much_memory() -> None:
    hungry = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * 2**20}]
    stream = lzma.compress(b"x", lzma.FORMAT_XZ, filters=hungry)
    with pytest.raises(DamagedChunkError):
        list(decompressed([stream], 1))


def test_filters_fit_the_data() -> None:
    rng = np.random.default_rng(0)
    assert best_filters(rng.bytes(10_000), 0.02) is None
    slow = np.cumsum(rng.integers(-3, 4, 30_000)).astype("<i2").tobytes()
    plain, chosen = best_filters(b"a photograph of a photograph " * 50, 0.02), best_filters(slow, 0)
    assert plain is not None
    assert [f["id"] for f in plain] == [lzma.FILTER_LZMA2]
    assert chosen is not None
    assert chosen[0]["dist"] == 2
