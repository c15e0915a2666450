"""The view of a picture and its codelength map: zoom, move, compare."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QPointingDevice,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QSizePolicy, QWidget

from app.preview.pyramid import Pyramid
from app.preview.viewport import Viewport
from app.widgets import colours


class Mode(Enum):
    """What the view shows."""

    PICTURE = "picture"
    MAP = "map"
    SLIDER = "slider"
    SIDE_BY_SIDE = "side by side"


_STEP = 1.25  #: factor of the zoom for a step of the wheel or a key
_KEY_PAN = 48.0
_KEY_SLIDE = 0.02
_GRIP = 8.0  #: distance from the divider within which the pointer grabs it
_HANDLE = 11.0
_GUTTER = 4.0  #: between two panes
_KEYS = {
    Qt.Key.Key_Plus: "in",
    Qt.Key.Key_Equal: "in",
    Qt.Key.Key_Minus: "out",
    Qt.Key.Key_0: "fit",
    Qt.Key.Key_1: "actual",
    Qt.Key.Key_Left: "left",
    Qt.Key.Key_Right: "right",
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
}


class PictureView(QWidget):
    """Paints from pyramids, so that large pictures are as fast as small ones."""

    pointed = Signal(object)  #: (column, row) of the pixel under the pointer, or None
    zoomed = Signal()
    copy_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport = Viewport()
        self._mode = Mode.PICTURE
        self._picture: Pyramid | None = None
        self._map: Pyramid | None = None
        self._parts: dict[object, tuple[QRectF, QImage]] = {}
        self._opacity = 1.0
        self._divider = 0.5
        self._message = ""
        self._held: QPointF | None = None  # the last position of the pointer while it drags
        self._sliding = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.setAccessibleName(self.tr("Preview"))

    # Contents

    @property
    def mode(self) -> Mode:
        """The chosen mode; without a map, the picture is shown."""
        return self._mode

    def set_mode(self, mode: Mode) -> None:
        """Show picture, map or both."""
        self._mode = mode
        self._lay_out()

    @property
    def opacity(self) -> float:
        """The opacity of the map over the picture."""
        return self._opacity

    def set_opacity(self, opacity: float) -> None:
        """Set the opacity of the map, 0 to 1."""
        self._opacity = min(max(opacity, 0.0), 1.0)
        self.update()

    @property
    def divider(self) -> float:
        """The position of the slider, as a share of the width."""
        return self._divider

    def set_divider(self, share: float) -> None:
        """Move the slider."""
        self._divider = min(max(share, 0.0), 1.0)
        self.update()

    @property
    def message(self) -> str:
        """The text shown while there is no picture."""
        return self._message

    def begin(self, size: QSize) -> None:
        """Prepare for a picture of this size, which arrives in parts."""
        self._picture, self._map, self._message = None, None, ""
        self._parts.clear()
        self.viewport.set_picture(size)
        self._lay_out()

    def put_part(self, area: QRectF, image: QImage) -> None:
        """Show a part of the coming picture over earlier parts."""
        self._parts[area.getRect()] = (area, image)
        self.update()

    def show_picture(self, picture: Pyramid, heat_map: Pyramid | None) -> None:
        """Show the whole picture, and its map if there is one."""
        self._picture, self._map, self._message = picture, heat_map, ""
        self._parts.clear()
        self.viewport.set_picture(picture.size)
        self._lay_out()

    def show_message(self, message: str) -> None:
        """Show a sentence in place of a picture."""
        self.begin(QSize(0, 0))
        self._message = message
        self.setAccessibleDescription(message)

    # Zoom

    def zoom_in(self) -> None:
        """Zoom in by one step."""
        self._zoom_by(_STEP)

    def zoom_out(self) -> None:
        """Zoom out by one step."""
        self._zoom_by(1 / _STEP)

    def fit(self) -> None:
        """Fit the picture into the view."""
        self.viewport.fit()
        self._show_zoom()

    def actual_size(self) -> None:
        """Show the picture at its actual size: one pixel is one of the screen."""
        self._zoom_to(1.0)

    def _zoom_by(self, factor: float, around: QPointF | None = None) -> None:
        self._zoom_to(self.viewport.zoom * factor, around)

    def _zoom_to(self, zoom: float, around: QPointF | None = None) -> None:
        if not self.viewport.picture.isEmpty():
            self.viewport.zoom_to(zoom, None if around is None else self._in_pane(around))
            self._show_zoom()

    def _show_zoom(self) -> None:
        self.zoomed.emit()
        self.update()

    # Panes

    def _shown_mode(self) -> Mode:
        return self._mode if self._map is not None else Mode.PICTURE

    def _panes(self) -> list[QRectF]:
        whole = QRectF(self.rect())
        if self._shown_mode() is not Mode.SIDE_BY_SIDE:
            return [whole]
        width = (whole.width() - _GUTTER) / 2
        return [
            QRectF(0, 0, width, whole.height()),
            QRectF(whole.width() - width, 0, width, whole.height()),
        ]

    def _in_pane(self, point: QPointF) -> QPointF:
        """A point of the widget in the coordinates of its pane: both panes show the same part."""
        for pane in self._panes():
            if pane.contains(point):
                return point - pane.topLeft()
        return point

    def _lay_out(self) -> None:
        pane = self._panes()[0]
        self.viewport.set_pane(QSizeF(pane.width(), pane.height()), self.devicePixelRatioF())
        self._show_zoom()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._ground())
        if self._message:
            self._paint_message(painter)
        elif self._picture is None:
            self._paint_parts(painter)
        else:
            self._paint_panes(painter, self._picture)
        if self.hasFocus():
            pen = QPen(self.palette().color(QPalette.ColorRole.Highlight), 2)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))

    def _ground(self) -> QColor:
        return colours.faint(self.palette(), 0.08)

    def _paint_message(self, painter: QPainter) -> None:
        painter.setPen(colours.faint(self.palette()))
        margin = 16
        painter.drawText(
            self.rect().adjusted(margin, margin, -margin, -margin),
            Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
            self._message,
        )

    def _paint_parts(self, painter: QPainter) -> None:
        area = self.viewport.area()
        if self.viewport.picture.isEmpty():
            return
        scale = area.width() / self.viewport.picture.width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for part, image in self._parts.values():
            target = QRectF(part.topLeft() * scale + area.topLeft(), part.size() * scale)
            if target.intersects(QRectF(self.rect())):
                painter.drawImage(target, image)

    def _paint_panes(self, painter: QPainter, picture: Pyramid) -> None:
        mode, panes = self._shown_mode(), self._panes()
        if mode is Mode.SLIDER:
            edge = round(self.width() * self._divider)
            left = QRectF(0, 0, edge, self.height())
            right = QRectF(edge, 0, self.width() - edge, self.height())
            self._paint_layers(painter, picture, left, panes[0], mapped=False)
            self._paint_layers(painter, picture, right, panes[0], mapped=True)
            self._paint_divider(painter, edge)
            return
        for number, pane in enumerate(panes):
            mapped = mode is Mode.MAP or number == 1
            self._paint_layers(painter, picture, pane, pane, mapped=mapped)

    def _paint_layers(
        self, painter: QPainter, picture: Pyramid, clip: QRectF, pane: QRectF, *, mapped: bool
    ) -> None:
        area = self.viewport.area().translated(pane.topLeft())
        zoom = self.viewport.zoom
        painter.save()
        painter.setClipRect(clip)
        if not mapped or self._opacity < 1:
            if picture.is_transparent:
                painter.fillRect(area, _checkerboard(self.palette()))
            picture.paint(painter, area, clip, zoom)
        if mapped and self._map is not None and self._opacity > 0:
            painter.setOpacity(self._opacity)
            self._map.paint(painter, area, clip, zoom)
        painter.restore()

    def _paint_divider(self, painter: QPainter, edge: float) -> None:
        palette = self.palette()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        front = palette.color(QPalette.ColorRole.Highlight)
        painter.fillRect(QRectF(edge - 1, 0, 2, self.height()), front)
        middle = QPointF(edge, self.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(front)
        painter.drawEllipse(middle, _HANDLE, _HANDLE)
        painter.setBrush(palette.color(QPalette.ColorRole.HighlightedText))
        for side in (-1, 1):
            tip = middle + QPointF(7 * side, 0)
            back = QPointF(-3.5 * side, 0)
            up = QPointF(0, 3.5)
            painter.drawPolygon(QPolygonF([tip, tip + back + up, tip + back - up]))

    # Pointer

    def _near_divider(self, point: QPointF) -> bool:
        edge = self.width() * self._divider
        return self._shown_mode() is Mode.SLIDER and abs(point.x() - edge) <= _GRIP

    def _show_cursor(self, point: QPointF) -> None:
        if self._sliding or (self._held is None and self._near_divider(point)):
            self.setCursor(Qt.CursorShape.SplitHCursor)
        elif self._held is not None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            self.unsetCursor()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            event.ignore()
            return
        self._sliding = event.button() is Qt.MouseButton.LeftButton and self._near_divider(
            event.position()
        )
        self._held = event.position()
        self._show_cursor(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point = event.position()
        if self._sliding:
            self.set_divider(point.x() / max(1, self.width()))
        elif self._held is not None:
            self.viewport.pan(point - self._held)
            self.update()
        if self._held is not None:
            self._held = point
        self._show_cursor(point)
        self.pointed.emit(self._pixel(point))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held, self._sliding = None, False
        self._show_cursor(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._near_divider(event.position()):
            self.set_divider(0.5)
        elif self.viewport.fitted:
            self._zoom_to(1.0, event.position())
        else:
            self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit(None)

    def _pixel(self, point: QPointF) -> tuple[int, int] | None:
        return None if self._picture is None else self.viewport.pixel(self._in_pane(point))

    def wheelEvent(self, event: QWheelEvent) -> None:
        fingers = event.device().type() is QPointingDevice.DeviceType.TouchPad
        if fingers and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            moved = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta()
            self.viewport.pan(QPointF(moved))
            self.update()
        else:
            self._zoom_by(_STEP ** (event.angleDelta().y() / 120), event.position())
        event.accept()
        self.pointed.emit(self._pixel(event.position()))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
                self._zoom_by(max(0.1, 1 + event.value()), event.position())
                return True
        elif isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                centre = QPointF(self.mapFromGlobal(pinch.centerPoint().toPoint()))
                self._zoom_by(pinch.scaleFactor(), centre)
                event.accept(pinch)
                return True
        elif event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            # An action of the window might otherwise take the key.
            if self._takes(event):
                event.accept()
                return True
        elif event.type() is QEvent.Type.DevicePixelRatioChange:
            self._lay_out()
        return super().event(event)

    # Keys

    def _takes(self, event: QKeyEvent) -> bool:
        others = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        plain = not event.modifiers() & others
        return event.matches(QKeySequence.StandardKey.Copy) or (plain and event.key() in _KEYS)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._takes(event):
            super().keyPressEvent(event)
            return
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
            return
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        what = _KEYS[Qt.Key(event.key())]
        slides = self._shown_mode() is Mode.SLIDER and not shift
        if what in ("left", "right") and slides:
            self.set_divider(self._divider + (_KEY_SLIDE if what == "right" else -_KEY_SLIDE))
            return
        moves = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}
        if what in moves:
            across, down = moves[what]
            self.viewport.pan(QPointF(across, down) * _KEY_PAN)
            self.update()
            return
        {"in": self.zoom_in, "out": self.zoom_out, "fit": self.fit, "actual": self.actual_size}[
            what
        ]()

    # Sizes

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def sizeHint(self) -> QSize:
        return QSize(320, 260)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 100)

    def copy_picture(self) -> None:
        """Copy the picture."""
        _copy(self._picture)

    def copy_map(self) -> None:
        """Copy the map in its colours."""
        _copy(self._map)


def _checkerboard(palette: QPalette) -> QBrush:
    """What is behind transparent pixels."""
    side = 8
    tile = QPixmap(2 * side, 2 * side)
    tile.fill(colours.faint(palette, 0.08))
    painter = QPainter(tile)
    for corner in (0, side):
        painter.fillRect(corner, corner, side, side, colours.faint(palette, 0.22))
    painter.end()
    return QBrush(tile)


def _copy(picture: Pyramid | None) -> None:
    if picture is not None:
        image = picture.finest
        form = image.Format.Format_ARGB32 if image.hasAlphaChannel() else image.Format.Format_RGB32
        QGuiApplication.clipboard().setImage(image.convertToFormat(form))
