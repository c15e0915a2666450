"""The colours of the codelength map: perceptually even, from dark violet to light yellow.

Computed in OKLab (Ottosson 2020), a perceptually uniform space. Lightness increases steadily, so
that the scale is readable in grey and with colour blindness.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

#: Entries of the table.
N_COLOURS = 256

Lab = tuple[float, float, float]
Rgb = tuple[int, int, int]

#: Lightness and hue in degrees, from the lowest value to the highest.
_STOPS = ((0.17, 312.0), (0.34, 292.0), (0.56, 230.0), (0.78, 165.0), (0.94, 104.0))
_GREATEST_CHROMA = 0.118
_FINE = 1024


@cache
def colours() -> tuple[Rgb, ...]:
    """The table of (red, green, blue) in [0, 255], in perceptually equal steps."""
    path = [_point(i / (_FINE - 1)) for i in range(_FINE)]
    lengths = [0.0]
    for here, there in pairwise(path):
        lengths.append(lengths[-1] + math.dist(here, there))
    table, at = [], 0
    for i in range(N_COLOURS):
        wanted = lengths[-1] * i / (N_COLOURS - 1)
        while at < _FINE - 1 and lengths[at] < wanted:
            at += 1
        red, green, blue = (round(255 * _gamma(c)) for c in linear_rgb(path[at]))
        table.append((red, green, blue))
    return tuple(table)


def nice_top(value: float) -> float:
    """The next round number: 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    steps = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
    return unit * next(step for step in steps if step * unit >= value * (1 - 1e-9))


def linear_rgb(lab: Lab) -> tuple[float, float, float]:
    """OKLab to linear sRGB; outside of [0, 1] if it is not displayable."""
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _point(share: float) -> Lab:
    position = share * (len(_STOPS) - 1)
    at = min(int(position), len(_STOPS) - 2)
    (low, hue_low), (high, hue_high) = _STOPS[at], _STOPS[at + 1]
    rest = position - at
    lightness = low + rest * (high - low)
    hue = math.radians(hue_low + rest * (hue_high - hue_low))
    chroma = min(_GREATEST_CHROMA, lightness / 4, 0.96 * _chroma_on_screens(lightness, hue))
    return lightness, chroma * math.cos(hue), chroma * math.sin(hue)


def _chroma_on_screens(lightness: float, hue: float) -> float:
    """The maximum chroma in sRGB for a lightness and a hue, by bisection."""
    low, high = 0.0, 0.4
    for _ in range(20):
        middle = (low + high) / 2
        rgb = linear_rgb((lightness, middle * math.cos(hue), middle * math.sin(hue)))
        if min(rgb) >= 0 and max(rgb) <= 1:
            low = middle
        else:
            high = middle
    return low


def _gamma(value: float) -> float:
    value = min(max(value, 0.0), 1.0)
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
