"""Where the time of adding went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app import texts
from app.charts import BarChart
from app.details.tab import ScrollingTab, Selection
from app.figures import Bar, Tone
from app.labels import Caption

if TYPE_CHECKING:
    from core.archive.entry import Entry


class TimingTab(ScrollingTab):
    """Bars of time for one image, or summed over several."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chart = BarChart(self.tr("Times in seconds"), self.tr("s"))
        self._note = Caption(self)
        self._section = self.add_section(self.tr("Time, seconds"), self.chart, self._note)
        self.column.addStretch(1)

    def title(self) -> str:
        return self.tr("Timing")

    def show_selection(self, selection: Selection) -> None:
        self.show_heading(selection, self.tr("Select an image to see what its time went into."))
        self._section.setVisible(bool(selection.entries))
        self._note.setText("" if selection.single else self.tr("Sum over the images."))
        self.chart.set_bars(self._bars(selection.entries))

    def _bars(self, entries: Sequence[Entry]) -> list[Bar]:
        network = _sum([e.network_seconds for e in entries])
        coding = _sum([e.coding_seconds for e in entries])
        encode = _sum([e.encode_seconds for e in entries])
        verify = _sum([e.verify_seconds for e in entries])
        rest = None if encode is None else max(0.0, encode - (network or 0) - (coding or 0))
        return [
            Bar(self.tr("Network"), network, texts.seconds(network), Tone.OURS),
            Bar(self.tr("Coding"), coding, texts.seconds(coding), Tone.OURS),
            Bar(self.tr("Other encoding"), rest, texts.seconds(rest), Tone.OURS_FAINT),
            Bar(self.tr("Verifying"), verify, texts.seconds(verify), Tone.OURS_FAINT),
        ]


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
