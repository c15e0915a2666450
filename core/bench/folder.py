"""Floe and other codecs on the images of a folder, measured side by side in one run."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.archive import Archive
from core.archive.codec import Codecs
from core.archive.entry import Entry
from core.arrays import Pixels
from core.bench.contenders import Reference, pixels_of
from core.bench.contest import contest
from core.bench.references import Codec
from core.errors import FileError, VerificationError


@dataclass(frozen=True)
class Measurement:
    """One codec on one image, or its plain mean over images. Seconds are for a megapixel."""

    image: str
    codec: str
    settings: str
    n_bytes: float
    achieved_bpd: float  # all that the file or the entry takes
    theoretical_bpd: float | None
    borrowed_bits: float | None
    lost_bits: float | None
    encode_s_per_mp: float
    decode_s_per_mp: float
    verify_s_per_mp: float | None
    network_s_per_mp: float | None  # of encoding
    coding_s_per_mp: float | None  # of encoding


def images_of(folder: Path) -> list[Path]:
    """The PNG files of a folder. Raises FileError where there are none."""
    try:
        found = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".png")
    except OSError as error:
        raise FileError(folder, f"cannot be listed ({error.strerror})") from error
    if not found:
        raise FileError(folder, "holds no PNG files")
    return found


def measure(
    images: Sequence[Path],
    coders: Sequence[str],
    codecs: Sequence[Codec],
    *,
    on_measurement: Callable[[Measurement], None],
    floe: Codecs | None = None,
) -> list[Measurement]:
    """Each coder of Floe and each other codec on each image; reports each result at once.

    Floe's images go through a real archive on the disk and out again. Raises what reading an
    image and adding it raise, and VerificationError should pixels come out different.
    """
    floe = floe or Codecs(standard=False)  # the flow alone, whatever else is smaller
    floe.own()  # loading the model and its checks are no image's time
    rows = []
    for path in images:
        pixels = pixels_of(path)
        for row in _rows(path, pixels, coders, codecs, floe):
            on_measurement(row)
            rows.append(row)
    return rows


def means(rows: Sequence[Measurement]) -> list[Measurement]:
    """The plain mean over images for each codec and setting, in order of appearance."""
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for row in rows:
        groups.setdefault((row.codec, row.settings), []).append(row)
    return [_mean(group) for group in groups.values()]


def machine() -> dict[str, Any]:
    """The machine that the figures were measured on."""
    import torch

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
    }


def peak_memory_bytes() -> int | None:
    """Peak memory of this process; None where the system does not report it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _rows(
    path: Path,
    pixels: Pixels,
    coders: Sequence[str],
    codecs: Sequence[Codec],
    floe: Codecs,
) -> Iterator[Measurement]:
    n_megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    for coder in coders:
        entry, decode_seconds = _archived(path, pixels, coder, floe)
        yield Measurement(
            image=path.name,
            codec="Floe",
            settings=entry.coder or entry.codec,
            n_bytes=entry.packed_bytes,
            achieved_bpd=entry.achieved_bpd,
            theoretical_bpd=entry.theoretical_bpd,
            borrowed_bits=entry.borrowed_bits,
            lost_bits=entry.lost_bits,
            encode_s_per_mp=(entry.encode_seconds or 0.0) / n_megapixels,
            decode_s_per_mp=decode_seconds / n_megapixels,
            verify_s_per_mp=_per(entry.verify_seconds, n_megapixels),
            network_s_per_mp=_per(entry.network_seconds, n_megapixels),
            coding_s_per_mp=_per(entry.coding_seconds, n_megapixels),
        )
        if entry.coder is None:
            break  # stored as it is: the other coders would say the same
    for attempt in contest(pixels, [Reference(codec) for codec in codecs]):
        if attempt.n_bytes is None or attempt.bits_per_dim is None:
            continue
        yield Measurement(
            image=path.name,
            codec=attempt.name,
            settings=attempt.settings,
            n_bytes=attempt.n_bytes,
            achieved_bpd=attempt.bits_per_dim,
            theoretical_bpd=None,
            borrowed_bits=None,
            lost_bits=None,
            encode_s_per_mp=(attempt.encode_seconds or 0.0) / n_megapixels,
            decode_s_per_mp=(attempt.decode_seconds or 0.0) / n_megapixels,
            verify_s_per_mp=None,
            network_s_per_mp=None,
            coding_s_per_mp=None,
        )


def _archived(path: Path, pixels: Pixels, coder: str, floe: Codecs) -> tuple[Entry, float]:
    """The image's entry in an archive of its own, and the seconds that decoding it took."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Archive.create(Path(folder) / "bench.floe", codecs=floe) as archive,
    ):
        entry = archive.add_file(path, path.name, coder=coder)
        began = time.perf_counter()
        again = archive.read_pixels(path.name)
        seconds = time.perf_counter() - began
        if not np.array_equal(again, pixels):
            raise VerificationError(path.name, "came out of the archive with other pixels")
        return entry, seconds


def _mean(rows: Sequence[Measurement]) -> Measurement:
    first = asdict(rows[0])
    mean: dict[str, Any] = {"image": f"mean of {len(rows)}"}
    for name in first.keys() - {"image", "codec", "settings"}:
        values = [getattr(row, name) for row in rows]
        # No mean where an image has no figure.
        mean[name] = None if None in values else float(np.mean(values))
    return Measurement(**{**first, **mean})


def _per(seconds: float | None, n_megapixels: float) -> float | None:
    return None if seconds is None else seconds / n_megapixels


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    return platform.machine()
