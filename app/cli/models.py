"""``floe models``: list models, and import published weights."""

from __future__ import annotations

import enum
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.cli.shared import AsJson, one_line_errors, print_json
from app.cli.tables import models_table
from app.cli.terminal import error, output
from core.errors import ModelError

cli = typer.Typer(help="List models, and import published ones.", no_args_is_help=True)


class Published(enum.StrEnum):
    """The models of the paper on local bits-back coding."""

    CIFAR10 = "cifar10"
    IMAGENET32 = "imagenet32"
    IMAGENET64 = "imagenet64"


@cli.command("list")
def list_(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Files of Flow++ models.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the bundled models, those of files, and the published ones."""
    from core.flows.catalogue import list_models

    with one_line_errors():
        found = list_models(files or [])
    if as_json:
        print_json([asdict(model) for model in found])
    else:
        output().print(models_table(found))


@cli.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .npz file of the authors.")],
    model: Annotated[Published, typer.Option(help="Which model of the paper it is.")],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The file to write.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
) -> None:
    """Convert published weights to a model file.

    Every array that is missing, unexpected or of another shape is listed.
    """
    from core.flows.flowpp.files import load_flowpp, save_flowpp
    from core.flows.flowpp.published import ImportProblems, import_published

    with one_line_errors():
        if out.exists() and not overwrite:
            raise ModelError(f"{out} exists already; --overwrite replaces it")
        try:
            save_flowpp(import_published(file, model.value), out)
        except ImportProblems as found:
            for line in found.problems:
                error(line)
            raise
        loaded = load_flowpp(out)
    output().print(
        f"{out}: {loaded.id}, {loaded.parameters:,} parameters", markup=False, soft_wrap=True
    )
