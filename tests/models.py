"""Small models for tests: random weights, quantised and written as trained ones are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.arrays import Integers
from core.flows.photo import interlace
from core.flows.photo.cdf import MixtureCdf, Tables
from core.flows.photo.loading import PhotoModel
from core.flows.photo.model import CHANNEL_ORDER, Photo, PhotoConfig
from core.flows.photo.walk import Piece, walk
from core.training.export import write_model
from core.training.quantise import quantise

SMALL = PhotoConfig(width=8, blocks=(2, 1, 1), head_width=8, components=3, weight_sets=2)


def small_photo(seed: int = 1) -> Photo:
    """A float model whose random weights are large enough that every part matters."""
    torch.manual_seed(seed)
    model = Photo(SMALL)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5).add_(0.05 * torch.randn_like(parameter))
    return model.eval()


def crops(count: int = 8, size: int = 32, seed: int = 2) -> torch.Tensor:
    """Smooth random pictures with some noise: (count, 3, size, size) uint8."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand((count, 3, 4, 4), generator=random) * 255
    smooth = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic")
    noise = torch.randn(smooth.shape, generator=random) * 4
    return (smooth + noise).clamp(0, 255).to(torch.uint8)


def small_model(folder: Path, seed: int = 1) -> PhotoModel:
    """A small integer model, through its file."""
    return write_model(quantise(small_photo(seed), crops()), SMALL, folder / "small.safetensors")


def piece_of(step: Any, tables: Tables, width: int) -> Piece:
    """The piece that a step of the reference gives for a picture of this width."""
    parameters, channel, (rows, columns) = step
    cdf = MixtureCdf.of_parameters(*(p.astype(np.float32) for p in parameters), tables)
    corner = int(rows[0] % 2), int(columns[0] % 2)
    across = (width - corner[1] + 1) // 2
    start = int(rows[0] // 2 * across + columns[0] // 2)
    piece = Piece(cdf, cdf, channel, corner, across, slice(start, start + len(rows)))
    assert all(map(np.array_equal, piece.positions, (rows, columns)))
    return piece


def smooth_bits(model: PhotoModel, picture: Tensor) -> float:
    """Bits of a picture (3, H, W) uint8 by the smooth mixtures of the integer network.

    That is what training computes: without the cells of integers by which the coder rounds.
    """
    pictures = interlace.pyramid(picture.float()[None])
    bits = [8.0 * pictures[-1].numel()]

    def code(piece: Piece) -> Integers:
        values: Integers = planes[piece.channel][piece.positions]
        mixture, tables = piece.mixture, model.tables
        inverse = mixture.inverse_scales.astype(float)
        inverse /= tables.inverse_scale[-tables.smallest_log_scale]
        distance = values - mixture.means.astype(float) / tables.mean_unit
        below = 1 / (1 + np.exp(np.clip(-(distance - 0.5) * inverse, -700, 700)))
        up_to = 1 / (1 + np.exp(np.clip(-(distance + 0.5) * inverse, -700, 700)))
        above = 1 / (1 + np.exp(np.clip((distance + 0.5) * inverse, -700, 700)))
        over = 1 / (1 + np.exp(np.clip((distance - 0.5) * inverse, -700, 700)))
        # The difference of the smaller tails keeps its precision.
        masses = np.where(distance > 0, over - above, up_to - below)
        masses = np.where(values == 0, up_to, np.where(values == 255, over, masses))
        bits.append(float(-np.log2((mixture.weights * masses).sum(0)).sum()))
        return values

    for number, (pixels, coarse) in enumerate(pairwise(pictures)):
        planes = pixels[0].numpy().astype(np.int64)
        size = (pixels.shape[-2], pixels.shape[-1])
        walk(model.network.level(number), model.tables, coarse, size, CHANNEL_ORDER, code)
    return sum(bits)
