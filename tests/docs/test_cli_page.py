"""docs/cli.md has every command with every option and an example, and nothing else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import typer

from app.cli.main import cli
from app.cli.shared import FAILED, INTERRUPTED
from core.archive.entry import Entry
from tests.docs.pages import read

TEXT = read("docs/cli.md")
ROOT = typer.main.get_command(cli)


# Which click a version of typer is made of, its own or the library, is not for us to know.
Command = Any


def commands(command: Command, path: str = "floe") -> Iterator[tuple[str, Command]]:
    """Every command that does something, by what is typed."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, each in below.items():
        yield from commands(each, f"{path} {name}")


def options_of(command: Command) -> set[str]:
    """Every option that its help shows."""
    return {
        name
        for parameter in command.params
        if parameter.param_type_name == "option" and not parameter.hidden
        for name in [*parameter.opts, *parameter.secondary_opts]
    } - {"--help", "-h"}


def listed(section: str) -> set[str]:
    """The options that a section lists."""
    items = re.findall(r"^- (.+?): ", section, flags=re.M)
    return {name for item in items for name in re.findall(r"(?<![\w-])--?[a-z][\w-]*", item)}


def arguments(words: str) -> list[str]:
    """``ARCHIVE [NAME...]`` as its parts, whatever brackets are around them."""
    return re.findall(r"[A-Z][\w.]*", words)


COMMANDS = dict(commands(ROOT))
SECTIONS = {
    match[1]: (match[2], match[3])
    for match in re.finditer(
        r"^### `(floe(?: [a-z][a-z-]*)+)([^`]*)`\n(.*?)(?=^##|\Z)", TEXT, flags=re.M | re.S
    )
}
EXAMPLES = re.findall(r"^floe .+$", TEXT, flags=re.M)

each_command = pytest.mark.parametrize("name", COMMANDS)


def test_the_commands_are_those_of_the_program() -> None:
    assert set(SECTIONS) == set(COMMANDS)


def test_the_options_of_the_program_itself() -> None:
    assert listed(TEXT.partition("\n## ")[0]) == options_of(ROOT)


@each_command
def test_the_options_are_those_of_the_command(name: str) -> None:
    assert listed(SECTIONS[name][1]) == options_of(COMMANDS[name])


@each_command
def test_the_arguments_are_those_of_the_command(name: str) -> None:
    wanted = [
        word
        for parameter in COMMANDS[name].params
        if parameter.param_type_name == "argument" and not parameter.hidden
        for word in arguments(parameter.metavar or parameter.name.upper())
    ]
    assert arguments(SECTIONS[name][0]) == wanted


@each_command
def test_there_is_an_example(name: str) -> None:
    assert re.search(rf"^{name}\b", SECTIONS[name][1], flags=re.M)


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_is_understood(line: str) -> None:
    words = shlex.split(line.partition(" > ")[0])
    command: Command = ROOT
    while hasattr(command, "commands"):
        words = words[1:]
        command = command.commands[words[0]]
    command.make_context(words[0], words[1:])  # raises UsageError


def test_exit_statuses() -> None:
    table = dict(re.findall(r"^\| (\d+) \| (.+) \|$", TEXT, flags=re.M))
    assert set(table) == {"0", str(FAILED), "2", str(INTERRUPTED)}


def test_the_record_has_what_the_page_lists() -> None:
    table = TEXT.partition("## Records of")[2]
    cells = re.findall(r"^\| (`.+?) \|", table, flags=re.M)
    members = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert members
    assert members <= {field.name for field in fields(Entry)} | {"achieved_bpd"}
