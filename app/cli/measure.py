"""The commands that measure: codecs beside each other, Floe on folders of images, the window."""

from __future__ import annotations

import enum
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.cli.shared import FAILED, AsJson, one_line_errors, print_json
from core.coding.coders import DEFAULT_CODER, Coder
from core.errors import FloeError


class Bench(enum.StrEnum):
    """What can be measured."""

    KODAK = "kodak"
    CODERS = "coders"
    STARTUP = "startup"
    HEARTBEAT = "heartbeat"
    PAPER = "paper"


def compare(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...")],
    coder: Annotated[Coder, typer.Option(help="how flows are coded")] = DEFAULT_CODER,
    thorough: Annotated[
        bool,
        typer.Option("--thorough", help="slow settings of the other codecs, too"),
    ] = False,
    black_box: Annotated[
        bool,
        typer.Option(
            "--black-box",
            help="for RGB images of 32 x 32 pixels: local bits-back as a black box, which takes "
            "minutes to an hour",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare what Floe, PNG, WebP and JPEG XL need for the pixels of images."""
    from app.cli.terminal import attempts_table, codecs_at_work, error, output
    from core.bench.contenders import everyone, pixels_of
    from core.bench.contest import Attempt, contest
    from core.bench.flow_contenders import fitting

    failed = False
    rows: list[tuple[str, Attempt]] = []
    with one_line_errors():
        contenders = everyone(coders=[coder], thorough=thorough)
        for image in images:
            try:
                pixels = pixels_of(image)
                every = [*contenders, *fitting(pixels.shape, black_box=black_box)]
                with codecs_at_work() as tell:
                    attempts = list(contest(pixels, every, on_progress=tell))
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
                    " use. Bytes are net, as the paper counts: without the bits borrowed."
                )
    if failed:
        raise typer.Exit(FAILED)


def bench(
    name: Annotated[
        Bench,
        typer.Argument(
            help="kodak: with other codecs; coders: all of Floe's; startup: the window; "
            "heartbeat: how long it is deaf while it works; paper: "
            "the tables of the paper on local bits-back, for the small models"
        ),
    ],
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="a folder of PNG files; for paper of test images; none for the window",
        ),
    ] = None,
    coder: Annotated[Coder, typer.Option(help="of the bench kodak")] = DEFAULT_CODER,
    quick: Annotated[
        bool, typer.Option("--quick", help="paper: few images, in less than two minutes")
    ] = False,
    n_images: Annotated[
        int, typer.Option("--images", min=1, help="paper: test images of each model")
    ] = 1000,
    seconds: Annotated[
        float, typer.Option(min=1, help="heartbeat: how long to work; 0.1 MP/s on two cores")
    ] = 60,
    as_json: AsJson = False,
) -> None:
    """Measure codelengths and times on the images of a folder, or how the window behaves."""
    if name is Bench.STARTUP:
        _bench_startup(as_json)
        return
    if name is Bench.HEARTBEAT:
        _bench_heartbeat(seconds, as_json)
        return
    if folder is None:
        raise typer.BadParameter("a folder of images is needed", param_hint="DIR")
    if name is Bench.PAPER:
        from app.cli import paper as paper_bench

        with one_line_errors():
            record = paper_bench.run(folder, n_images, quick, as_json)
            if record is not None:
                print_json(record)
        return
    from app.cli.terminal import error, output, rows_table
    from core.archive.codec import Codecs
    from core.bench.folder import Row, images_of, machine, means, measure, peak_memory_bytes
    from core.bench.references import installed

    def tell(row: Row) -> None:
        if sys.stderr.isatty():
            error(f"{row.image}: {row.codec} {row.settings}: {row.achieved_bpd:.4f} bits/dim")

    with one_line_errors():
        coders = [coder] if name is Bench.KODAK else list(Coder)
        codecs = installed(thorough=True) if name is Bench.KODAK else []
        floe = Codecs()
        rows = measure(images_of(folder), coders, codecs, on_row=tell, floe=floe)
        mean = means(rows)
        if as_json:
            print_json(
                {
                    "bench": name.value,
                    "machine": machine(),
                    "model": floe.own().model_id,
                    "peak_memory_bytes": peak_memory_bytes(),
                    "images": [asdict(row) for row in rows],
                    "mean": [asdict(row) for row in mean],
                }
            )
        else:
            output().print(rows_table(rows))
            output().print(rows_table(mean))
            peak = peak_memory_bytes()
            if peak is not None:
                output().print(f"At most {peak / 2**20:,.0f} MiB of memory were taken.")


def _bench_startup(as_json: bool) -> None:
    from app.bench.startup import N_STARTS, measure
    from app.cli.terminal import error, output

    with one_line_errors():
        startup = measure(N_STARTS)
    if as_json:
        print_json({"bench": "startup", **asdict(startup), "median": startup.median_seconds})
    else:
        each = ", ".join(f"{seconds:.2f}" for seconds in startup.seconds)
        output().print(
            f"The window is drawn {startup.median_seconds:.2f} s after the start of its process: "
            f"the median of {each} s ({startup.platform})."
        )
    if startup.imported:
        error(f"imported by then, though nothing needs it: {', '.join(startup.imported)}")
        raise typer.Exit(FAILED)


def _bench_heartbeat(seconds: float, as_json: bool) -> None:
    from app.bench.heartbeat import LONGEST_MS, measure
    from app.cli.terminal import error, output

    with one_line_errors():
        heart = measure(seconds)
    if as_json:
        print_json({"bench": "heartbeat", **asdict(heart)})
    else:
        output().print(
            f"Longest silence of the window in {heart.seconds:.0f} s of work "
            f"({heart.megapixels_done:.2f} megapixels): {heart.longest_own_ms:.0f} ms, by the "
            f"clock {heart.longest_ms:.0f} ms; without work {heart.idle_longest_ms:.0f} ms "
            f"({heart.platform})."
        )
    if heart.over_limit:
        error(f"{heart.over_limit} silences of more than {LONGEST_MS:.0f} ms")
        if not as_json:
            error(heart.stalls)
        raise typer.Exit(FAILED)
