"""What the codec of JPEG coefficients needs of a level: a model, and how it goes through a tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.arrays import Words
from core.coding.jpeg.tiles import Band
from core.images.jpeg import Component, JpegImage

Levels = NDArray[np.int16]
Bits = NDArray[np.float32]
Head = NDArray[np.uint64]


class Source(NamedTuple):
    """Where a decoder takes decisions from."""

    words: Words  # the stack below its head
    head: Head  # (2,): the upper two words, as one; how many words are below it


class Step(NamedTuple):
    """A part of a plane that has been coded."""

    records: NDArray[np.uint32]  # its decisions; they are valid until the next step
    n_blocks: int
    bits: float  # what they took


class PlaneCoder(Protocol):
    """Codes the rows of a component in a tile."""

    def __call__(self, source: Source | None, taken: Bits) -> Iterator[Step]:
        """Goes through the blocks; without a source it encodes, else it fills the coefficients.

        taken, (R, C), becomes what each block took, in bits.
        """


class Level(Protocol):
    """A model of coefficients, and how it codes."""

    @property
    def id(self) -> str:
        """Family and a hash of the file: the same id is the same arithmetic."""

    @property
    def file(self) -> bytes: ...

    def of_file(self, data: bytes, /) -> Level:
        """The level with another model, which may be anyone's. Raises ModelError."""

    def planes(
        self, images: Sequence[JpegImage], tile: Sequence[Band], /
    ) -> Iterator[tuple[int, int, PlaneCoder]]:
        """The planes of a tile that have blocks, in order: number of the band, of the component."""


def rows_of(images: Sequence[JpegImage], band: Band, number: int) -> Levels:
    """The coefficients of a component in a band: a view."""
    return images[band.image].components[number].coefficients[slice(*band.rows[number])]


def steps_of(component: Component) -> NDArray[np.int64]:
    """The quantiser, with steps of 1 where a file has none."""
    return np.maximum(component.quantiser.astype(np.int64), 1)
