"""The window's icons, drawn as strokes in the colours of the palette.

Icon themes exist on some Linux desktops only. Drawn icons look the same everywhere, follow dark
mode, and are sharp at any scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPen, QPixmap, QPolygonF

_Line = Sequence[tuple[float, float]]

#: Polylines on a grid of 24 x 24, one stroke each.
_STROKES: dict[str, Sequence[_Line]] = {
    "new": [
        [(14, 3), (6, 3), (6, 21), (18, 21), (18, 7), (14, 3), (14, 7), (18, 7)],
        [(12, 11), (12, 17)],
        [(9, 14), (15, 14)],
    ],
    "open": [
        [(4, 19), (4, 5), (10, 5), (12, 8), (19, 8), (19, 11)],
        [(4, 19), (7.5, 11), (22, 11), (18.5, 19), (4, 19)],
    ],
    "add": [[(12, 5), (12, 19)], [(5, 12), (19, 12)]],
    "extract": [
        [(12, 15), (12, 3)],
        [(7, 8), (12, 3), (17, 8)],
        [(4, 14), (4, 20), (20, 20), (20, 14)],
    ],
    "verify": [[(4, 13), (9.5, 18.5), (20, 6)]],
    "remove": [
        [(4, 7), (20, 7)],
        [(9, 7), (9, 4), (15, 4), (15, 7)],
        [(6, 7), (7, 21), (17, 21), (18, 7)],
        [(10, 11), (10, 17)],
        [(14, 11), (14, 17)],
    ],
    "undo": [
        [(9, 5), (4, 10), (9, 15)],
        [(4, 10), (14, 10), (17.5, 11.2), (19.6, 14), (19.6, 16), (17.5, 18.8), (14, 20), (9, 20)],
    ],
    "redo": [
        [(15, 5), (20, 10), (15, 15)],
        [(20, 10), (10, 10), (6.5, 11.2), (4.4, 14), (4.4, 16), (6.5, 18.8), (10, 20), (15, 20)],
    ],
    "folder": [[(3, 19), (3, 5), (9.5, 5), (11.5, 8), (21, 8), (21, 19), (3, 19)]],
    "file": [
        [(14, 3), (6, 3), (6, 21), (18, 21), (18, 7), (14, 3), (14, 7), (18, 7)],
        [(9, 12), (15, 12)],
        [(9, 16), (15, 16)],
    ],
    "up": [[(12, 20), (12, 5)], [(6, 11), (12, 5), (18, 11)]],
    "close": [[(6, 6), (18, 18)], [(18, 6), (6, 18)]],
    "down": [[(6, 9), (12, 15), (18, 9)]],
    "left": [[(15, 6), (9, 12), (15, 18)]],
    "right": [[(9, 6), (15, 12), (9, 18)]],
    "alert": [
        [(12, 3.5), (22, 20.5), (2, 20.5), (12, 3.5)],
        [(12, 10), (12, 15)],
        [(12, 17.6), (12, 17.7)],
    ],
    "minus": [[(5, 12), (19, 12)]],
    "fit": [
        [(4, 9), (4, 4), (9, 4)],
        [(15, 4), (20, 4), (20, 9)],
        [(20, 15), (20, 20), (15, 20)],
        [(9, 20), (4, 20), (4, 15)],
    ],
    "actual": [
        [(4, 8), (6.5, 6), (6.5, 18)],
        [(12, 9), (12, 9.1)],
        [(12, 15), (12, 15.1)],
        [(16, 8), (18.5, 6), (18.5, 18)],
    ],
    "map": [
        [(3, 5), (21, 5), (21, 19), (3, 19), (3, 5)],
        [(9, 5), (9, 19)],
        [(15, 5), (15, 19)],
        [(3, 12), (21, 12)],
    ],
    "slider": [
        [(3, 5), (21, 5), (21, 19), (3, 19), (3, 5)],
        [(12, 2.5), (12, 21.5)],
        [(8.5, 10), (6.5, 12), (8.5, 14)],
        [(15.5, 10), (17.5, 12), (15.5, 14)],
    ],
    "side by side": [
        [(3, 6), (10.5, 6), (10.5, 18), (3, 18), (3, 6)],
        [(13.5, 6), (21, 6), (21, 18), (13.5, 18), (13.5, 6)],
    ],
    "more": [
        [(4.5, 11.5), (5.5, 11.5), (5.5, 12.5), (4.5, 12.5), (4.5, 11.5)],
        [(11.5, 11.5), (12.5, 11.5), (12.5, 12.5), (11.5, 12.5), (11.5, 11.5)],
        [(18.5, 11.5), (19.5, 11.5), (19.5, 12.5), (18.5, 12.5), (18.5, 11.5)],
    ],
    "picture": [
        [(3, 5), (21, 5), (21, 19), (3, 19), (3, 5)],
        [(3, 16), (8.5, 10.5), (13, 15), (16, 12.5), (21, 17)],
    ],
}
_FAILURE = QColor(0xD0, 0x45, 0x3A)
_GRID, _PEN = 24.0, 1.7
_SIZES = (16, 20, 24, 32, 48, 64)


def icon(name: str, palette: QPalette) -> QIcon:
    """An icon for the enabled and disabled states; draw it again when the palette changes."""
    result = QIcon()
    groups = {
        QIcon.Mode.Normal: QPalette.ColorGroup.Active,
        QIcon.Mode.Disabled: QPalette.ColorGroup.Disabled,
    }
    for mode, group in groups.items():
        colour = palette.color(group, QPalette.ColorRole.ButtonText)
        for size in _SIZES:
            result.addPixmap(pixmap(name, colour, size), mode)
    return result


def failure() -> QIcon:
    """The mark of a failure; this red is legible in light and dark mode."""
    result = QIcon()
    for size in _SIZES:
        result.addPixmap(pixmap("alert", _FAILURE, size))
    return result


@lru_cache(maxsize=64)  # painted for every row of a list
def centred(name: str, colour: int, size: float, box: QSize, ratio: float) -> QPixmap:
    """One icon in an RGB colour, centred in a transparent box."""
    result = QPixmap(box * ratio)
    result.setDevicePixelRatio(ratio)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    corner = QPointF((box.width() - size) / 2, (box.height() - size) / 2)
    painter.drawPixmap(corner, pixmap(name, QColor(colour), size, ratio))
    painter.end()
    return result


def pixmap(name: str, colour: QColor, size: float, ratio: float = 1.0) -> QPixmap:
    """One icon; ``size`` in device-independent pixels, ``ratio`` device pixels each."""
    picture = QPixmap(round(size * ratio), round(size * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size / _GRID, size / _GRID)
    # In large icons the same stroke looks heavier.
    pen = QPen(colour, _PEN if size <= 32 else 1.2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    for stroke in _STROKES[name]:
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in stroke]))
    if name == "picture":
        painter.drawEllipse(QRectF(14.6, 7.4, 2.8, 2.8))
    painter.end()
    return picture
