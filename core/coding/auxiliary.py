"""Auxiliary bits: the bits that bits-back coding pops before it has pushed any.

At the bottom of each stack lies something worth storing, the checksum of the pixels. Where that
is too short, further words are borrowed, which count as lost. They look random but come from a
fixed sequence: an archive's bytes depend only on its pixels, model and settings.
"""

from __future__ import annotations

import hashlib

import numpy as np

from core.arrays import Words


def auxiliary_words(count: int) -> Words:
    """The first words of the sequence: (count,) uint32, the SHAKE-128 of a fixed name."""
    stream = hashlib.shake_128(b"Floe auxiliary bits").digest(4 * count)
    return np.frombuffer(stream, dtype="<u4").astype(np.uint32)
