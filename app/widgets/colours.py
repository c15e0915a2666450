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


def contrast(one: QColor, other: QColor) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable_highlight(palette: QPalette, least: float = 4.5) -> QColor:
    """The palette's highlight, darkened until white text on it has at least this contrast."""
    text = palette.color(QPalette.ColorRole.HighlightedText)
    highlight = palette.color(QPalette.ColorRole.Highlight)
    while _luminance(text) > 0.5 and contrast(text, highlight) < least:
        highlight = highlight.darker(102)
    return highlight


def _luminance(colour: QColor) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(v) for v in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
