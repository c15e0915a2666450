"""JPEG images to chunks of bytes and back, by either level's model on a stack of bits.

A file's images are cut into tiles, and each tile becomes one chunk: a stack of its own. Models
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

from core.arrays import Words
from core.coding.jpeg.decisions import push_decisions
from core.coding.jpeg.fast import bundled_fast
from core.coding.jpeg.level import Bits, Head, Level, Levels, Source, rows_of
from core.coding.jpeg.side import CHECKSUM_WORDS, jpeg_side_bits
from core.coding.jpeg.tiles import Band, tiles
from core.coding.stack import Stack
from core.control import CancelToken, PixelListener, ignore
from core.errors import DamagedChunkError, DryStackError, StackError
from core.images.jpeg import JpegImage

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
    """Codes the coefficients of JPEG images by a level's model, tiles side by side on threads."""

    def __init__(self, level: Level, threads: int = 1) -> None:
        self._level, self._threads = level, threads
        self.model_id = level.id

    @property
    def model_file(self) -> bytes:
        """The model's file: an archive may carry it."""
        return self._level.file

    def with_model(self, model_file: bytes) -> JpegCodec:
        """The codec of another model, by its file, which may be anyone's. Raises ModelError."""
        return JpegCodec(self._level.of_file(model_file), self._threads)

    def encode(
        self,
        images: Sequence[JpegImage],
        *,
        on_blocks: PixelListener = ignore,
        cancel: CancelToken | None = None,
    ) -> CodedJpeg:
        """Codes the images of a file. Raises Cancelled."""
        job = _Job(self._level, images, on_blocks, cancel or CancelToken())
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
        job = _Job(self._level, images, on_blocks, cancel or CancelToken())
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


def fast_jpeg_codec(threads: int = 1) -> JpegCodec:
    """The codec of level *fast*, with the model that comes with the program. Raises ModelError."""
    return JpegCodec(bundled_fast(), threads)


def normal_jpeg_codec(threads: int = 1) -> JpegCodec:
    """The codec of level *normal*; it brings in torch. Raises ModelError."""
    from core.coding.jpeg.normal import bundled_normal

    return JpegCodec(bundled_normal(), threads)


@dataclass(frozen=True)
class _CodedTile:
    chunk: bytes
    theoretical_bits: float
    model_seconds: float
    stack_seconds: float


@dataclass
class _Job:
    """Coding of tiles, with all that stays the same from one to the next."""

    level: Level
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
        for band, component, code in self.level.planes(self.images, self.tiles[number]):
            levels = rows_of(self.images, self.tiles[number][band], component)
            for step in code(None, np.empty(levels.shape[:2], np.float32)):
                records.append(step.records.copy())
                theoretical_bits += step.bits
                self._count(step.n_blocks)
        decided = clock()
        bottom = _bottom(self._levels(self.tiles[number]), number)
        decisions = np.concatenate(records) if records else np.empty(0, np.uint32)
        del records
        below, head = _opened(bottom, len(decisions))
        push_decisions(decisions, below, head)
        chunk = Stack(_closed(below, head)).to_bytes()
        return _CodedTile(chunk, theoretical_bits, decided - started, clock() - decided)

    def decode(self, number: int, chunk: bytes, bits: Sequence[Sequence[Bits]] | None) -> None:
        """Fills a tile's coefficients, and its part of the codelength map."""
        below, head = _opened(Stack.from_bytes(chunk).words(), 0)
        for place, component, code in self.level.planes(self.images, self.tiles[number]):
            band = self.tiles[number][place]
            if bits is None:
                taken = np.empty(rows_of(self.images, band, component).shape[:2], np.float32)
            else:
                taken = bits[band.image][component][slice(*band.rows[component])]
            for step in code(Source(below, head), taken):
                if head[0] < 1 << 32:
                    raise DryStackError("the chunk ends before its coefficients")
                self._count(step.n_blocks)
        bottom = _bottom(self._levels(self.tiles[number]), number)
        if not np.array_equal(_closed(below, head), bottom):
            raise DamagedChunkError(
                "the coefficients do not match the checksum that is stored with them"
            )

    def _count(self, n_blocks: int) -> None:
        self.cancel.check()
        with self.lock:
            self.on_blocks(n_blocks)

    def _levels(self, tile: tuple[Band, ...]) -> Iterator[Levels]:
        for band in tile:
            for number in range(len(band.rows)):
                yield rows_of(self.images, band, number)


def _device(threads: int) -> str:
    return f"CPU, {threads} threads" if threads > 1 else "CPU, 1 thread"


def _bottom(levels: Iterator[Levels], number: int) -> Words:
    """What a tile's stack starts from: 128 bits of a SHA-256, and its number from 1."""
    digest = hashlib.sha256()
    for part in levels:
        digest.update(np.ascontiguousarray(part, dtype="<i2").data)
    checksum = np.frombuffer(digest.digest()[: 4 * CHECKSUM_WORDS], dtype="<u4")
    return np.append(checksum, number + 1).astype(np.uint32)


def _opened(words: Words, room: int) -> tuple[Words, Head]:
    """A stack's words as the kernel takes them: those below its head, with room, and the head."""
    below = np.zeros(len(words) - 2 + room, np.uint32)
    below[: len(words) - 2] = words[:-2]
    top = (int(words[-1]) << 32) | int(words[-2])
    return below, np.array([top, len(words) - 2], np.uint64)


def _closed(below: Words, head: Head) -> Words:
    """Undoes :func:`_opened`."""
    top = int(head[0])
    return np.append(below[: int(head[1])], [top & 0xFFFFFFFF, top >> 32]).astype(np.uint32)
