"""Work side by side: its results in order, its callbacks on one thread, and failures at once."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import core.coding.photo.codec as module
from core.coding.photo.codec import PhotoCodec
from core.coding.photo.side_by_side import side_by_side
from core.control import CancelToken
from core.errors import Cancelled, DamagedChunkError
from core.images.tiles import tiles
from tests.models import crops, small_model


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("tiles")]


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_results_are_in_order_and_callbacks_on_this_thread(n_threads: int) -> None:
    called: list[tuple[int, int]] = []

    def work(item, post, check) -> int:
        time.sleep(0.002 * (5 - item))
        check()
        post(lambda: called.append((item, threading.get_ident())))
        return item * item

    assert side_by_side(work, range(6), n_threads) == [0, 1, 4, 9, 16, 25]
    assert sorted(item for item, _ in called) == list(range(6))
    assert {thread for _, thread in called} == {threading.get_ident()}
    assert not names()


def test_the_first_failure_stops_the_others() -> None:
    waiting = threading.Event()
    stopped: list[int] = []

    def work(item, post, check) -> None:
        if item == 0:
            waiting.wait(10)
            raise KeyError("failed")
        waiting.set()
        try:
            while True:
                check()
                time.sleep(0.001)
        except Cancelled:
            stopped.append(item)
            raise

    with pytest.raises(KeyError, match="failed"):
        side_by_side(work, range(9), 2)
    assert stopped == [1]  # the others never began
    assert not names()


def test_a_callback_that_fails_stops_the_work() -> None:
    def fail() -> None:
        raise KeyError("callback")

    def work(item, post, check) -> None:
        post(fail)
        while True:
            check()
            time.sleep(0.001)

    with pytest.raises(KeyError, match="callback"):
        side_by_side(work, range(3), 3)
    assert not names()


@pytest.fixture(scope="module")
def codec(tmp_path_factory) -> PhotoCodec:
    return PhotoCodec(small_model(tmp_path_factory.mktemp("model")), tiles_at_once=3)


@pytest.fixture
def small_tiles(monkeypatch) -> None:
    monkeypatch.setattr(module, "tiles", lambda h, w: tiles(h, w, size=16))


def picture() -> np.ndarray:
    return np.ascontiguousarray(crops(1, 64)[0].permute(1, 2, 0).numpy()[:60, :45])


def test_tiles_side_by_side_give_the_same_bytes_and_reports(codec, small_tiles) -> None:
    alone, pixels = PhotoCodec(codec._model), picture()
    here: set[int] = set()
    done: list[int] = []

    def on_pixels(count: int) -> None:
        here.add(threading.get_ident())
        done.append(count)

    expected, found = alone.encode(pixels), codec.encode(pixels, on_pixels=on_pixels)
    assert len(found.chunks) == 12
    assert found.chunks == expected.chunks
    assert found.report.theoretical_bits == expected.report.theoretical_bits
    assert found.report.lost_bits == expected.report.lost_bits
    assert sum(done) == 60 * 45
    done.clear()
    shown: list[tuple[int, int]] = []

    def on_tile(tile, known) -> None:
        here.add(threading.get_ident())
        if known.shape[:2] == (tile.height, tile.width):
            shown.append((tile.row, tile.column))

    maps = np.empty((2, 60, 45), np.float32)
    again = codec.decode(
        found.chunks, pixels.shape, coder="fused", on_pixels=on_pixels, on_tile=on_tile,
        bits=maps[0],
    )  # fmt: skip
    alone.decode(found.chunks, pixels.shape, coder="fused", bits=maps[1])
    assert np.array_equal(again, pixels)
    assert np.array_equal(maps[0], maps[1])
    assert sum(done) == 60 * 45
    assert len(set(shown)) == len(shown) == 12
    assert here == {threading.get_ident()}
    for side in (5, 20):
        coarse = [c.decode_coarse(found.chunks, pixels.shape, side, coder="fused")
                  for c in (codec, alone)]  # fmt: skip
        assert np.array_equal(*coarse)


def test_seconds_of_tiles_side_by_side_are_those_that_passed(codec, small_tiles) -> None:
    began = time.perf_counter()
    report = codec.encode(picture()).report
    elapsed = time.perf_counter() - began
    assert 0 < report.network_seconds + report.coding_seconds <= elapsed
    assert min(report.network_seconds, report.coding_seconds) > 0


def test_a_damaged_tile_is_reported_and_the_others_stop(codec, small_tiles) -> None:
    pixels = picture()
    chunks = list(codec.encode(pixels).chunks)
    chunks[4] = chunks[4][:-3]
    with pytest.raises(DamagedChunkError):
        codec.decode(chunks, pixels.shape, coder="fused")
    assert not names()


def test_cancelling_stops_all_tiles(codec, small_tiles) -> None:
    cancel = CancelToken()

    def on_pixels(_: int) -> None:
        cancel.cancel()

    with pytest.raises(Cancelled):
        codec.encode(picture(), on_pixels=on_pixels, cancel=cancel)
    assert not names()
