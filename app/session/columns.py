"""The columns of the list: how each fact of an entry is headed, shown, sorted and summed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.language import formats, sentences
from app.language.translation import counted, tr
from app.session.tree import File, Folder, Item
from core.archive.entry import Entry
from core.archive.totals import Sums

Value = Callable[[Entry], Any]


def _nothing(_folder: Folder) -> None:
    """The total of a fact that folders do not have."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A fact of an entry, and what a folder shows of its entries."""

    key: str
    title: str
    explanation: str
    value: Value  #: of an entry, in its own type; None if it does not apply
    show: Callable[[Any], str]  #: a value as text
    total: Callable[[Folder], Any] = _nothing  #: the value of a folder
    show_total: Callable[[Any], str] | None = None  #: if it is another kind of value
    show_entry: Callable[[Entry], str] | None = None  #: if the value is only for sorting
    explain: Callable[[Entry], str | None] = lambda _: None  #: the tool tip of a cell
    shown: bool = True  #: by default
    is_measurement: bool = False  #: shown by the preset of measurements
    is_number: bool = True
    widest: str = ""  #: a sample, so that columns have room before there are rows

    def text(self, item: Item) -> str:
        """The text of a cell."""
        if isinstance(item, File):
            if self.show_entry is not None:
                return self.show_entry(item.entry)
            return self._shown(self.value(item.entry), self.show)
        return self._shown(self.total(item), self.show_total or self.show)

    def native(self, item: Item) -> Any:
        """The value of a cell for sorting; missing ones come before all others."""
        value = self.value(item.entry) if isinstance(item, File) else self.total(item)
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


def _sum_of(key: str) -> Callable[[Folder], Any]:
    """The sum of an attribute over the entries of a folder that have it."""

    def fold(entries: Sequence[Entry]) -> Any:
        known = [v for v in (getattr(entry, key) for entry in entries) if v is not None]
        return sum(known) if known else None

    return lambda folder: folder.total(key, fold)


def _known(sums: Sums, n_bytes: int) -> int | None:
    """A sum of bytes; None in an empty folder."""
    return n_bytes if sums.n_entries else None


def _saved(entry: Entry) -> float | None:
    if entry.is_stored:  # 0 % would look like a failure
        return None
    return formats.saved_fraction(entry.original_bytes, entry.packed_bytes)


def state(entry: Entry) -> str:
    """How the file of an entry is kept, in a word or three."""
    return tr("Kept as it was") if entry.is_stored else tr("Compressed")


def _states(folder: Folder) -> str:
    n_stored = folder.totals.all.n_stored
    if not n_stored:
        return tr("Compressed") if folder.totals.all.n_entries else formats.NOTHING
    return counted(n_stored, "{0} kept as it was|{0} kept as they were")


def reason(entry: Entry) -> str | None:
    """Why a file is kept as it was."""
    return sentences.translated(entry.reason) if entry.reason else None


def columns() -> list[Column]:
    """All columns in the order of the list, in the current language."""
    return [
        Column(
            key="name",
            title=tr("Name"),
            explanation=tr("The file's name inside the archive"),
            value=lambda e: e.name,
            show=str,
            is_number=False,
            is_measurement=True,
        ),
        Column(
            key="original_bytes",
            title=tr("Original"),
            explanation=tr("Size of the file that was added"),
            value=lambda e: e.original_bytes,
            show=formats.size,
            total=lambda f: _known(f.totals.all, f.totals.all.original_bytes),
            is_measurement=True,
            widest="888.8 MB",
        ),
        Column(
            key="packed_bytes",
            title=tr("Packed"),
            explanation=tr("Size of everything that the image needs in the archive"),
            value=lambda e: e.packed_bytes,
            show=formats.size,
            total=lambda f: _known(f.totals.all, f.totals.all.packed_bytes),
            is_measurement=True,
            widest="888.8 MB",
        ),
        Column(
            key="saved_bytes",
            title=tr("Saved"),
            explanation=tr("Original size less packed size"),
            value=lambda e: None if e.is_stored else e.original_bytes - e.packed_bytes,
            show=formats.signed_size,
            total=lambda f: _known(f.totals.all, f.totals.all.saved_bytes),
            widest="888.8 MB",
        ),
        Column(
            key="saved",
            title=tr("Saved %"),
            explanation=tr("Saved share of the original size"),
            value=_saved,
            show=formats.percent,
            total=lambda f: f.totals.all.saved,
            is_measurement=True,
            widest="MMM 100 %",  # a bar is drawn before the number
        ),
        Column(
            key="state",
            title=tr("State"),
            explanation=tr("Compressed by the model, or kept as it was"),
            value=state,
            show=str,
            total=_states,
            explain=reason,
            is_number=False,
            widest=max(tr("Kept as it was"), tr("Compressed"), key=len),
        ),
        Column(
            key="pixels",
            title=tr("Pixels"),
            explanation=tr("Width and height, or the number of files in a folder"),
            value=lambda e: e.n_pixels,
            show=str,
            total=lambda f: f.totals.all.n_entries,
            show_total=formats.files,
            show_entry=lambda e: (
                formats.dimensions(e.width, e.height) if e.n_pixels else formats.NOTHING
            ),
            widest="88888 x 88888",
        ),
        Column(
            key="channels",
            title=tr("Channels"),
            explanation=tr("1 for grey, 3 for colour"),
            value=lambda e: e.channels,
            show=formats.number,
            shown=False,
        ),
        Column(
            key="theoretical_bpd",
            title=tr("Theory\nb/dim"),
            explanation=tr("Theoretical codelength of the model, in bits per dimension (sample)"),
            value=lambda e: e.theoretical_bpd,
            show=formats.bits_per_dim,
            total=lambda f: f.totals.measured.theoretical_bpd,
            shown=False,
            is_measurement=True,
        ),
        Column(
            key="achieved_bpd",
            title=tr("Achieved\nb/dim"),
            explanation=tr(
                "All bytes of the image in the archive, in bits per dimension (sample); of a "
                "folder, the mean over its coded images, weighted by samples"
            ),
            value=lambda e: e.achieved_bpd,
            show=formats.bits_per_dim,
            total=lambda f: f.totals.measured.achieved_bpd,
            shown=False,
            is_measurement=True,
        ),
        Column(
            key="codec",
            title=tr("Codec"),
            explanation=tr("photo: coded by the model; stored: the file's own bytes"),
            value=lambda e: e.codec,
            show=str,
            explain=reason,
            shown=False,
            is_number=False,
            is_measurement=True,
            widest="stored",
        ),
        Column(
            key="coder",
            title=tr("Coder"),
            explanation=tr("The coder of the model's steps"),
            value=lambda e: e.coder,
            show=str,
            shown=False,
            is_number=False,
            widest="gaussian",
        ),
        Column(
            key="encode_seconds",
            title=tr("Encode\nseconds"),
            explanation=tr("Duration of encoding in seconds"),
            value=lambda e: e.encode_seconds,
            show=formats.seconds,
            total=_sum_of("encode_seconds"),
            shown=False,
            is_measurement=True,
            widest="888.88",
        ),
        Column(
            key="verify_seconds",
            title=tr("Verify\nseconds"),
            explanation=tr("Duration of the check, decoding and comparing, in seconds"),
            value=lambda e: e.verify_seconds,
            show=formats.seconds,
            total=_sum_of("verify_seconds"),
            shown=False,
            is_measurement=True,
            widest="888.88",
        ),
        Column(
            key="borrowed_bits",
            title=tr("Borrowed\nbits"),
            explanation=tr("Auxiliary bits that bits-back coding took from the stack"),
            value=lambda e: e.borrowed_bits,
            show=formats.number,
            total=_sum_of("borrowed_bits"),
            shown=False,
            widest="888888",
        ),
        Column(
            key="lost_bits",
            title=tr("Lost\nbits"),
            explanation=tr("Borrowed bits that held nothing useful"),
            value=lambda e: e.lost_bits,
            show=formats.number,
            total=_sum_of("lost_bits"),
            shown=False,
            widest="888888",
        ),
        Column(
            key="modified",
            title=tr("Modified"),
            explanation=tr("Date of the last change of the file that was added"),
            value=lambda e: e.modified_at,
            show=formats.date,
            shown=False,
            widest="31.12.2026 23:59",
        ),
        Column(
            key="added",
            title=tr("Added"),
            explanation=tr("Date of adding the image to the archive"),
            value=lambda e: e.added_at,
            show=formats.date,
            shown=False,
            widest="31.12.2026 23:59",
        ),
    ]
