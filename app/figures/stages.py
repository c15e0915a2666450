"""The stages of adding a file, and their seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from app.figures.figures import Bar, Tone
from app.language import formats

if TYPE_CHECKING:
    from core.archive.entry import Entry

Stage = Callable[["Entry"], float | None]


def stages() -> list[tuple[str, Stage, Tone]]:
    """Name, seconds and tone of each stage, in order."""
    return [
        (_tr("Reading"), lambda e: e.read_seconds, Tone.OURS_FAINT),
        (_tr("Network"), lambda e: e.network_seconds, Tone.OURS),
        (_tr("Coding"), lambda e: e.coding_seconds, Tone.OURS),
        (_tr("Other encoding"), _other, Tone.OURS_FAINT),
        (_tr("Verifying"), lambda e: e.verify_seconds, Tone.OURS_FAINT),
        (_tr("Writing"), lambda e: e.write_seconds, Tone.OURS_FAINT),
    ]


def time_bars(entries: Sequence[Entry]) -> list[Bar]:
    """A bar for each stage, summed over the entries that have it."""
    bars = []
    for name, seconds, tone in stages():
        known = [s for s in map(seconds, entries) if s is not None]
        total = sum(known) if known else None
        bars.append(Bar(name, total, formats.seconds(total), tone))
    return bars


def sentence(entries: Sequence[Entry]) -> str:
    """Total time, throughput and device; the final flush of the disk is not counted."""
    timed = [(e, sum(s(e) or 0.0 for _, s, _ in stages())) for e in entries]
    total = sum(seconds for _, seconds in timed)
    n_pixels = sum(e.width * e.height for e, seconds in timed if seconds)
    parts = [_tr("{0} s in all").format(formats.seconds(total))]
    if total:
        parts.append(formats.throughput(n_pixels / total))
    devices = dict.fromkeys(e.device for e in entries if e.device)
    what = "; ".join([", ".join(parts), *devices])
    return _tr("{0}. The final flush of the disk is not counted.").format(what)


def _other(entry: Entry) -> float | None:
    if entry.encode_seconds is None:
        return None
    inside = (entry.network_seconds or 0.0) + (entry.coding_seconds or 0.0)
    return max(0.0, entry.encode_seconds - inside)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Timing", text)
