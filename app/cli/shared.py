"""What commands share: arguments, exit statuses, errors as one line each, chosen entries."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from app.cli.terminal import error
from core.engine import FileResult, Outcome
from core.errors import FloeError, NoSuchEntryError

FAILED = 1
INTERRUPTED = 130

# Whatever cannot be read has an error line of its own, not a usage error for all.
ArchivePath = Annotated[
    Path, typer.Argument(metavar="ARCHIVE", help="A .floe file.", readable=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Print errors that concern the whole command as one line, and exit."""
    try:
        yield
    except FloeError as problem:
        error(str(problem))
        raise typer.Exit(FAILED) from problem
    except KeyboardInterrupt:
        error("interrupted; finished files are kept")
        raise typer.Exit(INTERRUPTED) from None


def print_json(value: object) -> None:
    """Write a record to standard output."""
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")


class Chosen(NamedTuple):
    """What the names on a command line mean."""

    names: list[str]  # of images
    folders: list[str]  # of folders that exist by themselves
    unknown: list[str]


def choose(archive: Path, given: Sequence[str]) -> Chosen:
    """The images and folders that names mean: a folder all that is in it, no names everything."""
    from core.archive import Archive

    with Archive.open(archive, salvage=True) as opened:
        names, folders = [entry.name for entry in opened.entries()], opened.folders()
    if not given:
        return Chosen(names, folders, [])
    chosen_names: dict[str, None] = {}
    chosen_folders: dict[str, None] = {}
    unknown = []
    for name in given:
        folder = name.rstrip("/")  # shells complete the names of folders with a slash
        found = [n for n in names if n == name or n.startswith(f"{folder}/")]
        made = [n for n in folders if n == folder or n.startswith(f"{folder}/")]
        chosen_names.update(dict.fromkeys(found))
        chosen_folders.update(dict.fromkeys(made))
        if not found and not made:
            unknown.append(name)
    return Chosen(list(chosen_names), list(chosen_folders), unknown)


def damage_of(archive: Path) -> str | None:
    """A sentence about a damaged archive, or None."""
    from core.archive import Archive

    with Archive.open(archive, salvage=True) as opened:
        damage = opened.damage()
    return f"{archive}: {damage}" if damage else None


def exit_by(
    results: Sequence[FileResult], unknown: Sequence[str] = (), damage: str | None = None
) -> None:
    """Print the errors that belong to no file; exit with a status if anything failed."""
    for name in unknown:
        error(str(NoSuchEntryError(name, "the archive has no such image or folder")))
    if damage:
        error(damage)
    if any(result.outcome is Outcome.CANCELLED for result in results):
        error("stopped; finished files are kept")
        raise typer.Exit(INTERRUPTED)
    if unknown or damage or not all(result.ok for result in results):
        raise typer.Exit(FAILED)
