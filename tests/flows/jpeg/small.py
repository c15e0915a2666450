"""A small random model of JPEG files, and coefficients for it."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray

from core.flows.jpeg.loading import JpegModel, jpeg_model
from core.flows.jpeg.model import Jpeg, JpegConfig, NetConfig
from core.training.jpeg_export import model_file

TABLE = np.array([3 + k // 4 for k in range(62)] + [1, 255], dtype=np.int32)

CONFIG = JpegConfig(
    luma=NetConfig(width=16, blocks=2, hidden=(8, 5, 3), table_width=6),
    chroma=NetConfig(width=8, blocks=1, hidden=(4, 4, 2), n_given=2, given_blocks=1, table_width=6),
)


def network(seed: int = 1) -> Jpeg:
    """Random weights, large enough that all layers matter."""
    torch.manual_seed(seed)
    model = Jpeg(CONFIG).eval().requires_grad_(False)
    for net in (model.luma, model.chroma):
        usual = torch.from_numpy(60 * TABLE / (1 + np.arange(64)))
        net.usual.copy_(usual)
        net.given_usual.copy_(usual.expand_as(net.given_usual))
        net.from_known.normal_(std=0.03)
        net.from_block.normal_(std=0.02)
        net.lean_left.normal_(std=0.03)
        net.lean_above.normal_(std=0.03)
        for weight in net.head.outputs:
            weight.normal_(std=0.02)
        net.head.output_bias[:, 6:9] += 2  # wide enough for most
        for layer in (net.embed, net.near, net.table_in, net.table_out):
            layer.conv.bias.normal_(std=0.5)
    return model


@functools.cache
def model(seed: int = 1) -> JpegModel:
    return jpeg_model(model_file(network(seed)))


def coefficients(
    rows: int, columns: int, seed: int, spread: float = 30, extremes: float = 0.002
) -> NDArray[np.int16]:
    """(rows, columns, 64), mostly small, some extreme."""
    random = np.random.default_rng(seed)
    x = np.rint(random.laplace(size=(rows, columns, 64)) * spread / (1 + np.arange(64)))
    extreme = random.random(x.shape) < extremes
    x[extreme] = random.integers(-32768, 32768, extreme.sum())
    return x.astype(np.int16)
