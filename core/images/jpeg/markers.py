"""The markers of a JPEG stream and what they define (ITU-T T.81, annex B).

The same walk reads a file, where the data of scans follow their headers, and what is kept of it,
where they have been taken out: whoever walks says where it goes on after a scan.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.images.jpeg.huffman import HuffmanSpec
from core.images.jpeg.image import ZIGZAG
from core.images.jpeg.standard_tables import STANDARD_AC, STANDARD_DC

SOI = b"\xff\xd8\xff"

_DHT, _SOI, _EOI, _SOS, _DQT, _DNL, _DRI = 0xC4, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD
_FRAMES = range(0xC0, 0xD0)
_NO_FRAMES = (_DHT, 0xC8, 0xCC)

# A marker: not a stuffed zero, a fill byte, a restart, or a reserved code.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")


@dataclass(frozen=True)
class FrameComponent:
    """A component as the frame header declares it."""

    identifier: int
    h: int
    v: int
    table: int


@dataclass(frozen=True)
class Frame:
    """A frame header (SOFn). ``kind`` is n."""

    kind: int
    precision: int
    height: int
    width: int
    components: tuple[FrameComponent, ...]

    @property
    def h_max(self) -> int:
        return max(c.h for c in self.components)

    @property
    def v_max(self) -> int:
        return max(c.v for c in self.components)

    @property
    def mcus_across(self) -> int:
        return -(-self.width // (8 * self.h_max))

    @property
    def mcus_down(self) -> int:
        return -(-self.height // (8 * self.v_max))

    def size_in_blocks(self, index: int) -> tuple[int, int]:
        """Rows and columns of blocks that a component needs, without those that fill MCUs."""
        c = self.components[index]
        height = -(-self.height * c.v // self.v_max)
        width = -(-self.width * c.h // self.h_max)
        return -(-height // 8), -(-width // 8)


@dataclass(frozen=True)
class ScanHeader:
    """A scan header (SOS), with the frame and the tables that were defined when it came.

    ``components`` are places in the frame; ``ordinal`` counts the scan headers of the stream;
    the data begin at ``position``.
    """

    ordinal: int
    position: int
    frame: Frame
    components: tuple[int, ...]
    dc_tables: tuple[int, ...]
    ac_tables: tuple[int, ...]
    first: int
    last: int
    high: int
    low: int
    interval: int
    huffman: tuple[HuffmanSpec | None, ...]
    quantisers: tuple[NDArray[np.uint16], ...]


@dataclass
class Walk:
    """Goes through ``data[start:stop]`` from marker to marker. ``data[start]`` is an SOI.

    ``position`` is where the search for the next marker begins: move it past the data of a scan
    that :meth:`next_scan` gave. ``segments`` are the payloads of APPn and COM so far, as (marker,
    start, stop). After the last scan, ``position`` is the end of the stream.
    """

    data: bytes
    start: int
    stop: int
    frame: Frame | None = None
    segments: list[tuple[int, int, int]] = field(default_factory=list)
    n_markers: int = 0
    has_two_frames: bool = False

    def __post_init__(self) -> None:
        self.position = self.start + 2
        self._quantisers = [np.zeros(64, np.uint16)] * 4
        self._huffman: list[HuffmanSpec | None] = [*STANDARD_DC, None, None, *STANDARD_AC]
        self._huffman += [None, None]
        self._interval = self._n_scans = 0

    def next_scan(self) -> ScanHeader | None:
        """The next scan header that makes sense, or None at the end of the stream."""
        while match := _MARKER.search(self.data, self.position, self.stop):
            at, code = match.start(), self.data[match.start() + 1]
            self.n_markers += 1
            if code == _SOI:
                self.position = at
                return None
            self.position = at + 2
            if code == _EOI:
                return None
            length = int.from_bytes(self.data[at + 2 : at + 4], "big")
            end = at + 2 + length
            if code == _SOS:
                self._n_scans += 1
                # Where nothing but these five bytes says that this is no scan header, what follows
                # may be a scan whose data were taken out: its length means nothing.
                n_components = int.from_bytes(self.data[at + 4 : at + 5], "big")
                if not 1 <= n_components <= 4 or length != 6 + 2 * n_components:
                    continue
            if length < 2 or end > self.stop:
                continue
            self.position = end
            body = self.data[at + 4 : end]
            if code == _SOS:
                header = self._scan(body, end)
                if header is not None:
                    return header
            elif code >= 0xE0:
                self.segments.append((code, at + 4, end))
            elif code == _DHT:
                self._define_huffman(body)
            elif code == _DQT:
                self._define_quantisers(body)
            elif code == _DRI and length == 4:
                self._interval = int.from_bytes(body, "big")
            elif code in _FRAMES and code not in _NO_FRAMES:
                self._define_frame(code & 15, body)
        self.position = self.stop
        return None

    def _define_huffman(self, body: bytes) -> None:
        while len(body) >= 17:
            counts, n = body[1:17], sum(body[1:17])
            slot = body[0] & 15 | body[0] >> 4 << 2
            if n > 256 or len(body) < 17 + n or body[0] & 15 > 3 or body[0] >> 4 > 1:
                return
            self._huffman[slot] = HuffmanSpec(counts, body[17 : 17 + n])
            body = body[17 + n :]

    def _define_quantisers(self, body: bytes) -> None:
        while body:
            n_bytes = 128 if body[0] >> 4 else 64
            if len(body) < 1 + n_bytes or body[0] & 15 > 3:
                return
            steps = np.frombuffer(body, ">u2" if body[0] >> 4 else np.uint8, 64, 1)
            table = np.zeros(64, np.uint16)
            table[ZIGZAG] = steps
            self._quantisers[body[0] & 15] = table
            body = body[1 + n_bytes :]

    def _define_frame(self, kind: int, body: bytes) -> None:
        if self.frame is not None:
            self.has_two_frames = True
            return
        if len(body) < 6 or len(body) != 6 + 3 * body[5]:
            return
        components = tuple(
            FrameComponent(body[i], body[i + 1] >> 4, body[i + 1] & 15, body[i + 2])
            for i in range(6, len(body), 3)
        )
        height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        if not 1 <= len(components) <= 4 or not width:
            return
        if not all(1 <= c.h <= 4 and 1 <= c.v <= 4 and c.table < 4 for c in components):
            return
        self.frame = Frame(kind, body[0], height, width, components)

    def _scan(self, body: bytes, end: int) -> ScanHeader | None:
        frame = self.frame
        if frame is None or self.has_two_frames:
            return None
        places = {c.identifier: i for i, c in enumerate(frame.components)}
        pairs = [(body[i], body[i + 1]) for i in range(1, len(body) - 3, 2)]
        components = tuple(places.get(identifier, -1) for identifier, _ in pairs)
        if not components or -1 in components or len(set(components)) != len(components):
            return None
        if any(tables & 0xCC for _, tables in pairs):
            return None
        if not frame.height:  # DNL after the first scan says it
            self._find_height(end)
            frame = self.frame
            assert frame is not None
            if not frame.height:
                return None
        return ScanHeader(
            self._n_scans - 1,
            end,
            frame,
            components,
            tuple(tables >> 4 for _, tables in pairs),
            tuple(tables & 15 for _, tables in pairs),
            *(body[-3], body[-2], body[-1] >> 4, body[-1] & 15),
            self._interval,
            tuple(self._huffman),
            tuple(self._quantisers[frame.components[i].table] for i in components),
        )

    def _find_height(self, position: int) -> None:
        match = _MARKER.search(self.data, position, self.stop)
        if match and self.data[match.start() + 1 : match.start() + 4] == b"\xdc\0\4":
            at = match.start() + 4
            assert self.frame is not None
            kind, precision, width = self.frame.kind, self.frame.precision, self.frame.width
            height = int.from_bytes(self.data[at : at + 2], "big")
            self.frame = Frame(kind, precision, height, width, self.frame.components)
