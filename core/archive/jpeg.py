"""A JPEG file from its coded coefficients and its recipe, and where its bits went."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.archive.codec import CoefficientCodec
from core.archive.counting import BlockCount, PixelCount
from core.arrays import Float32
from core.control import CancelToken
from core.images.frames import FrameError
from core.images.jpeg import JpegImage, Recipe, rebuild

#: Rows of pixels that bits are spread to at a time, so that little memory is taken.
_ROWS = 256


def decode_jpeg(
    codec: CoefficientCodec,
    chunks: Sequence[bytes],
    frame: bytes,
    count: PixelCount,
    cancel: CancelToken,
    bits: Float32 | None = None,
) -> bytes:
    """The file. ``bits``, (H, W), becomes the codelength map of the image of that size.

    Raises FrameError, and what the codec raises.
    """
    recipe = Recipe.from_bytes(frame)
    images = recipe.blank_images()
    taken = None
    if bits is not None:
        taken = [
            [np.zeros(c.coefficients.shape[:2], np.float32) for c in image.components]
            for image in images
        ]
    blocks = BlockCount.of(images, count)
    codec.decode(chunks, images, on_blocks=blocks, bits=taken, cancel=cancel)
    if bits is not None and taken is not None:
        shown = _shown(images, (bits.shape[1], bits.shape[0]))
        bits[...] = 0.0
        if shown is not None:
            _spread(images[shown], taken[shown], bits)
    return rebuild(images, recipe, cancel)


def blank_jpeg(frame: bytes) -> bytes | None:
    """The file with all coefficients zero: quick to make, and its headers are the file's.

    None where its scans cannot hold zeros. Raises FrameError where the frame is damaged.
    """
    recipe = Recipe.from_bytes(frame)
    images = recipe.blank_images()
    try:
        return rebuild(images, recipe)
    except FrameError:
        return None


def _shown(images: Sequence[JpegImage], size: tuple[int, int]) -> int | None:
    """The number of the image that a viewer shows: the largest one of this width and height."""
    fitting = [i for i, image in enumerate(images) if (image.width, image.height) == size]
    return max(fitting, key=lambda i: images[i].n_blocks, default=None)


def _spread(image: JpegImage, taken: Sequence[Float32], bits: Float32) -> None:
    """Adds the bits of each block to the pixels that it covers, in equal parts.

    Blocks beyond the picture's edge only fill its last MCUs; their bits go to the pixels at the
    edge, so that the sum over the picture is what its coefficients took.
    """
    height, width = bits.shape
    h = max(component.h for component in image.components)
    v = max(component.v for component in image.components)
    for component, blocks in zip(image.components, taken, strict=True):
        if not blocks.size:
            continue
        rows = np.minimum(np.arange(height) * component.v // (8 * v), len(blocks) - 1)
        columns = np.minimum(np.arange(width) * component.h // (8 * h), blocks.shape[1] - 1)
        inside = blocks[: rows[-1] + 1, : columns[-1] + 1].copy()
        inside[-1] += blocks[rows[-1] + 1 :, : columns[-1] + 1].sum(0)
        inside[:, -1] += blocks[: rows[-1] + 1, columns[-1] + 1 :].sum(1)
        inside[-1, -1] += blocks[rows[-1] + 1 :, columns[-1] + 1 :].sum()
        heights, widths = np.bincount(rows), np.bincount(columns)
        inside /= np.maximum(np.outer(heights, widths), 1)
        for top in range(0, height, _ROWS):
            part = slice(top, top + _ROWS)
            bits[part] += inside[rows[part]][:, columns]
