"""Level *fast*: the counting model alone, block by block in raster order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.coding.jpeg import kernel
from core.coding.jpeg.decisions import BITS_OF, Tape, block_bits
from core.coding.jpeg.kernel import Model, Plane
from core.coding.jpeg.level import Bits, Levels, PlaneCoder, Source, Step, rows_of, steps_of
from core.coding.jpeg.luma import IDENTITY, RATIOS, reduced_luma
from core.coding.jpeg.model import JpegModel, bundled_jpeg_model, jpeg_model
from core.coding.jpeg.tiles import Band
from core.images.jpeg import Component, JpegImage

#: Blocks that are coded between two looks at the cancel token.
_STRIDE = 2048

#: Decisions that a call of the kernel may make.
_TAPE = 1 << 19


@dataclass(frozen=True, eq=False)
class Fast:
    """The level, with its model."""

    model: JpegModel

    @property
    def id(self) -> str:
        """As of :class:`~core.coding.jpeg.level.Level`."""
        return self.model.id

    @property
    def file(self) -> bytes:
        """The model's file."""
        return self.model.file

    def of_file(self, data: bytes) -> Fast:
        """The level with another model. Raises ModelError."""
        return Fast(jpeg_model(data))

    def planes(
        self, images: Sequence[JpegImage], tile: Sequence[Band]
    ) -> Iterator[tuple[int, int, PlaneCoder]]:
        """As of :class:`~core.coding.jpeg.level.Level`. Models go on learning through the tile."""
        models: dict[int, Model] = {}
        for place, band in enumerate(tile):
            for number in range(len(band.rows)):
                kind = number if number < 3 else 0
                if kind not in models:
                    models[kind] = self.model.fresh(kind)
                if rows_of(images, band, number).size:
                    plane = self._plane(images, band, number)
                    yield place, number, _Coder(plane, models[kind], self.model)

    def _plane(self, images: Sequence[JpegImage], band: Band, number: int) -> Plane:
        components, levels = images[band.image].components, rows_of(images, band, number)
        rows, columns = levels.shape[:2]
        luma, chroma = np.empty((0, 1, 64), np.int32), np.empty((0, 1, 64), np.int16)
        chroma_quantiser = np.ones(64, np.int64)
        own, first = components[number], components[0]
        if number in (1, 2):
            down, across = first.v // max(own.v, 1), first.h // max(own.h, 1)
            known = rows_of(images, band, 0)
            if down * own.v == first.v and across * own.h == first.h and known.size:
                luma = self._luma(known, first, down, across, (rows, columns))
        if number == 2:
            other = rows_of(images, band, 1)
            if other.shape == levels.shape:
                chroma, chroma_quantiser = other, steps_of(components[1])
        steps = steps_of(own)
        line = (3, columns + 4)
        return Plane(
            levels,
            steps,
            (1 << 32) // steps,
            luma,
            chroma,
            chroma_quantiser,
            values=np.zeros((*line, 64), np.int32),
            columns=np.zeros((*line, 64), np.int32),
            coded=np.zeros((*line, 64), np.int32),
            errors=np.zeros((*line, 64), np.int32),
            counts=np.zeros((*line, 3), np.int32),
        )

    def _luma(
        self, levels: Levels, luma: Component, down: int, across: int, size: tuple[int, int]
    ) -> NDArray[np.int32]:
        """Luma on the grid of another component, or nothing where none is known."""
        if down not in RATIOS or across not in RATIOS:
            return np.empty((0, 1, 64), np.int32)
        maps = {1: IDENTITY, **self.model.luma_maps}
        reduced = np.empty((*size, 64), np.int32)
        reduced_luma(levels, steps_of(luma), maps[down], maps[across], reduced)
        return reduced


def bundled_fast() -> Fast:
    """The level with the model that comes with the program. Raises ModelError."""
    return Fast(bundled_jpeg_model())


@dataclass(frozen=True, eq=False)
class _Coder:
    plane: Plane
    learned: Model
    model: JpegModel

    def __call__(self, source: Source | None, taken: Bits) -> Iterator[Step]:
        n_blocks, at = taken.size, 0
        nothing = Source(np.empty(0, np.uint32), np.zeros(2, np.uint64))
        records, ends = np.empty(_TAPE, np.uint32), np.empty(n_blocks, np.int64)
        tape, decoding = Tape(records, ends, *(source or nothing)), source is not None
        bits = np.empty(n_blocks, np.float32)
        while at < n_blocks:
            stop = min(at + _STRIDE, n_blocks)
            done, n = kernel.code_blocks(
                decoding, at, stop, self.plane, self.learned, self.model.look, tape
            )
            total = block_bits(records, ends, at, done, BITS_OF, bits)
            taken.flat[at:done] = bits[at:done]
            yield Step(records[:n], done - at, total)
            at = done
