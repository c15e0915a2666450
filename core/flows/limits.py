"""Limits on files that anyone may have written. No imports: archives check them before torch."""

from __future__ import annotations

from typing import Final

#: No model file that codes archives is longer. An archive holds it in one row.
MAX_MODEL_BYTES: Final = 48 * 2**20
