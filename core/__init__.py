"""Floe's core: from image files to archives and back, without a window or a terminal."""

from __future__ import annotations

import os

# GNU's OpenMP, on which torch's threads run on Linux, lets a thread that waits for another one
# spin for very long. Beside any other busy program that made encoding 30 times slower here
# (133 instead of 4.4 seconds a megapixel); with this bound it is 9.6 there, and 5.0 alone. It is
# read when torch is loaded, and whatever a person has set stays.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
