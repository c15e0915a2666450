"""Output of the command line: progress bars, results, and one line for each error.

rich is imported at its first use: `floe gui` prints nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from app.cli.numbers import saved
from core.archive.names import printable
from core.engine import FileResult, Outcome

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from core import control
    from core.bench.contest import ContestListener

#: Columns of a table that goes to a file or a pipe.
_FILE_WIDTH = 220


def output() -> Console:
    """Standard output, for results."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _FILE_WIDTH, highlight=False)


def error(text: str) -> None:
    """Print one line to standard error."""
    print(f"floe: {printable(' '.join(text.split()))}", file=sys.stderr)


class Following:
    """Progress bars of the running files, on a terminal; a line for each file that ends.

    A listener of engine jobs.
    """

    def __init__(self, n_files: int, verb: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

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
        """Hide the bars while a question is on the screen."""
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()

    def started(self, name: str) -> None:
        """Add a bar for a file."""
        self._files[name] = self._bars.add_task(printable(name), total=None, stage="")

    def progress(self, p: control.Progress) -> None:
        """Advance the bar of a file."""
        self._bars.update(
            self._files[p.name],
            completed=p.pixels_done,
            total=p.pixels_total or None,
            stage=p.stage,
        )

    def finished(self, r: FileResult) -> None:
        """Remove the bar of a file and print its result."""
        if r.name in self._files:
            self._bars.remove_task(self._files.pop(r.name))
        self._bars.advance(self._all)
        if r.error is not None:
            error(r.error)
        elif r.ok:
            self._console.print(printable(_done(r)), markup=False, soft_wrap=True)


@contextmanager
def codecs_at_work() -> Iterator[ContestListener]:
    """A progress bar for the running codec, on a terminal; removed at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        task = bars.add_task("", total=1.0)

        def show(name: str, fraction: float) -> None:
            bars.update(task, description=name, completed=fraction)

        yield show


def _done(result: FileResult) -> str:
    entry = result.entry
    if result.outcome is Outcome.SKIPPED:
        return f"{result.name}: skipped"
    if result.target is not None:
        return str(result.target)
    if entry is None:
        return result.name
    if result.outcome is Outcome.UNCHANGED:
        return f"{entry.name}: in the archive already"
    how = f"{entry.achieved_bpd:.3f} bits/dim"
    if entry.keeps_file:
        how = entry.reason or entry.codec
    elif entry.is_standard:
        how += f", {entry.codec}"
    sizes = f"{entry.original_bytes:,} to {entry.packed_bytes:,} bytes"
    return f"{entry.name}: {sizes}, {saved(entry.original_bytes, entry.packed_bytes)} saved, {how}"
