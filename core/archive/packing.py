"""From a file to what an archive keeps of it, verified by decoding it again."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.archive.codec import Codecs, CoefficientCodec
from core.archive.content import Content, InMemory, OnDisk
from core.archive.counting import BlockCount, PixelCount
from core.archive.entry import Method
from core.archive.keeping import Facts, keep
from core.archive.packed import CodedParts, Packed, pixel_hash
from core.archive.pixels import Coding, decode_standard, encode
from core.coding.efforts import DEFAULT_EFFORT, Effort
from core.control import CancelToken, PixelListener, Progress, ProgressListener
from core.errors import Cancelled, FloeError, ModelError, UnreadableFileError, VerificationError
from core.images import (
    KeptFile,
    OtherFile,
    Picture,
    comes_back,
    exact_picture,
    is_exact,
    read_file,
    rebuild,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Source:
    """Facts about a file beside its image."""

    modified_at: int
    read_seconds: float


def pack_file(
    path: Path,
    name: str,
    *,
    coder: str,
    codecs: Codecs,
    scratch: Path,
    pixels_only: bool = False,
    progress: ProgressListener,
    cancel: CancelToken,
    effort: Effort = DEFAULT_EFFORT,
) -> Packed:
    """Read, code and verify any file; write nothing, except large files into ``scratch``.

    What cannot be coded is kept by its bytes, with the reason; so is a file on which our own
    verification fails, which is logged. ``pixels_only``: a PNG file may come back with other
    bytes, if its pixels and all other data are the same. Raises UnreadableFileError,
    UnwritableFileError, ModelError and Cancelled.
    """
    progress(Progress(name, "reading", 0, 0))
    cancel.check()
    started = cancel.clock()
    image = read_file(path)
    source = _Source(_modified_at(path), cancel.clock() - started)
    cancel.check()
    packed: Packed | None = None
    if isinstance(image, OtherFile):
        reason = image.reason
    else:
        try:
            packed, reason = _coded_if_possible(
                image, name, source, coder, effort, codecs, pixels_only, progress, cancel
            )
        except (Cancelled, ModelError):
            raise
        except MemoryError:
            reason = "there is not enough memory to code it"
        except VerificationError as error:
            _log.exception("%s: its bytes are kept", name)
            reason = f"Floe failed to code it ({error.reason})"
        except Exception as error:  # a bug of ours must not keep a file out
            _log.exception("%s: its bytes are kept", name)
            reason = f"Floe failed to code it ({type(error).__name__}: {error})"
        if packed is not None and packed.packed_bytes < len(image.file_bytes):
            return packed
    facts, content = _facts(image, name, source, reason)
    kept = keep(content, facts, scratch, progress, cancel)
    if packed is None:
        return kept
    return replace(  # spent nevertheless
        kept,
        reason="coding would not make it smaller",
        encode_seconds=(packed.encode_seconds or 0.0) + (kept.encode_seconds or 0.0),
        verify_seconds=(packed.verify_seconds or 0.0) + (kept.verify_seconds or 0.0),
    )


def _coded_if_possible(
    image: Picture | KeptFile,
    name: str,
    source: _Source,
    coder: str,
    effort: Effort,
    codecs: Codecs,
    pixels_only: bool,
    progress: ProgressListener,
    cancel: CancelToken,
) -> tuple[Packed | None, str]:
    """An image as a code of its pixels or coefficients, or the reason why there is none.

    Raises VerificationError, ModelError and Cancelled.
    """
    if isinstance(image, Picture) and not pixels_only:
        image = exact_picture(image, cancel)
    if isinstance(image, Picture):
        packed = _coded(image, name, source, coder, codecs, progress, cancel)
        return packed, "no codec takes its samples"
    jpeg = codecs.jpeg(effort) if image.is_jpeg else None
    if jpeg is None:
        return None, image.reason
    packed = _coded_jpeg(image, name, source, jpeg, progress, cancel)
    return packed, "its JPEG data do not come back from their coefficients"


def _facts(
    image: Picture | KeptFile | OtherFile, name: str, source: _Source, reason: str
) -> tuple[Facts, Content]:
    """A file to be kept by its bytes, and where they are."""
    times = source.modified_at, source.read_seconds
    if isinstance(image, OtherFile):
        return Facts(name, 0, 0, 0, None, *times, reason), OnDisk(image.path)
    size = image.width, image.height, image.channels
    pixel_sha256 = None if image.pixels is None else pixel_hash(image.pixels)
    return Facts(name, *size, pixel_sha256, *times, reason), InMemory(image.file_bytes)


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
    codecs: Codecs,
    progress: ProgressListener,
    cancel: CancelToken,
) -> Packed | None:
    """A picture as a code of its pixels, or None where nothing takes them.

    Raises VerificationError, ModelError and Cancelled.
    """
    started = cancel.clock()
    coding = encode(picture.pixels, name, coder, codecs, progress, cancel)
    if coding is None:
        return None
    encoded = cancel.clock()
    verifying = PixelCount(name, "verifying", picture.width * picture.height, progress)
    file_exact = _verify(picture, name, coding, codecs, verifying, cancel)
    verifying.finish()
    cancel.check()
    parts = CodedParts.of(coding.chunks, picture.frame)
    return Packed(
        kind=picture.frame_kind,
        codec=coding.method,
        width=picture.width,
        height=picture.height,
        channels=picture.channels,
        original_bytes=len(picture.file_bytes),
        packed_bytes=parts.n_bytes,
        parts=parts.parts,
        stored_sha256=parts.sha256,
        file_exact=file_exact,
        file_sha256=hashlib.sha256(picture.file_bytes).digest(),
        pixel_sha256=pixel_hash(picture.pixels),
        modified_at=source.modified_at,
        read_seconds=source.read_seconds,
        coder=coding.coder,
        model=coding.model,
        report=coding.report,
        encode_seconds=encoded - started,
        verify_seconds=cancel.clock() - encoded,
        reason=None if coding.method is Method.PHOTO else _comparison(coding),
    )


def _comparison(coding: Coding) -> str:
    """What was tried for the pixels of an image, in bytes, the smallest first."""
    sizes = {coding.method: coding.n_bytes, **coding.tried}
    listed = ", ".join(
        f"{method} {sizes[method]}" for method in sorted(sizes, key=sizes.__getitem__)
    )
    return f"the smallest of what was tried, in bytes: {listed}"


def _verify(
    picture: Picture,
    name: str,
    coding: Coding,
    codecs: Codecs,
    on_pixels: PixelListener,
    cancel: CancelToken,
) -> bool:
    """Decode what was coded, and return whether the file comes back byte for byte, always.

    Raises VerificationError unless the pixels and everything else of the file came back.
    """
    shape = (picture.height, picture.width, picture.channels)
    try:
        if coding.method is Method.PHOTO:
            pixels = codecs.own().decode(
                coding.chunks, shape, coder=coding.coder or "", on_pixels=on_pixels, cancel=cancel
            )
        else:
            pixels = decode_standard(coding.method, coding.chunks, shape, cancel)
    except ModelError:
        raise
    except (FloeError, ValueError) as error:
        raise VerificationError(name, f"what was coded does not decode ({error})") from error
    if pixels.shape != shape or not np.array_equal(pixels, picture.pixels):
        raise VerificationError(name, "what was coded decodes to other pixels")
    rebuilt = rebuild(pixels, picture.frame, picture.frame_kind, cancel)
    if not comes_back(picture, rebuilt):
        raise VerificationError(name, "the file cannot be rebuilt")
    return is_exact(picture)


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
        raise VerificationError(name, "what was coded decodes to another file")
    verifying.finish()
    cancel.check()
    parts = CodedParts.of(coded.chunks, frame)
    return Packed(
        kind="jpeg",
        codec=Method.JPEG,
        width=file.width,
        height=file.height,
        channels=file.channels,
        original_bytes=len(file.file_bytes),
        packed_bytes=parts.n_bytes,
        parts=parts.parts,
        stored_sha256=parts.sha256,
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
