"""Every file, module, name and link that a document mentions exists."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, read, spans, without_code

FOLDERS = ("app", "core", "docs", "resources", "tests", "tools")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


@cache
def sources() -> list[Path]:
    """All Python files of the project."""
    return [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]


def exists(path: str) -> bool:
    """Whether a path from the root exists; it may have ``*``, and CODE for any language."""
    return any(ROOT.glob(path.rstrip("/").replace("CODE", "de")))


@cache
def names_in(path: Path) -> frozenset[str]:
    """What a module defines: its own names, and ``Class.name`` for those of its classes."""

    def defined(body: list[ast.stmt], prefix: str = "") -> set[str]:
        found: set[str] = set()
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                found |= defined(node.body, f"{node.name}.")
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
            found |= {prefix + target.id for target in targets if isinstance(target, ast.Name)}
        return found

    return frozenset(defined(ast.parse(path.read_text("utf-8")).body))


def is_module(dotted: str) -> bool:
    """Whether ``core.x.y`` is a package, a module, or a name inside one."""
    parts = dotted.split(".")
    for n in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:n])
        rest = ".".join(parts[n:])
        if path.is_dir() and not rest:
            return True
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return not rest or rest in names_in(file)
    return False


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue  # another site
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


@each_page
def test_files_and_modules_exist(page: Path) -> None:
    wrong = []
    files = {path.name for path in sources()}
    for span in spans(page.read_text("utf-8")):
        if re.fullmatch(rf"({'|'.join(FOLDERS)})/[\w./*-]+", span):
            fine = exists(span)
        elif re.fullmatch(r"(app|core|resources|tools)(\.\w+)+", span):
            fine = is_module(span)
        elif re.fullmatch(r"\w+\.py", span):
            fine = span in files
        else:
            continue
        if not fine:
            wrong.append(span)
    assert wrong == []


#: "`a` and `b` in `path.py`", and "`path.py`, `a`,".
IN_FILE = re.compile(r"`([\w.]+)`(?: and `([\w.]+)`)?,? in `([\w/]+\.py)`")
FILE_FIRST = re.compile(r"`([\w/]+\.py)`, `([A-Za-z_][\w.]*)`(?!\.)")


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md", "README.md"])
def test_names_stand_in_the_files_that_are_named(page: str) -> None:
    text = " ".join(without_code(read(page)).split())
    named = [(path, name) for a, b, path in IN_FILE.findall(text) for name in (a, b) if name]
    named += [
        (path, name) for path, name in FILE_FIRST.findall(text) if not name.endswith((".py", ".md"))
    ]
    assert named or page != "docs/architecture.md", "the patterns find nothing any more"
    assert [pair for pair in named if pair[1] not in names_in(ROOT / pair[0])] == []


def test_documents_that_sources_name_exist() -> None:
    named = {
        (path.name, found)
        for path in [*sources(), ROOT / "Makefile", ROOT / "pyproject.toml"]
        for found in re.findall(r"\bdocs/[\w./-]*\w", path.read_text("utf-8"))
    }
    assert {pair for pair in named if not exists(pair[1])} == set()


def test_the_index_has_every_page() -> None:
    index = {link.partition("#")[0] for link in links(read("docs/README.md"))}
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages - index == set()


@pytest.mark.parametrize("package", ["core", "app"])
def test_the_layers_are_drawn_as_they_are_checked(package: str) -> None:
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = [
        contract["layers"] for contract in contracts if contract.get("containers") == [package]
    ]
    drawing = (
        read("docs/architecture.md").partition(f"### {package}\n\n```\n")[2].partition("```")[0]
    )
    lines = drawing.splitlines()
    assert len(lines) == len(layers)
    for line, layer in zip(lines, layers, strict=True):
        names = layer.split(" | ")
        assert sorted(line.split()[: len(names)]) == sorted(names)
