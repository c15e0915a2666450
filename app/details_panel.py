"""What the selection is about: bars of codelengths and of times, and the plain facts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from app import texts
from app.backend import REFERENCES, Measured
from app.charts import Bar, BarChart, Tone
from app.comparison import Comparison
from app.labels import Caption, ElidedLabel

if TYPE_CHECKING:
    from core.archive.entry import Entry


class DetailsPanel(QScrollArea):
    """Shows one image with its comparison, or the totals of several."""

    def __init__(self, comparison: Comparison, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._comparison = comparison
        self._entry: Entry | None = None
        self._error = ""
        self._title = ElidedLabel(self)
        font = QFont(self.font())
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.15)
        self._title.setFont(font)
        self._facts = Caption(self)
        self.codelengths = BarChart(self.tr("Codelengths in bits/dim"), self.tr("bits/dim"))
        self.times = BarChart(self.tr("Times in seconds"), self.tr("s"))
        self._gap, self._kept = Caption(self), Caption(self)
        self._body = self._lay_out()
        self.setWidget(self._body)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(280)
        comparison.measured.connect(self._on_measured)
        comparison.finished.connect(self._refresh)
        comparison.failed.connect(self._on_failed)
        self.show_entries(None, [])

    def _lay_out(self) -> QWidget:
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(4)
        layout.addWidget(self._title)
        layout.addWidget(self._facts)
        layout.addSpacing(14)
        self._sections: list[QWidget] = []
        for heading, chart, note in (
            (self.tr("Codelength, bits/dim"), self.codelengths, self._gap),
            (self.tr("Time, seconds"), self.times, self._kept),
        ):
            label = QLabel(heading)
            font = QFont(label.font())
            font.setBold(True)
            label.setFont(font)
            self._sections += [label, chart, note]
            layout.addWidget(label)
            layout.addWidget(chart)
            layout.addWidget(note)
            layout.addSpacing(14)
        layout.addStretch(1)
        return body

    def show_entries(
        self, archive: Path | None, entries: Sequence[Entry], *, selected: bool = True
    ) -> None:
        """One selected entry is compared with other codecs; else the totals are shown."""
        self._error = ""
        self._entry = entries[0] if selected and len(entries) == 1 else None
        if archive is not None and self._entry is not None:
            self._comparison.start(archive, self._entry)
        else:
            self._comparison.cancel()
        for widget in self._sections:
            widget.setVisible(bool(entries))
        if self._entry is not None:
            self._show_facts(self._entry)
        else:
            self._show_totals(entries)
        self.codelengths.set_bars(self._codelength_bars(entries))
        self.times.set_bars(self._time_bars(entries))

    def _show_facts(self, entry: Entry) -> None:
        self._title.set_text(entry.name)
        kind = self.tr("grey") if entry.channels == 1 else self.tr("colour")
        size = self.tr("{0} to {1}, {2} saved").format(
            texts.size(entry.original_bytes),
            texts.size(entry.packed_bytes),
            texts.percent(texts.saved_fraction(entry.original_bytes, entry.packed_bytes)),
        )
        pixels = texts.dimensions(entry.width, entry.height)
        self._facts.setText(f"{pixels}, {kind}\n{size}")
        self._gap.setText(self._gap_text(entry))
        self._kept.setText(self._exactness(entry))

    def _exactness(self, entry: Entry) -> str:
        if entry.codec == "stored":
            return self.tr("The file's own bytes are kept.")
        if entry.file_exact:
            return self.tr("Decoded again before it was kept: the file comes back byte for byte.")
        return self.tr(
            "Decoded again before it was kept: pixels and all else come back exactly, "
            "the file around them is written anew."
        )

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

    def _show_totals(self, entries: Sequence[Entry]) -> None:
        self._gap.setText(self.tr("Mean over the images.") if entries else "")
        self._kept.setText(self.tr("Sum over the images.") if entries else "")
        if not entries:
            self._title.set_text(self.tr("Codelength"))
            self._facts.setText(
                self.tr("Select an image to compare its codelength with that of other codecs.")
            )
            return
        self._title.set_text(texts.images(len(entries)))
        original = sum(e.original_bytes for e in entries)
        packed = sum(e.packed_bytes for e in entries)
        self._facts.setText(
            self.tr("{0} to {1}, {2} saved").format(
                texts.size(original),
                texts.size(packed),
                texts.percent(texts.saved_fraction(original, packed)),
            )
        )

    def _codelength_bars(self, entries: Sequence[Entry]) -> list[Bar]:
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

    def _time_bars(self, entries: Sequence[Entry]) -> list[Bar]:
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

    def _on_measured(self, _measured: Measured) -> None:
        self._refresh()

    def _on_failed(self, error: str) -> None:
        self._error = error
        self._refresh()

    def _refresh(self) -> None:
        if self._entry is not None:
            self.codelengths.set_bars(self._codelength_bars([self._entry]))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Word-wrapped labels must not ask for more width than there is.
        self._body.setMaximumWidth(self.viewport().width())


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
