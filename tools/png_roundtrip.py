"""Takes the PNG files of folders apart, makes them again, and says what that costs.

    python -m tools.png_roundtrip ../shared/data/screens /tmp/pngs

A line for each folder: how many files come back byte for byte, how many of them with a recipe below
0.1 % of the file or of 16 bytes, the bytes of all recipes and their share of the files, and speed
in bytes of rows. Ends with status 1 if a file comes back with other bytes.

    python -m tools.png_roundtrip --make /tmp/pngs picture.png ...

Writes PNG files of pictures, in folders by the program that compresses them.
"""

from __future__ import annotations

import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image

from core.control import CancelToken
from core.images.png import (
    SIGNATURE,
    BrokenPngError,
    UnusualPngError,
    packed_image_data,
    pass_shapes,
    pixel_bytes,
    read_parts,
)
from core.images.png_data import rebuild, take_apart
from core.images.png_rows import LIBPNG, best_filters, filtered_rows

#: A recipe is cheap up to this many bytes, or below this share of the file.
_FEW_BYTES, _SMALL_SHARE = 16, 0.001


class _Count:
    """What was found in a folder."""

    def __init__(self) -> None:
        self.files = self.back = self.cheap = self.recipe = self.bytes = self.rows = 0
        self.apart = self.again = 0.0

    def row(self, name: str) -> str:
        mega = self.rows / 1e6
        columns = (
            name, self.files, self.back, self.cheap, self.bytes, self.recipe,
            f"{100 * self.recipe / max(self.bytes, 1):.3f}",
            f"{mega / max(self.apart, 1e-9):.1f}", f"{mega / max(self.again, 1e-9):.1f}",
        )  # fmt: skip
        return "| " + " | ".join(map(str, columns)) + " |"


def _check(path: Path, count: _Count) -> bool:
    """Counts a file; False if it comes back with other bytes."""
    data = path.read_bytes()
    count.files += 1
    cancel = CancelToken()
    try:
        header = read_parts(data).header
        chunks = list(packed_image_data(data))
        step = pixel_bytes(header)
        start = time.process_time()
        passes, recipe = take_apart(chunks, pass_shapes(header), step, cancel)
    except (BrokenPngError, UnusualPngError, ValueError) as error:
        print(f"{path}: no recipe: {error}", file=sys.stderr)
        return True
    middle = time.process_time()
    again = rebuild(passes, step, recipe, cancel)
    end = time.process_time()
    if again != chunks:
        print(f"{path} comes back with other bytes", file=sys.stderr)
        return False
    count.back += 1
    count.cheap += len(recipe) <= max(_FEW_BYTES, _SMALL_SHARE * len(data))
    count.recipe += len(recipe)
    count.bytes += len(data)
    count.rows += sum(rows.nbytes for rows in passes)
    count.apart += middle - start
    count.again += end - middle
    return True


def _folders(arguments: list[str]) -> Iterator[tuple[str, list[Path]]]:
    for argument in arguments:
        root = Path(argument)
        files = sorted(path for path in root.rglob("*") if path.suffix.lower() == ".png")
        for folder in sorted({path.parent for path in files}):
            yield str(folder), [path for path in files if path.parent == folder]


def check(arguments: list[str]) -> int:
    """Prints the tables."""
    failed = False
    print("| folder | files | byte for byte | cheap | bytes | recipes | % | apart MB/s "
          "| again MB/s |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    total = _Count()
    for name, paths in _folders(arguments):
        count = _Count()
        for path in paths:
            failed |= not _check(path, count)
        print(count.row(name), flush=True)
        for fact in vars(total):
            setattr(total, fact, getattr(total, fact) + getattr(count, fact))
    print(total.row("all"))
    return int(failed)


def _by_zlib(level: int, memory: int, strategy: int) -> Callable[[bytes], bytes]:
    def compress(plain: bytes) -> bytes:
        deflater = zlib.compressobj(level, zlib.DEFLATED, 15, memory, strategy)
        return deflater.compress(plain) + deflater.flush()

    return compress


def _by(encode: Callable[..., bytes | bytearray], level: int) -> Callable[[bytes], bytes]:
    return lambda plain: bytes(encode(plain, level))


def _programs() -> dict[str, Callable[[bytes], bytes]]:
    """Functions from filtered rows to a zlib stream."""
    programs = {f"zlib-{n}": _by_zlib(n, 8, zlib.Z_FILTERED) for n in range(10)}
    programs |= {f"zlib-memory-{n}": _by_zlib(6, n, zlib.Z_DEFAULT_STRATEGY) for n in (1, 5, 9)}
    programs["zlib-rle"] = _by_zlib(6, 8, zlib.Z_RLE)
    programs["zlib-huffman"] = _by_zlib(6, 8, zlib.Z_HUFFMAN_ONLY)
    programs |= {f"libdeflate-{n}": _by(imagecodecs.deflate_encode, n) for n in (1, 6, 9, 12)}
    programs |= {f"zlib-ng-{n}": _by(imagecodecs.zlibng_encode, n) for n in (1, 3, 6, 9)}
    programs["zopfli"] = lambda rows: bytes(imagecodecs.zopfli_encode(rows))
    return programs


def make(folder: Path, pictures: list[str]) -> None:
    """Fills folders by program with PNG files."""
    for picture in pictures:
        with Image.open(picture) as opened:
            image = opened.convert("RGB")
        for level in (1, 6, 9):
            place = folder / f"pillow-{level}"
            place.mkdir(parents=True, exist_ok=True)
            image.save(place / f"{Path(picture).stem}.png", compress_level=level)
        pixels = np.asarray(image)
        rows = pixels.reshape(len(pixels), -1)
        plain = filtered_rows(rows, 3, best_filters(rows, 3, LIBPNG)).tobytes()
        for name, compress in _programs().items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            _write(folder / name / f"{Path(picture).stem}.png", image.size, compress(plain))


def _write(path: Path, size: tuple[int, int], stream: bytes) -> None:
    """A file as libpng cuts it."""
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    pieces = [stream[at : at + 8_192] for at in range(0, len(stream), 8_192)]
    parts = [(b"IHDR", header), *((b"IDAT", piece) for piece in pieces), (b"IEND", b"")]
    path.write_bytes(SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ))  # fmt: skip


def main() -> int:
    """Runs the command."""
    if sys.argv[1:2] == ["--make"]:
        make(Path(sys.argv[2]), sys.argv[3:])
        return 0
    return check(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
