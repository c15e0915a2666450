"""One image after the other in a window of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.language import formats
from app.preview.legend import Legend
from app.preview.loader import Loaded, Loader
from app.preview.toolbar import Toolbar
from app.preview.view import Mode, PictureView
from app.widgets import icons
from app.widgets.labels import ElidedLabel
from app.widgets.style import ThinProgress
from core.archive.entry import Entry

_SIZE = QSize(1100, 800)
_NEXT = (Qt.Key.Key_PageDown, Qt.Key.Key_Right, Qt.Key.Key_Down)
_PREVIOUS = (Qt.Key.Key_PageUp, Qt.Key.Key_Left, Qt.Key.Key_Up)
_CLOSE = (Qt.Key.Key_Escape, Qt.Key.Key_Space)
_FULL_SCREEN = (Qt.Key.Key_F11, Qt.Key.Key_F)


class LargeView(QWidget):
    """Steps through images; keys move to the next one while all of the picture is seen."""

    moved = Signal(str)  #: the name of the image that is shown

    def __init__(self, loader: Loader, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self._loader = loader
        self._archive: Path | None = None
        self._entries: Sequence[Entry] = ()
        self._index = 0
        self.view = PictureView(self)
        self.toolbar = Toolbar(self.view, self)
        self.toolbar.save_map.setVisible(False)  # the panel saves maps
        self.name = ElidedLabel(self)
        self.position = QLabel(self)
        self.position.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.progress = ThinProgress(self)
        self.progress.setRange(0, 1000)
        self.progress.setFixedHeight(6)
        self.progress.setAccessibleName(self.tr("Decoding"))
        self.legend = Legend(self)
        self.previous = self._button(self.tr("Previous image"), -1)
        self.next = self._button(self.tr("Next image"), 1)
        self._lay_out()
        self._draw_icons()
        self.resize(_SIZE)
        self.view.installEventFilter(self)
        for mode in self.toolbar.modes.values():
            mode.triggered.connect(self._show_legend)
        self.view.copy_wanted.connect(self.view.copy_picture)
        loader.progressed.connect(lambda share: self.progress.setValue(round(1000 * share)))
        loader.part_arrived.connect(self.view.put_part)
        loader.loaded.connect(self._on_loaded)
        loader.failed.connect(self._on_failed)

    @property
    def entry(self) -> Entry | None:
        """The image that is shown."""
        return self._entries[self._index] if self._entries else None

    def show_images(self, archive: Path, entries: Sequence[Entry], index: int) -> None:
        """Open the view at one of these images."""
        self._archive, self._entries = archive, entries
        self._turn_to(index)
        self.show()
        self.raise_()
        self.activateWindow()
        self.view.setFocus()

    def step(self, steps: int) -> None:
        """Go to the next or to the previous image, if there is one."""
        index = self._index + steps
        if 0 <= index < len(self._entries):
            self._turn_to(index)
            self.moved.emit(self._entries[index].name)

    def _turn_to(self, index: int) -> None:
        self._index = index
        entry = self._entries[index]
        self.setWindowTitle(entry.name)
        self.name.set_text(entry.name)
        place = self.tr("{0} of {1}").format(
            formats.number(index + 1), formats.number(len(self._entries))
        )
        size = formats.dimensions(entry.width, entry.height)
        self.position.setText(f"{size}   {place}")
        self.previous.setEnabled(index > 0)
        self.next.setEnabled(index < len(self._entries) - 1)
        self.toolbar.set_there(picture=False, heat_map=False)
        self.legend.hide()
        self.view.begin(QSize(entry.width, entry.height))
        self.progress.setValue(0)
        self.progress.show()
        if self._archive is not None:
            self._loader.start(self._archive, entry)

    def _on_loaded(self, loaded: Loaded) -> None:
        heat = loaded.heat
        self.view.show_picture(loaded.picture, heat.picture if heat else None)
        self.view.setAccessibleDescription(self.name.text())
        self.toolbar.set_there(picture=True, heat_map=heat is not None)
        if heat is not None:
            self.legend.show_range(heat.range)
        self.progress.hide()
        self._show_legend()

    def _on_failed(self, sentence: str) -> None:
        self.view.show_message(sentence)
        self.progress.hide()

    def _show_legend(self) -> None:
        has_map = self.toolbar.modes[Mode.MAP].isEnabled()
        self.legend.setVisible(has_map and self.view.mode is not Mode.PICTURE)

    def _button(self, name: str, steps: int) -> QToolButton:
        button = QToolButton(self)
        button.setAutoRaise(True)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.clicked.connect(lambda: self.step(steps))
        return button

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(8)
        for button in (self.previous, self.next):
            line.addWidget(button)
        line.addWidget(self.name, 1)
        line.addWidget(self.position)
        line.addWidget(self.toolbar)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 8)
        column.setSpacing(6)
        column.addLayout(line)
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the picture does not jump
        self.progress.setSizePolicy(policy)
        column.addWidget(self.progress)
        column.addWidget(self.view, 1)
        column.addWidget(self.legend)

    def _takes(self, event: QKeyEvent) -> bool:
        """Arrows move a picture that is larger than the view, and the slider."""
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        key = Qt.Key(event.key())
        if key in (*_CLOSE, *_FULL_SCREEN, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            return True
        slides = self.view.mode is Mode.SLIDER and key in (Qt.Key.Key_Left, Qt.Key.Key_Right)
        return key in (*_NEXT, *_PREVIOUS) and self.view.viewport.fitted and not slides

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or not self._takes(event):
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress:
            self.keyPressEvent(event)
            return True
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _CLOSE:
            self.close()
        elif key in _FULL_SCREEN:
            self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        elif key in _NEXT:
            self.step(1)
        elif key in _PREVIOUS:
            self.step(-1)
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._loader.cancel()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "next"):
            self._draw_icons()

    def _draw_icons(self) -> None:
        self.previous.setIcon(icons.icon("left", self.palette()))
        self.next.setIcon(icons.icon("right", self.palette()))
