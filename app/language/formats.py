"""Formats of numbers, sizes and dates: table, charts and status bar share them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from app.language.translation import counted

if TYPE_CHECKING:
    from core.archive.entry import Entry

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


def images(count: int) -> str:
    """``1 image``, ``14 images``."""
    return counted(count, "{0} image|{0} images")


def items(count: int) -> str:
    """``1 item``, ``4 items``: files and folders."""
    return counted(count, "{0} item|{0} items")


def files(count: int) -> str:
    """``1 file``, ``14 files``."""
    return counted(count, "{0} file|{0} files")


def saved_fraction(original_bytes: int, packed_bytes: int) -> float:
    """The share of the original bytes that is saved; negative for growth."""
    return 1 - packed_bytes / original_bytes if original_bytes else 0.0


def n_dims(entry: Entry) -> int:
    """The number of samples of the entry's pixels."""
    return entry.width * entry.height * entry.channels


def mean_bits_per_dim(entries: Sequence[Entry]) -> float | None:
    """The mean over images (not over samples), as in the paper's tables."""
    values = [entry.achieved_bpd for entry in entries if n_dims(entry)]
    return sum(values) / len(values) if values else None


def summary(entries: Sequence[Entry]) -> str:
    """``14 images, 9.1 MB to 5.6 MB, 38 % saved, mean 3.42 bits/dim``."""
    if not entries:
        return translate("Formats", "No images yet")
    original = sum(entry.original_bytes for entry in entries)
    packed = sum(entry.packed_bytes for entry in entries)
    return translate(
        "Formats", "{images}, {original} to {packed}, {saved} saved, mean {mean} bits/dim"
    ).format(
        images=images(len(entries)),
        original=size(original),
        packed=size(packed),
        saved=percent(saved_fraction(original, packed)),
        mean=number(mean_bits_per_dim(entries), 2),
    )
