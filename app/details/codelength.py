"""The codelength of the selection, compared with other codecs, and its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.backend.backend import REFERENCES
from app.details.comparison import Comparison
from app.details.tab import ScrollingTab, Selection
from app.figures import breakdown
from app.figures.charts import BarChart, Histogram
from app.figures.figures import Bar, Bins, Tone
from app.figures.tables import Table
from app.language import formats, sentences
from app.language.translation import counted
from app.widgets.labels import Caption
from core.archive.entry import Entry
from core.archive.totals import Totals, measured

if TYPE_CHECKING:
    from core.bench.contest import Attempt

_RAW_BITS = 8.0


class CodelengthTab(ScrollingTab):
    """Compares one image with other codecs, or shows the distribution over several."""

    def __init__(self, comparison: Comparison, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._comparison = comparison
        self._selection = Selection()
        self._error = ""
        unit = self.tr("bits/dim")
        self.chart = BarChart(self.tr("Codelengths in bits/dim"), unit)
        self.parts = BarChart(self.tr("From theory to achieved, in bytes"), self.tr("bytes"))
        self.lengths = Histogram(self.tr("Distribution of bits/dim"), unit)
        self.savings = Histogram(self.tr("Distribution of what is saved"), self.tr("%"))
        self._note, self._sum, self._codecs = Caption(self), Caption(self), Caption(self)
        self._bars_section = self.add_section(
            self.tr("Codelength, bits/dim"), self.chart, self._note
        )
        self._one = [
            self.add_section(self.tr("From theory to achieved, bytes"), self.parts, self._sum),
            self.add_section(self.tr("Codecs"), self._codecs),
        ]
        self._many = [
            self.add_section(self.tr("Distribution, bits/dim"), self.lengths),
            self.add_section(self.tr("Distribution, % saved"), self.savings),
        ]
        self.column.addStretch(1)
        comparison.measured.connect(self._refresh)
        comparison.finished.connect(self._refresh)
        comparison.failed.connect(self._on_failed)

    def title(self) -> str:
        return self.tr("Codelength")

    def show_selection(self, selection: Selection) -> None:
        self._error = ""
        self._selection = selection
        entry = selection.single
        if selection.archive is not None and entry is not None:
            self._comparison.start(selection.archive, entry)
        else:
            self._comparison.cancel()
        self.show_heading(
            selection,
            self.tr("Select an image to compare its codelength with that of other codecs."),
        )
        self._bars_section.setVisible(bool(selection.entries))
        for section in self._one:
            section.setVisible(entry is not None)
        for section in self._many:
            section.setVisible(len(selection.entries) > 1)
        self._note.setText(self._gap_text(entry) if entry else self._mean_text(selection.entries))
        if entry is None:
            self._show_distribution(selection.entries)
        self._refresh()

    def table(self) -> Table | None:
        if not self._selection.entries:
            return None
        rows: list[list[str | int | float | None]] = [
            [bar.label, bar.value, bar.text if bar.value is None else "", bar.explanation]
            for bar in self.chart.bars
        ]
        titles = [self.tr("Codec"), self.tr("bits/dim"), self.tr("Bytes"), self.tr("Settings")]
        entry = self._selection.single
        if entry is not None:
            for row in rows:
                if isinstance(row[1], float):
                    row[2] = row[1] * entry.n_dims / 8
            for share, bits in self._comparison.breakdown().items():
                rows.append([breakdown.name(share), bits / entry.n_dims, bits / 8, ""])
        return Table(titles, rows)

    def _gap_text(self, entry: Entry) -> str:
        if entry.theoretical_bpd is None:
            if entry.is_standard:
                return self.tr("Pixels in a standard format, which has no theoretical length.")
            if entry.reason is None:
                return self.tr("Stored as it was.")
            reason = sentences.translated(entry.reason).rstrip(".")
            return self.tr("Stored as it was: {0}.").format(reason)
        gap = entry.achieved_bpd - entry.theoretical_bpd
        where = (
            self.tr("Achieved is {0} bits/dim above theory")
            if gap >= 0
            # Each value keeps a place in the code, however unlikely the density finds it.
            else self.tr("Achieved is {0} bits/dim below theory, since no value costs over 24 bits")
        ).format(formats.number(abs(gap), 4))
        bits = counted(
            entry.borrowed_bits or 0,
            "{0} bit borrowed, {1} lost; what is not pixels counts too."
            "|{0} bits borrowed, {1} lost; what is not pixels counts too.",
            formats.number(entry.lost_bits),
        )
        return f"{where}: {bits}"

    def _mean_text(self, entries: Sequence[Entry]) -> str:
        totals = Totals.of(entries)
        mean = self.tr("Mean, weighted by samples.")
        if not (totals.coded.n_entries and totals.kept.n_entries):
            return mean
        left_out = counted(
            totals.kept.n_entries,
            "{0} image that is kept as it was is not included."
            "|{0} images that are kept as they were are not included.",
        )
        return f"{mean} {left_out}"

    def _bars(self, entries: Sequence[Entry]) -> list[Bar]:
        sums = Totals.of(entries).measured
        theory, achieved = sums.theoretical_bpd, sums.achieved_bpd
        bars = [
            Bar(self.tr("Theory"), theory, formats.bits_per_dim(theory), Tone.OURS_FAINT),
            Bar(self.tr("Achieved"), achieved, formats.bits_per_dim(achieved), Tone.OURS),
        ]
        if self._selection.single is None:
            return bars
        known = self._comparison.known()
        bars += [attempt_bar(attempt) for attempt in known]
        measured = {attempt.name for attempt in known}
        state = self.tr("not measured") if self._error else self.tr("measuring…")
        bars += [
            Bar(codec, None, state, Tone.OTHERS, self._error)
            for codec in REFERENCES
            if codec not in measured
        ]
        raw = Bar(self.tr("Raw"), _RAW_BITS, formats.bits_per_dim(_RAW_BITS), Tone.OTHERS)
        return bars if self._selection.single.pixel_sha256 is None else [*bars, raw]

    def _show_distribution(self, entries: Sequence[Entry]) -> None:
        self.lengths.set_bins(Bins.of([e.achieved_bpd for e in measured(entries) if e.n_dims]))
        saved = [100 * formats.saved_fraction(e.original_bytes, e.packed_bytes) for e in entries]
        self.savings.set_bins(Bins.of(saved))

    def _on_failed(self, error: str) -> None:
        self._error = error
        self._refresh()

    def _refresh(self) -> None:
        entry = self._selection.single
        self.chart.set_bars(self._bars(self._selection.entries))
        if entry is None:
            return
        counted = self._comparison.breakdown()
        self.parts.set_bars(breakdown.bars(counted))
        self._sum.setText(breakdown.sentence(counted, entry) if counted else self._error)
        lines = [f"{a.name}: {', '.join(settings(a))}" for a in self._comparison.known()]
        self._codecs.setText("\n".join(lines))


def attempt_bar(attempt: Attempt) -> Bar:
    """The bar of a codec's result or error."""
    tooltip = f"{attempt.name}: {', '.join(settings(attempt))}"
    if attempt.bits_per_dim is None:
        return Bar(attempt.name, None, formats.problem(attempt.problem), Tone.OTHERS, tooltip)
    text = formats.bits_per_dim(attempt.bits_per_dim)
    return Bar(attempt.name, attempt.bits_per_dim, text, Tone.OTHERS, tooltip)


def settings(attempt: Attempt) -> list[str]:
    """A codec's settings and version, or that it is not installed."""
    if attempt.problem and not attempt.version:
        return [formats.problem(attempt.problem)]
    return [part for part in (attempt.settings, attempt.version) if part]
