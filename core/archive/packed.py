"""What is kept of a file, before it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.archive.chunks import CHECKSUM_BYTES, digest_of
from core.archive.codec import Report
from core.archive.content import InMemory
from core.archive.entry import Method, Part

#: The pieces of each part in order, as often as they are asked for.
Parts = Mapping[Part, Iterable[bytes | memoryview]]


@dataclass(frozen=True)
class Packed:
    """What an archive keeps of a file, and the facts about it.

    An image that is not decoded has the size that its header declares; what is no image has 0
    pixels of 0 channels.
    """

    kind: str
    codec: Method
    width: int
    height: int
    channels: int
    original_bytes: int
    packed_bytes: int  # coded pixels, frame and their checksums; or the file, as it is kept
    parts: Parts
    stored_sha256: bytes  # the digest_of all parts
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


@dataclass(frozen=True)
class CodedParts:
    """The chunks of an image and its frame, in memory, and what they amount to."""

    parts: Parts
    n_bytes: int
    sha256: bytes

    @classmethod
    def of(cls, chunks: Iterable[bytes], frame: bytes) -> CodedParts:
        parts: dict[Part, list[bytes | memoryview]] = {
            Part.PIXELS: [*chunks],
            Part.FRAME: [*InMemory(frame)],
        }
        n_bytes = sum(len(p) + CHECKSUM_BYTES for pieces in parts.values() for p in pieces)
        return cls(parts, n_bytes, digest_of(parts.items()))


def pixel_hash(pixels: NDArray[np.uint8]) -> bytes:
    """SHA-256 of (H, W, C) uint8 samples in row-major order."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).digest()
