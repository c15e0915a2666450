"""The entry point of ``floe``: its groups of commands, and which of them a double click means."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from app import __version__
from app.cli import archive, bench, desktop, inspect, models
from core.runtime import configure_openmp

cli = typer.Typer(
    name="floe",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_CONTENTS, _FIGURES, _PROGRAM = "Contents", "Figures", "Program"
for name, command, panel in (
    ("add", archive.add, _CONTENTS),
    ("list", inspect.list_, _CONTENTS),
    ("extract", archive.extract, _CONTENTS),
    ("verify", archive.verify, _CONTENTS),
    ("rename", archive.rename, _CONTENTS),
    ("remove", archive.remove, _CONTENTS),
    ("compare", inspect.compare, _FIGURES),
    ("map", inspect.map_, _FIGURES),
    ("report", inspect.report, _FIGURES),
    ("gui", desktop.gui, _PROGRAM),
    ("install-desktop", desktop.install_desktop, _PROGRAM),
):
    cli.command(name, rich_help_panel=panel)(command)
cli.add_typer(bench.cli, name="bench", rich_help_panel=_FIGURES)
cli.add_typer(models.cli, name="models", rich_help_panel=_PROGRAM)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"floe {__version__}")
        raise typer.Exit


@cli.callback()
def floe(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Store photographs losslessly in one archive, smaller than image codecs do."""


def main() -> None:
    """Run the command line; ``floe holiday.floe`` opens the window, as a double click does."""
    configure_openmp()
    arguments = sys.argv[1:]
    if arguments and (arguments[0].lower().endswith(".floe") or os.sep in arguments[0]):
        arguments.insert(0, "gui")
    cli(arguments)


if __name__ == "__main__":
    main()
