"""Dragging images out of the window: the drag starts when its files are ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import (
    QEvent,
    QMimeData,
    QObject,
    QPoint,
    QPointF,
    QRect,
    QSize,
    Qt,
    QUrl,
    Signal,
)
from PySide6.QtGui import (
    QDrag,
    QFont,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractItemView

from app.exchange.outgoing import Outgoing, Picked, Preparation
from app.exchange.overlay import PreparingOverlay
from app.widgets import icons
from core.archive.entry import Entry

_PICTURE = 64


def run_drag(drag: QDrag) -> Qt.DropAction:
    """Run Qt's drag loop, until the button is released."""
    return drag.exec(Qt.DropAction.CopyAction)


class DragOut(QObject):
    """Prepares the files of a drag, and runs it.

    Meanwhile the button is held, and moving the mouse must not select rows: the view's events are
    filtered. Releasing the button or Escape ends the wait; the files are still prepared, for the
    next drag.
    """

    failed = Signal(object)  #: Preparation with errors
    ended = Signal()  #: the drag is over
    let_go = Signal(QPoint)  #: the button was released before the drag began: a point of the screen

    def __init__(
        self,
        views: Sequence[QAbstractItemView],
        outgoing: Outgoing,
        overlay: PreparingOverlay,
        picked: Callable[[], Picked | None],
        thumbnail: Callable[[Entry, QSize], QPixmap | None],
        run: Callable[[QDrag], Qt.DropAction] = run_drag,
    ) -> None:
        super().__init__(views[0])
        self._view, self._outgoing, self._overlay = views[0], outgoing, overlay
        self._picked, self._thumbnail = picked, thumbnail
        self.run = run
        self._waiting: Preparation | None = None
        self._held = False
        self.dragging = False  #: while the drag itself runs
        for view in views:
            view.viewport().installEventFilter(self)
            view.installEventFilter(self)

    def begin(self) -> None:
        """Start dragging the selection; the left button is down."""
        picked = self._picked()
        if picked is None:
            return
        preparation = self._outgoing.request(picked)
        if not preparation.running:
            self._go(preparation)
            return
        self._waiting, self._held = preparation, True
        preparation.ended.connect(self._on_ended)
        self._overlay.follow(preparation, self.tr("Preparing {0} of {1}: keep holding…"))
        QGuiApplication.setOverrideCursor(Qt.CursorShape.BusyCursor)

    def give_up(self) -> None:
        """End the wait for files."""
        if self._waiting is not None:
            preparation = self._stop_waiting()
            self._outgoing.release(preparation)

    def _on_ended(self, preparation: Preparation) -> None:
        if preparation is self._waiting:
            self._stop_waiting()
            self._go(preparation)

    def _stop_waiting(self) -> Preparation:
        assert self._waiting is not None
        preparation, self._waiting = self._waiting, None
        preparation.ended.disconnect(self._on_ended)
        self._overlay.leave()
        QGuiApplication.restoreOverrideCursor()
        return preparation

    def _go(self, preparation: Preparation) -> None:
        if preparation.errors:
            self.failed.emit(preparation)
        if not preparation.paths:
            return
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in preparation.paths])
        drag = QDrag(self._view)
        drag.setMimeData(data)
        drag.setPixmap(self._picture(preparation.picked.entries))
        drag.setHotSpot(QPoint(-8, -8))
        self._held = False  # the drag consumes the button's release
        self.dragging = True
        try:
            self.run(drag)
        finally:
            self.dragging = False
            self.ended.emit()

    def _picture(self, entries: Sequence[Entry]) -> QPixmap:
        """The drag image: the first thumbnail, or an icon, and the number of files."""
        palette, ratio = self._view.palette(), self._view.devicePixelRatioF()
        box = QSize(_PICTURE, _PICTURE)
        picture = QPixmap(box * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        front = self._thumbnail(entries[0], box) or icons.pixmap(
            "picture", palette.color(QPalette.ColorRole.Text), _PICTURE, ratio
        )
        painter = QPainter(picture)
        size = front.deviceIndependentSize()
        painter.drawPixmap(
            QPointF((_PICTURE - size.width()) / 2, (_PICTURE - size.height()) / 2), front
        )
        count = len(entries)
        if count == 1:
            painter.end()
            return picture
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self._view.font())
        font.setBold(True)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        text = str(count)
        width = max(metrics.horizontalAdvance(text) + 10, metrics.height() + 2)
        badge = QRect(
            _PICTURE - width, _PICTURE - metrics.height() - 2, width, metrics.height() + 2
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.color(QPalette.ColorRole.Highlight))
        painter.drawRoundedRect(badge, badge.height() / 2, badge.height() / 2)
        painter.setPen(palette.color(QPalette.ColorRole.HighlightedText))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()
        return picture

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not self._held:
            return False
        kind = event.type()
        if kind == QEvent.Type.MouseMove:
            return True
        if isinstance(event, QMouseEvent) and kind == QEvent.Type.MouseButtonRelease:
            was_waiting, self._held = self._waiting is not None, False
            self.give_up()
            if was_waiting:
                self.let_go.emit(event.globalPosition().toPoint())
        elif isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self.give_up()
            return True
        return False
