"""The columns of the list: how each fact of an entry is headed, shown, sorted and summed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.language import formats
from app.language.translation import tr
from app.session.tree import File, Item
from core.archive.entry import Entry

Value = Callable[["Entry"], Any]


def _nothing(_entries: Sequence[Entry]) -> None:
    """A fact that folders do not have."""


@dataclass(frozen=True)
class Column:
    """One fact of an entry, and what a folder shows of all its entries."""

    key: str
    title: str
    explanation: str
    value: Value  #: of an entry, in its own type; None where it does not apply
    show: Callable[[Any], str]  #: a value as text
    total: Callable[[Sequence[Entry]], Any] = _nothing  #: a folder's value
    show_total: Callable[[Any], str] | None = None  #: where it is another kind of value
    show_entry: Callable[[Entry], str] | None = None  #: where the value is there to sort by only
    shown: bool = True  #: by default; the header's menu changes it
    is_number: bool = True
    widest: str = ""  #: columns have room before there are rows

    def text(self, item: Item) -> str:
        """What the cell shows."""
        if isinstance(item, File):
            if self.show_entry is not None:
                return self.show_entry(item.entry)
            return self._shown(self.value(item.entry), self.show)
        return self._shown(item.total(self.key, self.total), self.show_total or self.show)

    def native(self, item: Item) -> Any:
        """The cell's value in its own type, to sort by; absent ones stand before all others."""
        if isinstance(item, File):
            value = self.value(item.entry)
        else:
            value = item.total(self.key, self.total)
        if self.is_number:
            return -1e300 if value is None else float(value)
        return "" if value is None else natural(str(value))

    @staticmethod
    def _shown(value: Any, show: Callable[[Any], str]) -> str:
        return formats.NOTHING if value is None else show(value)


@lru_cache(maxsize=65_536)  # sorting asks for each name many times
def natural(name: str) -> str:
    """A key by which ``img2`` stands before ``img10``."""
    return re.sub(r"\d+", lambda match: match[0].zfill(12), name.casefold())


def _sum(value: Value) -> Callable[[Sequence[Entry]], Any]:
    def fold(entries: Sequence[Entry]) -> Any:
        known = [v for v in map(value, entries) if v is not None]
        return sum(known) if known else None

    return fold


def _mean(value: Value) -> Callable[[Sequence[Entry]], Any]:
    def fold(entries: Sequence[Entry]) -> Any:
        known = [v for v in map(value, entries) if v is not None]
        return sum(known) / len(known) if known else None

    return fold


def _pixels(entry: Entry) -> int:
    return entry.width * entry.height


def _saved(entry: Entry) -> float:
    return formats.saved_fraction(entry.original_bytes, entry.packed_bytes)


def _saved_of_all(entries: Sequence[Entry]) -> float | None:
    if not entries:
        return None
    original = sum(entry.original_bytes for entry in entries)
    return formats.saved_fraction(original, sum(entry.packed_bytes for entry in entries))


def columns() -> list[Column]:
    """In the order of the list; in the language of the moment."""

    def summed(key: str, title: str, explanation: str, show: Any, **more: Any) -> Column:
        def value(entry: Entry) -> Any:
            return getattr(entry, key)

        return Column(key, title, explanation, value, show, _sum(value), **more)

    def averaged(key: str, title: str, explanation: str) -> Column:
        def value(entry: Entry) -> Any:
            return getattr(entry, key)

        return Column(key, title, explanation, value, formats.bits_per_dim, _mean(value))

    return [
        Column(
            "name",
            tr("Name"),
            tr("The file's name inside the archive"),
            lambda e: e.name,
            str,
            is_number=False,
        ),
        Column(
            "pixels",
            tr("Pixels"),
            tr("Width and height, or the number of images in a folder"),
            _pixels,
            str,
            len,
            formats.images,
            lambda e: formats.dimensions(e.width, e.height),
            widest="88888 x 88888",
        ),
        Column(
            "channels",
            tr("Channels"),
            tr("1 for grey, 3 for colour"),
            lambda e: e.channels,
            formats.number,
            shown=False,
        ),
        summed(
            "original_bytes",
            tr("Original"),
            tr("Size of the file that was added"),
            formats.size,
            widest="888.8 kB",
        ),
        summed(
            "packed_bytes",
            tr("Packed"),
            tr("Size of everything that the image needs in the archive"),
            formats.size,
            widest="888.8 kB",
        ),
        Column(
            "saved",
            tr("Saved"),
            tr("Saved share of the original size"),
            _saved,
            formats.percent,
            _saved_of_all,
            widest="MMM 100 %",  # a bar stands before the number
        ),
        averaged(
            "theoretical_bpd",
            tr("Theory\nb/dim"),
            tr("Theoretical codelength of the model, in bits per dimension (sample)"),
        ),
        averaged(
            "achieved_bpd",
            tr("Achieved\nb/dim"),
            tr("All bytes of the image in the archive, in bits per dimension (sample)"),
        ),
        Column(
            "codec",
            tr("Codec"),
            tr("photo: coded by the model; stored: the file's own bytes"),
            lambda e: e.codec,
            str,
            is_number=False,
            widest="stored",
        ),
        Column(
            "coder",
            tr("Coder"),
            tr("The coder of the model's steps"),
            lambda e: e.coder,
            str,
            shown=False,
            is_number=False,
            widest="gaussian",
        ),
        summed(
            "encode_seconds",
            tr("Encode\nseconds"),
            tr("Duration of encoding in seconds"),
            formats.seconds,
            widest="888.88",
        ),
        summed(
            "verify_seconds",
            tr("Verify\nseconds"),
            tr("Duration of the check, decoding and comparing, in seconds"),
            formats.seconds,
            shown=False,
            widest="888.88",
        ),
        summed(
            "borrowed_bits",
            tr("Borrowed\nbits"),
            tr("Auxiliary bits that bits-back coding took from the stack"),
            formats.number,
            shown=False,
            widest="888888",
        ),
        summed(
            "lost_bits",
            tr("Lost\nbits"),
            tr("Borrowed bits that held nothing useful"),
            formats.number,
            shown=False,
            widest="888888",
        ),
        Column(
            "modified",
            tr("Modified"),
            tr("Date of the last change of the file that was added"),
            lambda e: e.modified_at,
            formats.date,
            shown=False,
            widest="31.12.2026 23:59",
        ),
        Column(
            "added",
            tr("Added"),
            tr("Date of adding the image to the archive"),
            lambda e: e.added_at,
            formats.date,
            shown=False,
            widest="31.12.2026 23:59",
        ),
    ]
