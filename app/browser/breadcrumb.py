"""The path bar: the archive, and each folder down to the one that is shown."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from app.language import formats
from app.language.translation import counted
from app.session.entries_model import EntriesModel
from app.widgets import colours, icons

_LONGEST = 28  #: letters of a crumb


class Breadcrumb(QWidget):
    """A button for each folder of the path; those that do not fit are in a menu at the front."""

    chosen = Signal(str)  #: the path of a folder

    def __init__(self, model: EntriesModel, up: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._archive = model, ""
        self._up = QToolButton(self)
        self._up.setDefaultAction(up)
        self._up.setAutoRaise(True)
        self._up.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self._up.setIconSize(QSize(16, 16))
        self._more = QToolButton(self)
        self._more.setText("\N{HORIZONTAL ELLIPSIS}")
        self._more.setAutoRaise(True)
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more.setAccessibleName(self.tr("Folders further up"))
        self._more.setMenu(QMenu(self._more))
        self._count = QLabel(self)
        self._count.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._count.setContentsMargins(8, 0, 4, 0)
        self.crumbs: list[QToolButton] = []
        self._marks: list[QLabel] = []  #: between them
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(6, 3, 6, 3)
        self._layout.setSpacing(0)
        self._layout.addWidget(self._up)
        self._layout.addSpacing(4)
        self._layout.addWidget(self._more)
        self._layout.addStretch(1)
        self._layout.addWidget(self._count)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Folder"))
        self._draw_icons()
        model.folder_changed.connect(self._fill)
        for signal in (model.rowsInserted, model.rowsRemoved):
            signal.connect(self._tell_count)

    @property
    def count(self) -> str:
        """The text about the number of rows."""
        return self._count.text()

    def set_archive(self, name: str) -> None:
        """Set the name of the first crumb."""
        self._archive = name
        self._fill()

    def path_at(self, point: QPoint) -> str | None:
        """The path of the crumb at a point of the bar, or None."""
        child = self.childAt(point)
        return str(child.property("path")) if child in self.crumbs else None

    def area_at(self, point: QPoint) -> QRect:
        """The area of the crumb at a point of the bar; empty if there is none."""
        child = self.childAt(point)
        return child.geometry() if child in self.crumbs else QRect()

    def _fill(self) -> None:
        had_focus = any(crumb.hasFocus() for crumb in self.crumbs)
        for old in (*self.crumbs, *self._marks):
            self._layout.removeWidget(old)
            old.deleteLater()
        path = self._model.folder.path
        paths = ["", *(path[:at] for at, letter in enumerate(path) if letter == "/")]
        paths += [path] if path else []
        self.crumbs = [self._crumb(each, last=each == path) for each in paths]
        self._marks = [self._mark() for _ in self.crumbs[1:]]
        for number, crumb in enumerate(self.crumbs):
            self._layout.insertWidget(3 + 2 * number, crumb)
            if number < len(self._marks):
                self._layout.insertWidget(4 + 2 * number, self._marks[number])
        if had_focus:
            self.crumbs[-1].setFocus()
        self._tell_count()
        self._fit()

    def _crumb(self, path: str, *, last: bool) -> QToolButton:
        crumb = QToolButton(self)
        name = path.rpartition("/")[2] or self._archive
        shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
        crumb.setText(shown.replace("&", "&&"))
        crumb.setToolTip(path or self._archive)
        crumb.setAccessibleName(self.tr("Folder {0}").format(name))
        crumb.setAutoRaise(True)
        crumb.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        crumb.setProperty("path", path)
        if last:
            font = crumb.font()
            font.setBold(True)
            crumb.setFont(font)
        crumb.clicked.connect(lambda: self.chosen.emit(path))
        return crumb

    def _mark(self) -> QLabel:
        mark = QLabel("\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}", self)
        mark.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        return mark

    def _tell_count(self) -> None:
        n_items = len(self._model.items)
        if self._model.filtered:
            total = self._model.folder.totals.all.n_entries
            text = counted(
                total,
                "{1} found among {0} image|{1} found among {0} images",
                formats.number(n_items),
            )
        else:
            text = formats.items(n_items)
        self._count.setText(text)
        self._count.setAccessibleName(text)

    def _fit(self) -> None:
        """Hide crumbs from the front until the rest fit; the last one is always shown."""
        room = self.width() - self._count.sizeHint().width() - self._up.sizeHint().width() - 30
        widths = [crumb.sizeHint().width() + 8 for crumb in self.crumbs]
        first = 0
        while first < len(widths) - 1 and sum(widths[first:]) > room:
            first += 1
        menu = self._more.menu()
        menu.clear()
        for number, crumb in enumerate(self.crumbs):
            crumb.setVisible(number >= first)
            if number < len(self._marks):
                self._marks[number].setVisible(number >= first)
            if number < first:
                path = str(crumb.property("path"))
                action = menu.addAction(crumb.toolTip())
                action.triggered.connect(lambda _=False, path=path: self.chosen.emit(path))
        self._more.setVisible(first > 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        step = steps.get(Qt.Key(event.key()))
        focused = next((i for i, crumb in enumerate(self.crumbs) if crumb.hasFocus()), None)
        if step is None or focused is None:
            super().keyPressEvent(event)
            return
        target = self.crumbs[max(0, min(focused + step, len(self.crumbs) - 1))]
        if target.isVisible():
            target.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icons()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(colours.line(self.palette()))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)

    def _draw_icons(self) -> None:
        self._up.defaultAction().setIcon(icons.icon("up", self.palette()))
