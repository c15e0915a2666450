"""The codec that archives get by default."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from core.archive import codec

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
