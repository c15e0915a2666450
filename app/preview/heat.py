"""A codelength map as colours."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.preview import scale

#: The share of pixels above the end of the scale: a few costly pixels would make all others
#: dark.
_ABOVE = 0.002
#: Quantiles are estimated from at most this number of pixels.
_SAMPLE = 1 << 20


@dataclass(frozen=True)
class Range:
    """The range of a map in bits a pixel, and the top of its colour scale."""

    least: float
    mean: float
    most: float
    top: float

    @classmethod
    def of(cls, bits: NDArray[np.float32]) -> Range:
        """The range of a map, (H, W)."""
        flat = bits.reshape(-1)
        sample = flat[:: -(-flat.size // _SAMPLE)]
        top = scale.nice_top(float(np.quantile(sample, 1 - _ABOVE)))
        mean = float(flat.mean(dtype=np.float64))
        return cls(float(flat.min()), mean, float(flat.max()), top)


def indices(bits: NDArray[np.float32], top: float) -> NDArray[np.uint8]:
    """Indices into the table of colours, which goes from 0 bits to ``top``."""
    result = np.empty(bits.shape, dtype=np.uint8)
    last = scale.N_COLOURS - 1
    for row in range(0, len(bits), 256):  # in the processor's cache
        part = bits[row : row + 256] * np.float32(last / top) + np.float32(0.5)
        result[row : row + 256] = np.clip(part, 0, last)
    return result


def png(bits: NDArray[np.float32], shown: Range) -> bytes:
    """The map as a PNG file whose description explains the colours."""
    image = Image.fromarray(indices(bits, shown.top))
    image.putpalette([value for colour in scale.colours() for value in colour])
    text = PngInfo()
    text.add_text(
        "Description",
        f"Codelength in bits a pixel: palette entries 0 to {scale.N_COLOURS - 1} stand for 0 to "
        f"{shown.top:g} bits; least {shown.least:.4f}, mean {shown.mean:.4f}, "
        f"most {shown.most:.4f}",
    )
    text.add_text("Software", "Floe")
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=text)
    return file.getvalue()
