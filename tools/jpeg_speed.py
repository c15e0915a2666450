"""Measures the Huffman decoder and encoder on JPEG files, in megabytes of JPEG a second.

    python -m tools.jpeg_speed ../shared/data/jpeg/valid/*.jpg

Times are processor time of this thread, the best of three runs; compiling does not count.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from core.control import CancelToken
from core.images.jpeg.markers import SOI, Walk
from core.images.jpeg.nonzero import masks_of
from core.images.jpeg.plan import is_regular, layout_of
from core.images.jpeg.scan import decode_scan, encode_scan


def speeds(data: bytes) -> tuple[int, float, float]:
    """Bytes of the scans of a file's first image; seconds to decode and to encode them."""
    cancel, array = CancelToken(), np.frombuffer(data, np.uint8)
    decoding = encoding = 0.0
    walk = Walk(data, data.index(SOI), len(data))
    read, n_bytes = [], 0
    blocks, layout = np.empty((0, 64), np.int16), None
    while (header := walk.next_scan()) is not None and is_regular(header):
        if layout is None:
            layout = layout_of(header.frame)
            blocks = np.ones((layout.n_blocks, 64), np.int16)  # takes the memory
            blocks[:] = 0
        start = time.thread_time()
        notes, walk.position = decode_scan(array, header, layout, blocks, 2**40, cancel)
        decoding += time.thread_time() - start
        read.append((header, notes))
        n_bytes += walk.position - header.position
    if layout is not None:
        start = time.thread_time()
        masks = masks_of(blocks)
        for header, notes in read:
            encode_scan(header, notes, layout, blocks, masks, cancel)
        encoding = time.thread_time() - start
    return n_bytes, decoding, encoding


def main() -> None:
    """Runs the command."""
    print("| file | MB | decoder, MB/s | encoder, MB/s |\n|---|---|---|---|")
    for name in sys.argv[1:]:
        runs = [speeds(Path(name).read_bytes()) for _ in range(4)][1:]
        n_mega = runs[0][0] / 1e6
        decoding, encoding = (max(min(run[i] for run in runs), 1e-9) for i in (1, 2))
        row = f"{Path(name).name[-40:]} | {n_mega:.2f} | {n_mega / decoding:.0f}"
        print(f"| {row} | {n_mega / encoding:.0f} |")


if __name__ == "__main__":
    main()
