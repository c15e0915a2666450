"""A dialog with the properties of an image, a folder, or a selection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.backend.backend import Backend
from app.backend.executors import Executors
from app.browser.thumbnails import Thumbnails
from app.details.info import FactsForm, InfoTab, Row
from app.details.tab import Selection
from app.language import formats
from app.language.translation import counted, tr
from app.session.columns import state
from app.session.session import ArchiveSession
from app.session.tree import File, Folder, Item
from app.widgets.desktop import keep_on_screen
from app.widgets.labels import ElidedLabel
from core.archive.entry import Entry
from core.archive.totals import Totals

_PICTURE = QSize(180, 120)
_SIZE = QSize(460, 560)


class Properties(QObject):
    """Opens dialogs that do not block the window."""

    def __init__(
        self,
        session: ArchiveSession,
        backend: Backend,
        executors: Executors,
        thumbnails: Thumbnails,
        selected: Callable[[], Sequence[Item]],
        action: QAction,
        window: QWidget,
    ) -> None:
        """Without a selection, the properties are those of the folder shown."""
        super().__init__(window)
        self._session, self._thumbnails = session, thumbnails
        self._backend, self._executors = backend, executors
        self._selected, self._window = selected, window
        self._action = action
        action.triggered.connect(self.show)
        session.refreshed.connect(self._enable)
        self._enable()

    def show(self) -> None:
        """Show the properties of the selection."""
        self.show_items(list(self._selected()) or [self._session.model.folder])

    def show_items(self, items: Sequence[Item]) -> None:
        """Show the properties of these files and folders."""
        archive = self._session.path
        if archive is None:
            return
        item = items[0] if len(items) == 1 else None
        if isinstance(item, File):
            page = InfoTab(self._backend, self._executors)
            page.show_selection(Selection(archive, [item.entry], chosen=True))
            dialog = _Dialog(item.name, self._window)
            picture = _Picture(item.entry, self._thumbnails, dialog)
            dialog.fill(page, picture)
            dialog.resize(_SIZE)
        else:
            name = (item.path or archive.name) if item is not None else formats.items(len(items))
            form = FactsForm(name, long=False)
            form.set_rows(rows_of(items))
            dialog = _Dialog(name, self._window)
            dialog.fill(form, None)
        dialog.show()
        keep_on_screen(dialog)

    def _enable(self) -> None:
        self._action.setEnabled(self._session.path is not None)


def rows_of(items: Sequence[Item]) -> list[Row]:
    """The totals of files and folders, as rows of a form."""

    entries = list({e.name: e for item in items for e in item.below()}.values())
    folders = [item for item in items if isinstance(item, Folder)]
    n_inside = sum(isinstance(i, Folder) for folder in folders for i in folder.items_below())
    rows = [(tr("Images"), formats.number(len(entries)))]
    rows.append((tr("Folders inside"), formats.number(n_inside)))
    if not entries:
        return rows
    totals = Totals.of(entries)
    sums = totals.all
    hashes = Counter(e.pixel_sha256 for e in entries if e.pixel_sha256 is not None)
    again = sum(count - 1 for count in hashes.values())
    states = Counter(state(e) for e in entries)
    first, last = (formats.date(f(e.added_at for e in entries)) for f in (min, max))
    return [
        *rows,
        (tr("Pixels"), tr("{0} million").format(formats.number(sums.n_pixels / 1e6, 1))),
        (tr("Original size"), formats.exact_size(sums.original_bytes)),
        (tr("Packed size"), formats.exact_size(sums.packed_bytes)),
        (tr("Saved"), formats.saving(sums.original_bytes, sums.packed_bytes)),
        (tr("Codelength"), formats.codelength(totals)),
        (tr("State"), ", ".join(f"{each} {formats.number(n)}" for each, n in states.items())),
        (tr("Files exact"), tr("{0} byte for byte").format(formats.number(sums.n_exact))),
        (
            tr("Pixels exact"),
            counted(
                len(entries) - sums.n_exact,
                "{0} more, whose file is written anew|{0} more, whose files are written anew",
            ),
        ),
        (tr("Same pixels"), counted(again, "{0} image repeats another|{0} images repeat others")),
        (tr("Added"), first if first == last else f"{first} \N{EN DASH} {last}"),
    ]


class _Dialog(QDialog):
    """A page with a close button below it."""

    def __init__(self, name: str, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Properties of {0}").format(name))
        self._name = name

    def fill(self, page: QWidget, picture: QWidget | None) -> None:
        """Lay out the page, with the picture or a title above it."""
        column = QVBoxLayout(self)
        if picture is not None:
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(picture)
            row.addStretch(1)
            column.addLayout(row)
        else:
            title = ElidedLabel(self)
            font = title.font()
            font.setBold(True)
            title.setFont(font)
            title.set_text(self._name)
            column.addWidget(title)
            column.addSpacing(8)
            self.setMinimumWidth(420)
        column.addWidget(page, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)


class _Picture(QLabel):
    """The thumbnail, as soon as it is ready."""

    def __init__(self, entry: Entry, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self._entry, self._thumbnails = entry, thumbnails
        self.setFixedSize(_PICTURE)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAccessibleName(entry.name)
        thumbnails.arrived.connect(self._look)
        self._look()

    def _look(self) -> None:
        ratio = self.devicePixelRatioF()
        pixmap = self._thumbnails.pixmap(self._entry, _PICTURE, ratio)
        if pixmap is not None:
            self.setPixmap(pixmap)
            self._thumbnails.arrived.disconnect(self._look)
