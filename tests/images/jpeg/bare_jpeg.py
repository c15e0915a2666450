"""A plain JPEG writer for tests, from the standard's text alone, bit by bit and slow.

It writes what libraries do not: any sampling, 1 to 4 components, 12 bits, scans in any order,
restart markers out of order, padding of zeros, runs of zeros where none are needed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from core.images.jpeg.image import ZIGZAG


@dataclass
class Bits:
    """Bits, the first the highest of the first byte."""

    bits: list[int] = field(default_factory=list)

    def put(self, value: int, count: int) -> None:
        self.bits += [value >> i & 1 for i in range(count - 1, -1, -1)]

    def stuffed(self, padding: int) -> bytes:
        bits = [*self.bits, *[padding] * (-len(self.bits) % 8)]
        return np.packbits(bits).tobytes().replace(b"\xff", b"\xff\0") if bits else b""


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def huffman_table(slot: int, symbols: Sequence[int]) -> tuple[bytes, dict[int, tuple[int, int]]]:
    """A DHT segment with codes of 8 and 9 bits for these symbols, and the codes: value, length."""
    symbols = list(symbols)
    n_short = min(len(symbols), 192)
    counts = [0] * 16
    counts[7], counts[8] = n_short, len(symbols) - n_short
    codes = {s: (i, 8) for i, s in enumerate(symbols[:n_short])}
    codes |= {s: (2 * n_short + i, 9) for i, s in enumerate(symbols[n_short:])}
    return segment(0xC4, bytes([slot, *counts, *symbols])), codes


@dataclass
class Writer:
    """Writes sequential scans of components: coefficients (rows, columns, 64) in natural order."""

    width: int
    height: int
    samplings: list[tuple[int, int]]
    precision: int = 8
    interval: int = 0
    padding: int = 1
    restart: Callable[[int], bytes] = lambda i: bytes([0xFF, 0xD0 + i % 8])
    extra_zeros: Callable[[int], int] = lambda i: 0

    def __post_init__(self) -> None:
        self.h_max = max(h for h, _ in self.samplings)
        self.v_max = max(v for _, v in self.samplings)
        self.across = -(-self.width // (8 * self.h_max))
        self.down = -(-self.height // (8 * self.v_max))
        self.dc_segment, self.dc = huffman_table(0x00, range(16))
        self.ac_segment, self.ac = huffman_table(0x10, range(256))

    def padded(self, i: int) -> tuple[int, int]:
        h, v = self.samplings[i]
        return self.down * v, self.across * h

    def needed(self, i: int) -> tuple[int, int]:
        h, v = self.samplings[i]
        height, width = ceil(self.height * v / self.v_max), ceil(self.width * h / self.h_max)
        return ceil(height / 8), ceil(width / 8)

    def write(self, planes: list[np.ndarray], scans: list[list[int]]) -> bytes:
        """The file whose scans hold these components each."""
        frame = struct.pack(">BHHB", self.precision, self.height, self.width, len(planes))
        frame += b"".join(bytes([i + 1, h << 4 | v, 0]) for i, (h, v) in enumerate(self.samplings))
        out = b"\xff\xd8" + segment(0xDB, bytes([0, *range(1, 65)]))
        out += segment(0xC0 if self.precision == 8 else 0xC1, frame)
        out += self.dc_segment + self.ac_segment
        if self.interval:
            out += segment(0xDD, struct.pack(">H", self.interval))
        for scan in scans:
            header = bytes([len(scan)]) + b"".join(bytes([i + 1, 0]) for i in scan) + b"\0\x3f\0"
            out += segment(0xDA, header) + self._data(planes, scan)
        return out + b"\xff\xd9"

    def _units(self, scan: list[int]) -> list[list[tuple[int, int, int]]]:
        if len(scan) == 1:
            rows, columns = self.needed(scan[0])
            return [[(scan[0], r, c)] for r in range(rows) for c in range(columns)]
        return [
            [
                (i, r * self.samplings[i][1] + y, c * self.samplings[i][0] + x)
                for i in scan
                for y in range(self.samplings[i][1])
                for x in range(self.samplings[i][0])
            ]
            for r in range(self.down)
            for c in range(self.across)
        ]

    def _data(self, planes: list[np.ndarray], scan: list[int]) -> bytes:
        out, bits, before = b"", Bits(), dict.fromkeys(scan, 0)
        n_blocks = 0
        for number, unit in enumerate(self._units(scan)):
            if self.interval and number and number % self.interval == 0:
                out += bits.stuffed(self.padding) + self.restart(number // self.interval - 1)
                bits, before = Bits(), dict.fromkeys(scan, 0)
            for i, row, column in unit:
                block = [int(v) for v in planes[i][row, column][ZIGZAG]]
                self._block(bits, block, block[0] - before[i], self.extra_zeros(n_blocks))
                before[i] = block[0]
                n_blocks += 1
        return out + bits.stuffed(self.padding)

    def _block(self, bits: Bits, block: list[int], difference: int, extra: int) -> None:
        _value(bits, self.dc, 0, difference)
        run = 0
        for value in block[1:]:
            if value == 0:
                run += 1
                continue
            while run > 15:
                bits.put(*self.ac[0xF0])
                run -= 16
            _value(bits, self.ac, run, value)
            run = 0
        while extra and run > 0:
            bits.put(*self.ac[0xF0])
            run, extra = run - 16, extra - 1
        if run > 0:
            bits.put(*self.ac[0])


def _value(bits: Bits, codes: dict[int, tuple[int, int]], run: int, value: int) -> None:
    size = abs(value).bit_length()
    bits.put(*codes[run << 4 | size])
    bits.put(value if value >= 0 else value + (1 << size) - 1, size)
