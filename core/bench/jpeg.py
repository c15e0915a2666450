"""Floe, Lepton and JPEG XL on the JPEG files of a folder, measured side by side in one run."""

from __future__ import annotations

import importlib
import importlib.metadata
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import imagecodecs

from core.archive import Archive
from core.archive.codec import Codecs
from core.coding.efforts import Effort
from core.errors import FileError, FloeError, VerificationError


@dataclass(frozen=True)
class Recompressor:
    """Another program that makes JPEG files smaller and gives them back byte for byte."""

    name: str
    version: str
    encode: Callable[[bytes], bytes]
    decode: Callable[[bytes], bytes]


@dataclass(frozen=True)
class JpegMeasurement:
    """One codec on one file. Seconds are for a megapixel, by the clock on the wall.

    A file that a codec refuses, or does not give back, counts as stored: ``reason`` tells why.
    """

    image: str
    codec: str
    original_bytes: int
    n_bytes: int  # everything kept
    theoretical_bytes: float | None  # of the coefficients
    n_pixels: int
    add_s_per_mp: float  # of Floe: read, encoded, verified and written
    extract_s_per_mp: float | None
    reason: str | None = None

    @property
    def saved(self) -> float:
        """Share of the file's bytes, in percent."""
        return 100.0 * (1.0 - self.n_bytes / self.original_bytes)


@dataclass(frozen=True)
class JpegTotal:
    """One codec on all files."""

    codec: str
    n_files: int
    n_stored: int
    original_bytes: int
    n_bytes: int
    saved: float  # of all bytes, in percent
    mean_saved: float  # mean over files
    add_s_per_mp: float
    extract_s_per_mp: float


def jpegs_of(folder: Path) -> list[Path]:
    """The JPEG files of a folder. Raises FileError where there are none."""
    try:
        found = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg"))
    except OSError as error:
        raise FileError(folder, f"cannot be listed ({error.strerror})") from error
    if not found:
        raise FileError(folder, "holds no JPEG files")
    return found


def recompressors() -> list[Recompressor]:
    """Those of this installation."""
    found = []
    try:
        lepton = importlib.import_module("lepton_jpeg_python")
    except ImportError:  # an optional extra
        pass
    else:
        version = importlib.metadata.version("lepton-jpeg-python")
        found.append(
            Recompressor("Lepton", version, lepton.compress_bytes, lepton.decompress_bytes)
        )
    if imagecodecs.JPEGXL.available:
        found.append(
            Recompressor(
                "JPEG XL",
                imagecodecs.jpegxl_version(),
                lambda data: bytes(imagecodecs.jpegxl_encode_jpeg(data, numthreads=1)),
                lambda data: bytes(imagecodecs.jpegxl_decode_jpeg(data, numthreads=1)),
            )
        )
    return found


def measure(
    files: Sequence[Path],
    others: Sequence[Recompressor],
    *,
    on_measurement: Callable[[JpegMeasurement], None],
    codecs: Codecs | None = None,
    efforts: Sequence[Effort] = tuple(Effort),
) -> list[JpegMeasurement]:
    """Floe, by way of a real archive, and each other program on each file.

    Raises VerificationError should a file come out of the archive with other bytes.
    """
    codecs = codecs or Codecs()
    for effort in efforts:
        codecs.jpeg(effort)  # loading the model is no file's time
    rows = []
    for path in files:
        own = [_archived(path, codecs, effort) for effort in efforts]
        n_pixels = own[0].n_pixels
        for found in (*own, *(_recompressed(path, n_pixels, other) for other in others)):
            on_measurement(found)
            rows.append(found)
    return rows


def totals(rows: Sequence[JpegMeasurement]) -> list[JpegTotal]:
    """Sums over the files for each codec, in order of appearance."""
    groups: dict[str, list[JpegMeasurement]] = {}
    for row in rows:
        groups.setdefault(row.codec, []).append(row)
    return [_total(group) for group in groups.values()]


def _total(rows: Sequence[JpegMeasurement]) -> JpegTotal:
    n_pixels = sum(row.n_pixels for row in rows)
    original, kept = sum(r.original_bytes for r in rows), sum(r.n_bytes for r in rows)
    return JpegTotal(
        codec=rows[0].codec,
        n_files=len(rows),
        n_stored=sum(row.reason is not None for row in rows),
        original_bytes=original,
        n_bytes=kept,
        saved=100.0 * (1.0 - kept / original),
        mean_saved=sum(row.saved for row in rows) / len(rows),
        add_s_per_mp=sum(r.add_s_per_mp * r.n_pixels for r in rows) / max(n_pixels, 1),
        extract_s_per_mp=sum((r.extract_s_per_mp or 0.0) * r.n_pixels for r in rows)
        / max(n_pixels, 1),
    )


def _archived(path: Path, codecs: Codecs, effort: Effort) -> JpegMeasurement:
    data, name = path.read_bytes(), f"Floe {effort}"
    with (
        tempfile.TemporaryDirectory() as folder,
        Archive.create(Path(folder) / "bench.floe", codecs=codecs) as archive,
    ):
        began = time.perf_counter()
        try:
            entry = archive.add_file(path, path.name, effort=effort)
        except VerificationError:
            raise
        except FloeError as error:  # a file that Floe does not archive
            seconds = time.perf_counter() - began
            return JpegMeasurement(
                path.name, name, len(data), len(data), None, 0, seconds, None, str(error)
            )
        added = time.perf_counter()
        again = archive.read_file(path.name)
        extracted = time.perf_counter()
    if again != data:
        raise VerificationError(path.name, "came out of the archive with other bytes")
    megapixels = max(entry.n_pixels, 1) / 1e6
    theory = entry.theoretical_bpd
    return JpegMeasurement(
        image=path.name,
        codec=name,
        original_bytes=len(data),
        n_bytes=entry.packed_bytes,
        theoretical_bytes=None if theory is None else theory * entry.n_dims / 8,
        n_pixels=entry.n_pixels,
        add_s_per_mp=(added - began) / megapixels,
        extract_s_per_mp=(extracted - added) / megapixels,
        reason=entry.reason if entry.keeps_file else None,
    )


def _recompressed(path: Path, n_pixels: int, other: Recompressor) -> JpegMeasurement:
    data = path.read_bytes()
    n_bytes, reason, decode_seconds = len(data), None, None
    megapixels = max(n_pixels, 1) / 1e6
    began = time.perf_counter()
    try:
        coded = other.encode(data)
    except Exception as error:  # of any type: a foreign library on any file
        reason, encoded = f"refused ({str(error) or type(error).__name__})", time.perf_counter()
    else:
        encoded = time.perf_counter()
        try:
            again = other.decode(coded)
        except Exception as error:
            reason = f"does not decode ({str(error) or type(error).__name__})"
        else:
            decode_seconds = (time.perf_counter() - encoded) / megapixels
            if again != data:
                reason = "gave back other bytes"
            elif len(coded) < len(data):
                n_bytes = len(coded)
            else:
                reason = "made it no smaller"
    seconds = (encoded - began) / megapixels
    return JpegMeasurement(
        path.name, other.name, len(data), n_bytes, None, n_pixels, seconds, decode_seconds, reason
    )
