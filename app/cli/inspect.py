"""``floe list``, ``map``, ``report`` and ``compare``: what an archive holds, in figures."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.shared import (
    FAILED,
    ArchivePath,
    AsJson,
    damage_of,
    exit_by,
    one_line_errors,
    print_json,
)
from app.cli.tables import attempts_table, entries_table
from app.cli.terminal import Following, codecs_at_work, error, output
from core.coding.coders import DEFAULT_CODER, Coder
from core.errors import EntryError, FloeError, TargetExistsError

if TYPE_CHECKING:
    from core.archive.entry import Entry
    from core.bench.contest import Attempt


def list_(archive: ArchivePath, as_json: AsJson = False) -> None:
    """List the images of an archive."""
    from core.archive import Archive

    with one_line_errors():
        with Archive.open(archive, salvage=True) as opened:
            entries = opened.entries()
        if as_json:
            print_json([_record(entry) for entry in entries])
        else:
            output().print(entries_table(entries))
        exit_by([], damage=damage_of(archive))


def map_(
    archive: ArchivePath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="An image of the archive.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.png", help="The file to write.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing file.")
    ] = False,
) -> None:
    """Write a heat map of the bits that each pixel of an image takes."""
    from app.preview import heat
    from core.archive import Archive
    from core.archive.writing import write_file

    with one_line_errors():
        if not overwrite and out.exists():
            raise TargetExistsError(out, "exists already")
        with Archive.open(archive, salvage=True) as opened, Following(1, "decoding") as following:
            entry = opened.entry(name)
            if entry.keeps_file:
                raise EntryError(name, f"no map, since the file is kept as it was: {entry.reason}")
            if entry.is_standard:
                raise EntryError(name, f"no map, since pixels are kept in the format {entry.codec}")
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
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a table to this file.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with charts.")
    ] = None,
    codecs: Annotated[
        bool, typer.Option("--codecs", help="Decode all images and measure other codecs, too.")
    ] = False,
) -> None:
    """Write the figures of all images: a CSV table, or a page with charts.

    Without --csv and --html the table goes to standard output.
    """
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
        exit_by([], damage=damage_of(archive))
        if any(row.problem for row in rows):
            raise typer.Exit(FAILED)


def compare(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Image files.", readable=False)
    ],
    coder: Annotated[Coder, typer.Option(help="Floe's coder.")] = DEFAULT_CODER,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Include the slow settings of other codecs.")
    ] = False,
    black_box: Annotated[
        bool,
        typer.Option(
            "--black-box",
            help="Include local bits-back as a black box for RGB images of 32 x 32 pixels: "
            "minutes to an hour.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare Floe, PNG, WebP and JPEG XL on the pixels of images.

    Nothing is archived.
    """
    from core.bench.contenders import everyone, pixels_of
    from core.bench.contest import contest
    from core.bench.flow_contenders import fitting

    failed = False
    rows: list[tuple[str, Attempt]] = []
    with one_line_errors():
        contenders = everyone(coders=[coder], thorough=thorough)
        for image in images:
            try:
                pixels = pixels_of(image)
                every = [*contenders, *fitting(pixels.shape, black_box=black_box)]
                with codecs_at_work() as show:
                    attempts = list(contest(pixels, every, on_progress=show))
                rows += [(image.name, each) for each in attempts]
            except FloeError as problem:
                error(str(problem))
                failed = True
        if as_json:
            print_json([{"image": name, **asdict(attempt)} for name, attempt in rows])
        elif rows:
            output().print(attempts_table(rows))
            if any(attempt.net for _, attempt in rows):
                output().print(
                    "Local bits-back: small research models in floating point, which archives never"
                    " use. Bytes are net, as in the paper: without the bits borrowed."
                )
    if failed:
        raise typer.Exit(FAILED)


def _record(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "achieved_bpd": entry.achieved_bpd}
