"""Colours derived from the palette, so that they follow light and dark mode."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette


def blend(front: QColor, back: QColor, share: float) -> QColor:
    """``share`` of the front colour over the back one, opaque."""
    rest = 1 - share
    return QColor.fromRgbF(
        share * front.redF() + rest * back.redF(),
        share * front.greenF() + rest * back.greenF(),
        share * front.blueF() + rest * back.blueF(),
    )


def faint(palette: QPalette, share: float = 0.62) -> QColor:
    """For captions: the text colour, blended with the background."""
    return blend(
        palette.color(QPalette.ColorRole.WindowText),
        palette.color(QPalette.ColorRole.Window),
        share,
    )


def line(palette: QPalette) -> QColor:
    """For hairlines and the background of bars."""
    return faint(palette, 0.16)
