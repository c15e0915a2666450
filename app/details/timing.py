"""Where the time of adding went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from app import texts
from app.charts import BarChart
from app.details.tab import ScrollingTab, Selection
from app.figures import Bar, Tone
from app.labels import Caption
from app.tables import Table

if TYPE_CHECKING:
    from core.archive.entry import Entry

Stage = Callable[["Entry"], float | None]


class TimingTab(ScrollingTab):
    """Bars of time for one image, or summed over several."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._selection = Selection()
        self.chart = BarChart(self.tr("Times in seconds"), self.tr("s"))
        self.note = Caption(self)
        self._section = self.add_section(self.tr("Adding, seconds"), self.chart, self.note)
        self.column.addStretch(1)

    def title(self) -> str:
        return self.tr("Timing")

    def show_selection(self, selection: Selection) -> None:
        self._selection = selection
        self.show_heading(selection, self.tr("Select an image to see what its time went into."))
        self._section.setVisible(bool(selection.entries))
        self.note.setText(sentence(selection.entries) if selection.entries else "")
        self.chart.set_bars(time_bars(selection.entries))

    def table(self) -> Table | None:
        if not self._selection.entries:
            return None
        titles = [self.tr("Name"), *(name for name, _, _ in stages())]
        rows = [
            [entry.name, *(seconds(entry) for _, seconds, _ in stages())]
            for entry in self._selection.entries
        ]
        return Table(titles, rows)


def stages() -> list[tuple[str, Stage, Tone]]:
    """The stages of adding a file, in their order: name, seconds, tone."""
    return [
        (_tr("Reading"), lambda e: e.read_seconds, Tone.OURS_FAINT),
        (_tr("Network"), lambda e: e.network_seconds, Tone.OURS),
        (_tr("Coding"), lambda e: e.coding_seconds, Tone.OURS),
        (_tr("Other encoding"), _other, Tone.OURS_FAINT),
        (_tr("Verifying"), lambda e: e.verify_seconds, Tone.OURS_FAINT),
        (_tr("Writing"), lambda e: e.write_seconds, Tone.OURS_FAINT),
    ]


def time_bars(entries: Sequence[Entry]) -> list[Bar]:
    """A bar for each stage, summed over the entries that went through it."""
    bars = []
    for name, seconds, tone in stages():
        known = [s for s in map(seconds, entries) if s is not None]
        total = sum(known) if known else None
        bars.append(Bar(name, total, texts.seconds(total), tone))
    return bars


def sentence(entries: Sequence[Entry]) -> str:
    """How long all took, how fast that was, and on what; the disk's last flush is left out."""
    timed = [(e, sum(s(e) or 0.0 for _, s, _ in stages())) for e in entries]
    total = sum(seconds for _, seconds in timed)
    n_pixels = sum(e.width * e.height for e, seconds in timed if seconds)
    parts = [_tr("{0} s in all").format(texts.seconds(total))]
    if total:
        parts.append(texts.throughput(n_pixels / total))
    devices = dict.fromkeys(e.device for e in entries if e.device)
    what = "; ".join([", ".join(parts), *devices])
    return _tr("{0}. Writing ends where the disk is told to keep what was written.").format(what)


def _other(entry: Entry) -> float | None:
    if entry.encode_seconds is None:
        return None
    inside = (entry.network_seconds or 0.0) + (entry.coding_seconds or 0.0)
    return max(0.0, entry.encode_seconds - inside)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Timing", text)
