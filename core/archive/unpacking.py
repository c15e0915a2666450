"""From what an archive stores of an entry to its pixels and its file, every step checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.archive.breakdown import Stored, breakdown
from core.archive.chunks import Pieces, all_pieces, digest_of, kept_bytes
from core.archive.codec import Codec, Codecs, CoefficientCodec, ImageCodec
from core.archive.counting import PixelCount
from core.archive.database import Database
from core.archive.entry import Entry, Method, Part, Share
from core.archive.names import shown
from core.archive.packed import pixel_hash
from core.archive.pixels import decode_standard
from core.archive.tables import Tables
from core.arrays import Float32, Pixels
from core.coding.efforts import effort_of
from core.coding.xz import decompressed
from core.control import CancelToken, ProgressListener, ignore
from core.errors import (
    DamagedArchiveError,
    DamagedEntryError,
    FileError,
    FloeError,
    ModelError,
    NoPictureError,
)
from core.images import FrameError, interpret, rebuild
from core.images.decode import MAX_PIXELS
from core.images.metadata import Fact, metadata_of_file, metadata_of_frame
from core.images.reading import MAX_FILE_BYTES
from core.images.thumbnails import thumbnail_of_file, thumbnail_of_pixels
from core.images.tiles import TileListener


class EntryReader:
    """A reader of entries, which are given by the id of their row."""

    def __init__(self, database: Database, tables: Tables, codecs: Codecs) -> None:
        self._database, self._codecs = database, codecs
        self._chunks, self._models = tables.chunks, tables.models

    def pixels(
        self, number: int, entry: Entry, progress: ProgressListener, cancel: CancelToken
    ) -> NDArray[np.uint8]:
        """See Archive.read_pixels."""
        if entry.is_jpeg:
            return _pixels_of(self._jpeg_file(number, entry, progress, cancel), entry)
        if not entry.keeps_file:
            chunks = list(self._pieces(number, entry, Part.PIXELS))
            return self._decoded(chunks, entry, progress, cancel)
        return _pixels_of(self._picture_file(number, entry, progress, cancel), entry)

    def breakdown(self, number: int, entry: Entry) -> dict[Share, float]:
        """See Archive.breakdown."""
        pieces = self._pieces_of(number, entry)
        parts = {
            str(part): Stored(len(chunks), sum(chunk.n_bytes for chunk in chunks))
            for part, chunks in pieces.items()
        }
        try:
            return breakdown(entry, parts)
        except ValueError as error:
            raise _damaged(entry, f"parts of its data are missing ({error})") from error

    def metadata(self, number: int, entry: Entry) -> list[Fact]:
        """See Archive.metadata."""
        try:
            if entry.keeps_file:
                return self._metadata_of_kept(number, entry)
            frame = b"".join(self._pieces(number, entry, Part.FRAME))
            if entry.is_jpeg:
                return metadata_of_file(self._headers(number, entry, frame))
            return metadata_of_frame(frame, entry.kind, _shape(entry))
        except DamagedEntryError:
            raise
        except FloeError as error:
            raise _damaged(entry, f"its metadata does not decode ({error})") from error

    def codelengths(
        self,
        number: int,
        entry: Entry,
        progress: ProgressListener,
        on_tile: TileListener | None,
        cancel: CancelToken,
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        """See Archive.read_codelengths."""
        if entry.keeps_file or entry.is_standard:
            return self.pixels(number, entry, progress, cancel), None
        bits = np.zeros(_shape(entry)[:2], dtype=np.float32)
        if entry.is_jpeg:
            return _pixels_of(self._jpeg_file(number, entry, progress, cancel, bits), entry), bits
        chunks = list(self._pieces(number, entry, Part.PIXELS))
        return self._decoded(chunks, entry, progress, cancel, on_tile, bits), bits

    def thumbnail(
        self, number: int, entry: Entry, side: int, cancel: CancelToken
    ) -> NDArray[np.uint8]:
        """See Archive.read_thumbnail."""
        if entry.keeps_file or entry.is_jpeg:
            data = self._picture_file(number, entry, ignore, cancel)
            try:
                return thumbnail_of_file(data, Path(entry.name), side)
            except FileError as error:
                raise _no_picture(entry, error.reason) from error
        chunks = list(self._pieces(number, entry, Part.PIXELS))
        frame = b"".join(self._pieces(number, entry, Part.FRAME))
        shape = _shape(entry)
        codec = None if entry.is_standard else self._codec_of(entry)
        with _decoding(entry):
            if codec is None:
                pixels = decode_standard(entry.codec, chunks, shape, cancel)
            else:
                pixels = codec.decode_coarse(
                    chunks, shape, side, coder=entry.coder or "", cancel=cancel
                )
            return thumbnail_of_pixels(pixels, side, frame, entry.kind)

    def file(
        self, number: int, entry: Entry, progress: ProgressListener, cancel: CancelToken
    ) -> Iterator[bytes]:
        """The bytes of an entry's file, in pieces.

        Do not use them until the iterator is exhausted: the checksum of the whole is verified
        last. Raises as Archive.read_file.
        """
        if entry.keeps_file:
            yield from self._kept_pieces(number, entry, progress, cancel)
            return
        if entry.is_jpeg:
            yield self._jpeg_file(number, entry, progress, cancel)
            return
        chunks = list(self._pieces(number, entry, Part.PIXELS))
        frame = list(self._pieces(number, entry, Part.FRAME))
        pixels = self._decoded(chunks, entry, progress, cancel)
        try:
            file = rebuild(pixels, b"".join(frame), entry.kind, cancel)
        except FrameError as error:
            raise _damaged(entry, f"its file cannot be rebuilt ({error})") from error
        if entry.file_exact:
            _check_hash(entry, "file", entry.file_sha256, hashlib.sha256(file).hexdigest())
        cancel.check()
        yield file

    def stored_sha256(self, number: int, entry: Entry) -> bytes:
        """See Archive.stored_sha256."""
        with _finding(entry):
            return digest_of(all_pieces(self._chunks, self._pieces_of(number, entry)))

    def _pieces_of(self, number: int, entry: Entry) -> Pieces:
        """The chunks of an entry, as many bytes of them as it says, and not read yet.

        Nothing is read of an entry whose chunks would be longer than the archive: rows can share
        the pages of their data.
        """
        with _finding(entry):
            try:
                pieces = self._chunks.pieces(number)
            except DamagedArchiveError:
                pieces = self._chunks.scanned_pieces(number)
        if kept_bytes(pieces) != entry.packed_bytes:
            with _finding(entry):
                pieces = self._chunks.scanned_pieces(number)
        if kept_bytes(pieces) != entry.packed_bytes or (
            entry.packed_bytes > self._database.file_bytes
        ):
            raise _damaged(entry, "parts of its data are missing")
        return pieces

    def _headers(self, number: int, entry: Entry, frame: bytes) -> bytes:
        """A JPEG file with an entry's headers: without its coefficients, if there is one."""
        from core.archive.jpeg import blank_jpeg

        return blank_jpeg(frame) or self._jpeg_file(number, entry, ignore, CancelToken())

    def _jpeg_file(
        self,
        number: int,
        entry: Entry,
        progress: ProgressListener,
        cancel: CancelToken,
        bits: Float32 | None = None,
    ) -> bytes:
        """The file of coded coefficients, checked; ``bits`` as of decode_jpeg."""
        from core.archive.jpeg import decode_jpeg  # not above: it brings in Numba

        chunks = list(self._pieces(number, entry, Part.PIXELS))
        frame = list(self._pieces(number, entry, Part.FRAME))
        codec = self._jpeg_codec_of(entry)
        count = PixelCount(entry.name, "decoding", entry.n_pixels, progress)
        with _decoding(entry):
            file = decode_jpeg(codec, chunks, b"".join(frame), count, cancel, bits)
        _check_hash(entry, "file", entry.file_sha256, hashlib.sha256(file).hexdigest())
        cancel.check()
        count.finish()
        return file

    def _pieces(self, number: int, entry: Entry, part: Part) -> Iterator[bytes]:
        """The pieces of a part, each checked. No statement stays open between them."""
        for chunk in self._pieces_of(number, entry).get(part, []):
            with _finding(entry):
                data = self._chunks.read(chunk)
            yield data

    def _kept_pieces(
        self, number: int, entry: Entry, progress: ProgressListener, cancel: CancelToken
    ) -> Iterator[bytes]:
        """The file of an entry that keeps its bytes, in pieces; checked at the end of the last."""
        total = entry.n_pixels or entry.original_bytes
        count = PixelCount(entry.name, "decoding", total, progress)
        digest = hashlib.sha256()
        n_bytes = 0
        pieces = self._pieces(number, entry, Part.FILE)
        if entry.codec == Method.XZ:
            pieces = decompressed(pieces, entry.original_bytes)
        with _decoding(entry):
            for piece in pieces:
                cancel.check()
                n_bytes += len(piece)
                digest.update(piece)
                count(total * n_bytes // max(entry.original_bytes, n_bytes, 1) - count.done)
                yield piece
        _check_hash(entry, "file", entry.file_sha256, digest.hexdigest())
        count.finish()

    def _picture_file(
        self, number: int, entry: Entry, progress: ProgressListener, cancel: CancelToken
    ) -> bytes:
        """The whole file of an image. Raises NoPictureError for what is too long to be one."""
        if not entry.is_image:
            raise _no_picture(entry, entry.reason or "not an image")
        if entry.original_bytes > MAX_FILE_BYTES:
            raise _no_picture(entry, "the file is too long")
        return b"".join(self.file(number, entry, progress, cancel))

    def _metadata_of_kept(self, number: int, entry: Entry) -> list[Fact]:
        if not entry.is_image or entry.original_bytes > MAX_FILE_BYTES:
            return []
        data = b"".join(self._kept_pieces(number, entry, ignore, CancelToken()))
        try:
            return metadata_of_file(data)
        except FileError:  # the bytes are right, so the image was damaged before it was archived
            return []

    def _decoded(
        self,
        chunks: list[bytes],
        entry: Entry,
        progress: ProgressListener,
        cancel: CancelToken,
        on_tile: TileListener | None = None,
        bits: NDArray[np.float32] | None = None,
    ) -> NDArray[np.uint8]:
        shape = _shape(entry)
        codec = None if entry.is_standard else self._codec_of(entry)
        count = PixelCount(entry.name, "decoding", shape[0] * shape[1], progress)
        with _decoding(entry):
            if codec is None:
                pixels = decode_standard(entry.codec, chunks, shape, cancel)
            else:
                pixels = codec.decode(
                    chunks,
                    shape,
                    coder=entry.coder or "",
                    on_pixels=count,
                    on_tile=on_tile,
                    bits=bits,
                    cancel=cancel,
                )
        if pixels.shape != shape or pixels.dtype != np.uint8:
            raise _damaged(entry, "its data decodes to another size")
        _check_hash(entry, "pixels", entry.pixel_sha256, pixel_hash(pixels).hex())
        count.finish()
        return pixels

    def _codec_of(self, entry: Entry) -> ImageCodec:
        """The codec of pixels of an entry's model. Raises ModelError."""
        if entry.codec != Method.PHOTO:
            raise _unknown(entry)
        return self._of_model(entry, self._codecs.own())

    def _jpeg_codec_of(self, entry: Entry) -> CoefficientCodec:
        """The codec of coefficients of an entry's model. Raises ModelError."""
        own = self._codecs.jpeg(effort_of(entry.model or ""))
        if own is None:
            raise _unknown(entry)
        return self._of_model(entry, own)

    def _of_model(self, entry: Entry, own: Codec) -> Codec:
        """Floe's own codec, or that of the archive's copy of another model."""
        if entry.model is None:
            raise _unknown(entry)
        return own if entry.model == own.model_id else self._carried(entry.name, entry.model, own)

    def _carried(self, name: str, model: str, own: Codec) -> Codec:
        needed = f"{shown(name)}: coded by the model {shown(model)}"
        sha256 = self._models.sha256(model)
        if sha256 is None:
            raise ModelError(
                f"{needed}, and this version of Floe has {own.model_id}; the archive carries no "
                f"copy of it: a version of Floe with {shown(model)} is needed"
            )
        try:
            codec = self._codecs.carried(own, sha256, lambda: self._models.file(model))
        except DamagedArchiveError as error:
            raise ModelError(f"{needed}: {error.reason}") from error
        except ModelError as error:
            raise ModelError(
                f"{needed}: the archive's copy of it cannot be used: {error}"
            ) from error
        if codec.model_id != model:
            raise ModelError(f"{needed}, and the archive's copy of it is {codec.model_id}")
        return codec


def _unknown(entry: Entry) -> ModelError:
    return ModelError(
        f"{shown(entry.name)}: coded by {shown(entry.codec)}, which this version of Floe "
        "does not know: another version of Floe is needed"
    )


def _pixels_of(file: bytes, entry: Entry) -> Pixels:
    """The pixels of a file's first frame, as Pillow decodes them."""
    try:
        pixels = interpret(file, Path(entry.name)).pixels
    except FileError as error:
        raise _no_picture(entry, error.reason) from error
    if pixels is None:
        raise _no_picture(entry, "it has more than 8 bits a sample")
    return pixels


def _shape(entry: Entry) -> tuple[int, int, int]:
    """The shape of a coded entry's pixels, (H, W, C)."""
    shape = (entry.height, entry.width, entry.channels)
    channels = (1, 3) if entry.codec == Method.PHOTO else (1, 2, 3, 4)
    if min(shape) < 1 or shape[2] not in channels or shape[0] * shape[1] > MAX_PIXELS:
        raise _damaged(entry, f"no image has {shape[1]} x {shape[0]} x {shape[2]} samples")
    return shape


@contextmanager
def _finding(entry: Entry) -> Iterator[None]:
    """Turn damage of the archive into an error of the entry that it hits."""
    try:
        yield
    except DamagedArchiveError as error:
        raise _damaged(entry, error.reason) from error


@contextmanager
def _decoding(entry: Entry) -> Iterator[None]:
    """Turn a codec's complaints about bytes it did not write into an error of their entry."""
    try:
        yield
    except ModelError:
        raise
    except (FloeError, ValueError) as error:
        raise _damaged(entry, f"its data does not decode ({error})") from error


def _check_hash(entry: Entry, what: str, expected: str | None, found: str) -> None:
    if expected != found:
        raise _damaged(entry, f"its {what} came out different from what was archived")


def _no_picture(entry: Entry, reason: str) -> NoPictureError:
    return NoPictureError(shown(entry.name), f"there is no picture to show: {reason}")


def _damaged(entry: Entry, reason: str) -> DamagedEntryError:
    return DamagedEntryError(shown(entry.name), reason)
