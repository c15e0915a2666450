"""All codecs on images that are dropped here and not archived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QWidget,
)

from app.details.codelength import attempt_bar, settings
from app.details.contest import Compared, Contest
from app.details.tab import ScrollingTab, Selection
from app.dialogs.dialogs import Dialogs
from app.figures.charts import BarChart
from app.figures.figures import Bar, Tone
from app.figures.tables import Table
from app.language import formats
from app.language.translation import counted
from app.widgets.labels import Caption

if TYPE_CHECKING:
    from core.bench.contest import Attempt

_FOLDER = "compare/folder"
_THOROUGH = "compare/thorough"
_BLACK_BOX = "compare/black_box"


class CompareTab(ScrollingTab):
    """Bars appear as they are measured; of several images, the mean or one of them is shown."""

    def __init__(
        self,
        contest: Contest,
        dialogs: Dialogs,
        settings: QSettings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._contest, self._dialogs, self._settings = contest, dialogs, settings
        self.setAcceptDrops(True)
        self.heading.set_text(self.tr("Compare"))
        self.facts.setText(
            self.tr(
                "Drop images here: each codec encodes the same pixels and decodes them again. "
                "Nothing is archived."
            )
        )
        self.choose = QPushButton(self.tr("C&hoose Images…"), self)
        self.thorough = QCheckBox(self.tr("Include slo&w settings"), self)
        self.thorough.setToolTip(self.tr("The settings with the smallest files"))
        self.thorough.setChecked(bool(self._settings.value(_THOROUGH, False, bool)))
        self.black_box = QCheckBox(self.tr("Research &models (small images)"), self)
        self.black_box.setToolTip(
            self.tr(
                "Colour images of exactly 32 x 32 or 64 x 64 pixels are also coded "
                "by small research models, by layers. For 32 x 32 this adds local "
                "bits-back with the whole Jacobian, which takes minutes to an hour."
            )
        )
        self.black_box.setChecked(bool(self._settings.value(_BLACK_BOX, False, bool)))
        self.picture = QComboBox(self)
        self.picture.setAccessibleName(self.tr("Image shown"))
        self.picture.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName(self.tr("Progress"))
        self.cancel = QPushButton(self.tr("Cancel"), self)
        self.state = Caption(self)
        self.chart = BarChart(self.tr("Codelengths in bits/dim"), self.tr("bits/dim"))
        self.encoding = BarChart(self.tr("Seconds of encoding"), self.tr("s"))
        self.decoding = BarChart(self.tr("Seconds of decoding"), self.tr("s"))
        self._codecs = Caption(self)
        self._lay_out()
        self.choose.clicked.connect(self._choose)
        self.cancel.clicked.connect(contest.cancel)
        self.picture.currentIndexChanged.connect(self._show_figures)
        contest.changed.connect(self._refresh)
        contest.progressed.connect(self._on_progress)
        self._refresh()

    def _lay_out(self) -> None:
        self.column.addSpacing(6)
        self.column.addWidget(self.choose, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addWidget(self.thorough)
        self.column.addWidget(self.black_box)
        self._work = QWidget(self)
        row = QHBoxLayout(self._work)
        row.setContentsMargins(0, 6, 0, 0)
        row.addWidget(self.progress, 1)
        row.addWidget(self.cancel)
        self.column.addWidget(self._work)
        self.column.addWidget(self.state)
        self.column.addWidget(self.picture)
        self._figures = [
            self.add_section(self.tr("Codelength, bits/dim"), self.chart),
            self.add_section(self.tr("Encoding, seconds"), self.encoding),
            self.add_section(self.tr("Decoding, seconds"), self.decoding),
            self.add_section(self.tr("Codecs"), self._codecs),
        ]
        self.column.addStretch(1)

    def title(self) -> str:
        return self.tr("Compare")

    def show_selection(self, selection: Selection) -> None:
        """The selection is compared in another tab."""

    def start(self, paths: Sequence[Path]) -> None:
        """Compare these images."""
        if paths:
            self._settings.setValue(_THOROUGH, self.thorough.isChecked())
            self._settings.setValue(_BLACK_BOX, self.black_box.isChecked())
            self._contest.start(
                paths,
                thorough=self.thorough.isChecked(),
                black_box=self.black_box.isChecked(),
            )

    def attempts(self) -> list[Attempt]:
        """The results of the image that is shown, or the means of all."""
        pictures = self._readable()
        index = self.picture.currentIndex()
        if len(pictures) > 1:
            if index <= 0:
                return means([picture.attempts for picture in pictures])
            index -= 1
        return list(pictures[index].attempts) if 0 <= index < len(pictures) else []

    def table(self) -> Table | None:
        if not any(picture.attempts for picture in self._contest.pictures):
            return None
        rows = [
            [
                picture.path.name,
                *(a.name, a.settings, a.version, a.n_bytes, a.bits_per_dim, a.theoretical_bpd),
                a.borrowed_bits,
                *(a.encode_seconds, a.decode_seconds, formats.problem(a.problem)),
            ]
            for picture in self._contest.pictures
            for a in picture.attempts
        ]
        titles = [
            *(self.tr("Image"), self.tr("Codec"), self.tr("Settings"), self.tr("Version")),
            *(self.tr("Bytes"), self.tr("bits/dim"), self.tr("Theory, bits/dim")),
            self.tr("Borrowed bits"),
            *(self.tr("Encode s"), self.tr("Decode s"), self.tr("Problem")),
        ]
        return Table(titles, rows)

    def _readable(self) -> list[Compared]:
        """The images to choose from; those that failed have a sentence instead."""
        return [picture for picture in self._contest.pictures if not picture.error]

    def _choose(self) -> None:
        folder = Path(str(self._settings.value(_FOLDER, str(Path.home()))))
        paths = self._dialogs.images_to_compare(self, folder)
        if paths:
            self._settings.setValue(_FOLDER, str(paths[0].parent))
        self.start(paths)

    def _on_progress(self, codec: str, fraction: float) -> None:
        self.progress.setValue(round(1000 * fraction))
        self.progress.setFormat(f"{codec} %p%")

    def _refresh(self) -> None:
        pictures = self._contest.pictures
        names = [picture.path.name for picture in self._readable()]
        if len(names) > 1:
            names.insert(0, counted(len(names), "Mean of {0} image|Mean of {0} images"))
        if names != [self.picture.itemText(i) for i in range(self.picture.count())]:
            self.picture.clear()
            self.picture.addItems(names)
        self.picture.setVisible(bool(names))
        self._work.setVisible(self._contest.running)
        done = sum(picture.done for picture in pictures)
        lines = [picture.error for picture in pictures if picture.error]
        if self._contest.running and len(pictures) > 1:
            lines.insert(0, self.tr("{0} of {1} done").format(done, len(pictures)))
        elif pictures and done < len(pictures) and not self._contest.running:
            lines.insert(0, self.tr("Cancelled; what was measured is shown."))
        self.state.setText("\n".join(lines))
        self.state.setVisible(bool(lines))
        self._show_figures()

    def _show_figures(self) -> None:
        # In the order of the codelength tab: ours, the others, raw pixels.
        attempts = sorted(
            self.attempts(), key=lambda a: (a.theoretical_bpd is None, a.name == "Raw")
        )
        self.chart.set_bars([bar for a in attempts for bar in _length_bars(a, self.tr("theory"))])
        timed = [a for a in attempts if a.encode_seconds is not None and a.name != "Raw"]
        self.encoding.set_bars([_time_bar(a, a.encode_seconds) for a in timed])
        self.decoding.set_bars([_time_bar(a, a.decode_seconds) for a in timed])
        lines = [f"{a.name}: {', '.join(self._about(a))}" for a in attempts]
        if any(a.net for a in attempts):
            lines.append(
                self.tr(
                    "Local bits-back here is that of small research models in floating point, "
                    "which archives never use. Lengths are net, as the paper counts them: "
                    "without the bits borrowed, which the decoder gives back."
                )
            )
        self._codecs.setText("\n".join(lines))
        for section in self._figures:
            section.setVisible(bool(attempts))

    def _about(self, attempt: Attempt) -> list[str]:
        borrowed = attempt.borrowed_bits
        if not attempt.net or borrowed is None:
            return settings(attempt)
        return [*settings(attempt), counted(borrowed, "{0} bit borrowed|{0} bits borrowed")]

    # Qt's own events: images dropped here are not added to the archive.

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.start(_paths(event))


def means(of: Sequence[Sequence[Attempt]]) -> list[Attempt]:
    """The mean of each codec over the images; a codec that failed on any has no figures."""
    groups: dict[tuple[str, str], list[Attempt]] = {}
    for attempts in of:
        for attempt in attempts:
            groups.setdefault((attempt.name, attempt.settings), []).append(attempt)
    return [_mean(group) for group in groups.values()]


def _mean(group: Sequence[Attempt]) -> Attempt:
    failed = next((a for a in group if a.problem), None)
    if failed is not None:
        return failed

    def mean(field: str) -> float | None:
        values = [getattr(attempt, field) for attempt in group]
        return None if None in values else sum(values) / len(values)

    borrowed = mean("borrowed_bits")
    return replace(
        group[0],
        n_bytes=None,
        borrowed_bits=None if borrowed is None else round(borrowed),
        bits_per_dim=mean("bits_per_dim"),
        theoretical_bpd=mean("theoretical_bpd"),
        encode_seconds=mean("encode_seconds"),
        decode_seconds=mean("decode_seconds"),
    )


def _length_bars(attempt: Attempt, theory: str) -> list[Bar]:
    bar = attempt_bar(attempt)
    if attempt.theoretical_bpd is None:
        return [bar]
    text = formats.bits_per_dim(attempt.theoretical_bpd)
    label = f"{attempt.name}, {theory}"
    faint = Bar(label, attempt.theoretical_bpd, text, Tone.OURS_FAINT, bar.explanation)
    return [faint, replace(bar, tone=Tone.OURS)]


def _time_bar(attempt: Attempt, seconds: float | None) -> Bar:
    tone = Tone.OTHERS if attempt.theoretical_bpd is None else Tone.OURS
    return Bar(attempt.name, seconds, formats.seconds(seconds), tone, ", ".join(settings(attempt)))


def _paths(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
