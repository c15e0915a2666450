"""The commands that work on an archive: add, list, extract, verify, remove, rename, map, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from app.cli.shared import (
    FAILED,
    INTERRUPTED,
    ArchivePath,
    AsJson,
    one_line_errors,
    print_json,
)
from core.coding.coders import DEFAULT_CODER, Coder
from core.engine import Outcome
from core.errors import HostileNameError, NoSuchEntryError

if TYPE_CHECKING:
    from app.cli.terminal import Following
    from core.archive.entry import Entry
    from core.engine import FileResult, Queries

Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME...", help="images or folders; all if none")
]
KeepBoth = Annotated[bool, typer.Option("--keep-both", help="give new names where names are taken")]
Skip = Annotated[bool, typer.Option("--skip", help="leave out files whose names are taken")]


def add(
    archive: ArchivePath,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="images and folders")],
    coder: Annotated[Coder, typer.Option(help="how flows are coded")] = DEFAULT_CODER,
    replace: Annotated[
        bool, typer.Option("--replace", help="replace other images of the same names")
    ] = False,
    keep_both: KeepBoth = False,
    skip: Skip = False,
    carry_model: Annotated[
        bool, typer.Option("--carry-model", help="keep the model in the archive, too")
    ] = False,
    folder: Annotated[
        str, typer.Option("--into", metavar="FOLDER", help="the archive's folder to add to")
    ] = "",
) -> None:
    """Add images and folders; a new archive is made where there is none.

    Each image is decoded again and compared before it counts as archived.
    """
    from app.cli.terminal import Following
    from core import engine
    from core.archive import Archive

    with one_line_errors():
        folder = _folder(folder)
        created = not archive.exists()
        if created:
            Archive.create(archive).close()
        results: list[FileResult] = []
        try:
            sources = engine.plan(paths, folder)
            with Following(len(sources), "adding") as following:
                results = engine.add(
                    archive,
                    sources,
                    coder=coder.value,
                    queries=answers(following, replace, keep_both, skip),
                    carry_model=carry_model,
                    listener=following,
                )
        finally:
            if created and _is_empty(archive):
                archive.unlink()
        _exit_by(results)


def list_(archive: ArchivePath, as_json: AsJson = False) -> None:
    """List the images of an archive."""
    from app.cli.terminal import entries_table, output
    from core.archive import Archive

    with one_line_errors():
        with Archive.open(archive, salvage=True) as opened:
            entries = opened.entries()
        if as_json:
            print_json([_record(entry) for entry in entries])
        else:
            output().print(entries_table(entries))
        _exit_by([], damage=_damage(archive))


def extract(
    archive: ArchivePath,
    names: Names = None,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="where to")] = Path(),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace files that are there")
    ] = False,
    keep_both: KeepBoth = False,
    skip: Skip = False,
) -> None:
    """Extract images as the files that they were."""
    from app.cli.terminal import Following
    from core import engine

    with one_line_errors():
        chosen = _chosen(archive, names or [])
        with Following(len(chosen.names), "extracting") as following:
            results = engine.extract(
                archive,
                chosen.names,
                chosen.folders,
                to,
                queries=answers(following, overwrite, keep_both, skip),
                listener=following,
            )
        _exit_by(results, chosen.unknown, damage=_damage(archive))


def verify(archive: ArchivePath, names: Names = None) -> None:
    """Decode images and compare them with their checksums."""
    from app.cli.terminal import Following
    from core import engine
    from core.archive import Archive

    with one_line_errors():
        chosen = _chosen(archive, names or [])
        with Following(len(chosen.names), "verifying") as following:
            results = engine.verify(archive, chosen.names, listener=following)
        damage = _damage(archive)
        if not names and not damage:
            with Archive.open(archive) as opened:
                opened.check_structure()
        _exit_by(results, chosen.unknown, damage=damage)


def remove(
    archive: ArchivePath,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="images or folders")],
) -> None:
    """Remove images and give their space back."""
    from core.archive import Archive

    with one_line_errors():
        chosen = _chosen(archive, names)
        with Archive.open(archive, write=True) as opened:
            opened.remove([*chosen.names, *chosen.folders])
        _exit_by([], chosen.unknown)


def rename(
    archive: ArchivePath,
    old: Annotated[str, typer.Argument(metavar="NAME", help="an image or a folder")],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="its new name, or with / at the end a folder")
    ],
) -> None:
    """Rename an image, or a folder with all that is in it; or move it into a folder."""
    from core.archive import Archive

    with one_line_errors():
        old = old.rstrip("/")
        if new.endswith("/"):
            folder, name = new.strip("/"), old.rpartition("/")[2]
            new = f"{folder}/{name}" if folder else name
        with Archive.open(archive, write=True) as opened:
            opened.rename((old, new))


def map_(
    archive: ArchivePath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="an image of the archive")],
    out: Annotated[Path, typer.Argument(metavar="OUT.png", help="the file to write")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace a file that is there")
    ] = False,
) -> None:
    """Write a heat map of the bits that each pixel of an image takes."""
    from app.cli.terminal import Following, output
    from app.preview import heat
    from core.archive import Archive
    from core.archive.writing import write_file
    from core.errors import EntryError, TargetExistsError

    with one_line_errors():
        if not overwrite and out.exists():
            raise TargetExistsError(out, "exists already")
        with Archive.open(archive, salvage=True) as opened, Following(1, "decoding") as following:
            reason = opened.entry(name).reason
            if reason is not None:
                raise EntryError(name, f"no map, since the file is kept as it was: {reason}")
            following.started(name)
            _, bits = opened.read_codelengths(name, progress=following.progress)
        assert bits is not None, "a coded image has a map"
        shown = heat.Range.of(bits)
        write_file(out, [heat.png(bits, shown)], overwrite=overwrite)
        output().print(
            f"{out}: {shown.least:.2f} to {shown.most:.2f} bits a pixel, mean {shown.mean:.4f}; "
            f"colours from 0 to {shown.top:g}",
            markup=False,
            soft_wrap=True,
        )


def report(
    archive: ArchivePath,
    csv: Annotated[Path | None, typer.Option("--csv", help="write a table here")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="write a page here")] = None,
    codecs: Annotated[
        bool, typer.Option("--codecs", help="decode all images and measure other codecs, too")
    ] = False,
) -> None:
    """Write the figures of an archive to a table, or with charts to a page."""
    from app.cli.terminal import error
    from app.figures.report import gather, table, write
    from core.archive import Archive

    with one_line_errors():
        with Archive.open(archive, salvage=True) as opened:
            rows = gather(opened, codecs=codecs)
        if csv is not None:
            write(csv, rows, archive.name, page=False)
        if html is not None:
            write(html, rows, archive.name, page=True)
        if csv is None and html is None:
            sys.stdout.write(table(rows).csv())
        for row in rows:
            if row.problem:
                error(row.problem)
        _exit_by([], damage=_damage(archive))
        if any(row.problem for row in rows):
            raise typer.Exit(FAILED)


def _folder(typed: str) -> str:
    """A folder's name as archives have it, said once instead of for each file."""
    from core.archive.names import shown, typed_name

    name = typed.strip("/")  # slashes at the ends say that it is a folder
    try:
        return typed_name(name) if name else ""
    except HostileNameError as error:
        raise HostileNameError(f"--into {shown(typed)}", error.reason) from error


def answers(following: Following, replace: bool, keep_both: bool, skip: bool) -> Queries | None:
    """Who answers the engine: the options, else a person at a terminal, else nobody."""
    from app.cli.queries import TerminalQueries
    from core.engine import Always, Choice

    given = {Choice.REPLACE: replace, Choice.KEEP_BOTH: keep_both, Choice.SKIP: skip}
    choices = [choice for choice, is_given in given.items() if is_given]
    if len(choices) > 1:
        raise typer.BadParameter("only one of these can be done where a name is taken")
    if choices:
        return Always(choices[0])
    return TerminalQueries(following) if sys.stdin.isatty() and sys.stderr.isatty() else None


class _Chosen(NamedTuple):
    """What names on a command line stand for."""

    names: list[str]  # of images
    folders: list[str]  # that were made
    unknown: list[str]


def _chosen(archive: Path, given: Sequence[str]) -> _Chosen:
    """The images and folders of names; all if none. A folder stands for everything in it."""
    from core.archive import Archive

    with Archive.open(archive, salvage=True) as opened:
        names, folders = [entry.name for entry in opened.entries()], opened.folders()
    if not given:
        return _Chosen(names, folders, [])
    chosen_names: dict[str, None] = {}
    chosen_folders: dict[str, None] = {}
    unknown = []
    for name in given:
        folder = name.rstrip("/")  # as shells complete names of folders
        found = [n for n in names if n == name or n.startswith(f"{folder}/")]
        made = [n for n in folders if n == folder or n.startswith(f"{folder}/")]
        chosen_names.update(dict.fromkeys(found))
        chosen_folders.update(dict.fromkeys(made))
        if not found and not made:
            unknown.append(name)
    return _Chosen(list(chosen_names), list(chosen_folders), unknown)


def _exit_by(
    results: Sequence[FileResult], unknown: Sequence[str] = (), damage: str | None = None
) -> None:
    """Says what no file's line has said yet; leaves with a status if anything went wrong."""
    from app.cli.terminal import error

    for name in unknown:
        error(str(NoSuchEntryError(name, "the archive has no such image or folder")))
    if damage:
        error(damage)
    if any(result.outcome is Outcome.CANCELLED for result in results):
        error("stopped; what is finished is kept")
        raise typer.Exit(INTERRUPTED)
    if unknown or damage or not all(result.ok for result in results):
        raise typer.Exit(FAILED)


def _damage(archive: Path) -> str | None:
    from core.archive import Archive

    with Archive.open(archive, salvage=True) as opened:
        damage = opened.damage()
    return f"{archive}: {damage}" if damage else None


def _is_empty(archive: Path) -> bool:
    from core.archive import Archive

    with Archive.open(archive) as opened:
        return not opened.entries()


def _record(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "achieved_bpd": entry.achieved_bpd}
