"""``floe models``: the models that are there, and the import of published weights."""

from __future__ import annotations

import enum
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.errors import FloeError, ModelError

cli = typer.Typer(help="List models, and import published ones.", no_args_is_help=True)


class Published(enum.StrEnum):
    """The models of the paper on local bits-back coding."""

    CIFAR10 = "cifar10"
    IMAGENET32 = "imagenet32"
    IMAGENET64 = "imagenet64"


@cli.command("list")
def list_(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="further Flow++ models")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, for programs")] = False,
) -> None:
    """List the models that come with the program, those of files, and the published ones."""
    from app.terminal import models_table, output
    from core.flows.catalogue import list_models

    try:
        found = list_models(files or [])
    except FloeError as problem:
        raise _failed(problem) from problem
    if as_json:
        json.dump([asdict(model) for model in found], sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        output().print(models_table(found))


@cli.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="an .npz file of the authors")],
    model: Annotated[Published, typer.Option(help="which of the paper's models it is")],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="the model's file")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace OUT")] = False,
) -> None:
    """Turn published weights into a model file.

    Every array that is missing, not wanted or of another shape is named.
    """
    from app.terminal import error, output
    from core.flows.flowpp.files import load_flowpp, save_flowpp
    from core.flows.flowpp.published import ImportProblems, import_published

    try:
        if out.exists() and not overwrite:
            raise ModelError(f"{out} is there already; --overwrite replaces it")
        save_flowpp(import_published(file, model.value), out)
        loaded = load_flowpp(out)
    except FloeError as problem:
        if isinstance(problem, ImportProblems):
            for line in problem.problems:
                error(line)
        raise _failed(problem) from problem
    output().print(
        f"{out}: {loaded.id}, {loaded.parameters:,} parameters", markup=False, soft_wrap=True
    )


def _failed(problem: FloeError) -> typer.Exit:
    from app.terminal import error

    error(str(problem))
    return typer.Exit(1)
