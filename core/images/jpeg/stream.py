"""One JPEG stream, from SOI to EOI: its image, and what puts the data of its scans back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.control import CancelToken
from core.images.jpeg.bits import Blocks
from core.images.jpeg.image import Component, JpegImage
from core.images.jpeg.markers import ScanHeader, Walk
from core.images.jpeg.nonzero import masks_of
from core.images.jpeg.plan import Layout, is_regular, layout_of, size_of
from core.images.jpeg.scan import ScanNotes, decode_scan, encode_scan, same_bytes, up_to

#: Frames of more blocks are left alone: 1 GiB of coefficients.
MAX_BLOCKS = 2**23
#: A scan of fewer bytes is kept as it is.
MIN_SCAN_BYTES = 16
#: Scans of an image; the others are kept as they are.
MAX_SCANS = 400


@dataclass
class Budget:
    """What may still be spent on a file: a bound on the time that a hostile one takes."""

    n_units: int
    n_markers: int
    n_images: int


@dataclass(frozen=True, eq=False)
class ScanRecipe:
    """A scan whose data are made again: ``n_skipped`` scan headers come before it without such;
    of the data made, the last ``n_dropped`` bytes are not taken."""

    n_skipped: int
    notes: ScanNotes
    n_dropped: int


@dataclass(frozen=True, eq=False)
class Stream:
    """A stream taken apart. ``scans`` say how to make the bytes ``coded``, ranges (start, stop);
    ``segments`` are the payloads of APPn and COM, as (marker, start, stop)."""

    end: int
    image: JpegImage
    scans: tuple[tuple[ScanHeader, ScanRecipe], ...]
    coded: tuple[tuple[int, int], ...]
    segments: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, eq=False)
class _Scan:
    header: ScanHeader
    notes: ScanNotes
    end: int


def read_stream(
    data: bytes, start: int, stop: int, budget: Budget, cancel: CancelToken
) -> Stream | None:
    """Takes the stream apart that begins at ``start`` and ends at ``stop`` at the latest.

    None where nothing of it can be made again. Raises Cancelled.
    """
    walk = Walk(data, start, stop)
    array = np.frombuffer(data, np.uint8, stop)
    scans: list[_Scan] = []
    seen: set[int] = set()
    layout, blocks = None, np.empty((0, 64), np.int16)
    while (header := walk.next_scan()) is not None:
        cancel.check()
        budget.n_markers -= walk.n_markers
        walk.n_markers = 0
        if budget.n_markers < 0:
            break
        if not is_regular(header) or len(scans) == MAX_SCANS:
            continue
        if header.frame.kind != 2:
            if not seen.isdisjoint(header.components):
                continue
            seen.update(header.components)
        if layout is None:
            layout = layout_of(header.frame)
            if layout.n_blocks > MAX_BLOCKS:
                return None
            blocks = np.zeros((layout.n_blocks, 64), np.int16)
        try:
            notes, end = decode_scan(array, header, layout, blocks, budget.n_units, cancel)
        except ValueError:
            continue
        budget.n_units -= notes.n_units
        if notes.n_units:
            scans.append(_Scan(header, notes, end))
            walk.position = _scan_end(data, header.position, end)
    if layout is None or not scans:
        return None
    layout, blocks = _cropped(layout, blocks, scans)
    recipes, coded = _verified(data, stop, scans, layout, blocks, cancel)
    if not recipes or layout.n_blocks > 4096 + 8 * sum(b - a for a, b in coded):
        return None  # less than a bit for a block, where even the plainest image has one
    _, image = layout_and_image(recipes, layout, blocks)
    return Stream(walk.position, image, tuple(recipes), tuple(coded), tuple(walk.segments))


def _scan_end(data: bytes, start: int, end: int) -> int:
    """A place in the data of a scan, at or before ``end``, with no 0xFF before it."""
    while end > start and data[end - 1] == 0xFF:
        end -= 1
    return end


def _cropped(layout: Layout, blocks: Blocks, scans: Sequence[_Scan]) -> tuple[Layout, Blocks]:
    """Without the rows that no scan reaches: a header may promise many."""
    rows = _rows_of([(scan.header, scan.notes.n_units) for scan in scans])
    if rows == layout.rows:
        return layout, blocks
    sizes = [n * columns for n, columns in zip(rows, layout.columns, strict=True)]
    own = [blocks[base : base + n] for base, n in zip(layout.bases, sizes, strict=True)]
    return layout.with_rows(rows), np.concatenate(own)


def _rows_of(reached: Sequence[tuple[ScanHeader, int]]) -> tuple[int, ...]:
    """Rows of blocks of each component up to which scans go, by their numbers of units."""
    frame = reached[0][0].frame
    rows = [0] * len(frame.components)
    for header, n_units in reached:
        n_rows = -(-n_units // size_of(header)[1])
        for index in header.components:
            v = frame.components[index].v if len(header.components) > 1 else 1
            rows[index] = max(rows[index], n_rows * v)
    return tuple(min(pair) for pair in zip(rows, layout_of(frame).rows, strict=True))


def _verified(
    data: bytes,
    stop: int,
    scans: Sequence[_Scan],
    layout: Layout,
    blocks: Blocks,
    cancel: CancelToken,
) -> tuple[list[tuple[ScanHeader, ScanRecipe]], list[tuple[int, int]]]:
    """How far each scan comes back from the coefficients that all of them left."""
    recipes: list[tuple[ScanHeader, ScanRecipe]] = []
    coded: list[tuple[int, int]] = []
    last, masks = -1, masks_of(blocks)
    for scan in scans:
        header, notes, start = scan.header, scan.notes, scan.header.position
        wanted = data[start : min(stop, scan.end + 16)]
        out, n_units = encode_scan(header, notes, layout, blocks, masks, cancel, len(wanted))
        n_same = same_bytes(out, wanted)
        if n_same < len(out) - 64 or n_units < notes.n_units:
            # Coefficients whose bytes are kept need not be known.
            _, n_units = encode_scan(header, notes, layout, blocks, masks, cancel, n_same)
            notes = up_to(notes, header, n_units)
            if header.frame.kind != 2:
                _clear(header, layout, blocks, n_units)
                masks = masks_of(blocks)
            out, _ = encode_scan(header, notes, layout, blocks, masks, cancel)
            n_same = same_bytes(out, wanted)
        while n_same and out[n_same - 1] == 0xFF:  # so that no marker is cut
            n_same -= 1
        if n_same < MIN_SCAN_BYTES:
            continue
        recipe = ScanRecipe(header.ordinal - last - 1, notes, len(out) - n_same)
        recipes.append((header, recipe))
        coded.append((start, start + n_same))
        last = header.ordinal
    return recipes, coded


def _clear(header: ScanHeader, layout: Layout, blocks: Blocks, n_units: int) -> None:
    """Forgets the blocks of a scan from a unit on."""
    _, n_across = size_of(header)
    row, column = divmod(n_units, n_across)
    for index in header.components:
        c = header.frame.components[index]
        v, h = (c.v, c.h) if len(header.components) > 1 else (1, 1)
        base, rows, columns = layout.bases[index], layout.rows[index], layout.columns[index]
        own = blocks[base : base + rows * columns].reshape(rows, columns, 64)
        own[row * v : (row + 1) * v, column * h :] = 0
        own[(row + 1) * v :] = 0


def layout_and_image(
    scans: Sequence[tuple[ScanHeader, ScanRecipe]],
    layout: Layout | None = None,
    blocks: Blocks | None = None,
) -> tuple[Layout, JpegImage]:
    """The image of the scans that are made again, and where its blocks stand in one array.

    Its coefficients are those among ``blocks`` that ``layout`` says, or zeros.
    """
    frame = scans[0][0].frame
    rows = _rows_of([(header, recipe.notes.n_units) for header, recipe in scans])
    own = layout_of(frame).with_rows(rows)
    if layout is None or blocks is None:
        layout, blocks = own, np.zeros((own.n_blocks, 64), np.int16)
    quantisers = [np.zeros(64, np.uint16)] * len(rows)
    for header, _ in reversed(scans):  # the first scan of a component has the last word
        for index, quantiser in zip(header.components, header.quantisers, strict=True):
            quantisers[index] = quantiser
    components = []
    for i, c in enumerate(frame.components):
        start, n_columns = layout.bases[i], own.columns[i]
        coefficients = blocks[start : start + rows[i] * n_columns].reshape(rows[i], n_columns, 64)
        components.append(Component(c.h, c.v, quantisers[i], coefficients))
    image = JpegImage(frame.width, frame.height, frame.precision, tuple(components))
    return own, image


def blocks_of(image: JpegImage) -> Blocks:
    """The coefficients of all components in one array (N, 64)."""
    own = [c.coefficients.reshape(-1, 64) for c in image.components]
    return np.ascontiguousarray(own[0] if len(own) == 1 else np.concatenate(own), np.int16)
