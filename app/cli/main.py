"""The command ``floe``. Whatever is slow to import is imported by the commands that need it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli import archive as archive_commands
from app.cli import measure as measuring_commands
from app.cli import models as models_command
from app.cli.shared import one_line_errors
from core.runtime import configure_openmp

cli = typer.Typer(
    name="floe",
    help="Archives photographs without loss, by a flow and local bits-back coding.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.command()(archive_commands.add)
cli.command("list")(archive_commands.list_)
cli.command()(archive_commands.extract)
cli.command()(archive_commands.verify)
cli.command()(archive_commands.remove)
cli.command()(archive_commands.rename)
cli.command()(measuring_commands.compare)
cli.command("map")(archive_commands.map_)
cli.command()(archive_commands.report)
cli.command()(measuring_commands.bench)
cli.add_typer(models_command.cli, name="models")


@cli.command()
def gui(
    archive: Annotated[Path | None, typer.Argument(metavar="[ARCHIVE]")] = None,
    paths: Annotated[list[Path] | None, typer.Argument(metavar="[PATH...]")] = None,
    report_startup: Annotated[bool, typer.Option("--report-startup", hidden=True)] = False,
) -> None:
    """Open the window, on an archive and with images to add to it if they are given.

    Where one is running already, it takes them.
    """
    from app.start.gui import run

    if report_startup:
        from app.bench.startup import report

        raise typer.Exit(run(on_painted=report))
    given = list(paths or [])
    if archive is not None and archive.suffix.lower() != ".floe":
        given.insert(0, archive)
        archive = None
    raise typer.Exit(run(archive, given))


@cli.command("install-desktop")
def install_desktop(
    uninstall: Annotated[bool, typer.Option("--uninstall", help="take it all away again")] = False,
    user: Annotated[
        bool, typer.Option("--user/--system", help="for yourself, or for all in /usr/local/share")
    ] = True,
) -> None:
    """Put Floe into the desktop's menu, and have .floe files opened by a double click."""
    from app.cli.terminal import error, output
    from app.start import desktop_entry

    with one_line_errors():
        base = desktop_entry.data_home() if user else Path("/usr/local/share")
        if uninstall:
            outcome = desktop_entry.uninstall(base)
        else:
            outcome = desktop_entry.install(base, desktop_entry.this_command())
        verb = "removed from" if uninstall else "put into"
        output().print(f"{len(outcome.changed)} files {verb} {base}", soft_wrap=True)
        for note in outcome.notes:
            error(note)


def main() -> None:
    """The entry point of the program; ``floe holiday.floe`` opens the window, as a click does."""
    configure_openmp()
    arguments = sys.argv[1:]
    if arguments and (arguments[0].lower().endswith(".floe") or os.sep in arguments[0]):
        arguments.insert(0, "gui")
    cli(arguments)


if __name__ == "__main__":
    main()
