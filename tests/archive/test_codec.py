"""The codec that archives get by default."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.archive.codec import Codecs
from core.errors import ModelError
from tests.fakes import FakeCodec


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
        return codecs.carried(own, bytes([number]), lambda: file(number))

    first = carried(1)
    assert carried(1) is first
    carried(2)
    carried(1)
    assert asked == [1, 2]
    carried(3)  # the one that was used least lately makes room
    assert carried(1) is first
    carried(2)
    assert asked == [1, 2, 3, 2]
