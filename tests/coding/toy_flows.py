"""Flows of two dimensions, small enough that every point of a grid can be looked at."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from core.flows.flowpp import CIFAR10, Coupling, Flow, Normalise, Pointwise, StripeSplit, small

#: One channel, one row, two columns.
SHAPE = (1, 1, 2)


def toy_flow(seed: int, matrices: bool = False) -> Flow:
    """Two couplings, each of which bends one dimension as the other says; float64."""
    torch.manual_seed(seed)
    config = small(CIFAR10, width=8, blocks=1, components=3)
    layers: list[torch.nn.Module] = []
    for second in (False, True):
        split = StripeSplit(second)
        normalise = Normalise(split, SHAPE)
        for gain, bias in zip(normalise.gains, normalise.biases, strict=True):
            torch.nn.init.uniform_(gain, 0.7, 1.4)
            torch.nn.init.uniform_(bias, -0.3, 0.3)
        layers.append(normalise)
        if matrices:
            layers.append(Pointwise(split, SHAPE))
        coupling = Coupling(config, split, SHAPE)
        for parameter in coupling.network.last.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        layers.append(coupling)
    return Flow(layers).double().eval()


def log2_density(flow: Flow, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """log2 p(y) of points (M, 2)."""
    with torch.inference_mode():
        z, log_det = flow(torch.from_numpy(y).view(-1, *SHAPE))
    normal = -0.5 * z.square().flatten(1).sum(1) - math.log(2 * math.pi)
    return ((normal + log_det) / math.log(2)).numpy()
