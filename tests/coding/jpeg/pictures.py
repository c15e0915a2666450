"""JPEG images of known coefficients for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.images.jpeg import Component, JpegImage

#: Steps that grow with frequency, as encoders' do.
QUANTISER = (2 + np.add.outer(np.arange(8), np.arange(8))).astype(np.uint16).ravel()


def levels_of(
    rng: np.random.Generator, rows: int, columns: int, scale: float = 40.0
) -> NDArray[np.int16]:
    """Smooth DC, and other coefficients that get rarer with frequency: (rows, columns, 64)."""
    steps = 1.0 + np.add.outer(np.arange(8), np.arange(8)).ravel() ** 2
    levels = rng.laplace(size=(rows, columns, 64)) * scale / steps
    levels[..., 0] += 20 * np.cumsum(rng.normal(size=(rows, columns)), 1)
    return np.rint(levels).clip(-2047, 2047).astype(np.int16)


def image(
    rng: np.random.Generator, rows: int, columns: int, *sampling: tuple[int, int]
) -> JpegImage:
    """An image whose components have these sampling factors (h, v), of so many MCUs."""
    components = tuple(
        Component(h, v, QUANTISER, levels_of(rng, rows * v, columns * h)) for h, v in sampling
    )
    h, v = max(h for h, _ in sampling), max(v for _, v in sampling)
    return JpegImage(8 * columns * h, 8 * rows * v, 8, components)


def blank(images: list[JpegImage]) -> list[JpegImage]:
    """The same images without their coefficients."""
    return [
        JpegImage(
            one.width,
            one.height,
            one.precision,
            tuple(
                Component(c.h, c.v, c.quantiser, np.zeros_like(c.coefficients))
                for c in one.components
            ),
        )
        for one in images
    ]


def equal(a: list[JpegImage], b: list[JpegImage]) -> bool:
    """Whether two files' images have the same coefficients."""
    return all(
        np.array_equal(c.coefficients, d.coefficients)
        for one, other in zip(a, b, strict=True)
        for c, d in zip(one.components, other.components, strict=True)
    )
