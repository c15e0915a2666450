"""A report on the images of an archive: a table for programs, a page for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from app.figures import breakdown, svg
from app.figures.figures import Bar, Bins, Tone
from app.figures.stages import sentence, stages, time_bars
from app.figures.tables import Cell, Table
from app.language import formats, sentences
from core.archive.entry import Entry, Share
from core.archive.totals import Totals, measured
from core.archive.writing import write_file
from core.control import CancelToken
from core.errors import DamagedEntryError

if TYPE_CHECKING:
    from core.archive import Archive
    from core.bench.contest import Attempt

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
class ReportRow:
    """One image: its entry, the breakdown of its bits, and other codecs if measured."""

    entry: Entry
    breakdown: Mapping[Share, float]  # bits
    attempts: Sequence[Attempt] = field(default=())
    problem: str = ""


def gather(
    archive: Archive,
    names: Sequence[str] | None = None,
    *,
    codecs: bool = False,
    cancel: CancelToken | None = None,
) -> list[ReportRow]:
    """The rows of these names, or of all; ``codecs`` decodes each image and measures the others.

    A damaged image has a problem instead of figures. Raises Cancelled and ModelError.
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
            rows.append(ReportRow(entry, counted, attempts))
        except DamagedEntryError as error:
            rows.append(ReportRow(entry, {}, problem=str(error)))
    return rows


def _measured(archive: Archive, entry: Entry, cancel: CancelToken) -> list[Attempt]:
    from core.bench.contenders import references
    from core.bench.contest import contest

    if entry.pixel_sha256 is None:  # no pixels for the others to code
        return []
    return list(
        contest(archive.read_pixels(entry.name, cancel=cancel), references(), cancel=cancel)
    )


def write(target: Path, rows: Sequence[ReportRow], title: str, *, page: bool) -> None:
    """Write a page or a table. Raises UnwritableFileError."""
    # Names may contain characters that UTF-8 cannot encode.
    whole = html(title, rows).encode("utf-8", "replace") if page else table(rows).csv_file()
    write_file(target, [whole], overwrite=True)


def table(rows: Sequence[ReportRow]) -> Table:
    """One line per image. Titles are the same in every language: programs read them."""
    codecs = list(dict.fromkeys(a.name for row in rows for a in row.attempts))
    titles = [*_FACTS, *(f"share_{share.name.lower()}_bits" for share in Share)]
    titles += [f"{codec} bpd" for codec in codecs]
    return Table([*titles, "problem"], [_line(row, codecs) for row in rows])


def _line(row: ReportRow, codecs: Sequence[str]) -> list[Cell]:
    cells: list[Cell] = []
    for fact in _FACTS:
        value = getattr(row.entry, fact)
        cells.append(int(value) if isinstance(value, bool) else value)
    cells += [row.breakdown.get(share) for share in Share]
    lengths = {a.name: a.bits_per_dim for a in row.attempts}
    return [*cells, *(lengths.get(codec) for codec in codecs), row.problem]


def html(title: str, rows: Sequence[ReportRow]) -> str:
    """A self-contained page with charts, light and dark."""
    entries = [row.entry for row in rows]
    parts = [f"<h1>{escape(title)}</h1>\n<p>{escape(formats.summary(entries))}</p>\n"]
    if rows:
        unit = _tr("bits/dim")
        name = _tr("Codelength, bits/dim (mean)")
        parts.append(_section(name, svg.bars(name, unit, _length_bars(rows))))
        name = _tr("From theory to the archive, bytes in all")
        counted = breakdown.bars(_sums(rows))
        if counted:
            parts.append(_section(name, svg.bars(name, _tr("bytes"), counted)))
        name = _tr("Adding, seconds in all")
        parts.append(_section(name, svg.bars(name, _tr("s"), time_bars(entries))))
        parts.append(f"<p>{escape(sentence(entries))}</p>\n")
    if len(rows) > 1:
        lengths = [e.achieved_bpd for e in measured(entries) if e.n_dims]
        saved = [100 * formats.saved_fraction(e.original_bytes, e.packed_bytes) for e in entries]
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


def _readable(rows: Sequence[ReportRow]) -> Table:
    titles = [_tr("Name"), _tr("Pixels"), _tr("Original"), _tr("Packed"), _tr("% saved")]
    titles += [_tr("Theory"), _tr("Achieved"), *(name for name, _, _ in stages()), _tr("Note")]
    return Table(
        titles,
        [
            [
                e.name,
                formats.dimensions(e.width, e.height),
                e.original_bytes,
                e.packed_bytes,
                round(100 * formats.saved_fraction(e.original_bytes, e.packed_bytes), 1),
                None if e.theoretical_bpd is None else round(e.theoretical_bpd, 4),
                round(e.achieved_bpd, 4),
                *(None if s(e) is None else round(s(e) or 0.0, 3) for _, s, _ in stages()),
                sentences.translated(row.problem or e.reason or ""),
            ]
            for row in rows
            for e in [row.entry]
        ],
    )


def _length_bars(rows: Sequence[ReportRow]) -> list[Bar]:
    """Means over the same samples: those of the measured images, if a codec coded them all."""
    entries = measured([row.entry for row in rows])
    sums = Totals.of(entries).measured
    theory, achieved = sums.theoretical_bpd, sums.achieved_bpd
    bars = []
    if theory is not None:
        bars.append(Bar(_tr("Theory"), theory, formats.bits_per_dim(theory), Tone.OURS_FAINT))
    bars.append(Bar(_tr("Achieved"), achieved, formats.bits_per_dim(achieved), Tone.OURS))
    names = {entry.name for entry in entries}
    compared = [row for row in rows if row.entry.name in names]
    for codec in dict.fromkeys(a.name for row in rows for a in row.attempts):
        known = [
            (a.bits_per_dim * r.entry.n_dims, r.entry.n_dims)
            for r in compared
            for a in r.attempts
            if a.name == codec and a.bits_per_dim is not None
        ]
        if known and len(known) == len(compared):
            mean = sum(bits for bits, _ in known) / sum(n_dims for _, n_dims in known)
            bars.append(Bar(codec, mean, formats.bits_per_dim(mean), Tone.OTHERS))
        else:
            state = _tr("not measured on all images")
            bars.append(Bar(codec, None, state, Tone.OTHERS))
    return bars


def _sums(rows: Sequence[ReportRow]) -> dict[Share, float]:
    """Of coded images only: stored files would dwarf every other share."""
    sums: dict[Share, float] = {}
    for row in rows:
        if row.entry.theoretical_bpd is None:
            continue
        for share, bits in row.breakdown.items():
            sums[share] = sums.get(share, 0.0) + bits
    return sums


def _tr(text: str) -> str:
    return QCoreApplication.translate("Report", text)
