"""``floe add``, ``extract``, ``verify``, ``remove`` and ``rename``: work on an archive's files."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from app.cli.queries import TerminalQueries
from app.cli.shared import (
    ArchivePath,
    choose,
    damage_of,
    exit_by,
    one_line_errors,
)
from app.cli.terminal import Following, output
from core import engine
from core.archive.names import printable
from core.coding.coders import DEFAULT_CODER, EXACT_CODERS, Coder
from core.coding.efforts import DEFAULT_EFFORT, Effort
from core.engine import Always, Choice, FileResult, LeftOut, Queries
from core.errors import FloeError, HostileNameError, TargetExistsError

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME...", help="Images and folders of the archive; all by default."),
]
KeepBoth = Annotated[
    bool, typer.Option("--keep-both", help="Use a new name where a name is taken.")
]
Skip = Annotated[bool, typer.Option("--skip", help="Skip files whose names are taken.")]


def _exact(coder: Coder) -> Coder:
    """Refuse coders whose archives might not decode on another system."""
    if coder not in EXACT_CODERS:
        raise typer.BadParameter(
            f"{coder} is for research and not exact on every system; "
            "'floe bench coders' and 'floe compare' measure it"
        )
    return coder


def add(
    archive: ArchivePath,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Images and folders.", readable=False)
    ],
    coder: Annotated[
        Coder,
        typer.Option(
            help="How pixels are coded.", callback=_exact, metavar=f"[{'|'.join(EXACT_CODERS)}]"
        ),
    ] = DEFAULT_CODER,
    effort: Annotated[Effort, typer.Option(help="How JPEG files are coded.")] = DEFAULT_EFFORT,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace other images of the same names.")
    ] = False,
    keep_both: KeepBoth = False,
    skip: Skip = False,
    pixels_only: Annotated[
        bool,
        typer.Option(
            "--pixels-only",
            help="Of PNG files keep pixels and metadata; their bytes may come back different.",
        ),
    ] = False,
    carry_model: Annotated[
        bool, typer.Option("--carry-model", help="Keep a copy of the model in the archive.")
    ] = False,
    folder: Annotated[
        str, typer.Option("--into", metavar="FOLDER", help="The folder of the archive to add to.")
    ] = "",
    list_left_out: Annotated[
        bool, typer.Option("--list-left-out", help="Name each thing in a folder that is left out.")
    ] = False,
) -> None:
    """Add files and folders to an archive, which is created if necessary.

    Each image is decoded again and compared before it counts as archived; what is no image, or
    cannot be coded, is kept byte for byte. Files that are in the archive already are left alone,
    and of folders what desktops leave there, links, and Floe archives.
    """
    from core.archive import Archive

    with one_line_errors():
        folder = _folder(folder)
        created = _create(archive)
        results: list[FileResult] = []
        try:
            left_out: list[LeftOut] = []
            sources = engine.plan(paths, folder, left_out.append)
            with Following(len(sources), "adding") as following:
                results = engine.add(
                    archive,
                    sources,
                    coder=coder,
                    effort=effort,
                    pixels_only=pixels_only,
                    queries=answers(following, replace, keep_both, skip),
                    carry_model=carry_model,
                    listener=following,
                )
            _tell(left_out, each=list_left_out)
        finally:
            if created:
                with suppress(FloeError):  # another program uses it: it may stay
                    Archive.discard_if_empty(archive)
        exit_by(results)


def extract(
    archive: ArchivePath,
    names: Names = None,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where to write.")] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
    keep_both: KeepBoth = False,
    skip: Skip = False,
) -> None:
    """Extract images and folders."""
    with one_line_errors():
        chosen = choose(archive, names or [])
        with Following(len(chosen.names), "extracting") as following:
            results = engine.extract(
                archive,
                chosen.names,
                chosen.folders,
                to,
                queries=answers(following, overwrite, keep_both, skip),
                listener=following,
            )
        exit_by(results, chosen.unknown, damage=damage_of(archive))


def verify(archive: ArchivePath, names: Names = None) -> None:
    """Decode images and compare them with their checksums.

    Without names, the structure of the archive is checked, too.
    """
    from core.archive import Archive

    with one_line_errors():
        chosen = choose(archive, names or [])
        with Following(len(chosen.names), "verifying") as following:
            results = engine.verify(archive, chosen.names, listener=following)
        damage = damage_of(archive)
        if not names and not damage:
            with Archive.open(archive) as opened:
                opened.check_structure()
        exit_by(results, chosen.unknown, damage=damage)


def remove(
    archive: ArchivePath,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Images and folders of the archive.")
    ],
) -> None:
    """Remove images and folders for good, and free their space."""
    from core.archive import Archive

    with one_line_errors():
        chosen = choose(archive, names)
        with Archive.open(archive, write=True) as opened:
            opened.remove([*chosen.names, *chosen.folders])
        exit_by([], chosen.unknown)


def rename(
    archive: ArchivePath,
    old: Annotated[str, typer.Argument(metavar="NAME", help="An image or folder.")],
    new: Annotated[
        str,
        typer.Argument(metavar="NEW", help="Its new name, or its new folder: FOLDER/"),
    ],
) -> None:
    """Rename or move an image, or a folder with everything in it.

    A NEW that ends in / is the folder to move to; / alone is the top of the archive.
    """
    from core.archive import Archive

    with one_line_errors():
        old = old.rstrip("/")
        if new.endswith("/"):
            new = f"{new.strip('/')}/{old.rpartition('/')[2]}".lstrip("/")
        with Archive.open(archive, write=True) as opened:
            opened.rename((old, new))


def answers(following: Following, replace: bool, keep_both: bool, skip: bool) -> Queries | None:
    """The answers to the engine: those of the options, else the user at a terminal, else None."""
    given = {Choice.REPLACE: replace, Choice.KEEP_BOTH: keep_both, Choice.SKIP: skip}
    choices = [choice for choice, is_given in given.items() if is_given]
    if len(choices) > 1:
        raise typer.BadParameter("give one option only for names that are taken")
    if choices:
        return Always(choices[0])
    return TerminalQueries(following) if sys.stdin.isatty() and sys.stderr.isatty() else None


def _tell(left_out: Sequence[LeftOut], *, each: bool) -> None:
    """One line about what is left out of folders; with ``each``, one more for each thing."""
    for path, reason in left_out if each else ():
        output().print(printable(f"left out: {path}: {reason}"), markup=False, soft_wrap=True)
    if left_out:
        counts = Counter(reason for _, reason in left_out)
        kinds = ", ".join(f"{count} x {reason}" for reason, count in counts.items())
        output().print(f"left out: {len(left_out)} ({kinds})", markup=False, soft_wrap=True)


def _folder(typed: str) -> str:
    """The name of a folder, checked once instead of for each file. Raises HostileNameError."""
    from core.archive.names import shown, typed_name

    name = typed.strip("/")  # slashes at the ends say that it is a folder
    try:
        return typed_name(name) if name else ""
    except HostileNameError as error:
        raise HostileNameError(f"--into {shown(typed)}", error.reason) from error


def _create(archive: Path) -> bool:
    """Create an archive unless there is one, and return whether it was created."""
    from core.archive import Archive

    try:
        Archive.create(archive).close()
    except TargetExistsError:
        if not archive.exists():  # a link that leads nowhere
            raise
        return False
    return True
