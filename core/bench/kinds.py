"""Any folder, by kind of file: what Floe saves, and what the best other lossless codec saves.

Other codecs of files must restore the same bytes: general compressors, and transcoders of JPEG.
Codecs of pixels restore no file; they stand apart.
"""

from __future__ import annotations

import filecmp
import lzma
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np

from core import engine
from core.archive import Archive, Codecs
from core.bench.contenders import pixels_of
from core.bench.jpeg import recompressors
from core.bench.references import installed
from core.control import Progress
from core.engine import FileResult, Source
from core.errors import FileError, FloeError

_XZ_PRESET = 9 | lzma.PRESET_EXTREME
#: Names of the same kind; others go by their suffix.
_KINDS = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}


@dataclass(frozen=True)
class FileCodec:
    """A lossless codec of whole files: ``decode`` gives the bytes back, or it does not count."""

    name: str
    encode: Callable[[bytes], bytes]
    decode: Callable[[bytes], bytes]
    only: str = ""  #: the one kind that it can code


@dataclass
class Sum:
    """What a codec made of the files that it could code."""

    n_files: int = 0
    n_bytes: int = 0
    seconds: float = 0.0


@dataclass
class KindOfFile:
    """The files of one kind, summed."""

    kind: str
    n_files: int = 0
    n_bytes: int = 0
    n_failed: int = 0  #: files that Floe did not take; they count with their own bytes
    n_exact: int = 0  #: files that Floe restored byte for byte, by comparing
    floe_bytes: int = 0
    floe_seconds: float = 0.0  #: of adding, verification included
    others: dict[str, Sum] = field(default_factory=dict)  #: codecs of files
    pixels: dict[str, Sum] = field(default_factory=dict)  #: codecs of pixels

    @property
    def saved(self) -> float:
        """The share of the bytes that Floe saves."""
        return 1 - self.floe_bytes / self.n_bytes if self.n_bytes else 0.0

    def best(self, codecs: dict[str, Sum]) -> tuple[str, Sum] | None:
        """The smallest codec among those that could code all files."""
        whole = {name: total for name, total in codecs.items() if total.n_files == self.n_files}
        return min(whole.items(), key=lambda item: item[1].n_bytes) if whole else None


def file_codecs() -> list[FileCodec]:
    """The codecs of files that this machine has."""
    codecs = [FileCodec("xz -9e", partial(lzma.compress, preset=_XZ_PRESET), lzma.decompress)]
    if imagecodecs.ZSTD.available:
        codecs.append(
            FileCodec("zstd -19", lambda data: bytes(imagecodecs.zstd_encode(data, 19)), _unzstd)
        )
    codecs += [
        FileCodec(other.name, other.encode, other.decode, "JPEG") for other in recompressors()
    ]
    return codecs


def measure(
    folder: Path,
    *,
    on_file: Callable[[str], None],
    codecs: Codecs | None = None,
    others: Sequence[FileCodec] | None = None,
) -> list[KindOfFile]:
    """Archive a folder, restore it and compare; and code each file by the other codecs.

    ``on_file`` is called with the name of each file. Raises FileError and what Archive.create
    raises.
    """
    codecs = codecs or Codecs()
    others = file_codecs() if others is None else others
    sources = [source for source in engine.plan([folder]) if not source.path.is_dir()]
    if not sources:
        raise FileError(folder, "holds no files")
    kinds: dict[str, KindOfFile] = {}
    with tempfile.TemporaryDirectory(prefix="floe-bench-") as scratch:
        archive, target = Path(scratch) / "bench.floe", Path(scratch) / "out"
        Archive.create(archive, codecs=codecs).close()
        watch = _Stopwatch(on_file)
        results = engine.add(archive, sources, codecs=codecs, listener=watch)
        names = [result.name for result in results if result.ok]
        engine.extract(archive, names, [], target, codecs=codecs)
        for source, result in zip(sources, results, strict=True):
            kind = _kind(source.path)
            sums = kinds.setdefault(kind, KindOfFile(kind))
            _count_floe(sums, source, result, target / result.name, watch.seconds(result.name))
            on_file(result.name)
            _count_others(sums, source.path, others)
    return sorted(kinds.values(), key=lambda sums: -sums.n_bytes)


class _Stopwatch:
    """Seconds of each file of a job, as a listener."""

    def __init__(self, on_file: Callable[[str], None]) -> None:
        self._on_file = on_file
        self._began: dict[str, float] = {}
        self._took: dict[str, float] = {}

    def seconds(self, name: str) -> float:
        """From the start of a file to its end."""
        return self._took.get(name, 0.0)

    def started(self, name: str) -> None:
        self._began[name] = time.perf_counter()
        self._on_file(name)

    def progress(self, p: Progress) -> None:
        """Ignored."""

    def finished(self, r: FileResult) -> None:
        self._took[r.name] = time.perf_counter() - self._began.get(r.name, time.perf_counter())


def _count_floe(
    sums: KindOfFile, source: Source, result: FileResult, restored: Path, seconds: float
) -> None:
    n_bytes = source.path.stat().st_size
    sums.n_files += 1
    sums.n_bytes += n_bytes
    sums.floe_seconds += seconds
    if not result.ok or result.entry is None:
        sums.n_failed += 1
        sums.floe_bytes += n_bytes
        return
    sums.floe_bytes += result.entry.packed_bytes
    sums.n_exact += restored.exists() and filecmp.cmp(source.path, restored, shallow=False)


def _count_others(sums: KindOfFile, path: Path, others: Sequence[FileCodec]) -> None:
    data = path.read_bytes()
    for codec in others:
        if codec.only not in ("", sums.kind):
            continue
        began = time.perf_counter()
        try:
            coded = codec.encode(data)
            if codec.decode(coded) != data:
                continue
        except Exception:  # whatever a foreign codec raises: it cannot code this file
            continue
        _add(sums.others, codec.name, len(coded), time.perf_counter() - began)
    for name, size, seconds in _of_pixels(path):
        _add(sums.pixels, name, size, seconds)


def _of_pixels(path: Path) -> Iterator[tuple[str, int, float]]:
    """Codec, bytes and seconds of a file's pixels; nothing where Floe has no pixels of it."""
    try:
        pixels = pixels_of(path)
    except FloeError:
        return
    for codec in installed():
        began = time.perf_counter()
        try:
            coded = codec.encode(pixels)
            same = np.array_equal(codec.decode(coded, pixels.shape[2]), pixels)
        except (RuntimeError, ValueError):  # imagecodecs' WebP has no grey with alpha, say
            continue
        if same:
            yield codec.name, len(coded), time.perf_counter() - began


def _add(sums: dict[str, Sum], name: str, n_bytes: int, seconds: float) -> None:
    total = sums.setdefault(name, Sum())
    total.n_files += 1
    total.n_bytes += n_bytes
    total.seconds += seconds


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    return _KINDS.get(suffix, suffix[1:].upper() or "no suffix")


def _unzstd(data: bytes) -> bytes:
    return bytes(imagecodecs.zstd_decode(data))
