"""Learns what the contexts of JPEG files start from: ``python -m tools.jpeg_contexts DIR FILE``.

Goes through the JPEG files of a folder in a fixed random order, each coded by the network of the
program, and lets contexts learn on from file to file. Files longer than MAX_BYTES are left out, so
that many sources count. What was learned is written to FILE.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np

from core.coding.jpeg.level import rows_of
from core.coding.jpeg.mixing import looked_up
from core.coding.jpeg.normal import Normal
from core.coding.jpeg.priors import N_ROLES, Priors, nothing_learned, write_priors
from core.coding.jpeg.tiles import tiles
from core.flows.jpeg.loading import bundled_jpeg_model
from core.images.jpeg import JpegImage, take_apart
from core.runtime import configure_torch

#: Of a file that is learned from.
MAX_BYTES = 350_000

#: Information, in 1/256, that an offset counts for at most when coding starts.
MOST_INFORMATION = 4096


class _Kept(Priors):
    """Hands out what it has, so that it learns."""

    def fresh(self, role: int):  # type: ignore[no-untyped-def]
        return self.roles[role]


def learn(level: Normal, images: list[JpegImage]) -> float:
    """Codes the images of a file; the bits they took."""
    bits = 0.0
    for tile in tiles(images):
        for band, number, code in level.planes(images, tile):
            shape = rows_of(images, tile[band], number).shape[:2]
            bits += sum(step.bits for step in code(None, np.empty(shape, np.float32)))
    return bits


def main(folder: Path, target: Path) -> None:
    """Learns from the files of a folder."""
    configure_torch()
    roles = tuple(nothing_learned() for _ in range(N_ROLES))
    level = Normal("", bundled_jpeg_model(), _Kept(roles), looked_up(), b"")
    paths = [path for path in sorted(folder.iterdir()) if path.stat().st_size <= MAX_BYTES]
    random.Random(1).shuffle(paths)
    for path in paths:
        images, _ = take_apart(path.read_bytes())
        print(f"{path.name}: {learn(level, images) / 8:.0f} bytes", flush=True)
    target.write_bytes(write_priors(roles, MOST_INFORMATION))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
