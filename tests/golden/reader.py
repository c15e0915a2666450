"""A second reader of archives, written from docs/format.md: SQLite, numpy and integers alone.

Nothing of Floe's own code is used: not constriction, not torch, not its networks. It reads the
coders "fused" and "modular", slowly.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.colour_reference import Colours
from tests.integer_reference import ORDER, PHASES, mixture_weights, pieces


class Stack:
    """Asymmetric numeral systems: a state of 64 bits above words of 32, 24-bit probabilities."""

    def __init__(self, data: bytes) -> None:
        data += bytes(-len(data) % 4)
        self.words = [int(word) for word in np.frombuffer(data, "<u4")]
        self.state = self.words.pop() << 32 | self.words.pop()

    def left(self) -> list[int]:
        return [*self.words, self.state & 0xFFFFFFFF, self.state >> 32]

    def push(self, symbol: int, size: int) -> None:
        if size == 1:
            return
        low, width = interval(symbol, size)
        if self.state >> 40 >= width:
            self.words.append(self.state & 0xFFFFFFFF)
            self.state >>= 32
        self.state = self.state // width << 24 | self.state % width + low

    def pop(self, size: int) -> int:
        if size == 1:
            return 0
        place = self.state & 0xFFFFFF
        symbol = min(place // (2**24 // size), size - 1)
        low, width = interval(symbol, size)
        self.state = (self.state >> 24) * width + place - low
        if self.state < 2**32 and self.words:
            self.state = self.state << 32 | self.words.pop()
        return symbol

    def pops(self, sizes: list[int]) -> list[int]:
        return [self.pop(size) for size in sizes]

    def pushes(self, symbols: list[int], sizes: list[int]) -> None:
        for symbol, size in zip(reversed(symbols), reversed(sizes), strict=True):
            self.push(symbol, size)


def interval(symbol: int, size: int) -> tuple[int, int]:
    """Where a symbol's part of the 2^24 places begins, and its width: the last has what is left."""
    width = 2**24 // size
    return symbol * width, width if symbol < size - 1 else 2**24 - symbol * width


def push_width(stack: Stack, values: list[int], widths: list[int]) -> None:
    """Puts back r, uniform on [0, R), where only 16 significant bits of R count."""
    shifts = [max(width.bit_length() - 16, 0) for width in widths]
    sizes = [width >> shift for width, shift in zip(widths, shifts, strict=True)]
    high = [value >> shift for value, shift in zip(values, shifts, strict=True)]
    narrow = [i for i, size in enumerate(sizes) if size < 1024]
    wide = [i for i, size in enumerate(sizes) if size >= 1024]
    stack.pushes([high[i] for i in narrow], [sizes[i] for i in narrow])
    quotients = stack.pops([-(-(2**24 - high[i]) // sizes[i]) for i in wide])
    whole = [q * sizes[i] + high[i] for q, i in zip(quotients, wide, strict=True)]
    stack.pushes(whole, [2**24] * len(wide))
    lows = [value & (1 << shift) - 1 for value, shift in zip(values, shifts, strict=True)]
    stack.pushes(lows, [1 << shift for shift in shifts])


class Cdf:
    """The distributions of a piece, (K, N) parameters, as F from cell edges to [0, 2^24]."""

    def __init__(self, tensors: dict[str, Any], logits: Any, means: Any, log_scales: Any) -> None:
        self.sigmoid = tensors["tables.sigmoid"]
        self.weights, self.means = mixture_weights(tensors, logits), means.astype(np.float32)
        self.scales = tensors["tables.inverse_scale"][log_scales + 69]

    def __len__(self) -> int:
        return int(self.means.shape[1])

    def edges(self, cells: Any, part: slice) -> Any:
        middle = np.float32(len(self.sigmoid) // 2)
        place = (cells * 64 - 32).astype(np.float32) - self.means[:, part]
        place = np.clip(place * self.scales[:, part], -middle, middle) + middle
        below = self.sigmoid[place.astype(np.int32)] * self.weights[:, part]
        total = below[0]
        for row in below[1:]:
            total = total + row
        inner = np.floor(total * np.float32(2**24 - 512)).astype(np.int64) + cells
        return np.where(cells <= 0, 0, np.where(cells >= 256, 2**24, inner))

    def mean(self) -> Any:
        total = np.float32(0)
        for mean, weight in zip(self.means, self.weights, strict=True):
            total = total + mean * weight
        return total / np.float32(64)

    def locate(self, z: Any, part: slice) -> Any:
        cells = np.zeros(len(z), np.int64)
        for step in (128, 64, 32, 16, 8, 4, 2, 1):
            cells = np.where(self.edges(cells + step, part) <= z, cells + step, cells)
        return cells


class Shaped:
    """A piece of which the second stage shaped a window: edges (N, 64) from the first value on."""

    def __init__(self, plain: Cdf, first: Any, window: Any) -> None:
        self.plain, self.first, self.window = plain, first, window

    def __len__(self) -> int:
        return len(self.plain)

    def edges(self, cells: Any, part: slice) -> Any:
        first, window = self.first[part], self.window[part]
        j = np.clip(cells - first, 0, 63)
        inside = (cells >= first) & (cells <= first + 63)
        return np.where(inside, window[np.arange(len(j)), j], self.plain.edges(cells, part))

    def locate(self, z: Any, part: slice) -> Any:
        first, window = self.first[part], self.window[part]
        inside = (z >= window[:, 0]) & (z < window[:, 63])
        found = first + (window <= z[:, None]).sum(1) - 1
        return np.where(inside, found, self.plain.locate(z, part))


def pixels_of(stack: Stack, cdf: Cdf | Shaped, part: slice, coder: str) -> Any:
    """Decodes a chunk of a piece."""
    count = part.stop - part.start
    z = np.array(stack.pops([2**24] * count))
    cells = cdf.locate(z, part)
    low = cdf.edges(cells, part)
    widths = cdf.edges(cells + 1, part) - low
    if coder == "fused":
        push_width(stack, (z - low).tolist(), widths.tolist())
        return cells
    v = (z - low) * 256 + np.array(stack.pops([256] * count))
    shifts = np.array([max(int(width).bit_length() - 16, 0) for width in widths])
    inside, r = np.divmod(v, widths >> shifts << shifts)
    push_width(stack, r.tolist(), widths.tolist())
    stack.pushes(inside.tolist(), [256] * count)
    return cells


def tile(
    chunk: bytes, number: int, shape: tuple[int, int, int], coder: str, model: tuple[Any, Any]
) -> Any:
    """The pixels of a tile, (H, W, C)."""
    tensors, config = model
    stack = Stack(chunk)
    grey = shape[2] == 1 or stack.pop(2) == 1
    channels = ORDER[:1] if grey else ORDER
    colours = Colours(stack.pop(4) if shape[2] == 3 else 0)
    growth = 3 + stack.pop(8)
    sizes = []
    height, width = shape[:2]
    while height * width > 16:
        sizes.append((height, width))
        height, width = (height + 1) // 2, (width + 1) // 2
    planes = np.array(stack.pops([256] * (len(channels) * height * width)))
    planes = planes.reshape(len(channels), height, width)
    picture = np.zeros((3, height, width), np.int64)
    for i, channel in enumerate(ORDER):
        picture[channel] = planes[min(i, len(channels) - 1)]
    left = len(channels) * (shape[0] * shape[1] - height * width)
    for level, (height, width) in reversed(list(enumerate(sizes))):
        steps = pieces(tensors, config, level, picture, height, width, channels)
        known = np.zeros((3, height, width), np.int64)
        known[:, 0::2, 0::2] = picture
        phase = -1
        try:
            parameters, channel, at = next(steps)
            while True:
                i = channels.index(channel)
                corner = int(at[0][0] % 2), int(at[1][0] % 2)
                if phase != PHASES.index(corner):
                    phase = PHASES.index(corner)
                    colours.begin(level, phase, known)
                before = known[(slice(None), *at)][list(channels[:i])]
                plain = Cdf(tensors, *parameters)
                cdf: Cdf | Shaped = plain
                if colours.applies(i):
                    whole = slice(0, len(plain))
                    edges = partial(plain.edges, part=whole)
                    cdf = Shaped(plain, *colours.shape(i, plain.mean(), edges, at, before))
                values = np.empty(len(cdf), np.int64)
                left -= len(cdf)
                for part in cuts(len(cdf), left, growth):
                    values[part] = pixels_of(stack, cdf, part, coder)
                known[channel][at] = values
                if colours.applies(i):
                    widths = [
                        c.edges(values + 1, whole) - c.edges(values, whole) for c in (cdf, plain)
                    ]
                    colours.observe(i, np.concatenate([before, values[None]]), *widths)
                parameters, channel, at = steps.send(values)
        except StopIteration as end:
            picture = end.value
    pixels = picture[: shape[2]].transpose(1, 2, 0).astype(np.uint8)
    check_bottom(stack, pixels, number)
    return pixels


def cuts(count: int, coded: int, growth: int) -> list[slice]:
    """The chunks of a piece in the order of decoding."""
    parts = []
    stop = count
    while stop:
        size = min(max(1, coded >> growth), 2**16, stop)
        parts.append(slice(stop - size, stop))
        stop, coded = stop - size, coded + size
    return parts[::-1]


def check_bottom(stack: Stack, pixels: Any, number: int) -> None:
    words = [*np.frombuffer(hashlib.sha256(pixels.tobytes()).digest()[:16], "<u4"), number]
    left = stack.left()
    borrowed = len(left) - len(words)
    sequence = hashlib.shake_128(b"Floe auxiliary bits").digest(4 * borrowed)
    assert left == [*np.frombuffer(sequence, "<u4")[::-1], *words]


def safetensors(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors of a model, and its sizes."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    about = header.pop("__metadata__")
    kinds = {"I8": "<i1", "I16": "<i2", "I32": "<i4", "F32": "<f4", "U8": "<u1"}
    tensors = {}
    for name, entry in header.items():
        low, high = entry["data_offsets"]
        values = np.frombuffer(data[start + low : start + high], kinds[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors, json.loads(about["config"])


def row_crc32(row: tuple[Any, ...]) -> int:
    """The checksum of a row of the table of entries, all of its columns but crc32 given."""
    data = b""
    for value in row:
        if value is None:
            data += b"n"
        elif isinstance(value, int | float):
            letter, form = (b"r", "<d") if isinstance(value, float) else (b"i", "<q")
            data += letter + struct.pack(form, value)
        else:
            letter = b"t" if isinstance(value, str) else b"b"
            value = value.encode() if isinstance(value, str) else value
            data += letter + struct.pack("<q", len(value)) + value
    return zlib.crc32(data)


def folder_rows(connection: sqlite3.Connection) -> list[tuple[int, str, int]]:
    return connection.execute("SELECT id, name, crc32 FROM folder ORDER BY id").fetchall()


def folders(path: Path) -> list[str]:
    """The folders that were made."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    rows = folder_rows(connection)
    connection.close()
    return [name for _, name, _ in rows]


def wrong_rows(path: Path) -> list[str]:
    """Names of entries and folders, and ids of models, that do not match their checksums."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    entries = connection.execute("SELECT * FROM entry").fetchall()
    entries += folder_rows(connection)
    models = connection.execute("SELECT id, sha256, data FROM model").fetchall()
    connection.close()
    wrong = [row[1] for row in entries if row_crc32(row[:-1]) != row[-1]]
    return wrong + [m for m, digest, data in models if hashlib.sha256(data).digest() != digest]


def read(path: Path, name: str) -> Any:
    """The pixels of an entry, (H, W, C), by the model that the archive carries."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    number, height, width, channels, coder, wanted = connection.execute(
        "SELECT id, height, width, channels, coder, model FROM entry WHERE name = ?", (name,)
    ).fetchone()
    (data,) = connection.execute("SELECT data FROM model WHERE id = ?", (wanted,)).fetchone()
    chunks = connection.execute(
        "SELECT data FROM chunk WHERE entry = ? AND part = 'pixels' ORDER BY place", (number,)
    ).fetchall()
    connection.close()
    assert len(chunks) == 1, "sides above 1024 are cut into tiles"
    return tile(chunks[0][0], 1, (height, width, channels), coder, safetensors(data))
