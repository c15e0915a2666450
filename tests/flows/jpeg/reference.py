"""Another evaluator of the integer model: block by block, sums in int64, straight from the file.

It shares nothing with the networks but the file, and nothing with their order of work: it knows all
coefficients, and looks up what is before each block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.flows.jpeg.file import JpegFile

Array = NDArray[Any]

CAUSAL = ((-1, -1), (-1, 0), (-1, 1), (0, -1))


class Reference:
    """Hidden sums, linear predictions and features of a component's blocks."""

    def __init__(
        self, file: JpegFile, role: int, x: Array, table: Array, given: list[Array]
    ) -> None:
        kind = "chroma" if role else "luma"
        self.t = {name: tensor.numpy() for name, tensor in file.nets[kind].items()}
        self.config = getattr(file.config, kind)
        self.tables, self.role = file.tables, role
        self.rows, self.columns, _ = x.shape
        self.table = [int(q) for q in table]
        limit = 1 << 17
        self.values = (x.astype(np.int64) * np.asarray(table, np.int64)).clip(-limit, limit)
        self.given = [np.asarray(g, np.int64) for g in given]
        self.log_bytes = np.array([self._log_byte(q) for q in self.table])
        second = 32 if len(given) == 2 else 0
        t = self._relu(self._layer("table_in", np.append(self.log_bytes, second)))
        self.bias_known, self.bias_next = np.split(self._stream(self._layer("table_out", t)), 2)
        self.streams: dict[tuple[int, int, int], Array] = {}

    # Arithmetic: a layer's result is (sum, shift).

    def _layer(self, name: str, x: Array) -> tuple[Array, Array]:
        weight = self.t[f"{name}.weight"].reshape(len(self.t[f"{name}.bias"]), -1).astype(np.int64)
        total = weight @ np.asarray(x, np.int64).ravel() + self.t[f"{name}.bias"]
        return total, self.t[f"{name}.shift"].astype(np.int64)

    @staticmethod
    def _stream(found: tuple[Array, Array]) -> Array:
        total, shift = found
        return (2 * total + (1 << shift)) >> (shift + 1)

    def _relu(self, found: tuple[Array, Array]) -> Array:
        return self._stream(found).clip(0, 255)

    @staticmethod
    def _read(stream: Array) -> Array:
        return ((stream + 8) >> 4).clip(-128, 127)

    @staticmethod
    def _clip(stream: Array) -> Array:
        return stream.clip(-32768, 32767)

    def _log_byte(self, q: int) -> int:
        shift = max(0, q.bit_length() - 8)
        log = int(self.tables.logs[q >> shift]) + 1024 * shift
        return min(127, (log + 64) // 128)

    def _byte(self, value: int, multiplier: int) -> int:
        place = (abs(value) * multiplier) >> 6
        size = int(self.tables.bytes_[min(place, len(self.tables.bytes_) - 1)])
        return size if value >= 0 else -size

    @staticmethod
    def _parts(x: Array) -> Array:
        return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)])

    # Of planes.

    def _inside(self, r: int, c: int) -> bool:
        return 0 <= r < self.rows and 0 <= c < self.columns

    def _reference(self, plane: Array, r: int, c: int) -> int:
        near = [int(plane[p, q, 0]) for p, q in ((r, c - 1), (r - 1, c)) if self._inside(p, q)]
        return sum(near) // len(near) if near else 0

    def bytes_of(self, plane: Array, which: int, r: int, c: int) -> Array:
        multipliers = self.t["multipliers"][which]
        values = plane[r, c].copy()
        values[0] -= self._reference(plane, r, c)
        return np.array(
            [self._byte(int(v), int(m)) for v, m in zip(values, multipliers, strict=True)]
        )

    def near(self, plane: Array, r: int, c: int) -> list[int]:
        """DCs of left, above, above left and above right, relative to the reference."""
        ref = self._reference(plane, r, c)
        places = ((r, c - 1), (r - 1, c), (r - 1, c - 1), (r - 1, c + 1))
        return [int(plane[p, q, 0]) - ref if self._inside(p, q) else 0 for p, q in places]

    def _given_stream(self, r: int, c: int, depth: int) -> Array:
        if depth == 0:
            seen = [self._parts(self.bytes_of(g, 1 + i, r, c)) for i, g in enumerate(self.given)]
            seen += [np.zeros(128, np.int64)] * (self.config.n_given - len(seen))
            return self._clip(self._stream(self._layer("given_in", np.concatenate(seen))))
        before = self._given_stream(r, c, depth - 1)
        around = [
            self._read(self._given_stream(r + i, c + j, depth - 1))
            if self._inside(r + i, c + j)
            else np.zeros(self.config.width, np.int64)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        ]
        return self._residual(f"given.{depth - 1}", before, np.concatenate(around))

    def _residual(self, name: str, stream: Array, seen: Array) -> Array:
        hidden = self._relu(self._layer(f"{name}.first", seen))
        return self._clip(stream + self._stream(self._layer(f"{name}.second", hidden)))

    def _known(self, r: int, c: int, depth: int) -> Array:
        """The stream of a known block after so many residual blocks."""
        if not self._inside(r, c):
            return np.zeros(self.config.width, np.int64)
        at = r, c, depth
        if at not in self.streams:
            if depth == 0:
                seen = self._parts(self.bytes_of(self.values, 0, r, c))
                stream = self._stream(self._layer("embed", seen)) + self.bias_known
                if self.config.n_given:
                    stream = stream + self._given_stream(r, c, self.config.given_blocks)
                self.streams[at] = self._clip(stream)
            else:
                around = [self._known(r + i, c + j, depth - 1) for i, j in (*CAUSAL, (0, 0))]
                seen = np.concatenate([self._read(s) for s in around])
                name = f"blocks.{depth - 1}"
                self.streams[at] = self._residual(name, self._known(r, c, depth - 1), seen)
        return self.streams[at]

    # What walks compute.

    def features(self, r: int, c: int) -> Array:
        depth = self.config.blocks
        around = [self._read(self._known(r + i, c + j, depth)) for i, j in CAUSAL]
        stream = self._stream(self._layer("gather", np.concatenate(around)))
        multiplier = int(self.t["multipliers"][0][0])
        near = np.array([self._byte(v, multiplier) for v in self.near(self.values, r, c)])
        stream = stream + self._stream(self._layer("near", self._parts(near))) + self.bias_next
        if self.config.n_given:
            given = self._given_stream(r, c, self.config.given_blocks)
            stream = stream + self._stream(self._layer("given_out", self._read(given)))
        stream = self._clip(stream)
        return self._read(self._residual("mix", stream, self._read(stream)))

    def local(self, r: int, c: int) -> Array:
        """(64, 13): what is around each coefficient."""

        def at(i: int, j: int) -> Array:
            if not self._inside(r + i, c + j):
                return np.zeros(64, np.int64)
            return self.bytes_of(self.values, 0, r + i, c + j)

        multiplier = int(self.t["multipliers"][0][0])
        around = [at(0, -1), at(-1, 0), at(-1, -1), at(-1, 1)]
        for plane, value in zip(around, self.near(self.values, r, c), strict=True):
            plane[0] = self._byte(value, multiplier)
        given = [self.bytes_of(g, 1 + i, r, c) for i, g in enumerate(self.given)]
        given += [np.zeros(64, np.int64)] * (2 - len(given))
        signed = [around[0], around[1]]
        found = [part for s in signed for part in (np.maximum(s, 0), np.maximum(-s, 0))]
        found += [abs(around[2]), abs(around[3]), abs(at(0, -2)), abs(at(-2, 0))]
        found += [part for s in given for part in (np.maximum(s, 0), np.maximum(-s, 0))]
        return np.stack([*found, self.log_bytes], 1)

    def hidden(self, r: int, c: int) -> tuple[Array, Array]:
        """Sums of all hidden units of a block whose coefficients are known, and their shifts."""
        sizes = [
            n
            for count, n in zip((16, 16, 32), self.config.hidden, strict=True)
            for _ in range(count)
        ]
        weight = self.t["head.weight"].astype(np.int64)
        own = self._parts(self.bytes_of(self.values, 0, r, c))
        features, local = self.features(r, c), self.local(r, c)
        width = self.config.width
        total = self.t["head.bias"].astype(np.int64) + weight[:, :width] @ features
        total += weight[:, width : width + 128] @ own
        owner = np.repeat(np.arange(64), sizes)
        total += (weight[:, width + 128 :] * local[owner]).sum(1)
        return total, self.t["head.shift"].astype(np.int64)

    def prediction(self, r: int, c: int) -> tuple[Array, Array]:
        """Linear predictions with all that is before in the block, and the leaning; (64,) each."""
        seen = []
        for i, (p, q) in enumerate(((r, c - 1), (r - 1, c), (r - 1, c - 1), (r - 1, c + 1))):
            v = self.values[p, q].copy() if self._inside(p, q) else np.zeros(64, np.int64)
            v[0] = self.near(self.values, r, c)[i]
            seen.append(v)
        for g in self.given:
            v = g[r, c].copy()
            v[0] -= self._reference(g, r, c)
            seen.append(v)
            for i, (p, q) in enumerate(((r, c - 1), (r - 1, c))):
                v = g[p, q].copy() if self._inside(p, q) else np.zeros(64, np.int64)
                v[0] = self.near(g, r, c)[i]
                seen.append(v)
        known = np.concatenate(seen)
        weight = self.t["from_known"].astype(np.int64)[:, : len(known)]
        found = weight @ known
        own = self.values[r, c].copy()
        own[0] -= self._reference(self.values, r, c)
        inside = self.t["from_block"].astype(np.int64) @ own
        return found[:64] + inside, found[64:]
