"""What all commands of ``floe`` share: arguments, exit statuses, one line for an error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from core.errors import FloeError

FAILED = 1
INTERRUPTED = 130

ArchivePath = Annotated[Path, typer.Argument(metavar="ARCHIVE", help="a .floe file")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Ends the program with one line for what concerns all files."""
    from app.cli.terminal import error

    try:
        yield
    except FloeError as problem:
        error(str(problem))
        raise typer.Exit(FAILED) from problem
    except KeyboardInterrupt:
        error("interrupted; what is finished is kept")
        raise typer.Exit(INTERRUPTED) from None


def print_json(value: object) -> None:
    """Writes a record for programs."""
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")
