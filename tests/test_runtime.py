"""What Floe sets for the whole process: by calls, not by imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core import runtime

_NOTHING_CHANGED = """
import os, sys
before = dict(os.environ)
import torch
threads = torch.get_num_threads()
import core.coding.photo.codec, core.archive, core.engine, core.bench.contest
assert dict(os.environ) == before, set(os.environ.items()) ^ set(before.items())
assert torch.get_num_threads() == threads
"""

_LOADED_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
import torch
from core.runtime import configure_torch
torch.set_num_threads(3)
with ThreadPoolExecutor(4) as pool:
    threads = list(pool.map(lambda _: configure_torch(), range(4)))
print([*threads, configure_torch()], torch.get_num_threads())
"""


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_imports_change_nothing() -> None:
    _run(_NOTHING_CHANGED)


def test_threads_that_configure_torch_at_once_get_the_same_answer() -> None:
    """Though the first one gives torch a single thread."""
    assert _run(_LOADED_AT_ONCE) == "[3, 3, 3, 3, 3] 1"


def test_an_image_gets_the_threads_that_torch_had_up_to_a_limit(monkeypatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    for available, expected in ((1, 1), (3, 3), (64, runtime.THREADS_PER_IMAGE)):
        monkeypatch.setattr(torch, "get_num_threads", lambda n=available: n)
        assert runtime._configured.__wrapped__() == expected
    assert given == [1, 1, 1]


@pytest.mark.parametrize(("before", "after"), [(None, "3000"), ("7", "7")])
def test_openmp_is_told_to_wait_unless_the_user_has_said_otherwise(
    monkeypatch, before, after
) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    if before:
        monkeypatch.setenv("GOMP_SPINCOUNT", before)
    runtime.configure_openmp()
    assert runtime.os.environ["GOMP_SPINCOUNT"] == after
