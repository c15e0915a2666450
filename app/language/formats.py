"""Formats of numbers, sizes and dates: table, charts and status bar share them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from app.language.translation import counted
from core.archive.entry import Entry
from core.archive.totals import Sums, Totals

translate = QCoreApplication.translate

#: Shown for a value that does not apply.
NOTHING = "\N{EN DASH}"


def number(value: float | None, decimals: int = 0) -> str:
    """``3.061``, in the user's locale."""
    return NOTHING if value is None else QLocale().toString(float(value), "f", decimals)


def short(value: float) -> str:
    """``2.8`` or ``40``: at most six digits, without trailing zeros."""
    return QLocale().toString(float(value), "g", 6)


def exact_bytes(n_bytes: int) -> str:
    """``182,085 bytes``."""
    return counted(n_bytes, "{0} byte|{0} bytes")


def mean_bytes(n_bytes: float) -> str:
    """``182,085.5 bytes``, for a fraction of a byte."""
    return translate("Formats", "{0} bytes").format(number(n_bytes, 1))


def problem(why: str) -> str:
    """Why a codec has no figures; anything not listed here is a sentence already."""
    return {
        "not installed": translate("Formats", "not installed"),
        "cannot code this image": translate("Formats", "cannot code this image"),
        "gave back other pixels": translate("Formats", "gave back other pixels"),
    }.get(why, why)


def size(n_bytes: int) -> str:
    """``9.1 MB``: decimal units, as in file managers."""
    return QLocale().formattedDataSize(n_bytes, 1, QLocale.DataSizeFormat.DataSizeSIFormat)


def signed_size(n_bytes: int) -> str:
    """The same with a minus sign for less than nothing."""
    return size(n_bytes) if n_bytes >= 0 else f"\N{MINUS SIGN}{size(-n_bytes)}"


def exact_size(n_bytes: int) -> str:
    """``9.1 MB (9,123,456 bytes)``: for comparing two sizes."""
    return f"{size(n_bytes)} ({exact_bytes(n_bytes)})"


def date(nanoseconds: int) -> str:
    """``24 Nov 2026 13:46:52``, in the user's locale, from nanoseconds since 1970."""
    moment = QDateTime.fromMSecsSinceEpoch(nanoseconds // 1_000_000)
    return QLocale().toString(moment, QLocale.FormatType.ShortFormat)


def dimensions(width: int, height: int) -> str:
    """``768 x 512``, with a multiplication sign."""
    return f"{width} \N{MULTIPLICATION SIGN} {height}"


def percent(fraction: float) -> str:
    """``38 %``; negative for growth."""
    return translate("Formats", "{0} %").format(number(100 * fraction))


def bits_per_dim(value: float | None) -> str:
    """``3.061``: theory and practice differ in the third decimal."""
    return number(value, 3)


def seconds(value: float | None) -> str:
    """``1.27``, or ``127`` from 100 seconds."""
    return number(value, 2 if value is None or value < 100 else 0)


def duration(value: float) -> str:
    """``0:52`` or ``1:02:03``."""
    minutes, secs = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def throughput(pixels_per_second: float) -> str:
    """``0.62 MP/s``."""
    return translate("Formats", "{0} MP/s").format(number(pixels_per_second / 1e6, 2))


def items(count: int) -> str:
    """``1 item``, ``4 items``: files and folders."""
    return counted(count, "{0} item|{0} items")


def files(count: int) -> str:
    """``1 file``, ``14 files``."""
    return counted(count, "{0} file|{0} files")


def saved_fraction(original_bytes: int, packed_bytes: int) -> float:
    """The share of the original bytes that is saved; negative for growth."""
    return 1 - packed_bytes / original_bytes if original_bytes else 0.0


def saving(original_bytes: int, packed_bytes: int) -> str:
    """``561 kB saved (39 %)``, or ``2 kB larger``."""
    if packed_bytes > original_bytes:
        return translate("Formats", "{0} larger").format(size(packed_bytes - original_bytes))
    return translate("Formats", "{0} saved ({1})").format(
        size(original_bytes - packed_bytes),
        percent(saved_fraction(original_bytes, packed_bytes)),
    )


def result(sums: Sums) -> str:
    """``9.1 MB to 5.6 MB, 3.5 MB saved (38 %)``; ``9.1 MB, kept as is`` if nothing is saved."""
    if sums.original_bytes == sums.packed_bytes:
        return translate("Formats", "{0}, kept as is").format(size(sums.original_bytes))
    return translate("Formats", "{0} to {1}, {2}").format(
        size(sums.original_bytes),
        size(sums.packed_bytes),
        saving(sums.original_bytes, sums.packed_bytes),
    )


def codelength(totals: Totals) -> str:
    """``3.421 bits/dim over 12 coded images``; the mean is weighted by samples."""
    mean = bits_per_dim(totals.measured.achieved_bpd)
    if not (totals.coded.n_entries and totals.kept.n_entries):
        return translate("Formats", "{0} bits/dim").format(mean)
    return counted(
        totals.coded.n_entries,
        "{1} bits/dim over {0} coded image|{1} bits/dim over {0} coded images",
        mean,
    )


def summary(entries: Sequence[Entry]) -> str:
    """``14 files: 9.1 MB to 5.6 MB, 3.5 MB saved (38 %); 3.421 bits/dim``."""
    if not entries:
        return translate("Formats", "No files yet")
    totals = Totals.of(entries)
    return translate("Formats", "{0}: {1}; {2}").format(
        files(len(entries)), result(totals.all), codelength(totals)
    )
