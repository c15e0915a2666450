"""What the command line prints: progress while it lasts, tables and one line for each error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from core.archive import Totals
from core.engine import Outcome

if TYPE_CHECKING:
    from core import control
    from core.archive.entry import Entry
    from core.bench.contest import Attempt, ContestListener
    from core.bench.folder import Row
    from core.engine import FileResult
    from core.flows.catalogue import Listed

#: A table that is not for a screen is not cut to the width of one.
_FILE_WIDTH = 220

_NOTHING = "\N{EN DASH}"


#: Columns of words, which begin at the left; all else is numbers.
_WORDS = ("name", "image", "codec", "settings", "version", "kind", "images", "networks")


def output() -> Console:
    """Standard output, for results."""
    return Console(width=None if sys.stdout.isatty() else _FILE_WIDTH, highlight=False)


def error(text: str) -> None:
    """One line on standard error."""
    print(f"floe: {' '.join(text.split())}", file=sys.stderr)


class Following:
    """Shows files as they go, on a screen; says of each that is done, and of each that failed."""

    def __init__(self, n_files: int, verb: str) -> None:
        self._console = output()
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[stage]}"),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        self._files: dict[str, TaskID] = {}
        self._all = self._bars.add_task(verb, total=n_files, stage="files")

    def __enter__(self) -> Following:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leaves the screen to a question."""
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()

    def started(self, name: str) -> None:
        self._files[name] = self._bars.add_task(name, total=None, stage="")

    def progress(self, p: control.Progress) -> None:
        self._bars.update(
            self._files[p.name],
            completed=p.pixels_done,
            total=p.pixels_total or None,
            stage=p.stage,
        )

    def finished(self, r: FileResult) -> None:
        if r.name in self._files:
            self._bars.remove_task(self._files.pop(r.name))
        self._bars.advance(self._all)
        if r.error is not None:
            error(r.error)
        elif r.ok:
            self._console.print(_done(r), markup=False, soft_wrap=True)


def entries_table(entries: Sequence[Entry]) -> Table:
    """The list of an archive, with its sums."""
    table = _table("name", "size", "original", "packed", "saved", "codec")
    for title in ("theory", "achieved", "borrowed", "encode s", "network s", "coding s"):
        table.add_column(title, justify="right")
    for e in entries:
        table.add_row(
            e.name,
            f"{e.width} x {e.height} x {e.channels}",
            f"{e.original_bytes:,}",
            f"{e.packed_bytes:,}",
            _saved(e.original_bytes, e.packed_bytes),
            e.coder or e.codec,
            _number(e.theoretical_bpd, 4),
            _number(e.achieved_bpd, 4),
            _number(e.borrowed_bits, 0),
            *(_number(s, 2) for s in (e.encode_seconds, e.network_seconds, e.coding_seconds)),
        )
    sums = Totals.of(entries).all
    table.caption = (
        f"{sums.n_entries} images, {sums.original_bytes:,} to {sums.packed_bytes:,} bytes, "
        f"{_saved(sums.original_bytes, sums.packed_bytes)} saved; "
        "theory and achieved in bits/dim"
    )
    return table


def rows_table(rows: Sequence[Row]) -> Table:
    """Codecs side by side."""
    table = _table("image", "codec", "settings", "bytes", "achieved", "theory", "gap")
    for title in ("borrowed", "encode", "decode", "verify", "network", "coding"):
        table.add_column(title, justify="right")
    for row in rows:
        theory = row.theoretical_bpd
        table.add_row(
            row.image,
            row.codec,
            row.settings,
            f"{row.n_bytes:,.0f}",
            _number(row.achieved_bpd, 4),
            _number(theory, 4),
            _NOTHING if theory is None else f"{row.achieved_bpd - theory:+.5f}",
            _number(row.borrowed_bits, 0),
            *(
                _number(seconds, 2)
                for seconds in (
                    row.encode_s_per_mp,
                    row.decode_s_per_mp,
                    row.verify_s_per_mp,
                    row.network_s_per_mp,
                    row.coding_s_per_mp,
                )
            ),
        )
    table.caption = "bits/dim; times in seconds a megapixel, network and coding those of encoding"
    return table


def models_table(models: Sequence[Listed]) -> Table:
    """Models, and what their cards say they reach."""
    table = _table("name", "kind", "images", "networks", "parameters", "bytes", "test")
    for model in models:
        table.add_row(
            model.id,
            model.kind,
            model.images,
            model.networks,
            _number(model.parameters, 0),
            _number(model.n_bytes, 0),
            _number(model.test_bits_per_dim, 4),
        )
    table.caption = (
        "test in bits/dim; published models without a size in bytes have yet to be imported"
    )
    return table


def attempts_table(rows: Sequence[tuple[str, Attempt]]) -> Table:
    """Codecs on the same pixels, image by image."""
    table = _table("image", "codec", "settings", "version", "bytes", "bits/dim", "theory")
    for title in ("borrowed bits", "encode s", "decode s"):
        table.add_column(title, justify="right")
    for image, a in rows:
        if a.problem:
            table.add_row(image, a.name, a.settings, a.version, a.problem)
            continue
        table.add_row(
            *(image, a.name, a.settings, a.version, f"{a.n_bytes or 0:,}"),
            *(_number(a.bits_per_dim, 4), _number(a.theoretical_bpd, 4)),
            *(_number(a.borrowed_bits, 0), _number(a.encode_seconds, 2)),
            _number(a.decode_seconds, 2),
        )
    return table


@contextmanager
def codecs_at_work() -> Iterator[ContestListener]:
    """A bar for the codec at work, where a person looks on; it goes when the work is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        task = bars.add_task("", total=1.0)

        def tell(name: str, fraction: float) -> None:
            bars.update(task, description=name, completed=fraction)

        yield tell


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, title in enumerate(titles):
        words = title in _WORDS
        table.add_column(
            title, justify="left" if words else "right", no_wrap=index > 0, overflow="fold"
        )
    return table


def _done(result: FileResult) -> str:
    entry = result.entry
    if result.outcome is Outcome.SKIPPED:
        return f"{result.name}: left out"
    if result.target is not None:
        return str(result.target)
    if entry is None:
        return result.name
    if result.outcome is Outcome.UNCHANGED:
        return f"{entry.name}: in the archive already"
    how = f"{entry.achieved_bpd:.3f} bits/dim" if entry.reason is None else entry.reason
    saved = _saved(entry.original_bytes, entry.packed_bytes)
    sizes = f"{entry.original_bytes:,} to {entry.packed_bytes:,} bytes"
    return f"{entry.name}: {sizes}, {saved} saved, {how}"


def _saved(original: int, packed: int) -> str:
    return f"{100 * (1 - packed / original):.1f} %" if original else _NOTHING


def _number(value: float | None, decimals: int) -> str:
    return _NOTHING if value is None else f"{value:,.{decimals}f}"
