"""The contenders of a comparison: other codecs, and Floe on the bare pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.archive.chunks import CHECKSUM_BYTES
from core.archive.codec import Codecs
from core.arrays import Pixels
from core.bench.contest import CodedPixels, Contender
from core.bench.references import Codec, known
from core.coding.coders import DEFAULT_CODER
from core.control import CancelToken, PixelListener
from core.errors import FileError
from core.images import read_image


@dataclass(frozen=True)
class Reference:
    """Another codec. It reports no progress and cannot be cancelled."""

    codec: Codec

    @property
    def name(self) -> str:
        return self.codec.name

    @property
    def settings(self) -> str:
        return self.codec.settings

    @property
    def version(self) -> str:
        return self.codec.version

    @property
    def available(self) -> bool:
        return self.codec.available

    def encode(
        self, pixels: Pixels, on_pixels: PixelListener, cancel: CancelToken, /
    ) -> CodedPixels:
        data = self.codec.encode(pixels)
        on_pixels(pixels.shape[0] * pixels.shape[1])
        return CodedPixels(data, len(data))

    def decode(
        self,
        coded: CodedPixels,
        shape: tuple[int, int, int],
        on_pixels: PixelListener,
        cancel: CancelToken,
        /,
    ) -> Pixels:
        return self.codec.decode(coded.data, shape[2])


class Raw:
    """No coding at all: the size that the others compete with."""

    available = True
    name, settings, version = "Raw", "8 bits a sample", ""

    def encode(
        self, pixels: Pixels, on_pixels: PixelListener, cancel: CancelToken, /
    ) -> CodedPixels:
        return CodedPixels(pixels.tobytes(), pixels.nbytes)

    def decode(
        self,
        coded: CodedPixels,
        shape: tuple[int, int, int],
        on_pixels: PixelListener,
        cancel: CancelToken,
        /,
    ) -> Pixels:
        return np.frombuffer(coded.data, dtype=np.uint8).reshape(shape)


class Floe:
    """Floe without an archive: the chunks of the pixels and their checksums."""

    available = True
    name = "Floe"

    def __init__(self, codecs: Codecs, coder: str = DEFAULT_CODER) -> None:
        self._codecs, self.settings = codecs, coder

    @property
    def version(self) -> str:
        return self._codecs.own().model_id

    def encode(
        self, pixels: Pixels, on_pixels: PixelListener, cancel: CancelToken, /
    ) -> CodedPixels:
        coded = self._codecs.own().encode(
            pixels, coder=self.settings, on_pixels=on_pixels, cancel=cancel
        )
        report = coded.report
        return CodedPixels(
            coded.chunks,
            sum(len(chunk) + CHECKSUM_BYTES for chunk in coded.chunks),
            theoretical_bits=report.theoretical_bits,
            borrowed_bits=report.borrowed_bits,
            lost_bits=report.lost_bits,
            network_seconds=report.network_seconds,
            coding_seconds=report.coding_seconds,
        )

    def decode(
        self,
        coded: CodedPixels,
        shape: tuple[int, int, int],
        on_pixels: PixelListener,
        cancel: CancelToken,
        /,
    ) -> Pixels:
        return self._codecs.own().decode(
            coded.data, shape, coder=self.settings, on_pixels=on_pixels, cancel=cancel
        )


def pixels_of(path: Path) -> Pixels:
    """The pixels of an image file. Raises what read_image raises, and FileError if too deep."""
    pixels = read_image(path).pixels
    if pixels is None:
        raise FileError(path, "has more than 8 bits a sample")
    return pixels


def references(*, thorough: bool = False) -> list[Contender]:
    """The codecs that Floe is compared with; ``thorough`` adds their slow settings."""
    return [Reference(codec) for codec in known(thorough=thorough)]


def everyone(
    codecs: Codecs | None = None,
    *,
    coders: Sequence[str] = (DEFAULT_CODER,),
    thorough: bool = False,
) -> list[Contender]:
    """All that can be compared on one image, the quick ones first."""
    codecs = codecs or Codecs()
    floe = [Floe(codecs, coder) for coder in coders]
    return [Raw(), *references(thorough=thorough), *floe]
