"""The command ``floe``. Whatever is slow to import is imported by the commands that need it."""

from __future__ import annotations

import enum
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app import models_command
from core.errors import FloeError, HostileNameError, NoSuchEntryError

if TYPE_CHECKING:
    from app.terminal import Following
    from core.archive.entry import Entry
    from core.engine import FileResult, Queries

FAILED = 1
INTERRUPTED = 130


cli = typer.Typer(
    name="floe",
    help="Archives photographs without loss, by a flow and local bits-back coding.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.add_typer(models_command.cli, name="models")

ArchivePath = Annotated[Path, typer.Argument(metavar="ARCHIVE", help="a .floe file")]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME...", help="images or folders; all if none")
]
KeepBoth = Annotated[bool, typer.Option("--keep-both", help="give new names where names are taken")]
Skip = Annotated[bool, typer.Option("--skip", help="leave out files whose names are taken")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]


class Coder(enum.StrEnum):
    """The coders of local bits-back; core.coding.composition says what each does."""

    FUSED = "fused"
    MODULAR = "modular"
    GAUSSIAN = "gaussian"


class Bench(enum.StrEnum):
    """What can be measured."""

    KODAK = "kodak"
    CODERS = "coders"
    STARTUP = "startup"
    HEARTBEAT = "heartbeat"
    PAPER = "paper"


@cli.command()
def add(
    archive: ArchivePath,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="images and folders")],
    coder: Annotated[Coder, typer.Option(help="how flows are coded")] = Coder.FUSED,
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
    from app.terminal import Following
    from core import engine
    from core.archive import Archive

    with _one_line_errors():
        folder = _folder(folder)
        created = not archive.exists()
        if created:
            Archive.create(archive).close()
        results: list[FileResult] = []
        try:
            sources = engine.into(folder, paths)
            with Following(len(engine.collect(sources)), "adding") as following:
                results = engine.add(
                    archive,
                    sources,
                    coder=coder.value,
                    queries=_queries(following, replace, keep_both, skip),
                    carry_model=carry_model,
                    listener=following,
                )
        finally:
            if created and _is_empty(archive):
                archive.unlink()
        _exit_by(results)


def _folder(typed: str) -> str:
    """A folder's name as archives have it, said once instead of for each file."""
    from core.archive.names import shown, typed_name

    name = typed.strip("/")  # slashes at the ends say that it is a folder
    try:
        return typed_name(name) if name else ""
    except HostileNameError as error:
        raise HostileNameError(f"--into {shown(typed)}", error.reason) from error


@cli.command("list")
def list_(archive: ArchivePath, as_json: AsJson = False) -> None:
    """List the images of an archive."""
    from app.terminal import entries_table, output
    from core.archive import Archive

    with _one_line_errors():
        with Archive.open(archive, salvage=True) as opened:
            entries = opened.entries()
        if as_json:
            _print_json([_record(entry) for entry in entries])
        else:
            output().print(entries_table(entries))
        _exit_by([], damage=_damage(archive))


@cli.command()
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
    from app.terminal import Following
    from core import engine

    with _one_line_errors():
        chosen, unknown = _chosen(archive, names or [])
        n_files = sum(not name.endswith("/") for name in chosen)
        with Following(n_files, "extracting") as following:
            queries = _queries(following, overwrite, keep_both, skip)
            results = engine.extract(archive, chosen, to, queries=queries, listener=following)
        _exit_by(results, unknown, damage=_damage(archive))


@cli.command()
def verify(archive: ArchivePath, names: Names = None) -> None:
    """Decode images and compare them with their checksums."""
    from app.terminal import Following
    from core import engine
    from core.archive import Archive

    with _one_line_errors():
        chosen, unknown = _chosen(archive, names or [])
        chosen = [name for name in chosen if not name.endswith("/")]
        with Following(len(chosen), "verifying") as following:
            results = engine.verify(archive, chosen, listener=following)
        damage = _damage(archive)
        if not names and not damage:
            with Archive.open(archive) as opened:
                opened.check_structure()
        _exit_by(results, unknown, damage=damage)


@cli.command()
def remove(
    archive: ArchivePath,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="images or folders")],
) -> None:
    """Remove images and give their space back."""
    from core.archive import Archive

    with _one_line_errors():
        chosen, unknown = _chosen(archive, names)
        with Archive.open(archive, write=True) as opened:
            opened.remove(name.rstrip("/") for name in chosen)
        _exit_by([], unknown)


@cli.command()
def rename(
    archive: ArchivePath,
    old: Annotated[str, typer.Argument(metavar="NAME", help="an image or a folder")],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="its new name, or with / at the end a folder")
    ],
) -> None:
    """Rename an image, or a folder with all that is in it; or move it into a folder."""
    from core.archive import Archive

    with _one_line_errors():
        old = old.rstrip("/")
        if new.endswith("/"):
            folder, name = new.strip("/"), old.rpartition("/")[2]
            new = f"{folder}/{name}" if folder else name
        with Archive.open(archive, write=True) as opened:
            opened.rename((old, new))


@cli.command()
def compare(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...")],
    coder: Annotated[Coder, typer.Option(help="how flows are coded")] = Coder.FUSED,
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
    from app.terminal import attempts_table, codecs_at_work, error, output
    from core.bench.contenders import everyone, pixels_of
    from core.bench.contest import Attempt, contest
    from core.bench.flow_contenders import fitting

    failed = False
    rows: list[tuple[str, Attempt]] = []
    with _one_line_errors():
        contenders = everyone(coders=[coder.value], thorough=thorough)
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
            _print_json([{"image": name, **asdict(attempt)} for name, attempt in rows])
        elif rows:
            output().print(attempts_table(rows))
            if any(attempt.net for _, attempt in rows):
                output().print(
                    "Local bits-back: small research models in floating point, which archives never"
                    " use. Bytes are net, as the paper counts: without the bits borrowed."
                )
    if failed:
        raise typer.Exit(FAILED)


@cli.command("map")
def map_(
    archive: ArchivePath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="an image of the archive")],
    out: Annotated[Path, typer.Argument(metavar="OUT.png", help="the file to write")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace a file that is there")
    ] = False,
) -> None:
    """Write a heat map of the bits that each pixel of an image takes."""
    from app.preview import heat
    from app.terminal import Following, output
    from core.archive import Archive
    from core.archive.writing import write_file
    from core.errors import EntryError, TargetExistsError

    with _one_line_errors():
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


@cli.command()
def report(
    archive: ArchivePath,
    csv: Annotated[Path | None, typer.Option("--csv", help="write a table here")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="write a page here")] = None,
    codecs: Annotated[
        bool, typer.Option("--codecs", help="decode all images and measure other codecs, too")
    ] = False,
) -> None:
    """Write the figures of an archive to a table, or with charts to a page."""
    from app.report import gather, table, write
    from app.terminal import error
    from core.archive import Archive

    with _one_line_errors():
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


@cli.command()
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
    coder: Annotated[Coder, typer.Option(help="of the bench kodak")] = Coder.FUSED,
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
        from app import paper_bench

        with _one_line_errors():
            record = paper_bench.run(folder, n_images, quick, as_json)
            if record is not None:
                _print_json(record)
        return
    from app.terminal import error, output, rows_table
    from core.archive.codec import load_photo_codec
    from core.bench.codec import installed
    from core.bench.folder import Row, images_of, machine, means, measure, peak_memory_bytes

    def tell(row: Row) -> None:
        if sys.stderr.isatty():
            error(f"{row.image}: {row.codec} {row.settings}: {row.achieved_bpd:.4f} bits/dim")

    with _one_line_errors():
        coders = [coder.value] if name is Bench.KODAK else [each.value for each in Coder]
        codecs = installed(thorough=True) if name is Bench.KODAK else []
        rows = measure(images_of(folder), coders, codecs, on_row=tell)
        mean = means(rows)
        if as_json:
            _print_json(
                {
                    "bench": name.value,
                    "machine": machine(),
                    "model": load_photo_codec().model_id,
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


@cli.command()
def gui(
    archive: Annotated[Path | None, typer.Argument(metavar="[ARCHIVE]")] = None,
    paths: Annotated[list[Path] | None, typer.Argument(metavar="[PATH...]")] = None,
    report_startup: Annotated[bool, typer.Option("--report-startup", hidden=True)] = False,
) -> None:
    """Open the window, on an archive and with images to add to it if they are given.

    Where one is running already, it takes them.
    """
    from app.gui import run

    if report_startup:
        from app.startup_bench import report

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
    from app import desktop_entry
    from app.terminal import error, output

    with _one_line_errors():
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
    arguments = sys.argv[1:]
    if arguments and (arguments[0].lower().endswith(".floe") or os.sep in arguments[0]):
        arguments.insert(0, "gui")
    cli(arguments)


def _bench_startup(as_json: bool) -> None:
    from app.startup_bench import N_STARTS, measure
    from app.terminal import error, output

    with _one_line_errors():
        startup = measure(N_STARTS)
    if as_json:
        _print_json({"bench": "startup", **asdict(startup), "median": startup.median_seconds})
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
    from app.heartbeat_bench import LONGEST_MS, measure
    from app.terminal import error, output

    with _one_line_errors():
        heart = measure(seconds)
    if as_json:
        _print_json({"bench": "heartbeat", **asdict(heart)})
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


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Ends the program with one line for what concerns all files."""
    from app.terminal import error

    try:
        yield
    except FloeError as problem:
        error(str(problem))
        raise typer.Exit(FAILED) from problem
    except KeyboardInterrupt:
        error("interrupted; what is finished is kept")
        raise typer.Exit(INTERRUPTED) from None


def _queries(following: Following, replace: bool, keep_both: bool, skip: bool) -> Queries | None:
    """Who answers the engine: the options, else a person at a terminal, else nobody."""
    from app.terminal_queries import TerminalQueries
    from core.engine import Always, Choice

    given = {Choice.REPLACE: replace, Choice.KEEP_BOTH: keep_both, Choice.SKIP: skip}
    choices = [choice for choice, is_given in given.items() if is_given]
    if len(choices) > 1:
        raise typer.BadParameter("only one of these can be done where a name is taken")
    if choices:
        return Always(choices[0])
    return TerminalQueries(following) if sys.stdin.isatty() and sys.stderr.isatty() else None


def _chosen(archive: Path, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The entries of names, where a folder stands for all that is in it; and names of nothing.

    Folders that were made are among them, with a slash at their ends.
    """
    from core.archive import Archive

    with Archive.open(archive, salvage=True) as opened:
        there = [entry.name for entry in opened.entries()]
        there += [f"{name}/" for name in opened.folders()]
    if not names:
        return there, []
    chosen: dict[str, None] = {}
    unknown = []
    for name in names:
        inside = f"{name.rstrip('/')}/"
        found = [n for n in there if n == name or n.startswith(inside)]
        chosen.update(dict.fromkeys(found))
        if not found:
            unknown.append(name)
    return list(chosen), unknown


def _exit_by(
    results: Sequence[FileResult], unknown: Sequence[str] = (), damage: str | None = None
) -> None:
    """Says what no file's line has said yet; leaves with a status if anything went wrong."""
    from app.terminal import error

    for name in unknown:
        error(str(NoSuchEntryError(name, "the archive has no such image or folder")))
    if damage:
        error(damage)
    if any(result.cancelled for result in results):
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


def _print_json(value: object) -> None:
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
