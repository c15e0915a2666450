"""Every command says what it does and what each of its parameters means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from app import __version__
from app.cli.main import cli

BENCHES = ("kodak", "coders", "jpeg", "folder", "startup", "heartbeat", "paper")


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    command = command or get_command(cli)
    yield " ".join(path), command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_all_is_explained(path: str, command: Any) -> None:
    done = CliRunner().invoke(cli, [*path.split(), "--help"])
    assert done.exit_code == 0
    assert re.match(r"[A-Z][^.]+\.", command.help), "a sentence in the imperative"
    unexplained = [
        parameter.name
        for parameter in command.params
        if not parameter.hidden and not re.match(r"[A-Z].*(\.|/)$", parameter.help or "")
    ]
    assert unexplained == []


def test_each_bench_has_its_own_options() -> None:
    found = dict(commands())
    assert {path for path in found if path.startswith("bench ")} == {
        f"bench {name}" for name in BENCHES
    }
    refused = CliRunner().invoke(cli, ["bench", "startup", "--images", "3"])
    assert refused.exit_code == 2
    assert "No such option" in refused.output


def test_the_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"floe {__version__}\n"
