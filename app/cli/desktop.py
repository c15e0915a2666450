"""``floe gui`` and ``floe install-desktop``: the window, and its place on the desktop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.shared import one_line_errors
from app.cli.terminal import error, output


def gui(
    archive: Annotated[
        Path | None, typer.Argument(metavar="ARCHIVE", help="The archive to open or create.")
    ] = None,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Images and folders to add.")
    ] = None,
    report_startup: Annotated[bool, typer.Option("--report-startup", hidden=True)] = False,
) -> None:
    """Open the window.

    A window that is already open receives the archive and the paths.
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


def install_desktop(
    uninstall: Annotated[
        bool, typer.Option("--uninstall", help="Remove the menu entry, file type and icons.")
    ] = False,
    user: Annotated[
        bool, typer.Option("--user/--system", help="For yourself, or for all users.")
    ] = True,
) -> None:
    """Add Floe to the desktop's menu and open .floe files by double click (Linux).

    Files go to XDG_DATA_HOME, or to /usr/local/share with --system.
    """
    from app.start import desktop_entry

    with one_line_errors():
        base = desktop_entry.data_home() if user else Path("/usr/local/share")
        if uninstall:
            outcome = desktop_entry.uninstall(base)
        else:
            outcome = desktop_entry.install(base, desktop_entry.this_command())
        verb = "removed from" if uninstall else "installed in"
        output().print(f"{len(outcome.changed)} files {verb} {base}", soft_wrap=True)
        for note in outcome.notes:
            error(note)
