"""``floe bench``: measure codelengths and times, and how the window behaves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.shared import FAILED, AsJson, one_line_errors, print_json
from app.cli.tables import jpegs_table, kinds_table, rows_table, totals_table
from app.cli.terminal import error, output
from core.coding.coders import DEFAULT_CODER, Coder
from core.coding.efforts import Effort

if TYPE_CHECKING:
    from core.bench.folder import Measurement
    from core.bench.jpeg import JpegMeasurement
    from core.bench.references import Codec

cli = typer.Typer(help="Measure codelengths, times and the window.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder of PNG files.")]


@cli.command()
def kodak(
    folder: Folder,
    coder: Annotated[Coder, typer.Option(help="Floe's coder.")] = DEFAULT_CODER,
    as_json: AsJson = False,
) -> None:
    """Compare Floe, PNG, WebP and JPEG XL on all PNG files of a folder.

    Other codecs run at their common and at their slowest settings.
    """
    from core.bench.references import installed

    with one_line_errors():
        _measure("kodak", folder, [coder], installed(thorough=True), as_json)


@cli.command()
def coders(folder: Folder, as_json: AsJson = False) -> None:
    """Compare Floe's coders on all PNG files of a folder."""
    with one_line_errors():
        _measure("coders", folder, list(Coder), [], as_json)


@cli.command()
def jpeg(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of JPEG files.")],
    as_json: AsJson = False,
) -> None:
    """Compare Floe's efforts, Lepton and JPEG XL on all JPEG files of a folder.

    All of them give the files back byte for byte. What one refuses counts as stored.
    """
    from core.archive.codec import Codecs
    from core.bench.folder import machine, peak_memory_bytes
    from core.bench.jpeg import jpegs_of, measure, recompressors, totals

    def show(row: JpegMeasurement) -> None:
        if sys.stderr.isatty():
            error(f"{row.image}: {row.codec}: {row.saved:.1f} %")

    with one_line_errors():
        codecs, others = Codecs(), recompressors()
        rows = measure(jpegs_of(folder), others, on_measurement=show, codecs=codecs)
    if as_json:
        models = {str(effort): codecs.jpeg(effort) for effort in Effort}
        print_json(
            {
                "bench": "jpeg",
                "machine": machine(),
                "models": {name: model.model_id for name, model in models.items() if model},
                "versions": {other.name: other.version for other in others},
                "peak_memory_bytes": peak_memory_bytes(),
                "files": [asdict(row) | {"saved": row.saved} for row in rows],
                "total": [asdict(row) for row in totals(rows)],
            }
        )
        return
    output().print(jpegs_table(rows))
    output().print(totals_table(totals(rows)))


@cli.command()
def folder(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of any files.")],
    as_json: AsJson = False,
) -> None:
    """Measure what Floe saves on any folder, by kind of file, beside other lossless codecs.

    Every file is archived, restored and compared. Other codecs must restore the same bytes, too.
    """
    from core.bench.folder import machine
    from core.bench.kinds import measure

    with one_line_errors():
        kinds = measure(path, on_file=_show_file)
    if as_json:
        print_json({"bench": "folder", "machine": machine(), "kinds": [asdict(k) for k in kinds]})
    else:
        output().print(kinds_table(kinds))


@cli.command()
def startup(as_json: AsJson = False) -> None:
    """Measure the seconds from the start of a process to its drawn window.

    The command fails if the window has loaded a library that it does not need yet.
    """
    from app.bench.startup import N_STARTS, measure

    with one_line_errors():
        found = measure(N_STARTS)
    if as_json:
        print_json({"bench": "startup", **asdict(found), "median": found.median_seconds})
    else:
        each = ", ".join(f"{seconds:.2f}" for seconds in found.seconds)
        output().print(
            f"The window is drawn {found.median_seconds:.2f} s after the start of its process: "
            f"the median of {each} s ({found.platform})."
        )
    if found.imported:
        error(f"imported without need before the window is drawn: {', '.join(found.imported)}")
        raise typer.Exit(FAILED)


@cli.command()
def heartbeat(
    seconds: Annotated[
        float, typer.Option(min=1, help="How long to add images.", show_default=True)
    ] = 60,
    as_json: AsJson = False,
) -> None:
    """Measure the UI latency: the longest time in which the window does not respond.

    The window adds the samples and an image of 24 megapixels meanwhile. The command fails above
    100 ms, and prints what each thread was doing.
    """
    from app.bench.heartbeat import LONGEST_MS, measure

    with one_line_errors():
        heart = measure(seconds)
    if as_json:
        print_json({"bench": "heartbeat", **asdict(heart)})
    else:
        output().print(
            f"Longest UI latency in {heart.seconds:.0f} s of work "
            f"({heart.megapixels_done:.2f} megapixels): {heart.longest_own_ms:.0f} ms, wall clock "
            f"{heart.longest_ms:.0f} ms; without work {heart.idle_longest_ms:.0f} ms "
            f"({heart.platform})."
        )
    if heart.over_limit:
        error(f"{heart.over_limit} times the window did not respond for {LONGEST_MS:.0f} ms")
        if not as_json:
            error(heart.stalls)
        raise typer.Exit(FAILED)


@cli.command()
def paper(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A folder with cifar10_test_1000.npz and downsampled_test.npz."
        ),
    ],
    quick: Annotated[
        bool, typer.Option("--quick", help="Use few images: less than two minutes.")
    ] = False,
    n_images: Annotated[
        int, typer.Option("--images", min=1, help="Test images for each model.")
    ] = 1000,
    as_json: AsJson = False,
) -> None:
    """Reproduce the tables of the paper on local bits-back coding, with small models."""
    from app.cli.paper import run

    with one_line_errors():
        record = run(folder, n_images, quick, as_json)
        if record is not None:
            print_json(record)


def _measure(
    name: str, folder: Path, coders: Sequence[Coder], codecs: Sequence[Codec], as_json: bool
) -> None:
    from core.archive.codec import Codecs
    from core.bench.folder import images_of, machine, means, measure, peak_memory_bytes

    floe = Codecs(standard=False)  # the flow alone, whatever else is smaller
    rows = measure(images_of(folder), coders, codecs, on_measurement=_show_progress, floe=floe)
    mean = means(rows)
    peak = peak_memory_bytes()
    if as_json:
        print_json(
            {
                "bench": name,
                "machine": machine(),
                "model": floe.own().model_id,
                "peak_memory_bytes": peak,
                "images": [asdict(row) for row in rows],
                "mean": [asdict(row) for row in mean],
            }
        )
        return
    output().print(rows_table(rows))
    output().print(rows_table(mean))
    if peak is not None:
        output().print(f"Peak memory: {peak / 2**20:,.0f} MiB.")


def _show_file(name: str) -> None:
    if sys.stderr.isatty():
        error(name)


def _show_progress(row: Measurement) -> None:
    if sys.stderr.isatty():
        error(f"{row.image}: {row.codec} {row.settings}: {row.achieved_bpd:.4f} bits/dim")
