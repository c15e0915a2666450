"""Charts as SVG elements for a page; no window system is needed.

Colours are the page's custom properties ``--ours``, ``--faint``, ``--others``, ``--line`` and
``--text``, so that the page has a dark mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.figures.figures import Bar, Bins, Tone, span, words
from app.language import formats

_WIDTH, _ROW, _THICKNESS, _LETTER = 680.0, 26.0, 13.0, 7.6
_FILL = {Tone.OURS: "--ours", Tone.OURS_FAINT: "--faint", Tone.OTHERS: "--others"}


def bars(name: str, unit: str, shown: Sequence[Bar]) -> str:
    """Horizontal bars on one scale, as app.figures.charts.BarChart paints them."""
    left = min(max(len(bar.label) for bar in shown) * _LETTER + 12, 0.45 * _WIDTH)
    right = max(len(bar.text) for bar in shown) * _LETTER + 12
    low, high = span(shown)
    scale = (_WIDTH - left - right) / (high - low) if high > low else 0.0
    zero = left - low * scale
    parts = []
    for row, bar in enumerate(shown):
        middle = (row + 0.5) * _ROW
        parts.append(_text(0, middle, bar.label))
        if bar.value is None:
            parts.append(_text(left, middle, bar.text))
            continue
        length = abs(bar.value) * scale
        start = zero if bar.value >= 0 else zero - length
        parts.append(
            _rect(left, middle, _WIDTH - left - right, "--line")
            + _rect(start, middle, length, _FILL[bar.tone], bar.explanation)
            + _text(_WIDTH, middle, bar.text, "end")
        )
    return _svg(name, words(shown, unit), len(shown) * _ROW, parts)


def histogram(name: str, unit: str, bins: Bins) -> str:
    """Counts between edges, with the edges below."""
    most, step, ground = max(bins.counts), _WIDTH / len(bins.counts), 130.0
    parts, told = [], []
    for index, count in enumerate(bins.counts):
        low, high = (formats.short(edge) for edge in bins.edges[index : index + 2])
        told.append(f"{low} - {high} {unit}: {count}")
        height = (ground - 20) * count / most
        parts.append(
            f'<rect x="{index * step + 0.5:.1f}" y="{ground - height:.1f}" '
            f'width="{max(1.0, step - 1):.1f}" height="{height:.1f}" fill="var(--ours)">'
            f"<title>{escape(told[-1])}</title></rect>"
        )
        if count:
            centre = (index + 0.5) * step
            parts.append(_text(centre, ground - height - 9, str(count), "middle"))
    every = -(-len(bins.edges) // 10)
    for index, edge in enumerate(bins.edges):
        if index % every == 0:
            anchor = "start" if index == 0 else "end" if index == len(bins.counts) else "middle"
            parts.append(_text(index * step, ground + 14, formats.short(edge), anchor))
    return _svg(name, "; ".join(told), ground + 26, parts)


def _svg(name: str, description: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_WIDTH:g} {height:g}">'
        f"<title>{escape(name)}</title><desc>{escape(description)}</desc>\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _text(x: float, middle: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{middle:.1f}" text-anchor="{anchor}" dominant-baseline="central" '
        f'fill="var(--text)">{escape(text)}</text>'
    )


def _rect(x: float, middle: float, width: float, fill: str, explanation: str = "") -> str:
    title = f"<title>{escape(explanation)}</title>" if explanation else ""
    return (
        f'<rect x="{x:.1f}" y="{middle - _THICKNESS / 2:.1f}" width="{width:.1f}" '
        f'height="{_THICKNESS:g}" rx="2" fill="var({fill})">{title}</rect>'
    )
