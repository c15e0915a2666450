"""From an image file to what an archive keeps of it, verified by decoding it again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.archive.chunks import CHECKSUM_BYTES, digest_of
from core.archive.codec import Codecs, CoefficientCodec, ImageCodec, Report
from core.archive.counting import BlockCount, PixelCount
from core.archive.entry import Method, Part
from core.control import CancelToken, PixelListener, Progress, ProgressListener
from core.errors import FloeError, ModelError, UnreadableFileError, VerificationError
from core.images import KeptFile, Picture, comes_back, read_image, rebuild

#: A stored file is cut into pieces of this many bytes, so that it can be read in parts.
PIECE_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Packed:
    """What an archive keeps of an image file, and the facts about it."""

    kind: str
    codec: Method
    width: int
    height: int
    channels: int
    file: memoryview
    parts: dict[Part, list[memoryview]]  # pieces in order
    file_exact: bool
    file_sha256: bytes
    pixel_sha256: bytes | None
    modified_at: int
    read_seconds: float
    coder: str | None = None
    model: str | None = None
    report: Report | None = None
    encode_seconds: float | None = None
    verify_seconds: float | None = None
    reason: str | None = None

    @property
    def original_bytes(self) -> int:
        """The length of the file."""
        return len(self.file)

    @property
    def packed_bytes(self) -> int:
        """All that is kept: coded pixels, frame, checksums; of a stored file, the file."""
        if self.codec is Method.STORED:
            return len(self.file)
        pieces = [piece for pieces in self.parts.values() for piece in pieces]
        return sum(len(piece) + CHECKSUM_BYTES for piece in pieces)

    @cached_property
    def stored_sha256(self) -> bytes:
        """The digest_of everything that the archive stores of it."""
        return digest_of(self.parts.items())


@dataclass(frozen=True)
class _Source:
    """Facts about a file beside its image."""

    modified_at: int
    read_seconds: float


def pixel_hash(pixels: NDArray[np.uint8]) -> bytes:
    """SHA-256 of (H, W, C) uint8 samples in row-major order."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).digest()


def pack_file(
    path: Path,
    name: str,
    *,
    coder: str,
    codecs: Codecs,
    progress: ProgressListener,
    cancel: CancelToken,
) -> Packed:
    """Read, code and verify a file; write nothing.

    Raises what read_image raises, VerificationError, ModelError and Cancelled.
    """
    progress(Progress(name, "reading", 0, 0))
    cancel.check()
    started = cancel.clock()
    image = read_image(path)
    source = _Source(_modified_at(path), cancel.clock() - started)
    cancel.check()
    if isinstance(image, KeptFile):
        jpeg = codecs.jpeg() if image.is_jpeg else None
        if jpeg is None:
            return _stored(image, source, image.reason)
        packed = _coded_jpeg(image, name, source, jpeg, progress, cancel)
        if packed is None:
            return _stored(image, source, "its JPEG data do not come back from their coefficients")
    else:
        packed = _coded(image, name, source, coder, codecs.own(), progress, cancel)
    if packed.packed_bytes >= len(image.file_bytes):
        return replace(
            _stored(image, source, "coding would not make it smaller"),
            encode_seconds=packed.encode_seconds,  # spent nevertheless
            verify_seconds=packed.verify_seconds,
        )
    return packed


def _modified_at(path: Path) -> int:
    """When a file was changed, in nanoseconds since 1970, clipped to 64 bits."""
    try:
        time_ns = path.stat().st_mtime_ns
    except OSError as error:  # removed since it was read, say
        reason = f"cannot be read ({error.strerror or error})"
        raise UnreadableFileError(path, reason) from error
    return min(max(time_ns, -(1 << 63)), (1 << 63) - 1)


def _coded(
    picture: Picture,
    name: str,
    source: _Source,
    coder: str,
    codec: ImageCodec,
    progress: ProgressListener,
    cancel: CancelToken,
) -> Packed:
    n_pixels = picture.width * picture.height
    started = cancel.clock()
    encoding = PixelCount(name, "encoding", n_pixels, progress)
    coded = codec.encode(picture.pixels, coder=coder, on_pixels=encoding, cancel=cancel)
    encoding.finish()
    encoded = cancel.clock()
    verifying = PixelCount(name, "verifying", n_pixels, progress)
    file_exact = _verify(picture, name, coded.chunks, coder, codec, verifying, cancel)
    verifying.finish()
    cancel.check()
    frame = [memoryview(picture.frame)] if picture.frame else []
    return Packed(
        kind=picture.frame_kind,
        codec=Method.PHOTO,
        width=picture.width,
        height=picture.height,
        channels=picture.channels,
        file=memoryview(picture.file_bytes),
        parts={Part.PIXELS: [memoryview(chunk) for chunk in coded.chunks], Part.FRAME: frame},
        file_exact=file_exact,
        file_sha256=hashlib.sha256(picture.file_bytes).digest(),
        pixel_sha256=pixel_hash(picture.pixels),
        modified_at=source.modified_at,
        read_seconds=source.read_seconds,
        coder=coder,
        model=codec.model_id,
        report=coded.report,
        encode_seconds=encoded - started,
        verify_seconds=cancel.clock() - encoded,
    )


def _verify(
    picture: Picture,
    name: str,
    chunks: tuple[bytes, ...],
    coder: str,
    codec: ImageCodec,
    on_pixels: PixelListener,
    cancel: CancelToken,
) -> bool:
    """Decode what was coded, and return whether the file came back byte for byte.

    Raises VerificationError unless the pixels and everything else of the file came back.
    """
    shape = (picture.height, picture.width, picture.channels)
    try:
        pixels = codec.decode(chunks, shape, coder=coder, on_pixels=on_pixels, cancel=cancel)
    except ModelError:
        raise
    except (FloeError, ValueError) as error:
        raise VerificationError(name, f"what was coded does not decode ({error})") from error
    if pixels.shape != shape or not np.array_equal(pixels, picture.pixels):
        raise VerificationError(name, "what was coded decodes to other pixels; nothing was kept")
    rebuilt = rebuild(pixels, picture.frame, picture.frame_kind, cancel)
    if not comes_back(picture, rebuilt):
        raise VerificationError(name, "the file cannot be rebuilt; nothing was kept")
    return rebuilt == picture.file_bytes


def _coded_jpeg(
    file: KeptFile,
    name: str,
    source: _Source,
    codec: CoefficientCodec,
    progress: ProgressListener,
    cancel: CancelToken,
) -> Packed | None:
    """A JPEG file as coefficients and a recipe, or None if it holds none that can be coded."""
    # Imported here, for they bring in Numba, which listing an archive must not wait for.
    from core.archive.jpeg import decode_jpeg
    from core.images.jpeg import take_apart

    started = cancel.clock()
    images, recipe = take_apart(file.file_bytes, cancel)
    if not images:
        return None
    encoding = PixelCount(name, "encoding", file.n_pixels, progress)
    coded = codec.encode(images, on_blocks=BlockCount.of(images, encoding), cancel=cancel)
    encoding.finish()
    frame = recipe.to_bytes()
    encoded = cancel.clock()
    verifying = PixelCount(name, "verifying", file.n_pixels, progress)
    del images, recipe
    try:
        rebuilt = decode_jpeg(codec, coded.chunks, frame, verifying, cancel)
    except ModelError:
        raise
    except (FloeError, ValueError) as error:
        raise VerificationError(name, f"what was coded does not decode ({error})") from error
    if rebuilt != file.file_bytes:
        raise VerificationError(name, "what was coded decodes to another file; nothing was kept")
    verifying.finish()
    cancel.check()
    return Packed(
        kind="jpeg",
        codec=Method.JPEG,
        width=file.width,
        height=file.height,
        channels=file.channels,
        file=memoryview(file.file_bytes),
        parts={
            Part.PIXELS: [memoryview(chunk) for chunk in coded.chunks],
            Part.FRAME: [memoryview(frame)],
        },
        file_exact=True,
        file_sha256=hashlib.sha256(file.file_bytes).digest(),
        pixel_sha256=None if file.pixels is None else pixel_hash(file.pixels),
        modified_at=source.modified_at,
        read_seconds=source.read_seconds,
        model=codec.model_id,
        report=coded.report,
        encode_seconds=encoded - started,
        verify_seconds=cancel.clock() - encoded,
    )


def _stored(image: Picture | KeptFile, source: _Source, reason: str) -> Packed:
    file = memoryview(image.file_bytes)
    pieces = [file[at : at + PIECE_BYTES] for at in range(0, len(file), PIECE_BYTES)]
    pixels = image.pixels
    return Packed(
        kind="original",
        codec=Method.STORED,
        width=image.width,
        height=image.height,
        channels=image.channels,
        file=file,
        parts={Part.FILE: pieces},
        file_exact=True,
        file_sha256=hashlib.sha256(file).digest(),
        pixel_sha256=None if pixels is None else pixel_hash(pixels),
        modified_at=source.modified_at,
        read_seconds=source.read_seconds,
        reason=reason,
    )
