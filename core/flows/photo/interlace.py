"""The interlacing pyramid: a picture is its coarser half plus three phases that refine it.

Every 2x2 block of one level holds four phases::

    a b        a is the picture of the next coarser level,
    c d        d is coded given a, then b given a and d, then c given a, d and b.

Each phase is predicted first by the mean of its four nearest known neighbours (diagonal ones for
d, adjacent ones for b and c); the networks see how those neighbours differ from that mean. All of
it is arithmetic on small integers, so it is exact in float32 on any machine.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: Order in which a level's phases are coded, and where each lies in the 2x2 block (row, column).
PHASES: tuple[tuple[str, int, int], ...] = (("d", 1, 1), ("b", 0, 1), ("c", 1, 0))

#: Channels that :func:`context` makes for each position of a phase.
CONTEXT_CHANNELS = (17, 17, 20)

#: A picture of at most this many positions is not divided further; it is coded as it is.
COARSEST_POSITIONS = 16


def sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Height and width of each picture of the pyramid: the whole first, the coarsest last."""
    found = [(height, width)]
    while height * width > COARSEST_POSITIONS:
        height, width = (height + 1) // 2, (width + 1) // 2
        found.append((height, width))
    return found


def n_levels(height: int, width: int) -> int:
    """Levels of the pyramid: how often a picture of this size is halved."""
    return len(sizes(height, width)) - 1


def pyramid(picture: Tensor) -> list[Tensor]:
    """The pictures of the pyramid, (..., h, w) each: the given one first, the coarsest last."""
    pictures = [picture]
    for _ in range(n_levels(*picture.shape[-2:])):
        pictures.append(pictures[-1][..., 0::2, 0::2].contiguous())
    return pictures


def _shifted(x: Tensor, down: int, right: int) -> Tensor:
    """x moved by one position, its border repeated: result[i, j] = x[i + down, j + right]."""
    height, width = x.shape[-2:]
    padded = F.pad(x, (int(right < 0), int(right > 0), int(down < 0), int(down > 0)), "replicate")
    top, left = max(down, 0), max(right, 0)
    return padded[..., top : top + height, left : left + width]


def neighbours(phase: int, a: Tensor, d: Tensor | None = None) -> tuple[Tensor, ...]:
    """The four known neighbours nearest to a phase, each (N, 3, h, w) on the grid of ``a``."""
    if phase == 0:
        below = _shifted(a, 1, 0)
        return a, _shifted(a, 0, 1), below, _shifted(below, 0, 1)
    assert d is not None, "b and c are coded after d"
    if phase == 1:
        return a, _shifted(a, 0, 1), d, _shifted(d, -1, 0)
    return a, _shifted(a, 1, 0), d, _shifted(d, 0, -1)


def prediction(known: tuple[Tensor, ...]) -> Tensor:
    """Mean of four neighbours, rounded half up to an integer."""
    return torch.floor((known[0] + known[1] + known[2] + known[3] + 2) * 0.25)


def context(known: tuple[Tensor, ...], mean: Tensor, b: Tensor | None = None) -> Tensor:
    """The input of a network: a phase's neighbourhood, relative to its mean.

    Returns (N, 17, h, w), integers: neighbour minus mean for 4 neighbours of 3 channels, the mean
    minus 128, and how far red and blue of the mean lie from its green; for phase c (N, 20, h, w),
    with b minus the mean at the end.
    """
    green = mean[:, 1:2]
    colour = torch.cat([mean[:, 0:1] - green, mean[:, 2:3] - green], 1)
    parts = [*(n - mean for n in known), mean - 128, colour]
    return torch.cat(parts if b is None else [*parts, b - mean], 1)
