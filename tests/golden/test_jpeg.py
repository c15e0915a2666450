"""JPEG files archived once: every version must read them, and code them to the same bytes."""

from __future__ import annotations

import hashlib
import json

import pytest

from core.archive import Archive
from core.coding.efforts import Effort
from core.images.jpeg import take_apart
from tests.golden.make_jpeg import ARCHIVE, EXPECTED, codec_of
from tests.golden.reading import chunks_of

GOLDEN = json.loads(EXPECTED.read_text())


@pytest.fixture(scope="module")
def opened():
    """With the codecs that any Floe has: the models come out of the archive."""
    with Archive.open(ARCHIVE) as found:
        yield found


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", GOLDEN)
def test_the_file_comes_back_and_is_coded_to_the_same_bytes(opened, name):
    expected = GOLDEN[name]
    entry, data = opened.entry(name), opened.read_file(name)
    assert sha256(data) == expected["file_sha256"]
    assert (entry.kind, entry.model) == ("jpeg", expected["model"])
    stored = chunks_of(ARCHIVE, name)
    assert [sha256(chunk) for chunk in stored] == expected["chunk_sha256"]
    images, _ = take_apart(data)
    assert list(codec_of(Effort(expected["effort"])).encode(images).chunks) == stored


def test_every_effort_is_there_by_a_model_of_its_own():
    assert {e["effort"] for e in GOLDEN.values()} == set(Effort)
    assert len({e["model"] for e in GOLDEN.values()}) == len(Effort)
    assert all(e["kind"] == "jpeg" for e in GOLDEN.values())
