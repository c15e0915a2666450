"""Numbers as the command line prints them: English, whatever the locale."""

from __future__ import annotations

#: A figure that does not apply.
NOTHING = "\N{EN DASH}"


def number(value: float | None, decimals: int) -> str:
    """``1,234.50``."""
    return NOTHING if value is None else f"{value:,.{decimals}f}"


def saved(original_bytes: int, packed_bytes: int) -> str:
    """``38.2 %`` of the original bytes."""
    return f"{100 * (1 - packed_bytes / original_bytes):.1f} %" if original_bytes else NOTHING
