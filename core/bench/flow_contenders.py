"""Small Flow++ models as contenders, by both local bits-back codes.

Research models: they compute in floating point, and archives are never coded by them. A length is
net, as the paper counts it: what was borrowed is given back by whoever decodes.
"""

from __future__ import annotations

import copy
import functools
import math
from pathlib import Path

import numpy as np
import torch

from core.arrays import Pixels
from core.bench.contest import CodedPixels, Contender
from core.coding.flowpp.black_box import BlackBox
from core.coding.flowpp.code import FlowPPCode, fresh_stack
from core.coding.flowpp.layers import ModularCoder
from core.control import CancelToken, PixelListener
from core.flows.flowpp import FlowPP
from core.flows.flowpp.files import FlowPPModel, bundled_flowpp, load_flowpp

_LARGEST_BLACK_BOX = 32


def fitting(shape: tuple[int, ...], *, black_box: bool = False) -> list[Contender]:
    """The models that come with the program and take RGB images of this shape, (H, W, C).

    black_box: also by Algorithm 1 of the paper, whose time grows with the cube of H W and whose
    memory with its square: up to 32 x 32 only.
    """
    models = [_model(path) for path in bundled_flowpp()]
    fit = [m for m in models if shape == (m.config.size, m.config.size, 3)]
    boxes = (False, True) if black_box and shape[0] <= _LARGEST_BLACK_BOX else (False,)
    return [LocalBitsBack(model, box) for model in fit for box in boxes]


class LocalBitsBack:
    """One model by one code."""

    available = True

    def __init__(self, model: FlowPPModel, black_box: bool) -> None:
        self._model, self._black_box = model, black_box
        self._coder = BlackBox() if black_box else ModularCoder()

    @property
    def name(self) -> str:
        return "Local bits-back, black box" if self._black_box else "Local bits-back, by layers"

    @property
    def settings(self) -> str:
        coder = self._coder
        grids = f"grids 2^-{coder.noise_bits}, 2^-{coder.pixel_bits}, 2^-{coder.latent_bits}"
        if isinstance(coder, BlackBox):
            sigmas = (math.log2(sigma) for sigma in (coder.sigma, coder.pixel_sigma))
            constants = "sigma " + ", ".join(f"2^{power:g}" for power in sigmas)
        else:
            cells = (coder.noise_cells, coder.pixel_cells, coder.mixture_cells)
            constants = "cells " + ", ".join(f"2^-{bits}" for bits in cells)
        return f"{self._model.config.name}; {grids}; {constants}"

    @property
    def version(self) -> str:
        return self._model.id

    def encode(
        self, pixels: Pixels, on_pixels: PixelListener, cancel: CancelToken, /
    ) -> CodedPixels:
        code = self._code(pixels.size, on_pixels, cancel)
        images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
        stack = fresh_stack()
        lengths = code.lengths(images, stack)
        if not self._black_box:
            on_pixels(pixels.shape[0] * pixels.shape[1])
        return CodedPixels(
            stack,
            math.ceil(lengths.coded / 8),
            theoretical_bits=lengths.theoretical,
            borrowed_bits=int(lengths.borrowed),
            net=True,
        )

    def decode(
        self,
        coded: CodedPixels,
        shape: tuple[int, int, int],
        on_pixels: PixelListener,
        cancel: CancelToken,
        /,
    ) -> Pixels:
        code = self._code(math.prod(shape), on_pixels, cancel)
        images = code.decode(coded.data, 1)
        if not self._black_box:
            on_pixels(shape[0] * shape[1])
        return images[0].permute(1, 2, 0).numpy()

    def _code(self, n_dims: int, on_pixels: PixelListener, cancel: CancelToken) -> FlowPPCode:
        if not self._black_box:
            return FlowPPCode(self._model.network, self._coder, cancel)
        rows = _Rows(n_dims, on_pixels)
        return FlowPPCode(_exact(self._model.path), self._coder, cancel, rows)


class _Rows:
    """Turns rows of two Jacobians into pixels: each dimension has one in each."""

    def __init__(self, n_dims: int, on_pixels: PixelListener) -> None:
        self._whole, self._pixels, self._tell = 2 * n_dims, n_dims // 3, on_pixels
        self._done = self._told = 0

    def __call__(self, more: int) -> None:
        self._done += more
        pixels = self._done * self._pixels // self._whole
        self._tell(pixels - self._told)
        self._told = pixels


@functools.cache
def _model(path: Path) -> FlowPPModel:
    return load_flowpp(path)


@functools.cache
def _exact(path: Path) -> FlowPP:
    return copy.deepcopy(_model(path).network).double()
