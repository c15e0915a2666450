"""The time that adding took, by stage."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.details.tab import ScrollingTab, Selection
from app.figures.charts import BarChart
from app.figures.stages import sentence, stages, time_bars
from app.figures.tables import Table
from app.widgets.labels import Caption


class TimingTab(ScrollingTab):
    """Bars of time for one image, or the sums over several."""

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
        self.show_heading(selection, self.tr("Select an image to see how long each stage took."))
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
