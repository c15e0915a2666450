"""JPEG images to chunks of bytes and back, by the counting model on a stack of bits.

A file's images are cut into tiles, and each tile becomes one chunk: a stack of its own. Contexts
adapt, so the encoder goes through a tile as the decoder will, keeps each decision with its
probability, and pushes them in reverse. A decision is an elementwise step of local bits-back
coding whose prior has two intervals: it borrows nothing. At the bottom of each stack lies the
checksum of the tile's coefficients.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.arrays import Words
from core.coding.jpeg import kernel
from core.coding.jpeg.kernel import Model, Plane, Tape
from core.coding.jpeg.luma import IDENTITY, RATIOS, reduced_luma
from core.coding.jpeg.model import JpegModel, bundled_jpeg_model, jpeg_model
from core.coding.jpeg.side import CHECKSUM_WORDS, jpeg_side_bits
from core.coding.jpeg.tiles import Band, tiles
from core.coding.stack import Stack
from core.control import CancelToken, PixelListener, ignore
from core.errors import DamagedChunkError, DryStackError, StackError
from core.images.jpeg import Component, JpegImage

Levels = NDArray[np.int16]
Bits = NDArray[np.float32]

#: Blocks that are coded between two looks at the cancel token.
_STRIDE = 2048

#: Decisions that a call of the kernel may make.
_TAPE = 1 << 19

_Result = TypeVar("_Result")


@dataclass
class CodingReport:
    """What coding a file's images took. Bits are sums over its tiles."""

    theoretical_bits: float = 0.0  # of the decisions, under the probabilities they were coded by
    coded_bits: int = 0  # what the chunks take
    borrowed_bits: int = 0  # decisions borrow nothing
    lost_bits: int = 0
    network_seconds: float = 0.0  # the model: contexts, mixing, learning
    coding_seconds: float = 0.0  # the stack
    device: str = "CPU, 1 thread"
    side_bits: float = 0.0  # of coded_bits: checksums and numbers of the tiles


@dataclass(frozen=True)
class CodedJpeg:
    """Coded images: one chunk for each tile."""

    chunks: tuple[bytes, ...]
    report: CodingReport


class JpegCodec:
    """Codes the coefficients of JPEG images by a counting model, tiles side by side on threads."""

    def __init__(self, model: JpegModel, threads: int = 1) -> None:
        self._model, self._threads = model, threads
        self.model_id = model.id

    @property
    def model_file(self) -> bytes:
        """The model's file: an archive may carry it."""
        return self._model.file

    def with_model(self, model_file: bytes) -> JpegCodec:
        """The codec of another model, by its file, which may be anyone's. Raises ModelError."""
        return JpegCodec(jpeg_model(model_file), self._threads)

    def encode(
        self,
        images: Sequence[JpegImage],
        *,
        on_blocks: PixelListener = ignore,
        cancel: CancelToken | None = None,
    ) -> CodedJpeg:
        """Codes the images of a file. Raises Cancelled."""
        job = _Job(self._model, images, on_blocks, cancel or CancelToken())
        report = CodingReport(device=_device(self._threads))
        coded = self._each(job.encode, range(len(job.tiles)))
        for tile in coded:
            report.theoretical_bits += tile.theoretical_bits
            report.network_seconds += tile.model_seconds
            report.coding_seconds += tile.stack_seconds
        report.coded_bits = sum(8 * len(tile.chunk) for tile in coded)
        report.side_bits = jpeg_side_bits(len(coded))
        return CodedJpeg(tuple(tile.chunk for tile in coded), report)

    def decode(
        self,
        chunks: Sequence[bytes],
        images: Sequence[JpegImage],
        *,
        on_blocks: PixelListener = ignore,
        bits: Sequence[Sequence[Bits]] | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        """Fills the coefficients of images, all zero, with what chunks hold.

        ``bits``, (R, C) for each component of each image, becomes the codelength map: what each
        block took, in bits. Raises DamagedChunkError where a chunk is not what the encoder wrote,
        and Cancelled.
        """
        job = _Job(self._model, images, on_blocks, cancel or CancelToken())
        if len(chunks) != len(job.tiles):
            raise DamagedChunkError(f"{len(chunks)} chunks, but there are {len(job.tiles)} tiles")

        def decode(number: int) -> None:
            try:
                job.decode(number, chunks[number], bits)
            except DamagedChunkError:
                raise
            except StackError as error:
                raise DamagedChunkError(str(error)) from error

        self._each(decode, range(len(chunks)))

    def _each(self, work: Callable[[int], _Result], numbers: Sequence[int]) -> list[_Result]:
        """The results of tiles, coded on all threads."""
        if self._threads == 1 or len(numbers) == 1:
            return [work(number) for number in numbers]
        with ThreadPoolExecutor(min(self._threads, len(numbers)), "jpeg") as pool:
            futures = [pool.submit(work, number) for number in numbers]
            try:
                return [future.result() for future in futures]
            finally:
                for future in futures:
                    future.cancel()


def jpeg_codec(threads: int = 1) -> JpegCodec:
    """The codec of the model that comes with the program. Raises ModelError."""
    return JpegCodec(bundled_jpeg_model(), threads)


@dataclass(frozen=True)
class _CodedTile:
    chunk: bytes
    theoretical_bits: float
    model_seconds: float
    stack_seconds: float


@dataclass
class _Job:
    """Coding of tiles, with all that stays the same from one to the next."""

    model: JpegModel
    images: Sequence[JpegImage]
    on_blocks: PixelListener
    cancel: CancelToken
    tiles: list[tuple[Band, ...]] = field(init=False)
    lock: Lock = field(default_factory=Lock, init=False)

    def __post_init__(self) -> None:
        self.tiles = tiles(self.images)

    def encode(self, number: int) -> _CodedTile:
        """A tile as one chunk."""
        clock = self.cancel.clock
        started = clock()
        records, theoretical_bits = [], 0.0
        for plane, model in self._planes(self.tiles[number]):
            n_blocks = plane.levels.shape[0] * plane.levels.shape[1]
            tape, taken = _tape(n_blocks), np.empty(n_blocks, np.float32)
            for first, stop, n in self._coded(False, plane, model, tape):
                records.append(tape.records[:n].copy())
                theoretical_bits += kernel.block_bits(
                    tape.records, tape.ends, first, stop, _BITS_OF, taken
                )
        decided = clock()
        bottom = _bottom(self._levels(self.tiles[number]), number)
        decisions = np.concatenate(records) if records else np.empty(0, np.uint32)
        del records
        below, head = _opened(bottom, len(decisions))
        kernel.push_decisions(decisions, below, head)
        chunk = Stack(_closed(below, head)).to_bytes()
        return _CodedTile(chunk, theoretical_bits, decided - started, clock() - decided)

    def decode(self, number: int, chunk: bytes, bits: Sequence[Sequence[Bits]] | None) -> None:
        """Fills a tile's coefficients, and its part of the codelength map."""
        below, head = _opened(Stack.from_bytes(chunk).words(), 0)
        parts = iter(self._bits(self.tiles[number], bits))
        for plane, model in self._planes(self.tiles[number]):
            tape = _tape(plane.levels.shape[0] * plane.levels.shape[1], below, head)
            taken = next(parts).ravel()
            for first, stop, _ in self._coded(True, plane, model, tape):
                if head[0] < 1 << 32:
                    raise DryStackError("the chunk ends before its coefficients")
                if bits is not None:
                    kernel.block_bits(tape.records, tape.ends, first, stop, _BITS_OF, taken)
        bottom = _bottom(self._levels(self.tiles[number]), number)
        if not np.array_equal(_closed(below, head), bottom):
            raise DamagedChunkError(
                "the coefficients do not match the checksum that is stored with them"
            )

    def _coded(
        self, decoding: bool, plane: Plane, model: Model, tape: Tape
    ) -> Iterator[tuple[int, int, int]]:
        """Goes through a plane; the blocks of each step, and how many decisions they took."""
        n_blocks, at = len(tape.ends), 0
        while at < n_blocks:
            self.cancel.check()
            stop = min(at + _STRIDE, n_blocks)
            done, n = kernel.code_blocks(decoding, at, stop, plane, model, self.model.look, tape)
            yield at, done, n
            with self.lock:
                self.on_blocks(done - at)
            at = done

    def _planes(self, tile: tuple[Band, ...]) -> Iterator[tuple[Plane, Model]]:
        """The components of a tile in order, each with the model that it is coded by."""
        models: dict[int, Model] = {}
        for band in tile:
            components = self.images[band.image].components
            for number, (first, stop) in enumerate(band.rows):
                kind = number if number < 3 else 0
                if kind not in models:
                    models[kind] = self.model.fresh(kind)
                levels = components[number].coefficients[first:stop]
                if levels.size:
                    yield self._plane(components, band, number, levels), models[kind]

    def _plane(
        self, components: tuple[Component, ...], band: Band, number: int, levels: Levels
    ) -> Plane:
        rows, columns = levels.shape[:2]
        luma, chroma = np.empty((0, 1, 64), np.int32), np.empty((0, 1, 64), np.int16)
        chroma_quantiser = np.ones(64, np.int64)
        own, first = components[number], components[0]
        if number in (1, 2):
            down, across = first.v // max(own.v, 1), first.h // max(own.h, 1)
            known = first.coefficients[slice(*band.rows[0])]
            if down * own.v == first.v and across * own.h == first.h and known.size:
                luma = self._luma(known, _steps(first), down, across, (rows, columns))
        if number == 2:
            other = components[1].coefficients[slice(*band.rows[1])]
            if other.shape == levels.shape:
                chroma, chroma_quantiser = other, _steps(components[1])
        steps = _steps(own)
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
        self,
        levels: Levels,
        steps: NDArray[np.int64],
        down: int,
        across: int,
        size: tuple[int, int],
    ) -> NDArray[np.int32]:
        """Luma on the grid of another component, or nothing where none is known."""
        if down not in RATIOS or across not in RATIOS:
            return np.empty((0, 1, 64), np.int32)
        maps = {1: IDENTITY, **self.model.luma_maps}
        reduced = np.empty((*size, 64), np.int32)
        reduced_luma(levels, steps, maps[down], maps[across], reduced)
        return reduced

    def _levels(self, tile: tuple[Band, ...]) -> Iterator[Levels]:
        for band in tile:
            for component, (first, stop) in zip(
                self.images[band.image].components, band.rows, strict=True
            ):
                yield component.coefficients[first:stop]

    def _bits(
        self, tile: tuple[Band, ...], bits: Sequence[Sequence[Bits]] | None
    ) -> Iterator[Bits]:
        """The parts of the codelength map that a tile's planes fill."""
        for band in tile:
            components = self.images[band.image].components
            for number, (first, stop) in enumerate(band.rows):
                if components[number].coefficients[first:stop].size:
                    yield (
                        np.empty(0, np.float32) if bits is None
                        else bits[band.image][number][first:stop]
                    )  # fmt: skip


#: What a decision of probability p / 2^16 costs, in bits.
_BITS_OF = 16 - np.log2(np.maximum(np.arange(65537), 1.0))


def _device(threads: int) -> str:
    return f"CPU, {threads} threads" if threads > 1 else "CPU, 1 thread"


def _steps(component: Component) -> NDArray[np.int64]:
    """The quantiser, with steps of 1 where a file has none."""
    return np.maximum(component.quantiser.astype(np.int64), 1)


def _tape(
    n_blocks: int, below: Words | None = None, head: NDArray[np.uint64] | None = None
) -> Tape:
    return Tape(
        np.empty(_TAPE, np.uint32),
        np.empty(n_blocks, np.int64),
        np.empty(0, np.uint32) if below is None else below,
        np.zeros(2, np.uint64) if head is None else head,
    )


def _bottom(levels: Iterator[Levels], number: int) -> Words:
    """What a tile's stack starts from: 128 bits of a SHA-256, and its number from 1."""
    digest = hashlib.sha256()
    for part in levels:
        digest.update(np.ascontiguousarray(part, dtype="<i2").data)
    checksum = np.frombuffer(digest.digest()[: 4 * CHECKSUM_WORDS], dtype="<u4")
    return np.append(checksum, number + 1).astype(np.uint32)


def _opened(words: Words, room: int) -> tuple[Words, NDArray[np.uint64]]:
    """A stack's words as the kernel takes them: those below its head, with room, and the head."""
    below = np.zeros(len(words) - 2 + room, np.uint32)
    below[: len(words) - 2] = words[:-2]
    top = (int(words[-1]) << 32) | int(words[-2])
    return below, np.array([top, len(words) - 2], np.uint64)


def _closed(below: Words, head: NDArray[np.uint64]) -> Words:
    """Undoes :func:`_opened`."""
    top = int(head[0])
    return np.append(below[: int(head[1])], [top & 0xFFFFFFFF, top >> 32]).astype(np.uint32)
