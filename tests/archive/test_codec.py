"""The codec that archives get by default."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from core.archive import codec
from core.archive.codec import Codecs
from core.errors import ModelError
from tests.fakes import FakeCodec

_LOADED_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
import torch
from core.archive.codec import load_photo_codec
torch.set_num_threads(3)
with ThreadPoolExecutor(4) as pool:
    codecs = list(pool.map(lambda _: load_photo_codec(), range(4)))
print([c._model.network.threads for c in [*codecs, load_photo_codec()]], torch.get_num_threads())
"""


def test_who_loads_it_at_the_same_time_gets_as_many_threads() -> None:
    """Though the first one tells torch to take one."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED_AT_ONCE],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[3, 3, 3, 3, 3] 1"


def test_an_image_gets_so_many_threads_and_no_more(monkeypatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    for available, expected in ((1, 1), (3, 3), (64, codec.THREADS_PER_IMAGE)):
        monkeypatch.setattr(torch, "get_num_threads", lambda n=available: n)
        assert codec._threads.__wrapped__() == expected
    assert told == [1, 1, 1]


def test_floes_own_codec_is_loaded_once_by_whichever_thread_comes_first() -> None:
    loaded: list[FakeCodec] = []

    def load() -> FakeCodec:
        time.sleep(0.01)
        loaded.append(FakeCodec())
        return loaded[-1]

    codecs = Codecs(load)
    assert not loaded
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: codecs.own(), range(8)))
    assert len(loaded) == 1
    assert all(each is loaded[0] for each in found)


def test_a_codec_that_could_not_be_loaded_is_tried_again() -> None:
    answers: list[Exception | FakeCodec] = [ModelError("damaged"), FakeCodec()]

    def load() -> FakeCodec:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    codecs = Codecs(load)
    with pytest.raises(ModelError):
        codecs.own()
    assert codecs.own() is codecs.own()


def test_carried_models_are_kept_by_the_hash_of_their_files_and_only_the_last_ones() -> None:
    own = FakeCodec()
    codecs = Codecs(lambda: own)
    asked: list[int] = []

    def file(number: int) -> bytes:
        asked.append(number)
        return own.model_file

    def carried(number: int) -> object:
        return codecs.carried(bytes([number]), lambda: file(number))

    first = carried(1)
    assert carried(1) is first
    carried(2)
    carried(1)
    assert asked == [1, 2]
    carried(3)  # the one that was used least lately makes room
    assert carried(1) is first
    carried(2)
    assert asked == [1, 2, 3, 2]
