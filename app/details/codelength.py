"""The codelength of the selection, beside that of other codecs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app import texts
from app.backend import REFERENCES, Measured
from app.charts import Bar, BarChart, Tone
from app.comparison import Comparison
from app.details.tab import ScrollingTab, Selection
from app.labels import Caption

if TYPE_CHECKING:
    from core.archive.entry import Entry


class CodelengthTab(ScrollingTab):
    """Compares one image with other codecs, or shows the means of several."""

    def __init__(self, comparison: Comparison, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._comparison = comparison
        self._entry: Entry | None = None
        self._error = ""
        self.chart = BarChart(self.tr("Codelengths in bits/dim"), self.tr("bits/dim"))
        self._note = Caption(self)
        self._section = self.add_section(self.tr("Codelength, bits/dim"), self.chart, self._note)
        self.column.addStretch(1)
        comparison.measured.connect(self._refresh)
        comparison.finished.connect(self._refresh)
        comparison.failed.connect(self._on_failed)

    def title(self) -> str:
        return self.tr("Codelength")

    def show_selection(self, selection: Selection) -> None:
        self._error = ""
        self._entry = selection.single
        if selection.archive is not None and self._entry is not None:
            self._comparison.start(selection.archive, self._entry)
        else:
            self._comparison.cancel()
        self.show_heading(
            selection,
            self.tr("Select an image to compare its codelength with that of other codecs."),
        )
        self._section.setVisible(bool(selection.entries))
        self._note.setText(
            self._gap_text(self._entry) if self._entry else self.tr("Mean over the images.")
        )
        self.chart.set_bars(self._bars(selection.entries))

    def _gap_text(self, entry: Entry) -> str:
        if entry.theoretical_bpd is None:
            if entry.reason is None:
                return self.tr("Stored as it was.")
            return self.tr("Stored as it was: {0}.").format(entry.reason.rstrip("."))
        gap = entry.achieved_bpd - entry.theoretical_bpd
        where = (
            self.tr("Achieved is {0} bits/dim above theory")
            if gap >= 0
            # Each value keeps a place in the code, however unlikely the density finds it.
            else self.tr("Achieved is {0} bits/dim below theory, since no value costs over 24 bits")
        ).format(texts.number(abs(gap), 4))
        bits = self.tr("{0} bits borrowed, {1} lost; what is not pixels counts too.").format(
            texts.number(entry.borrowed_bits), texts.number(entry.lost_bits)
        )
        return f"{where}: {bits}"

    def _bars(self, entries: Sequence[Entry]) -> list[Bar]:
        # Means are compared, so they are over the same images.
        compared = [e for e in entries if e.theoretical_bpd is not None] or entries
        theory = _mean([e.theoretical_bpd for e in compared])
        achieved = _mean([e.achieved_bpd for e in compared])
        bars = [
            Bar(self.tr("Theory"), theory, texts.bits_per_dim(theory), Tone.OURS_FAINT),
            Bar(self.tr("Achieved"), achieved, texts.bits_per_dim(achieved), Tone.OURS),
        ]
        if self._entry is None:
            return bars
        known = {measured.codec: measured for measured in self._comparison.known()}
        return bars + [self._reference_bar(codec, known.get(codec)) for codec in REFERENCES]

    def _reference_bar(self, codec: str, measured: Measured | None) -> Bar:
        if measured is None:
            state = self.tr("not measured") if self._error else self.tr("measuring…")
            return Bar(codec, None, state, Tone.OTHERS, self._error)
        if measured.bits_per_dim is None:
            there = bool(measured.settings)
            state = self.tr("cannot code this image") if there else self.tr("not installed")
            return Bar(codec, None, state, Tone.OTHERS)
        text = texts.bits_per_dim(measured.bits_per_dim)
        settings = f"{codec}: {measured.settings}" if measured.settings else ""
        return Bar(codec, measured.bits_per_dim, text, Tone.OTHERS, settings)

    def _on_failed(self, error: str) -> None:
        self._error = error
        self._refresh()

    def _refresh(self) -> None:
        if self._entry is not None:
            self.chart.set_bars(self._bars([self._entry]))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
