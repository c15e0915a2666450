"""The selected image and its codelength map."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, QSize, Qt, Signal
from PySide6.QtGui import QFont, QHideEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.backend.task import Task
from app.details.tab import Selection, Tab
from app.dialogs.dialogs import Dialogs
from app.language import formats, sentences
from app.preview.legend import Legend
from app.preview.loader import Loaded, Loader
from app.preview.toolbar import Toolbar
from app.preview.view import Mode, PictureView
from app.widgets.labels import Caption, ElidedLabel
from app.widgets.style import ThinProgress
from core.archive.entry import Entry
from core.archive.writing import write_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.preview.heat import Range

_MODE, _OPACITY = "preview/mode", "preview/opacity"

#: An image that took longer to verify is decoded only on request.
_LONG_SECONDS = 60.0


class PreviewTab(Tab):
    """Decodes the selected image while the tab is visible."""

    saved = Signal(str, str)  #: a sentence, and the folder to open
    failed = Signal(str)

    def __init__(self, loader: Loader, dialogs: Dialogs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader, self._dialogs = loader, dialogs
        self._archive: Path | None = None
        self._entry: Entry | None = None
        self._shown: object = None  # the image in the view
        self._loaded: Loaded | None = None
        self.view = PictureView(self)
        self.toolbar = Toolbar(self.view, self)
        self.state = QLabel(self)
        self.progress = ThinProgress(self)
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Decoding"))
        self.button = QPushButton(self.tr("&Decode"), self)
        self.value = ElidedLabel(self)
        self.zoom = QLabel(self)
        self.legend = Legend(self)
        self.opacity = QSlider(Qt.Orientation.Horizontal, self)
        self.note = Caption(self)
        self.below = QStackedWidget(self)
        self._lay_out()
        self._connect()
        self.show_selection(Selection())

    def title(self) -> str:
        return self.tr("Preview")

    def _lay_out(self) -> None:
        # One of these is below the picture; all have the same height, so that it does not jump.
        self._nothing, self._waiting, self._scale = QWidget(), QWidget(), QWidget()
        row = QHBoxLayout()
        for widget, stretch in ((self.state, 0), (self.progress, 1), (self.button, 0)):
            row.addWidget(widget, stretch)
        waiting = QVBoxLayout(self._waiting)
        waiting.setContentsMargins(0, 0, 0, 0)
        waiting.addLayout(row)
        waiting.addStretch(1)
        line = QHBoxLayout()
        line.addWidget(self.value, 1)
        line.addWidget(self.zoom)
        row = QHBoxLayout()
        label = QLabel(self.tr("&Opacity of the map"), self)
        label.setBuddy(self.opacity)
        row.addWidget(label)
        row.addWidget(self.opacity, 1)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(100)
        self.opacity.setAccessibleName(self.tr("Opacity of the map"))
        font = QFont(self.font())
        font.setFeature(QFont.Tag("tnum"), 1)
        for label_of_numbers in (self.value, self.zoom, self.state):
            label_of_numbers.setFont(font)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        column.addWidget(self.toolbar)
        column.addWidget(self.view, 1)
        column.addLayout(line)
        column.addWidget(self.below)
        scale = QVBoxLayout(self._scale)
        scale.setContentsMargins(0, 0, 0, 0)
        scale.addWidget(self.legend)
        scale.addLayout(row)
        self.note.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        for page in (self._nothing, self._waiting, self._scale, self.note):
            self.below.addWidget(page)
        policy = self.below.sizePolicy()
        policy.setVerticalPolicy(QSizePolicy.Policy.Fixed)
        self.below.setSizePolicy(policy)

    def _connect(self) -> None:
        self._loader.progressed.connect(self._on_progress)
        self._loader.part_arrived.connect(self.view.put_part)
        self._loader.loaded.connect(self._on_loaded)
        self._loader.failed.connect(self._on_failed)
        self.view.pointed.connect(self._show_value)
        self.view.zoomed.connect(self._show_zoom)
        self.view.copy_wanted.connect(self.view.copy_picture)
        self.opacity.valueChanged.connect(lambda value: self.view.set_opacity(value / 100))
        self.button.clicked.connect(self._on_button)
        self.toolbar.save_map.triggered.connect(self._save_map)

    def save(self, settings: QSettings) -> None:
        """Save the view of picture and map."""
        settings.setValue(_MODE, self.view.mode.value)
        settings.setValue(_OPACITY, self.opacity.value())

    def restore(self, settings: QSettings) -> None:
        """Restore the view of picture and map."""
        mode = str(settings.value(_MODE, ""))
        if mode in [each.value for each in Mode]:
            self.toolbar.modes[Mode(mode)].setChecked(True)
            self.view.set_mode(Mode(mode))
        self.opacity.setValue(int(str(settings.value(_OPACITY, 100, int))))

    # The selection

    def show_selection(self, selection: Selection) -> None:
        entry = selection.single
        shown = (selection.archive, entry.name, entry.file_sha256) if entry is not None else None
        if shown is not None and shown == self._shown:
            return
        self._shown, self._archive, self._entry = shown, selection.archive, entry
        self._loaded = None
        self._loader.cancel()
        self._show_parts(busy=False)
        self._show_value(None)
        if entry is None:
            self.view.show_message(
                self.tr("Select one image to see it.")
                if selection.entries
                else self.tr("The selected image is shown here.")
            )
        elif (entry.verify_seconds or 0.0) > _LONG_SECONDS:
            self._wait(entry.verify_seconds or 0.0)
        else:
            self._start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if not event.spontaneous() and self._loader.busy:  # nobody would see the image
            self._loader.cancel()
            self._shown = None

    def _start(self) -> None:
        if self._entry is None or self._archive is None:
            return
        self.view.begin(QSize(self._entry.width, self._entry.height))
        self.view.setAccessibleDescription(self.tr("{0} is being decoded").format(self._entry.name))
        self._show_parts(busy=True)
        self.state.setText(self.tr("Decoding…"))
        self.progress.setValue(0)
        self.button.setText(self.tr("&Stop"))
        self._loader.start(self._archive, self._entry)

    def _wait(self, seconds: float) -> None:
        """Wait for a click, before a long decoding or after it was stopped."""
        self.view.show_message(
            self.tr("Decoding this image took {0} when it was added.").format(
                formats.duration(seconds)
            )
            if seconds > _LONG_SECONDS
            else self.tr("Stopped.")
        )
        self._show_parts(busy=False)
        self.below.setCurrentWidget(self._waiting)
        self.state.clear()
        self.progress.hide()
        self.button.setText(self.tr("&Decode"))

    def _on_button(self) -> None:
        if self._loader.busy:
            self._loader.cancel()
            self._wait((self._entry.verify_seconds if self._entry else None) or 0.0)
        else:
            self._start()

    def _on_progress(self, share: float) -> None:
        self.progress.setValue(round(1000 * share))
        self.state.setText(
            self.tr("Decoding, {0}").format(formats.percent(share))
            if share < 1
            else self.tr("Preparing…")
        )

    def _on_loaded(self, loaded: Loaded) -> None:
        self._loaded = loaded
        heat = loaded.heat
        self.view.show_picture(loaded.picture, heat.picture if heat else None)
        if heat is not None:
            self.legend.show_range(heat.range)
        self._show_parts(busy=False)
        self._show_value(None)
        self.view.setAccessibleDescription(f"{self._summary()}. {self.legend.summary()}")

    def _on_failed(self, sentence: str) -> None:
        self.view.show_message(sentence)
        self._show_parts(busy=False)

    def _show_parts(self, *, busy: bool) -> None:
        """Show the widgets that apply."""
        loaded = self._loaded
        mapped = loaded is not None and loaded.heat is not None
        self.toolbar.set_there(picture=loaded is not None, heat_map=mapped)
        self.progress.setVisible(busy)
        self.note.setText("" if loaded is None or mapped else self._why_no_map())
        if busy:
            page: QWidget = self._waiting
        elif loaded is None:
            page = self._nothing
        else:
            page = self._scale if mapped else self.note
        self.below.setCurrentWidget(page)
        self._show_zoom()

    def _why_no_map(self) -> str:
        if self._entry is not None and self._entry.is_standard:
            return self.tr("No map of bits per pixel, because pixels are in a standard format.")
        if self._entry is None or not self._entry.keeps_file:
            return self.tr("No map: the image is too large, and shown at a reduced size.")
        reason = sentences.translated(self._entry.reason or "").rstrip(".")
        return self.tr(
            "No map of bits per pixel, because the file is stored as it was: {0}."
        ).format(reason)

    # What is under the pointer

    def _summary(self) -> str:
        size = self.view.viewport.picture
        return formats.dimensions(size.width(), size.height()) if self._entry is not None else ""

    def _show_value(self, pixel: tuple[int, int] | None) -> None:
        loaded = self._loaded
        if loaded is None or pixel is None:
            self.value.set_text(self._summary() if loaded is not None else "")
            return
        x, y = pixel
        samples = [int(sample) for sample in loaded.decoded.pixels[y, x]]
        names = {1: self.tr("grey"), 3: "RGB", 4: "RGBA"}
        colour = f"{names[len(samples)]} {', '.join(map(str, samples))}"
        words = [f"x {x}, y {y}", colour]
        if loaded.heat is not None:
            bits = formats.number(float(loaded.heat.bits[y, x]), 2)
            words.append(self.tr("{0} bits").format(bits))
        self.value.set_text("   ".join(words))

    def _show_zoom(self) -> None:
        shown = self._loaded is not None
        self.zoom.setText(formats.percent(self.view.viewport.zoom) if shown else "")

    # Saving

    def _save_map(self) -> None:
        loaded, entry, archive = self._loaded, self._entry, self._archive
        if loaded is None or loaded.heat is None or entry is None or archive is None:
            return
        name = f"{Path(entry.name).stem}-{self.tr('map')}.png"
        path = self._dialogs.map_to_save(self, archive.parent / name)
        if path is None:
            return
        heat = loaded.heat
        task = Task(self)
        task.succeeded.connect(
            lambda _: self.saved.emit(
                self.tr("The map was saved as {0}.").format(path.name), str(path.parent)
            )
        )
        task.failed.connect(self.failed)
        task.start(self._loader.executor, partial(_write_map, heat.bits, heat.range, path))


def _write_map(bits: NDArray[np.float32], shown: Range, path: Path) -> None:  # on a worker
    from app.preview import heat

    write_file(path, [heat.png(bits, shown)], overwrite=True)
