"""A file's own bytes: compressed by a general codec where that helps, else as they are."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.archive.chunks import digest_of
from core.archive.content import Content, Scratch, sample
from core.archive.counting import PixelCount
from core.archive.entry import Method, Part
from core.archive.packed import Packed
from core.coding.xz import best_filters, compressed, decompressed
from core.control import CancelToken, ProgressListener
from core.errors import DamagedChunkError

if TYPE_CHECKING:
    from hashlib import _Hash

_log = logging.getLogger(__name__)

#: A sample of a file must become smaller by this share, or the file is stored as it is: photographs
#: and films are compressed already, and would only take time.
_LEAST_SAVING = 0.02

_SHORT_BYTES = 2**20


@dataclass(frozen=True)
class Facts:
    """What a row says of a file whose bytes are kept, beside how they are."""

    name: str
    width: int
    height: int
    channels: int
    pixel_sha256: bytes | None
    modified_at: int
    read_seconds: float
    reason: str


def keep(
    content: Content,
    facts: Facts,
    scratch: Path,
    progress: ProgressListener,
    cancel: CancelToken,
) -> Packed:
    """Pack a file by its bytes alone, verified; memory is bounded, whatever its length.

    ``scratch`` is a folder for what does not fit. Raises UnreadableFileError,
    UnwritableFileError and Cancelled.
    """
    filters = best_filters(sample(content), _LEAST_SAVING) if content.n_bytes else None
    if filters is None:
        return _stored(content, facts, progress, cancel)
    started = cancel.clock()
    count = PixelCount(facts.name, "encoding", content.n_bytes, progress)
    sha256 = hashlib.sha256()
    packed = Scratch(scratch, compressed(_watched(_short(content), sha256, count, cancel), filters))
    encoded = cancel.clock()
    if packed.n_bytes >= content.n_bytes:
        return _stored(content, facts, progress, cancel)
    count = PixelCount(facts.name, "verifying", content.n_bytes, progress)
    again = hashlib.sha256()
    try:
        for _ in _watched(decompressed(packed, content.n_bytes), again, count, cancel):
            pass
    except DamagedChunkError as error:
        _log.error("%s: xz does not give back what it was given: %s", facts.name, error)
    if again.digest() != sha256.digest():
        _log.error("%s: xz gives back another file", facts.name)
        return _stored(content, facts, progress, cancel)
    return _packed(
        facts,
        Method.XZ,
        content.n_bytes,
        packed,
        digest_of([(Part.FILE, packed)]),
        sha256.digest(),
        seconds=(encoded - started, cancel.clock() - encoded),
    )


def _stored(
    content: Content, facts: Facts, progress: ProgressListener, cancel: CancelToken
) -> Packed:
    sha256 = hashlib.sha256()
    count = PixelCount(facts.name, "encoding", content.n_bytes, progress)
    digest = digest_of([(Part.FILE, _watched(content, sha256, count, cancel))])
    return _packed(facts, Method.STORED, content.n_bytes, content, digest, sha256.digest())


def _packed(
    facts: Facts,
    method: Method,
    original_bytes: int,
    pieces: Content | Scratch,
    digest: bytes,
    file_sha256: bytes,
    seconds: tuple[float, float] | None = None,
) -> Packed:
    return Packed(
        kind="original",
        codec=method,
        width=facts.width,
        height=facts.height,
        channels=facts.channels,
        original_bytes=original_bytes,
        packed_bytes=pieces.n_bytes,
        parts={Part.FILE: pieces},
        stored_sha256=digest,
        file_exact=True,
        file_sha256=file_sha256,
        pixel_sha256=facts.pixel_sha256,
        modified_at=facts.modified_at,
        read_seconds=facts.read_seconds,
        reason=facts.reason,
        encode_seconds=seconds[0] if seconds else None,
        verify_seconds=seconds[1] if seconds else None,
    )


def _watched(
    pieces: Iterable[bytes | memoryview], sha256: _Hash, count: PixelCount, cancel: CancelToken
) -> Iterator[bytes | memoryview]:
    """The same pieces, hashed and counted on their way."""
    for piece in pieces:
        cancel.check()
        sha256.update(piece)
        yield piece
        count(len(piece))


def _short(pieces: Iterable[memoryview]) -> Iterator[memoryview]:
    """The same bytes, cut so that work on a piece can be cancelled within a second."""
    for piece in pieces:
        for at in range(0, len(piece), _SHORT_BYTES):
            yield piece[at : at + _SHORT_BYTES]
