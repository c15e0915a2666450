"""A report on an archive's images: a table for programs, and a page for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from app.figures import shares, svg
from app.figures.figures import Bar, Bins, Tone
from app.figures.stages import sentence, stages, time_bars
from app.figures.tables import Cell, Table
from app.language import sentences, texts
from core.archive.writing import write_file
from core.control import CancelToken
from core.errors import DamagedEntryError

if TYPE_CHECKING:
    from core.archive import Archive
    from core.archive.breakdown import Share
    from core.archive.entry import Entry
    from core.bench.contest import Attempt

_SHARES = ("THEORY", "CODING", "BORROWED", "SIDE", "FRAME", "CONTAINER", "FILE")
_FACTS = (
    *("name", "kind", "width", "height", "channels", "original_bytes", "packed_bytes", "codec"),
    *("coder", "model", "theoretical_bpd", "achieved_bpd", "borrowed_bits", "lost_bits"),
    *("read_seconds", "encode_seconds", "network_seconds", "coding_seconds"),
    *("verify_seconds", "write_seconds", "device", "pixel_sha256", "file_sha256", "file_exact"),
)

_STYLE = """
:root { color-scheme: light dark; --text: #232629; --ground: #fff; --line: #e6e8ea;
  --ours: #2980b9; --faint: #8fc1e3; --others: #8d9297; }
@media (prefers-color-scheme: dark) { :root { --text: #eceef0; --ground: #232629;
  --line: #3a3e42; --ours: #3daee9; --faint: #2a6d92; --others: #8a9097; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--text); background: var(--ground);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
svg { width: 100%; max-width: 42rem; font-size: 14px; }
h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: .25rem .6rem; text-align: left; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; } .number { text-align: right; }
"""


@dataclass(frozen=True)
class Row:
    """One image: what the archive says, what its bits are for, and other codecs if measured."""

    entry: Entry
    shares: Mapping[Share, float]
    attempts: Sequence[Attempt] = field(default=())
    problem: str = ""


def gather(
    archive: Archive,
    names: Sequence[str] | None = None,
    *,
    codecs: bool = False,
    cancel: CancelToken | None = None,
) -> list[Row]:
    """The rows of these names, or all; ``codecs`` decodes each image and measures the others.

    A damaged image has a problem instead of figures. Raises Cancelled, and ModelError.
    """
    cancel = cancel or CancelToken()
    chosen = None if names is None else set(names)
    rows = []
    for entry in archive.entries():
        if chosen is not None and entry.name not in chosen:
            continue
        cancel.check()
        try:
            counted = archive.breakdown(entry.name)
            attempts = _measured(archive, entry, cancel) if codecs else []
            rows.append(Row(entry, counted, attempts))
        except DamagedEntryError as error:
            rows.append(Row(entry, {}, problem=str(error)))
    return rows


def _measured(archive: Archive, entry: Entry, cancel: CancelToken) -> list[Attempt]:
    from core.bench.contenders import references
    from core.bench.contest import contest

    if entry.pixel_sha256 is None:  # no pixels that the others could code
        return []
    return list(
        contest(archive.read_pixels(entry.name, cancel=cancel), references(), cancel=cancel)
    )


def write(target: Path, rows: Sequence[Row], title: str, *, page: bool) -> None:
    """A page, or a table. Raises UnwritableFileError."""
    # Spreadsheets know UTF-8 by its mark only; names may hold what UTF-8 cannot.
    whole = html(title, rows).encode("utf-8", "replace") if page else table(rows).csv_file()
    write_file(target, [whole], overwrite=True)


def table(rows: Sequence[Row]) -> Table:
    """A line for each image; titles stay the same in every language, for programs."""
    codecs = list(dict.fromkeys(a.name for row in rows for a in row.attempts))
    titles = [*_FACTS, *(f"share_{share.lower()}_bits" for share in _SHARES)]
    titles += [f"{codec} bpd" for codec in codecs]
    return Table([*titles, "problem"], [_line(row, codecs) for row in rows])


def _line(row: Row, codecs: Sequence[str]) -> list[Cell]:
    cells: list[Cell] = []
    for fact in _FACTS:
        value = getattr(row.entry, fact)
        cells.append(int(value) if isinstance(value, bool) else value)
    counted = {share.name: bits for share, bits in row.shares.items()}
    cells += [counted.get(share) for share in _SHARES]
    lengths = {a.name: a.bits_per_dim for a in row.attempts}
    return [*cells, *(lengths.get(codec) for codec in codecs), row.problem]


def html(title: str, rows: Sequence[Row]) -> str:
    """One file that needs no other: charts inside, light and dark."""
    entries = [row.entry for row in rows]
    parts = [f"<h1>{escape(title)}</h1>\n<p>{escape(texts.summary(entries))}</p>\n"]
    if rows:
        unit = _tr("bits/dim")
        name = _tr("Codelength, bits/dim (mean)")
        parts.append(_section(name, svg.bars(name, unit, _length_bars(rows))))
        name = _tr("From theory to what is stored, bytes in all")
        counted = shares.bars(_sums(rows))
        if counted:
            parts.append(_section(name, svg.bars(name, _tr("bytes"), counted)))
        name = _tr("Adding, seconds in all")
        parts.append(_section(name, svg.bars(name, _tr("s"), time_bars(entries))))
        parts.append(f"<p>{escape(sentence(entries))}</p>\n")
    if len(rows) > 1:
        lengths = [e.achieved_bpd for e in entries if e.n_dims]
        saved = [100 * texts.saved_fraction(e.original_bytes, e.packed_bytes) for e in entries]
        for name, unit, values in (
            (_tr("Distribution, bits/dim"), _tr("bits/dim"), lengths),
            (_tr("Distribution, % saved"), "%", saved),
        ):
            if values:
                parts.append(_section(name, svg.histogram(name, unit, Bins.of(values))))
    images = _readable(rows).html()
    parts.append(f'<h2>{escape(_tr("Images"))}</h2>\n<div class="wide">{images}</div>\n')
    return (
        f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{''.join(parts)}</body>\n</html>\n"
    )


def _section(name: str, chart: str) -> str:
    return f"<h2>{escape(name)}</h2>\n{chart}"


def _readable(rows: Sequence[Row]) -> Table:
    titles = [_tr("Name"), _tr("Pixels"), _tr("Original"), _tr("Packed"), _tr("% saved")]
    titles += [_tr("Theory"), _tr("Achieved"), *(name for name, _, _ in stages()), _tr("Note")]
    return Table(
        titles,
        [
            [
                e.name,
                texts.dimensions(e.width, e.height),
                e.original_bytes,
                e.packed_bytes,
                round(100 * texts.saved_fraction(e.original_bytes, e.packed_bytes), 1),
                None if e.theoretical_bpd is None else round(e.theoretical_bpd, 4),
                round(e.achieved_bpd, 4),
                *(None if s(e) is None else round(s(e) or 0.0, 3) for _, s, _ in stages()),
                sentences.translated(row.problem or e.reason or ""),
            ]
            for row in rows
            for e in [row.entry]
        ],
    )


def _length_bars(rows: Sequence[Row]) -> list[Bar]:
    """Means over the same images: those that have theory, and that every codec could code."""
    entries = [r.entry for r in rows if r.entry.theoretical_bpd is not None]
    bars = []
    if entries:
        theory = sum(e.theoretical_bpd or 0.0 for e in entries) / len(entries)
        achieved = sum(e.achieved_bpd for e in entries) / len(entries)
        bars.append(Bar(_tr("Theory"), theory, texts.bits_per_dim(theory), Tone.OURS_FAINT))
    else:
        achieved = texts.mean_bits_per_dim([r.entry for r in rows]) or 0.0
    bars.append(Bar(_tr("Achieved"), achieved, texts.bits_per_dim(achieved), Tone.OURS))
    compared = [r for r in rows if r.entry in entries or not entries]
    for codec in dict.fromkeys(a.name for row in rows for a in row.attempts):
        lengths = [a.bits_per_dim for r in compared for a in r.attempts if a.name == codec]
        known = [length for length in lengths if length is not None]
        if known and len(known) == len(compared):
            mean = sum(known) / len(known)
            bars.append(Bar(codec, mean, texts.bits_per_dim(mean), Tone.OTHERS))
        else:
            state = _tr("not measured on all images")
            bars.append(Bar(codec, None, state, Tone.OTHERS))
    return bars


def _sums(rows: Sequence[Row]) -> dict[Share, float]:
    """Of coded images: beside the bytes of stored files, nothing else could be seen."""
    sums: dict[Share, float] = {}
    for row in rows:
        if row.entry.theoretical_bpd is None:
            continue
        for share, bits in row.shares.items():
            sums[share] = sums.get(share, 0.0) + bits
    return sums


def _tr(text: str) -> str:
    return QCoreApplication.translate("Report", text)
