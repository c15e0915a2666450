"""Feeds mutated JPEGs to the parser: each one must come back byte for byte, in bounded time.

    python -m tools.torture_jpeg --seed 1 --count 100000

A mutant that does not come back, or raises anything, is written to the folder that ``--keep``
names, and the run ends with status 1. Set NUMBA_BOUNDSCHECK=1 to check every index of the compiled
loops, too.
"""

from __future__ import annotations

import argparse
import io
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from core.control import CancelToken
from core.images.jpeg import Recipe, rebuild, take_apart
from core.images.jpeg.taking_apart import taken_apart

#: No mutant may take longer, in seconds of processor time: they are a few kilobytes.
MAX_SECONDS = 2.0


def samples() -> list[bytes]:
    """Small JPEGs of all kinds that Pillow writes, one with a thumbnail and a trailer."""
    random = np.random.default_rng(0)
    made = []
    for mode, channels in (("L", 1), ("RGB", 3), ("CMYK", 4)):
        noise = random.integers(0, 256, (7, 9, channels), dtype=np.uint8).squeeze()
        image = Image.fromarray(noise, mode).resize((45, 35), Image.Resampling.BICUBIC)
        for options in (
            {},
            {"optimize": True, "quality": 95},
            {"progressive": True},
            {"progressive": True, "quality": 30, "subsampling": 2},
            {"restart_marker_blocks": 2, "subsampling": 1},
            {"restart_marker_rows": 1, "progressive": True},
        ):
            file = io.BytesIO()
            image.save(file, "JPEG", **options)
            made.append(file.getvalue())
    thumbnail = made[6]
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    made.append(made[8][:2] + segment + made[8][2:] + made[10] + b"trailer")
    return made


def mutants(seed: int, count: int) -> Iterator[bytes]:
    """``count`` mutants of :func:`samples`, the same for the same seed."""
    random = np.random.default_rng(seed)
    originals = samples()
    for _ in range(count):
        data = bytearray(originals[random.integers(len(originals))])
        for _ in range(int(random.geometric(0.35))):
            if len(data) > 4:
                mutation = _MUTATIONS[random.integers(len(_MUTATIONS))]
                mutation(data, random, originals)
        yield bytes(data)


_Mutation = Callable[[bytearray, np.random.Generator, list[bytes]], None]


def _flip(data: bytearray, random: np.random.Generator, _: list[bytes]) -> None:
    data[random.integers(len(data))] ^= 1 << int(random.integers(8))


def _overwrite(data: bytearray, random: np.random.Generator, _: list[bytes]) -> None:
    value = [0, 0xFF, 0x7F, int(random.integers(256))][random.integers(4)]
    at = int(random.integers(len(data)))
    n = min(int(random.integers(1, 9)), len(data) - at)
    data[at : at + n] = bytes([value]) * n


def _header(data: bytearray, random: np.random.Generator, _: list[bytes]) -> None:
    """A byte of a segment, where a file says how to read the rest."""
    places = [i for i in range(len(data) - 20) if data[i] == 0xFF and data[i + 1] >= 0xC0]
    at = places[random.integers(len(places))] if places else 0
    data[min(at + int(random.integers(1, 20)), len(data) - 1)] = int(random.integers(256))


def _remove(data: bytearray, random: np.random.Generator, _: list[bytes]) -> None:
    at = int(random.integers(len(data)))
    del data[at : at + int(random.geometric(0.05))]


def _cut(data: bytearray, random: np.random.Generator, _: list[bytes]) -> None:
    del data[int(random.integers(len(data))) :]


def _repeat(data: bytearray, random: np.random.Generator, _: list[bytes]) -> None:
    a, b = sorted(int(v) for v in random.integers(len(data), size=2))
    at = int(random.integers(len(data)))
    data[at:at] = data[a : min(b, a + 2000)]


def _marker(data: bytearray, random: np.random.Generator, _: list[bytes]) -> None:
    at = int(random.integers(len(data)))
    data[at:at] = bytes([0xFF, int(random.integers(0xC0, 256))])


def _splice(data: bytearray, random: np.random.Generator, originals: list[bytes]) -> None:
    other = originals[random.integers(len(originals))]
    a, b = sorted(int(v) for v in random.integers(len(other), size=2))
    at = int(random.integers(len(data)))
    data[at : at + (b - a if random.integers(2) else 0)] = other[a:b]


_MUTATIONS: tuple[_Mutation, ...] = (
    *(_flip, _flip, _overwrite, _header, _header, _remove, _cut, _repeat, _marker, _splice),
)


def outcome(data: bytes) -> str:
    """How far a file was taken apart. Raises AssertionError where it does not come back."""
    images, recipe = take_apart(data)
    if taken_apart(data, CancelToken())[0] and not images:
        raise AssertionError("what was taken apart is not the file")
    read = Recipe.from_bytes(recipe.to_bytes())
    blank = read.blank_images()
    for image, other in zip(images, blank, strict=True):
        for ours, theirs in zip(image.components, other.components, strict=True):
            theirs.coefficients[:] = ours.coefficients
    if rebuild(blank, read) != data:
        raise AssertionError("the file does not come back")
    if not images:
        return "stored"
    return "whole" if recipe.n_kept < 0.5 * len(data) else "in part"


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, default=Path("torture"))
    options = parser.parse_args()
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    for data in samples():  # compiles
        outcome(data)
    for number, data in enumerate(mutants(options.seed, options.count)):
        start = time.process_time()
        try:
            outcomes[outcome(data)] += 1
            seconds = time.process_time() - start
            slowest = max(slowest, seconds)
            if seconds > MAX_SECONDS:
                raise AssertionError(f"{seconds:.1f} seconds")
        except Exception as error:
            options.keep.mkdir(exist_ok=True)
            path = options.keep / f"{options.seed}_{number}.jpg"
            path.write_bytes(data)
            print(f"{path}: {type(error).__name__}: {error}")
            return 1
    print(f"{options.count} mutants of seed {options.seed}: {dict(outcomes)}, ", end="")
    print(f"the slowest took {slowest:.3f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
