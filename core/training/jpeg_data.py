"""Coefficients of JPEG files to train on: crops, flipped and transposed in the DCT's domain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.flows.jpeg import inputs
from core.flows.jpeg.model import Batch, Given, Net

Array = NDArray[Any]

ZIGZAG = inputs.zigzag()
_TRANSPOSED = np.argsort(ZIGZAG)[(ZIGZAG % 8) * 8 + ZIGZAG // 8]
_FLIPPED_COLUMNS = (1 - 2 * (ZIGZAG % 8 % 2)).astype(np.int16)
_FLIPPED_ROWS = (1 - 2 * (ZIGZAG // 8 % 2)).astype(np.int16)


@dataclass
class Component:
    """A component of a file, with what is known when it is coded."""

    x: Array  # (R, C, 64) int16
    table: Array  # (64,) int32
    given: list[Array]  # each (R, C, 64) int16, dequantised

    @property
    def n_blocks(self) -> int:
        return self.x.shape[0] * self.x.shape[1]


def averaging_1d(n_blocks: int) -> Array:
    """(n_blocks, 8, 8): what each of n blocks adds to the DCT of their average, along an axis."""
    k, n = np.meshgrid(np.arange(8), np.arange(8), indexing="ij")
    dct = np.cos(np.pi * (2 * n + 1) * k / 16) * np.where(k == 0, 1 / 8, 1 / 4) ** 0.5
    mean = np.kron(np.eye(8), np.full((1, n_blocks), 1 / n_blocks)).reshape(8, n_blocks, 8)
    return np.stack([dct @ mean[:, i] @ dct.T for i in range(n_blocks)])


def averaging(rows: int, columns: int) -> Array:
    """(rows, columns, 64, 64): takes zigzag blocks to those of their average, DCT to DCT."""
    full = np.einsum("iab,jcd->ijacbd", averaging_1d(rows), averaging_1d(columns))
    full = full.reshape(rows, columns, 64, 64)
    return full[:, :, ZIGZAG][:, :, :, ZIGZAG]


def averaged(y: Array, rows: int, columns: int) -> Array:
    """Dequantised luma (R, C, 64) at the resolution of chroma of (rows, columns) blocks: int16."""
    fy, fx = (max(1, round(y.shape[i] / n)) for i, n in enumerate((rows, columns)))
    y = np.pad(
        y,
        ((0, max(0, rows * fy - y.shape[0])), (0, max(0, columns * fx - y.shape[1])), (0, 0)),
        "edge",
    )
    y = y[: rows * fy, : columns * fx].astype(np.float32)
    if fy == fx == 1:
        total = y
    else:
        matrices = averaging(fy, fx).astype(np.float32)
        total = np.zeros((rows, columns, 64), dtype=np.float32)
        for i in range(fy):
            for j in range(fx):
                total += y[i::fy, j::fx] @ matrices[i, j].T
    return np.rint(total).clip(-32768, 32767).astype(np.int16)


def load(path: Path, chroma: bool) -> list[list[Component]]:
    """Of each file its luma, or its two chroma components."""
    with np.load(path) as arrays:
        found = []
        for i in range(1 + max(int(name.split(".")[0]) for name in arrays.files)):
            y, table = arrays[f"{i}.y"], arrays[f"{i}.qy"]
            if not chroma:
                found.append([Component(y, table, [])])
                continue
            if f"{i}.r" not in arrays.files:
                continue
            b, r, qb, qr = (arrays[f"{i}.{k}"] for k in ("b", "r", "qb", "qr"))
            luma = averaged(y.astype(np.int32) * table, *b.shape[:2])
            first = (b.astype(np.int32) * qb).clip(-32768, 32767).astype(np.int16)
            found.append([Component(b, qb, [luma]), Component(r, qr, [luma, first])])
    return found


def crop(c: Component, row: int, column: int, rows: int, columns: int, way: int = 0) -> Component:
    """A part of a component, in one of 8 ways around."""
    here = (slice(row, row + rows), slice(column, column + columns))
    planes, table = [p[here] for p in (c.x, *c.given)], c.table
    if way & 1:
        planes = [p[:, ::-1] * _FLIPPED_COLUMNS for p in planes]
    if way & 2:
        planes = [p[::-1] * _FLIPPED_ROWS for p in planes]
    if way & 4:
        planes = [p.transpose(1, 0, 2)[..., _TRANSPOSED] for p in planes]
        table = table[_TRANSPOSED]
    return Component(planes[0], table, planes[1:])


class Batcher:
    """Makes batches of crops of one size."""

    def __init__(self, usual: Array, given_usual: Array) -> None:
        self.table = inputs.byte_table()
        self.multipliers = [inputs.multipliers(u) for u in (usual, *given_usual)]

    def __call__(self, crops: list[Component]) -> Batch:
        x = np.stack([c.x for c in crops])
        tables = np.stack([c.table for c in crops])
        dequantised = x.astype(np.int32) * tables[:, None, None]
        own, near = self._seen(dequantised, self.multipliers[0])
        given = [
            self._seen(
                np.stack([c.given[i] for c in crops]).astype(np.int32), self.multipliers[1 + i]
            )[0]
            for i in range(len(crops[0].given))
        ]
        return Batch(
            torch.from_numpy(x).float(), torch.from_numpy(tables).float(), own, near, given
        )

    def _seen(self, dequantised: Array, multiplier: Array) -> tuple[Given, torch.Tensor]:
        shape = dequantised.shape[:3]
        found = np.empty((*shape, 64), dtype=np.int8)
        relative = np.empty((*shape, 6), dtype=np.int32)
        near = np.empty((*shape, 4), dtype=np.int8)
        for i in range(len(dequantised)):
            inputs.component_bytes(
                dequantised[i], multiplier, self.table, found[i], relative[i], near[i]
            )
        values = dequantised.astype(np.float32)
        values[..., 0] = relative[..., 1]
        seen = Given(
            torch.from_numpy(found), torch.from_numpy(values), torch.from_numpy(relative).float()
        )
        return seen, torch.from_numpy(near)


class Sampler:
    """Endless random batches of crops, by seed and step.

    sets: lists of files with the part of the batches that each has; a set of small pictures has
    crops of its own side. blocks: of a batch, about.
    """

    def __init__(
        self,
        sets: list[tuple[list[list[Component]], float, int]],
        blocks: int,
        seed: int,
        batcher: Batcher,
    ) -> None:
        self.blocks, self.seed, self.batcher = blocks, seed, batcher
        self.sets = []
        for files, part, side in sets:
            large = [f for f in files if min(f[0].x.shape[:2]) >= side]
            weights = np.array([f[0].n_blocks for f in large], dtype=np.float64) ** 0.75
            self.sets.append((large, part, side, np.cumsum(weights / weights.sum())))

    def __call__(self, step: int) -> Batch:
        random = np.random.default_rng((self.seed, step))
        parts = np.array([part for _, part, _, _ in self.sets])
        files, _, side, cumulated = self.sets[random.choice(len(parts), p=parts / parts.sum())]
        which = int(random.integers(len(files[0])))
        crops = []
        for _ in range(max(1, self.blocks // side**2)):
            c = files[min(len(files) - 1, int(np.searchsorted(cumulated, random.random())))][which]
            row, column = (int(random.integers(n - side + 1)) for n in c.x.shape[:2])
            crops.append(crop(c, row, column, side, side, int(random.integers(8))))
        return self.batcher(crops)


def tiles(files: list[list[Component]], side: int, every: int) -> list[Component]:
    """Each ``every``-th tile of side x side blocks of files, smaller at their ends."""
    found, count = [], 0
    for f in files:
        for c in f:
            for row in range(0, c.x.shape[0], side):
                for column in range(0, c.x.shape[1], side):
                    if count % every == 0:
                        found.append(crop(c, row, column, side, side))
                    count += 1
    return found


def usual_sizes(files: list[list[Component]], which: int, given: int | None = None) -> Array:
    """(64,) root mean squares of dequantised coefficients, of DC's differences for the first."""
    total, count = np.zeros(64), 0
    for f in files:
        c = f[min(which, len(f) - 1)]
        part = (
            c.x[:256, :256].astype(np.int32) * c.table
            if given is None
            else c.given[given][:256, :256].astype(np.int32)
        )
        found = part.astype(np.float64)
        dc = part[..., 0].astype(np.float64)
        found[1:, 1:, 0] = dc[1:, 1:] - (dc[:-1, 1:] + dc[1:, :-1]) / 2
        found = found[1:, 1:].reshape(-1, 64)
        weight = 1 / max(1, len(found)) ** 0.5
        total += (found**2).sum(0) * weight
        count += len(found) * weight
    return np.sqrt(total / count).clip(0.5, None)


def fit_linear(net: Net, batches: list[Batch]) -> None:
    """Sets the linear predictions to least squares, each block weighed by what it holds."""
    with torch.no_grad():
        xs, ys, weights = [], [], []
        for b in batches:
            known = net.known_values(b).double()
            own = b.own.values.flatten(0, 2).double() / net.usual
            weight = 1 / (0.02 + own.square().mean(1) + known.square().mean(1))
            xs.append(known)
            ys.append(own)
            weights.append(weight)
        x, y, w = torch.cat(xs), torch.cat(ys), torch.cat(weights)[:, None]
        n = x.shape[1]
        joint = torch.cat([x, y], 1)
        gram = (joint * w).T @ joint
        ridge = gram.diagonal().mean() * 1e-3 + 1e-9
        for f in range(64):
            for target, columns in (
                ("both", torch.arange(n + f)),
                ("left", torch.cat([torch.arange(64), torch.arange(n, n + f)])),
                ("above", torch.cat([torch.arange(64, 128), torch.arange(n, n + f)])),
            ):
                a = gram[columns][:, columns] + ridge * torch.eye(len(columns))
                solved = torch.linalg.solve(a, gram[columns, n + f]).float()
                if target == "both":
                    net.from_known[f] = solved[:n]
                    net.from_block[f, :f] = solved[n:]
                elif target == "left":
                    net.lean_left[f] = solved[:64]
                else:
                    net.lean_above[f] = solved[:64]
