"""Level *normal*: the network's mixtures, and contexts that learn, along waves of blocks."""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.coding.jpeg.contexts import Known
from core.coding.jpeg.decisions import Tape
from core.coding.jpeg.level import Bits, Levels, PlaneCoder, Source, Step, rows_of, steps_of
from core.coding.jpeg.mixing import N_CONTEXTS, N_INPUTS, Learned, Look, Scratch, looked_up
from core.coding.jpeg.priors import Priors, priors
from core.coding.jpeg.tiles import Band
from core.coding.jpeg.wave import MAX_DECISIONS, Mixture, Rows, code_wave
from core.errors import ModelError
from core.flows.jpeg.loading import JpegModel, jpeg_model
from core.flows.jpeg.planes import FACTORS, dequantised
from core.flows.jpeg.walk import Walk
from core.images.jpeg import Component, JpegImage
from core.images.jpeg.image import ZIGZAG

Int32 = NDArray[np.int32]

#: Bytes before the network's file: how long that is.
_LENGTH_BYTES = 8


@dataclass(frozen=True, eq=False)
class Normal:
    """The level, with its network and what its contexts start from."""

    id: str
    network: JpegModel = field(repr=False)
    priors: Priors = field(repr=False)
    look: Look = field(repr=False)
    file: bytes = field(repr=False)

    def of_file(self, data: bytes) -> Normal:
        """The level with another model. Raises ModelError."""
        return normal(data)

    def planes(
        self, images: Sequence[JpegImage], tile: Sequence[Band]
    ) -> Iterator[tuple[int, int, PlaneCoder]]:
        """As of :class:`~core.coding.jpeg.level.Level`. Contexts go on learning through the tile;
        the network's last layer starts again with each plane.
        """
        learned: dict[int, Learned] = {}
        for place, band in enumerate(tile):
            for number in range(len(band.rows)):
                if rows_of(images, band, number).size:
                    given = self._given(images, band, number)
                    role = len(given)
                    if role not in learned:
                        learned[role] = self.priors.fresh(role)
                    levels = rows_of(images, band, number)
                    rows, columns = levels.shape[:2]
                    table = steps_of(images[band.image].components[number])[ZIGZAG]
                    walk = self.network.walk(role, rows, columns, table, given)
                    yield place, number, _Coder(levels, walk, given, learned[role], self.look)

    def _given(self, images: Sequence[JpegImage], band: Band, number: int) -> list[Int32]:
        """What is known as a whole when a component is coded, at its resolution."""
        if number not in (1, 2):
            return []
        components = images[band.image].components
        own, first = components[number], components[0]
        rows, columns = rows_of(images, band, number).shape[:2]
        down, across = first.v // max(own.v, 1), first.h // max(own.h, 1)
        known = rows_of(images, band, 0)
        if (down * own.v, across * own.h) != (first.v, first.h) or not known.size:
            return []
        if down not in FACTORS or across not in FACTORS:
            return []
        values = _values(first, known)
        given = [self.network.averaged(values, rows, columns, (down, across))]
        other = rows_of(images, band, 1)
        if number == 2 and other.shape == (rows, columns, 64):
            given.append(_values(components[1], other))
        return given


def model_file(network: bytes, start: bytes) -> bytes:
    """The file of a model: that of the network, and that of what contexts start from."""
    return len(network).to_bytes(_LENGTH_BYTES, "little") + network + start


@functools.lru_cache(maxsize=2)
def normal(data: bytes) -> Normal:
    """The level of a model's file, which may be anyone's. Raises ModelError."""
    size = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if size > len(data):
        raise ModelError("the model file is cut off")
    stop = _LENGTH_BYTES + size
    network, start = jpeg_model(data[_LENGTH_BYTES:stop]), priors(data[stop:])
    name = f"jpegnormal-{hashlib.sha256(data).hexdigest()[:8]}"
    return Normal(name, network, start, looked_up(), data)


@functools.cache
def bundled_normal() -> Normal:
    """The level with the model that comes with the program. Raises ModelError."""
    folder = importlib.resources.files("resources") / "models"
    network, start = folder / "jpeg.safetensors", folder / "jpeg-contexts.xz"
    try:
        return normal(model_file(network.read_bytes(), start.read_bytes()))
    except OSError as error:
        raise ModelError(f"{folder}: the model cannot be read ({error})") from error


def _values(component: Component, levels: Levels) -> Int32:
    """Dequantised, in zigzag order."""
    ordered = np.ascontiguousarray(levels[:, :, ZIGZAG])
    return dequantised(ordered, steps_of(component)[ZIGZAG].astype(np.int32))


@dataclass(frozen=True, eq=False)
class _Coder:
    levels: Levels
    walk: Walk
    given: list[Int32]
    learned: Learned
    look: Look

    def __call__(self, source: Source | None, taken: Bits) -> Iterator[Step]:
        walk, levels, decoding = self.walk, self.levels, source is not None
        most = min(walk.rows, (walk.columns + 1) // 2)
        known, rows, scratch = self._known(), _rows(most), _scratch()
        words, head = source or Source(np.empty(0, np.uint32), np.zeros(2, np.uint64))
        records = np.empty(64 * MAX_DECISIONS * most, np.uint32)
        tape = Tape(records, np.empty(0, np.int64), words, head)
        for number in range(walk.n_waves):
            wave = walk.begin(number)
            here = wave.rows[: wave.n], wave.columns[: wave.n]
            if not decoding:
                wave.x[: wave.n] = levels[here][:, ZIGZAG]
            mixture = Mixture(wave.weights, wave.means, wave.inverse)
            n = code_wave(
                decoding, wave, mixture, known, rows, self.learned, self.look, scratch, tape
            )
            walk.end(number)
            if decoding:
                natural = np.empty((wave.n, 64), np.int16)
                natural[:, ZIGZAG] = wave.x[: wave.n]
                levels[here] = natural
            bits = rows.taken[: wave.n]
            taken[here] = bits
            yield Step(records[:n], wave.n, float(bits.sum()))

    def _known(self) -> Known:
        rows, columns = self.levels.shape[:2]
        nothing = np.empty((0, 1, 64), np.int32)
        luma, chroma, *_ = [*self.given, nothing, nothing]
        return Known(
            np.zeros((rows + 2, columns + 3, 64), np.int16),
            np.zeros((rows + 2, columns + 3, 64), np.uint8),
            np.zeros((rows + 2, columns + 3), np.uint8),
            self.walk.table.astype(np.int64),
            luma,
            chroma,
        )


def _rows(n: int) -> Rows:
    low, high = np.zeros((2, n), np.int32)
    return Rows(np.zeros((n, 3), np.int64), low, high, np.zeros(n))


def _scratch() -> Scratch:
    bases, kept, slots = np.zeros((3, N_CONTEXTS), np.int64)
    inputs = np.zeros(N_INPUTS, np.int32)
    inputs[-1] = 256  # the constant
    return Scratch(bases, kept, slots, inputs)
