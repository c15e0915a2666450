"""The command line of the tortures."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from pathlib import Path

from tools.torture import calls
from tools.torture.trials import Report, Result, Trial, repeat

#: Names, and whether they watch system calls.
TORTURES = {"kills": True, "power": True, "disk": True, "damage": False, "hostile": False}


def main() -> int:
    """Run a torture; the exit status is 1 if it found a fault."""
    parser = argparse.ArgumentParser(prog="python -m tools.torture", description=__doc__)
    parser.add_argument("name", choices=TORTURES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, default=10_000, help="at most so many")
    parser.add_argument("--seconds", type=float, default=60.0, help="stop after this time")
    parser.add_argument("--trial", type=int, help="run this one alone")
    arguments = parser.parse_args()
    if TORTURES[arguments.name]:
        calls.load()
    prepare: Callable[[Path], Trial] = import_module(f"tools.torture.{arguments.name}").prepare
    numbers = range(arguments.trials)
    if arguments.trial is not None:
        numbers = range(arguments.trial, arguments.trial + 1)
    with tempfile.TemporaryDirectory(prefix="floe-torture-") as scratch:
        folder = Path(scratch)
        report = repeat(
            prepare(folder),
            seed=arguments.seed,
            numbers=numbers,
            seconds=arguments.seconds,
            folder=folder,
            on_fault=_show,
        )
    _summarise(arguments.name, report)
    return 1 if report.faults else 0


def _show(number: int, result: Result) -> None:
    for fault in result.faults:
        sys.stdout.write(f"trial {number}, {result.kind}: {fault}\n")
    sys.stdout.flush()


def _summarise(name: str, report: Report) -> None:
    total = report.trials.total()
    sys.stdout.write(
        f"{name}: {total:,} trials in {report.seconds:.0f} s, {len(report.faults)} faults\n"
    )
    for kind, count in sorted(report.trials.items()):
        faults = sum(1 for _, other, _ in report.faults if other == kind)
        sys.stdout.write(f"  {count:7,}  {kind}" + (f": {faults} faults" if faults else "") + "\n")
    for note, count in sorted(report.notes.items()):
        sys.stdout.write(f"  {count:7,}  {note}\n")
    for low, high, count, mean in curve(report.shares):
        sys.stdout.write(
            f"  {count:7,}  with {100 * low:g} to {100 * high:g} % of pages damaged: "
            f"{100 * mean:.1f} % of images restored\n"
        )


def curve(shares: list[tuple[float, float]]) -> list[tuple[float, float, int, float]]:
    """Restored images against damaged pages: lower and upper edge, trials, mean share."""
    edges = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
    found = []
    for low, high in pairwise(edges):
        restored = [share for damaged, share in shares if low < damaged <= high]
        if restored:
            found.append((low, high, len(restored), sum(restored) / len(restored)))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
