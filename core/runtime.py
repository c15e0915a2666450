"""What Floe sets in libraries for the whole process. Programs call it; no import does."""

from __future__ import annotations

import os
from functools import cache
from threading import Lock

#: Threads of one image's networks. With more of them the networks hardly gain; images beside
#: each other do.
THREADS_PER_IMAGE = 4

#: Memory that coding one tile of 1,024 x 1,024 takes, besides the picture: 750 MiB measured.
TILE_BYTES = 800 * 2**20

_CONFIGURING = Lock()


def configure_openmp() -> None:
    """Keeps waiting OpenMP threads from spinning. Call it before anything imports torch.

    GNU's OpenMP, on which torch's threads run on Linux, lets a thread that waits for another one
    spin for very long. Beside any other busy program that made encoding 30 times slower. It reads
    this variable when torch is loaded; a value that the user has set stays.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")


def configure_torch() -> int:
    """Gives each torch operation one thread; returns how many threads an image may have.

    These are the threads that torch would have taken, up to THREADS_PER_IMAGE. Floe's networks
    compute squares of a picture side by side, each on a thread of its own, which is faster than
    several threads that wait for each other inside of an operation. May be called at any time and
    from any thread; the first call counts.
    """
    with _CONFIGURING:  # or a second thread would find the one thread that the first one set
        return _configured()


@cache
def _configured() -> int:
    configure_openmp()
    import torch

    threads = min(torch.get_num_threads(), THREADS_PER_IMAGE)
    torch.set_num_threads(1)
    return threads


def tiles_at_once(threads: int) -> int:
    """How many tiles of an image to code at the same time: one a thread, in a quarter of memory."""
    return max(1, min(threads, _memory_bytes() // 4 // TILE_BYTES))


def _memory_bytes() -> int:
    """The machine's memory; 8 GiB where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 * 2**30
