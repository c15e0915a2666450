"""What the bytes of an entry are for: what lies between theory and what was achieved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.archive.chunks import CHECKSUM_BYTES
from core.archive.entry import Entry, Part, Share
from core.coding.jpeg.side import jpeg_side_bits
from core.coding.photo.side import side_bits


@dataclass(frozen=True)
class Stored:
    """What lies in an archive under one part's name."""

    n_chunks: int
    n_bytes: int


def breakdown(entry: Entry, parts: Mapping[str, Stored]) -> dict[Share, float]:
    """Shares in bits, which add up to what is stored.

    ``parts`` is what was found in the archive. Raises ValueError if it is not as long as the
    entry says.
    """
    nothing = Stored(0, 0)
    pixels, frame = parts.get(Part.PIXELS, nothing), parts.get(Part.FRAME, nothing)
    file = parts.get(Part.FILE, nothing)
    n_chunks = pixels.n_chunks + frame.n_chunks
    found = pixels.n_bytes + frame.n_bytes + CHECKSUM_BYTES * n_chunks + file.n_bytes
    if found != entry.packed_bytes:
        raise ValueError(f"{found} bytes where {entry.packed_bytes} should be")
    around = {
        Share.FRAME: 8.0 * frame.n_bytes,
        Share.CONTAINER: 8.0 * CHECKSUM_BYTES * n_chunks,
    }
    if entry.is_standard:
        return {Share.STANDARD: 8.0 * pixels.n_bytes, **around}
    if entry.theoretical_bpd is None or entry.keeps_file:
        return {Share.FILE: 8.0 * found}
    theory = entry.theoretical_bpd * entry.n_dims
    if entry.is_jpeg:
        side = jpeg_side_bits(pixels.n_chunks)
    else:
        side = side_bits(pixels.n_chunks, entry.channels)
    lost = entry.lost_bits or 0
    return {
        Share.THEORY: theory,
        Share.CODING: 8.0 * pixels.n_bytes - theory - side - lost,
        Share.BORROWED: float(lost),
        Share.SIDE: side,
        **around,
    }
